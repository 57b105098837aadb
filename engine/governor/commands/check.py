"""`governor check`: code, a plan or job manifests in, reports and an exit code out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from governor import log, sources, traces
from governor.catalog.prices import stale
from governor.commands import bills, output, overseen, workspace
from governor.commands.inputs import Given, listed, sort
from governor.commands.metrics import Meter
from governor.commands.notify import How, Notifier
from governor.config import History, LevelRule
from governor.errors import CANNOT_JUDGE, Refusal
from governor.exemptions import glob
from governor.history.turns import turn
from governor.judge import judge
from governor.library import Library
from governor.model import Baseline, Inventory, Level, Policy, Stage, Tagged, Verdict
from governor.reports.grouping import count
from governor.settle import settle
from governor.sources import snapshot, terraform_plan
from governor.sources.terraform_plan.decode import document, no_garbage_collection
from governor.sources.terraform_plan.locate import Locator
from governor.spending import spending
from governor.tagged import of_bills, of_prices

if TYPE_CHECKING:
    from governor.checkov.judging import Checkov
    from governor.commands.history import Recorder
    from governor.commands.ratchet import Ratchet
    from governor.history import Difference


class Options(Struct, frozen=True, kw_only=True):
    """How to judge and how to tell; those of the command line that every command which judges plans has."""

    today: date
    others: Sequence[str] = ()
    formats: Sequence[str] = ()
    environment: str = ""
    policies: Sequence[str] = ()
    raw_policies: Sequence[str] = ()
    config: Path | None = None
    engine: str | None = None
    opa_url: str = ""
    allow_floating: bool = False
    fail_level: Level | None = None
    strict: bool | None = None
    exit_zero: bool = False
    quiet: bool = False
    verbose: bool = False
    base: str | None = None
    baseline: Path | None = None
    update_baseline: bool = False
    spend: Sequence[str] = ()
    snapshot: Path | None = None
    """Where the inventory is written."""
    history: str = ""
    """The store that the run is written into."""
    metrics: Path | None = None
    """Where Prometheus finds how the run went."""
    notify: How = ""
    """Whether owners are told, or only shown what they would be told."""
    workers: str = ""
    """Who evaluates Rego: see `commands.workers`."""


def run(*, inputs: Sequence[str], given: sources.Options, stage: Stage | None, options: Options) -> int:
    """Judge what is given, one after the other. Raises Refusal before anything is written.

    Of several judgements, one that cannot be made is a line on stderr, and the others are made.
    """
    with overseen.run(options), no_garbage_collection():
        found = sort(inputs, given)
        outputs = output.parse(options.formats)
        if given.code and not any(one.is_plan for one in found):
            raise Refusal("--source is for plans: all else knows its files and lines")
        of_one = {"--baseline": options.baseline, "--snapshot": options.snapshot, "--metrics": options.metrics}
        if len(found) > 1 and (any(of_one.values()) or outputs != [("table", None)]):
            option = next((name for name, value in of_one.items() if value), "-f")
            raise Refusal(
                f"these are {len(found)} judgements, and {option} wants one: check each of {listed(found)} by itself"
            )
        stages = {one.stage: one.is_plan for one in found}
        judging = {each: Judging(options, stage or each, of_plans=plans) for each, plans in stages.items()}
        codes = []
        for number, one in enumerate(found):
            if number and not options.quiet:
                print()
            try:
                verdict = judging[one.stage].verdict(one)
                codes.append(judging[one.stage].report(verdict, is_one_of_several=len(found) > 1))
            except Refusal as refusal:
                if len(found) == 1 or refusal.code != CANNOT_JUDGE:
                    raise
                log.say(str(refusal), "error")
                codes.append(CANNOT_JUDGE)
        return max(codes, key=_WORST.index)


_WORST = (0, 1, 4, CANNOT_JUDGE)
"""Exit codes of judgements, the one that counts in a run of several last."""


class Judging:
    """What is needed to judge, read and found good before there is a plan; then the plan, and then the reports."""

    def __init__(self, options: Options, stage: Stage, *, of_plans: bool) -> None:
        self._options, self._stage = options, stage
        self._outputs = output.parse(options.formats)
        self._space = workspace.enter(
            options.config, options.policies, options.raw_policies,
            engine=options.engine, opa_url=options.opa_url, floating=options.allow_floating, workers=options.workers,
        )  # fmt: skip
        self._not_asked: list[str] = []
        if self._space.raw and not of_plans:
            self._not_asked = [
                f"{count(len(self._space.raw), 'folder')} of raw policies not asked: they read plans only"
            ]
            self._space = replace(self._space, raw=())
        self.exemptions = self._space.exemptions()
        self._ratchet = _ratchet(options)
        self._library = self._space.library(stage)
        self._bills = bills.given(options.spend, self._space, stage, options.today)
        self._recorder = _recorder(options, self._library, self._space.settings.history)
        self._notifier = (
            Notifier(self._space.settings.notify, self._space.home, options.notify, options.environment)
            if options.notify
            else None
        )
        self._meter = Meter(options.metrics, options.environment) if options.metrics else None

    def data(self, concern: str) -> Mapping[str, Any]:
        """What the policies of a concern are told; nothing where the library has no such concern."""
        found = self._library.concerns.get(concern)
        return found.config if found else {}

    def verdict(self, given: Given) -> Verdict:
        """What counts of what the policies say of an input."""
        return self.judged(given)[1]

    def judged(self, given: Given) -> tuple[Inventory, Verdict]:
        """What an input holds, and the verdict on it."""
        inventory, settled = self._settler(given)
        if self._recorder:
            self._recorder.saw(inventory)
        if self._meter:
            self._meter.saw(inventory)
        if self._options.snapshot:
            snapshot.write(inventory, self._options.snapshot, _now())
        if self._ratchet is None:
            return inventory, settled(None)
        return inventory, self._ratchet.verdict(given, inventory, settled, self._settler)

    @contextmanager
    def turn(self, what: str) -> Iterator[None]:
        """Hold the turn of an environment, or without one of `what`. Raises Overlap while another run has it.

        Where a run leaves nothing that another one could leave meanwhile, every run has its turn.
        """
        subject = self._options.environment or what
        with ExitStack() as stack:
            if self._recorder:
                stack.enter_context(self._recorder.turn(subject))
            elif self._options.metrics:
                stack.enter_context(turn(self._options.metrics, subject))
            yield

    def _settler(self, given: Given) -> tuple[Inventory, Callable[[Baseline | None], Verdict]]:
        """What an input holds, and what gives the verdict on it beside what was known before."""
        inventory, guests = self._collect(given)
        return inventory, self._settled(inventory, guests)

    def on(self, day: date) -> Judging:
        """The same, as of another day."""
        other = copy(self)
        other._options = replace(self._options, today=day)
        return other

    def of(self, inventory: Inventory) -> Verdict:
        """What counts of what the policies say of an inventory that somebody else collected."""
        return self._settled(inventory, [])(None)

    def _settled(self, inventory: Inventory, guests: Sequence[Checkov]) -> Callable[[Baseline | None], Verdict]:
        """What gives the verdict on an inventory beside what was known before."""
        space, stage, today = self._space, self._stage, self._options.today
        with traces.span("judge", resources=len(inventory.resources), policies=len(self._library.policies)):
            judgement = judge(inventory, [*self._library.evaluators, *guests], today)
        judgement = replace(judgement, policies=[space.card(policy) for policy in judgement.policies])
        return lambda known: traces.span("settle")(settle)(
            judgement,
            inventory,
            levels={policy.id: space.level(policy, stage) for policy in judgement.policies},
            today=today,
            exemptions=[e for e in self.exemptions if guests or not _of_checkov(e.policy)],
            baseline=known,
            fail_level=self._options.fail_level or space.settings.fail_level,
            strict=space.settings.strict if self._options.strict is None else self._options.strict,
            notes=[
                *(note for checkout in space.checkouts for note in checkout.notes),
                *_nobody_asked(self._library, stage),
                *self._not_asked,
                *_idle_rules(space.settings.levels, self._library.known),
                *_old_prices(inventory, today, space.settings.max_price_age_days),
                *(note for guest in guests for note in guest.notes()),
            ],
            policy_sources=[checkout.origin for checkout in space.checkouts],
            # What does not comply is a part of what a project costs.
            spending=[] if stage == "azure" else spending(inventory, self.data("budgets")),
            tagged=_tagged(inventory, self.data("tagging"), today),
        )

    def difference(self) -> Difference:
        """What a run that was reported found and the one before it did not. It wants a history."""
        assert self._recorder is not None
        return self._recorder.difference()

    def report(self, verdict: Verdict, *, is_one_of_several: bool = False) -> int:
        """Write the reports, and keep what is to be kept; the exit code."""
        with traces.span("report") as span:
            code = self._report(verdict, is_one_of_several)
            span.tell(exit_code=code, open=len(verdict.open), gaps=len(verdict.gaps))
        return code

    def _report(self, verdict: Verdict, is_one_of_several: bool) -> int:
        told = self._options
        if self._recorder:
            verdict = self._recorder.beside(verdict)
        if told.quiet and is_one_of_several:
            sys.stdout.write(f"{verdict.source}: ")
        output.write(verdict, self._outputs, environment=told.environment, quiet=told.quiet, verbose=told.verbose)
        if self._ratchet and (kept := self._ratchet.keep(verdict)):
            log.say(kept)
        if self._recorder:
            self._recorder.keep(verdict)
        if self._notifier:
            self._notifier.tell(verdict, self._recorder.memory() if self._recorder else None)
        code = 0 if told.exit_zero and verdict.exit_code == 1 else verdict.exit_code
        if self._meter:
            self._meter.keep(verdict, code)
        return code

    def _collect(self, given: Given) -> tuple[Inventory, list[Checkov]]:
        """The inventory, and what checkov says of the same plan. The plan itself, which may be large, ends here."""
        with traces.span("collect") as span:
            inventory, guests = self._read(given)
            span.tell(resources=len(inventory.resources), gaps=len(inventory.gaps))
        return inventory, guests

    def _read(self, given: Given) -> tuple[Inventory, list[Checkov]]:
        space, guests = self._space, []
        if given.is_plan:
            data, place, locator = given.plan()
            inventory = terraform_plan.collect(
                data, place=place, prices=space.prices(), locator=locator, keep_document=bool(space.raw)
            )
            if "checkov" in self._options.others:
                guests.append(self._checkov(data, place, given.options.code, locator))
        elif self._options.others:
            raise Refusal("--with checkov judges plans: run checkov on all else by itself")
        else:
            inventory = given.read(space.prices())
        return self._bills.beside(replace(inventory, stage=self._stage)), guests

    def _checkov(self, data: bytes, place: str, source: Path | None, locator: Locator | None) -> Checkov:
        """The checks of checkov, with what they say of the plan."""
        from governor.checkov.judging import ask

        return ask(
            document(data, place),
            self._space.checkov(),
            source=source,
            keep=lambda policy: self._space.level(policy, self._stage) != "off",
            locate=locator.address if locator else lambda _: None,
        )


def _now() -> str:
    """When a snapshot is taken: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ratchet(options: Options) -> Ratchet | None:
    """What tells new findings from known ones, if anything does."""
    if not (options.base is not None or options.baseline or options.update_baseline):
        return None
    from governor.commands.ratchet import Ratchet

    return Ratchet(base=options.base, file=options.baseline, update=options.update_baseline, today=options.today)


def _recorder(options: Options, library: Library, settings: History) -> Recorder | None:
    """What writes the run into a history, if anything does."""
    if not options.history:
        return None
    from governor.commands.history import Recorder

    return Recorder(options.history, environment=options.environment, library=library.digest, settings=settings)


def _tagged(inventory: Inventory, taxonomy: Mapping[str, Any], today: date) -> Tagged | None:
    """Of what was spent where bills say it, else of what runs; a plan is a part of it only."""
    if inventory.spend:
        return of_bills(inventory.spend, f"{today:%Y-%m}")
    return of_prices(inventory.resources, taxonomy) if inventory.stage == "live" else None


def _of_checkov(policies: str) -> bool:
    """Whether a glob means checks of checkov, which are known only once they have run."""
    return policies.startswith("CKV")


def _nobody_asked(library: Library, stage: Stage) -> list[str]:
    if library.policies:
        return []
    if library.known:
        return [f"each of {len(library.known)} policies is off, or for another stage than {stage}: see `levels`"]
    return ["the settings name no policies: add `builtin` or a folder of your own to `policies`"]


def _idle_rules(rules: Sequence[LevelRule], known: Sequence[Policy]) -> list[str]:
    """A misspelt rule would leave a policy at its default in silence."""
    return [
        f"levels: no policy has an id like {rule.policies}; `governor policies` lists them"
        for rule in rules
        if not _of_checkov(rule.policies) and not any(glob(rule.policies).fullmatch(policy.id) for policy in known)
    ]


def _old_prices(inventory: Inventory, today: date, max_age_days: int) -> list[str]:
    prices = {resource.price for resource in inventory.resources if resource.price}
    old = sorted((p for p in prices if stale(p, today, max_age_days)), key=lambda price: price.as_of)
    if not old:
        return []
    first = old[0]
    note = (
        f"{len(old)} of {len(prices)} prices are older than {max_age_days} days, the oldest as of {first.as_of}"
        f" ({first.instance_type} in {first.region}): update governor, or give your own with `prices`"
    )
    return [note]
