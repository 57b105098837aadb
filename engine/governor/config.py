"""governor.yaml and exemption files in, settings out; or a Refusal that names file and line.

Read with msgspec, in a millisecond. Only a file with a mistake in it waits for pydantic, which explains it: `written`.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from governor import checkov, spend, yamlfile
from governor.errors import Refusal
from governor.exemptions import glob
from governor.model import Exemption, Level, Policy, Stage

FILE = "governor.yaml"
DEFAULT_LEVELS: dict[str, Level] = {"critical": "deny", "high": "deny", "medium": "warn", "low": "note"}
"""Severity → level, where no rule of the settings says otherwise."""

Text = Annotated[str, Meta(pattern=r"\S")]


class LevelRule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sets the level of the policies it names. The last rule that fits decides."""

    policies: Text
    level: Level
    stages: tuple[Stage, ...] = ()


class PolicyEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where policies come from, and what they are given."""

    source: Text
    """`builtin`, a folder, or a folder in a git repository: `git+https://host/org/repo@COMMIT#FOLDER`."""
    input: Literal["resources", "raw"] = "resources"
    """What its policies see: the facts of resources, or the plan as Terraform wrote it."""
    signed: bool = False
    """Whether the commit or tag in git must be signed by a key that is trusted here."""
    signers: Text | None = None
    """File of the SSH keys that are trusted to sign, in place of the user's own; it asks for a signature by itself."""


class Opa(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The OPA server behind `engine: opa`. The token stands in the environment or in a file, never here."""

    url: Text
    token_env: Text | None = None
    token_file: Text | None = None
    ca: Text | None = None
    timeout: Annotated[float, Meta(gt=0)] = 60
    request_mb: Annotated[float, Meta(gt=0)] = 8
    bundle: Text | None = None


Target = Annotated[str, Meta(pattern=r"^(env|file):\S+$")]
"""Where an address stands. An address is a secret: whoever has that of a channel can write there."""


class Route(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the findings of an owner go."""

    owner: Text
    """Glob over values of the tag `owner-team`."""
    to: Target


class Notify(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is told of what by `--notify`. The last route that fits decides."""

    routes: tuple[Route, ...] = ()
    default: Target | None = None
    """Where findings go that no route takes."""
    level: Literal["note", "warn", "deny"] = "warn"
    """Open findings at this level or above are told."""
    tell: Literal["new", "open"] = "new"
    """new: each once, as a history knows; open: each time all that is open."""
    every_hours: Annotated[float, Meta(ge=0)] = 20
    """An owner gets at most one message in so long, as a history knows."""


class Quarantine(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a shard of a scan is not believed, beside the run before. A share of 1 is never exceeded."""

    tags_lost: Annotated[float, Meta(ge=0, le=1)] = 0.3
    population_fall: Annotated[float, Meta(ge=0, le=1)] = 0.5
    at_least: Annotated[int, Meta(gt=0)] = 10


class AzureScan(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `governor scan` reads of Azure."""

    subscriptions: tuple[Text, ...] = ()
    management_groups: tuple[Text, ...] = ()
    endpoint: Text | None = None


class Scan(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `governor scan` reads."""

    accounts: tuple[Text, ...] = ()
    organization: bool = False
    exclude: tuple[Text, ...] = ()
    role: Text | None = None
    external_id_env: Text | None = None
    regions: tuple[Text, ...] = ()
    services: tuple[Text, ...] = ()
    azure: AzureScan = AzureScan()
    quarantine: Quarantine = Quarantine()


class History(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a history keeps."""

    keep_days: Annotated[int, Meta(gt=0)] | None = None


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """governor.yaml. `written.SettingsFile` describes each field; tests keep the two in step."""

    policies: tuple[Text | PolicyEntry, ...] = ("builtin",)
    levels: tuple[LevelRule, ...] = ()
    fail_level: Literal["note", "warn", "deny"] = "deny"
    strict: bool = False
    exemptions: Text | None = None
    prices: tuple[Text, ...] = ()
    max_price_age_days: Annotated[int, Meta(gt=0)] = 365
    checkov: checkov.Settings = checkov.Settings()
    engine: Literal["embedded", "opa"] = "embedded"
    opa: Opa | None = None
    spend: spend.Settings = spend.Settings()
    notify: Notify | None = None
    scan: Scan = Scan()
    history: History = History()

    @property
    def policy_entries(self) -> list[PolicyEntry]:
        """Where policies come from, each written out."""
        return [PolicyEntry(source=entry) if isinstance(entry, str) else entry for entry in self.policies]

    def level(self, policy: Policy, stage: Stage) -> Level:
        """The level of a policy in a stage."""
        number = self.level_rule(policy, stage)
        return DEFAULT_LEVELS[policy.severity] if number is None else self.levels[number].level

    def level_rule(self, policy: Policy, stage: Stage) -> int | None:
        """The position of the rule that decides the level of a policy; None when its severity does."""
        fitting = (
            number
            for number, rule in enumerate(self.levels)
            if (not rule.stages or stage in rule.stages) and glob(rule.policies).fullmatch(policy.id)
        )
        return max(fitting, default=None)


class _Entry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    policy: Text
    resource: Text
    category: Literal["waiver", "mitigated"]
    reason: Text
    owner: Text
    approved_by: Text
    expires: date
    ticket: str = ""


class _ExemptionFile(Struct, frozen=True, forbid_unknown_fields=True):
    exemptions: tuple[_Entry, ...] = ()


_Read = TypeVar("_Read", Settings, _ExemptionFile)


def find(start: Path) -> Path | None:
    """The nearest governor.yaml at or above a folder, not above the repository it lies in."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
        if (folder / ".git").exists():
            break
    return None


def load(path: Path | None) -> Settings:
    """Settings from a file; the defaults without one."""
    return _parse(path, Settings) if path else Settings()


def load_exemptions(path: Path) -> list[Exemption]:
    """Exemptions from a file. A missing or malformed expiry refuses the file: none of it counts by half."""
    return [Exemption(**msgspec.structs.asdict(entry)) for entry in _parse(path, _ExemptionFile).exemptions]


def _parse(path: Path, shape: type[_Read]) -> _Read:
    read: Any = yamlfile.read(path)
    document = {} if read is None else read
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        from governor import written

        told = written.explain(path, document, written.SettingsFile if shape is Settings else written.ExemptionFile)
        raise told or Refusal(str(error), place=str(path)) from None
