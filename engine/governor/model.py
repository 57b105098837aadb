"""The words governor is written in. Every type is frozen; nothing here reads, writes or decides.

Records are msgspec structs: as compact as slotted dataclasses, made three times as fast, and encoded to the policies'
input without a copy. Fields with their default are left out of that input: an absent fact is absent, never null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Literal, Protocol

from msgspec import Struct, field

Stage = Literal["commit", "plan", "live", "azure"]
Severity = Literal["critical", "high", "medium", "low"]
Level = Literal["off", "note", "warn", "deny"]
Change = Literal["create", "update", "replace", "import", "delete", "forget", "none"]
Purchase = Literal["on_demand", "spot", "reserved", "capacity_block"]
State = Literal["open", "exempt", "baselined", "undetermined"]
Standing = Literal["whole", "incomplete", "quarantined"]
Each = Literal["", "resource"]

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
"""Worst first: the order of every report."""

LEVELS: tuple[Level, ...] = ("off", "note", "warn", "deny")
"""Mildest first."""


class Accelerator(Struct, frozen=True, omit_defaults=True, gc=False):
    """What computes inside one instance."""

    model: str
    """As the price book writes it: "H100", "A100-80GB", "Trainium"; "unknown" where only the family is known."""
    count: int | float = 1
    """Accelerators in one instance; a fraction for shared ones."""
    memory_gib: float | None = None
    """Memory of one accelerator, GiB."""


class Price(Struct, frozen=True, omit_defaults=True, gc=False):
    """The row of the price book behind an amount."""

    usd_per_hour: Decimal
    """USD per hour of one instance."""
    instance_type: str
    region: str
    source: str
    """Where the row comes from."""
    as_of: str
    """Day (or year) the row was true: YYYY-MM-DD or YYYY."""
    note: str = ""
    """What makes the row a stand-in, when it is one."""


class Origin(Struct, frozen=True, omit_defaults=True, gc=False):
    """Where a person changes the resource."""

    file: str
    line: int
    module_call: str = ""
    """`file:line` of the module block that leads to it, when the resource lies inside a module."""
    column: int = 0
    """Counted in characters from 1; 0 where only the line is known."""


class Resource(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing that policies judge."""

    id: str
    """Terraform address, ARN, ARM id or provider key id."""
    kind: str
    """Our word for what it is: see `catalog.kinds.KINDS`."""
    type: str
    """The provider's word: `aws_instance`."""
    provider: str
    """aws, azure, gcp, openai, …"""
    account: str | None = None
    region: str | None = None
    tags: dict[str, str] = {}
    """Every tag it carries, defaults merged in. A sensitive value reads `(sensitive)`."""
    taggable: bool = True
    """False when the provider offers no tags on this type."""
    accelerator: Accelerator | None = None
    purchase: Purchase = "on_demand"
    count: int | None = None
    """Instances behind the resource, desired; None when it launches none."""
    max_count: int | None = None
    """Instances it may grow to."""
    price: Price | None = None
    hourly_usd: Decimal | None = None
    """Price times desired count, USD per hour; None when there is no price."""
    max_hourly_usd: Decimal | None = None
    previous_hourly_usd: Decimal | None = None
    """What it cost before the change, USD per hour."""
    state: str | None = None
    created_at: str | None = None
    controller: str | None = None
    """What owns it: an ASG, a node group."""
    shard: str = ""
    """The place of the shard that a scan read it in: see `Inventory.shards`."""
    change: Change = "none"
    previous_id: str | None = None
    """Its id before it was moved or replaced under another one."""
    attributes: dict[str, Any] = {}
    """Only what policies read; docs/plan-facts.md lists them by kind."""
    unknown: dict[str, str] = {}
    """Path → why it is not known. `tags` hides every tag, `tags.*` every tag not listed, `tags.project` one value."""
    sensitive: tuple[str, ...] = ()
    """Paths whose values were withheld when the resource was collected."""
    origin: Origin | None = None
    origins: dict[str, Origin] = {}
    """Path → where that attribute is changed, where it is not where the resource is."""


class Spend(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one combination of tags has cost in one month, as bills say."""

    month: str
    """YYYY-MM."""
    project: str = ""
    """Value of the tag `project`; empty where the charges carry none."""
    experiment: str = ""
    """Of `experiment-id`."""
    model: str = ""
    dataset: str = ""
    stage: str = ""
    team: str = ""
    """Of `owner-team`."""
    tags_unknown: bool = False
    """Whether the tags of these charges could not be read: then they are not known, rather than missing."""
    usd: Decimal
    """Up to `through`: credits, taxes and corrections included."""
    taggable_usd: Decimal = Decimal(0)
    """The part of `usd` that is usage or purchases: what can carry tags."""
    untagged_usd: Decimal = Decimal(0)
    """The part of `taggable_usd` that carries no tag at all."""
    through: date
    """The last day that bills hold charges of."""
    forecast_usd: Decimal | None = None
    """What the month will have cost at its end; None once it is over."""
    method: str = ""
    """How that was reckoned: `linear`, `seasonal`, or both words where bills of several providers differ."""


class Gap(Struct, frozen=True, gc=False):
    """Something that could not be read, and why."""

    place: str
    reason: str


class Shard(Struct, frozen=True, kw_only=True, gc=False):
    """One service of one region of one account, as a scan found it."""

    place: str
    """`account/region/service`."""
    standing: Standing = "whole"
    """incomplete: its list broke off; quarantined: it changed too much since the run before to be believed."""
    resources: int
    tagged: int
    """Resources that carry a tag."""
    untagged: int
    """Resources that carry none. Those whose tags could not be read are neither."""


class Inventory(Struct, frozen=True, kw_only=True):
    """All facts of one run."""

    stage: Stage
    resources: tuple[Resource, ...]
    """What exists afterwards: this is judged."""
    removed: tuple[Resource, ...] = ()
    """What the change deletes or forgets: never judged, but it counts in cost deltas."""
    spend: tuple[Spend, ...] = ()
    """What bills say of this month and the one before, a record for each combination of tags."""
    gaps: tuple[Gap, ...] = ()
    shards: tuple[Shard, ...] = ()
    """What a scan read. What is found in a shard that is not whole is reported, and not to be acted on."""
    not_covered: dict[str, int] = field(default_factory=dict)
    """Types outside the catalogue → how many resources of each were passed over."""
    notes: tuple[str, ...] = ()
    """What a reader should know of the input, a line each."""
    clean: int = 0
    """Resources beside these that hold nothing to judge: files in which nothing was sighted."""
    unit: str = "resource"
    """What one resource is called in the last line of a report."""
    allowed: dict[str, Exemption] = {}
    """Fingerprint of a finding → the exemption that stands beside it in the input itself."""
    secrets: tuple[str, ...] = ()
    """Values that the input marks sensitive, longest first: blotted out of all that policies say, never written."""
    taken_at: str = ""
    source: str = ""
    """What was read: `terraform plan plan.json (Terraform 1.11.4)`."""
    document: bytes = b""
    """The plan as Terraform wrote it (JSON, UTF-8), secrets and all; empty unless a policy asks for it."""


class Policy(Struct, frozen=True, kw_only=True):
    """The card of a policy."""

    id: str
    title: str
    description: str = ""
    severity: Severity = "medium"
    concern: str = ""
    """The folder it lives in."""
    stages: tuple[Stage, ...] = ()
    """Empty: every stage but azure."""
    kinds: tuple[str, ...] = ()
    """Kinds it judges; a violation on another kind is dropped. Empty: every kind."""
    remediation: str = ""
    references: tuple[str, ...] = ()
    together: str = ""
    """How several findings on one resource read in one line: `lacks {count} tags: {names}`."""
    each: Each = ""
    """`resource`: it looks at one at a time, so that parts of an inventory have the answer of the whole."""
    language: str = ""
    location: str = ""
    """`file:line` of the rule."""
    rule: str = ""
    """What the language calls it: `data.tagging.deny_missing_tag`."""


class Violation(Struct, frozen=True, omit_defaults=True):
    """All that a policy says."""

    resource: str
    msg: str
    attribute: str = ""
    """The path it judged: `tags.project`."""
    details: dict[str, Any] = {}
    origin: Origin | None = None
    """Where to change it, when the inventory does not tell."""
    why_unknown: str = ""
    """Why it cannot be told, of a sum that something unknown may change; of a resource, the inventory says it."""


class Failure(Struct, frozen=True, gc=False):
    """A policy that could not be evaluated. It never counts as a pass."""

    policy: str
    resource: str
    """The resource it failed on, or "" when it fails on the whole inventory only."""
    reason: str


class Answer(Struct, frozen=True):
    """What one policy says of one inventory, or of a part of it."""

    policy: Policy
    violations: Sequence[Violation] = ()
    failures: Sequence[Failure] = ()
    notes: Sequence[str] = ()
    """What a reader should know of the answer, a line each."""


class Evaluator(Protocol):
    """Policies of one language, ready to be asked."""

    policies: Sequence[Policy]

    def evaluate(self, inventory: Inventory, today: date) -> Iterable[Answer]:
        """An answer for each policy of the inventory's stage, or several, of its parts, that make one."""


class Finding(Struct, frozen=True, kw_only=True):
    """A violation with its context."""

    policy: str
    resource: str
    kind: str
    attribute: str
    msg: str
    details: dict[str, Any] = {}
    hourly_usd: Decimal | None = None
    """Money at stake, USD per hour: what the resource costs. None when it is not known."""
    origin: Origin | None = None
    reason: str = ""
    """Why it is undetermined; empty for a definite finding."""
    owner: str = ""
    """The team that answers for the resource, as `tag_of` reads its tag."""
    project: str = ""
    """What the resource is spent for, likewise."""
    account: str = ""
    """Where the resource lies; empty where that is not known."""
    region: str = ""
    standing: Standing = "whole"
    """Of the shard that the resource was read in."""

    @property
    def fingerprint(self) -> str:
        """Stable identity: 32 hexadecimal digits of policy, resource and attribute; no line, no message."""
        return fingerprint(self.policy, self.resource, self.attribute)


def fingerprint(policy: str, resource: str, attribute: str) -> str:
    """The identity of a finding."""
    return blake2b(f"{policy}\0{resource}\0{attribute}".encode(), digest_size=16).hexdigest()


class Known(Struct, frozen=True):
    """A finding that was there before. It covers one finding only."""

    policy: str
    resource: str
    attribute: str = ""
    since: date | None = None
    """The day on which it was first written down; None where that is not told."""

    @property
    def fingerprint(self) -> str:
        """That of the finding."""
        return fingerprint(self.policy, self.resource, self.attribute)


class Baseline(Struct, frozen=True):
    """What was known before a run."""

    name: str
    """What reports call it: `main (1f0c2ab4)`, `baseline.json`."""
    entries: Sequence[Known]
    notes: Sequence[str] = ()


class Judgement(Struct, frozen=True):
    """What the policies found, before anyone decided what counts."""

    findings: Sequence[Finding]
    failures: Sequence[Failure]
    policies: Sequence[Policy]
    """Those that were asked."""
    notes: Sequence[str] = ()


class Exemption(Struct, frozen=True, kw_only=True):
    """A finding that somebody answers for, until a day. The fields are those of Azure's own exemption object."""

    policy: str
    """Glob over policy ids."""
    resource: str
    """Glob over resource ids: `*` and `?`; brackets are literal."""
    category: Literal["waiver", "mitigated"]
    reason: str
    owner: str
    approved_by: str
    expires: date
    """Last day on which it still holds."""
    ticket: str = ""


class Exempted(Struct, frozen=True):
    """A finding and what exempts it."""

    finding: Finding
    exemption: Exemption


class PolicySource(Struct, frozen=True):
    """A repository that policies came from, and what its ref stood for."""

    source: str
    """As it is written in the settings: `git+https://host/org/repo@v1.2#folder`."""
    commit: str
    """40 digits."""
    signer: str = ""
    """Who signed it, where the settings want a signature."""


class Spending(Struct, frozen=True, kw_only=True):
    """What one project is expected to cost in a month, before the change and after it."""

    project: str
    """Empty: what carries no project tag."""
    before_usd: Decimal
    after_usd: Decimal
    """USD per month, as far as prices are known."""
    budget_usd: Decimal | None = None
    """USD per month; None when the project has no budget."""
    unpriced_before: int = 0
    unpriced_after: int = 0
    """Resources that cost something nobody knows: with any, the amount is a lower bound."""


class Tagged(Struct, frozen=True, kw_only=True):
    """How much of the money that can carry tags does."""

    month: str
    """Of bills, YYYY-MM; empty: of what resources cost by the price book."""
    usd: Decimal
    """What can carry tags: USD of the month, or USD per hour."""
    shares: dict[str, Decimal]
    """Key of the taxonomy → share, 0 to 1, of it that carries the tag."""
    tagged: Decimal
    """The share that carries any tag."""


class Past(Struct, frozen=True, kw_only=True):
    """How a day's run ended."""

    day: date
    open: int
    undetermined: int
    at_stake_usd: Decimal
    """USD per hour."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What counts. Lists, not flags."""

    policies: Mapping[str, Policy]
    """Every policy that was asked, by id."""
    levels: Mapping[str, Level]
    """Policy id → its level in this stage."""
    fail_level: Level = "deny"
    strict: bool = False
    """Undetermined findings at the fail level, and gaps, end the run with 3."""
    today: date
    stage: Stage
    source: str = ""
    policy_sources: Sequence[PolicySource] = ()
    """Repositories that policies came from; the shipped library and folders beside the settings are not among them."""
    open: Sequence[Finding] = ()
    exempt: Sequence[Exempted] = ()
    baselined: Sequence[Finding] = ()
    """Open, but known before: they do not fail."""
    compared_with: str = ""
    """What tells new findings from known ones; empty when nothing does, and then all are new."""
    fixed: Sequence[Known] = ()
    """Known before and gone, as far as that can be told."""
    carried: Sequence[Known] = ()
    """What the baseline holds that is not fixed, as it reads today: for a baseline that is written anew."""
    undetermined: Sequence[Finding] = ()
    failures: Sequence[Failure] = ()
    lapsed_exemptions: Sequence[Exemption] = ()
    stale_exemptions: Sequence[Exemption] = ()
    gaps: Sequence[Gap] = ()
    shards: Sequence[Shard] = ()
    """Those of the inventory; empty for what is no scan."""
    notes: Sequence[str] = ()
    not_covered: Mapping[str, int] = {}
    resources: int = 0
    unit: str = "resource"
    hourly_usd: Decimal = Decimal(0)
    """What the judged resources cost together, as far as prices are known, USD per hour."""
    spending: Sequence[Spending] = ()
    """One for each project; empty when nobody reckoned it."""
    tagged: Tagged | None = None
    """None when nobody reckoned it, or there is nothing to weigh."""
    trend: Sequence[Past] = ()
    """The last run of each day before this one, the earliest first; empty without a history."""

    def failing(self) -> Iterator[Finding]:
        """Open findings at or above the fail level."""
        threshold = LEVELS.index(self.fail_level)
        return (f for f in self.open if LEVELS.index(self.levels[f.policy]) >= threshold)

    @property
    def exit_code(self) -> int:
        """0 clean, 1 failing findings, 3 could not judge, 4 no policy judged anything. See docs/exit-codes."""
        if self.failures or (self.strict and (self.gaps or self._undetermined_failing())):
            return 3
        if not self.policies:
            return 4
        return 1 if any(True for _ in self.failing()) else 0

    def _undetermined_failing(self) -> bool:
        threshold = LEVELS.index(self.fail_level)
        return any(LEVELS.index(self.levels[f.policy]) >= threshold for f in self.undetermined)

    @property
    def costs(self) -> bool:
        """Whether what was judged can cost money at all: a file cannot."""
        return self.unit == "resource"

    @property
    def footer(self) -> str:
        """The line that ends every report."""
        found = f"{len(self.open)} open"
        if self.compared_with:
            found = f"{len(self.open)} new, {len(self.baselined)} known, {len(self.fixed)} fixed"
        return (
            f"{found}, {len(self.exempt)} exempt, {len(self.undetermined)} undetermined"
            f" – {_count(self.resources, self.unit)}, {_count(len(self.policies), 'policy', 'policies')},"
            f" {_count(len(self.gaps), 'gap')}"
        )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
