"""`governor check`: a plan or job manifests in, reports and an exit code out."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from governor import reports, sources
from governor.catalog.prices import stale
from governor.commands import workspace
from governor.config import LevelRule
from governor.errors import Refusal
from governor.exemptions import glob
from governor.judge import judge
from governor.library import Library
from governor.model import Inventory, Policy, Stage, Verdict
from governor.settle import settle
from governor.sources import terraform_plan
from governor.sources.terraform_plan.decode import document, no_garbage_collection
from governor.sources.terraform_plan.locate import Locator

if TYPE_CHECKING:
    from governor.checkov.judging import Checkov

PIPED_WIDTH = 120
"""Columns of a table that no terminal shows."""


def run(
    *,
    inputs: Sequence[str],
    source: Path | None,
    others: Sequence[str],
    stage: Stage | None,
    formats: Sequence[str],
    policies: Sequence[str],
    raw_policies: Sequence[str],
    config: Path | None,
    engine: str | None,
    opa_url: str,
    allow_floating: bool,
    today: date,
    strict: bool | None,
    exit_zero: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Judge a plan, or job manifests. Raises Refusal before anything is written."""
    outputs = _outputs(formats)
    with no_garbage_collection():
        space = workspace.enter(config, policies, raw_policies, engine=engine, opa_url=opa_url, floating=allow_floating)
        exemptions = space.exemptions()
        given = given_to(inputs)
        stage = stage or given.stage
        asked = space if given.source == PLAN else replace(space, raw=())
        library = asked.library(stage)
        inventory, guests = _collect(given, source, stage, space, with_checkov="checkov" in others)
        judgement = judge(inventory, [*library.evaluators, *guests], today)
        judgement = replace(judgement, policies=[space.card(policy) for policy in judgement.policies])
        verdict = settle(
            judgement,
            inventory,
            levels={policy.id: space.level(policy, stage) for policy in judgement.policies},
            today=today,
            exemptions=[e for e in exemptions if guests or not _of_checkov(e.policy)],
            fail_level=space.settings.fail_level,
            strict=space.settings.strict if strict is None else strict,
            notes=[
                *(note for checkout in space.checkouts for note in checkout.notes),
                *_nobody_asked(library, stage),
                *_raw_left_out(space, asked),
                *_idle_rules(space.settings.levels, library.known),
                *_old_prices(inventory, today, space.settings.max_price_age_days),
                *(note for guest in guests for note in guest.notes()),
            ],
            policy_sources=[checkout.origin for checkout in space.checkouts],
        )
        _write(verdict, outputs, quiet=quiet, verbose=verbose)
    code = verdict.exit_code
    return 0 if exit_zero and code == 1 else code


class Given(Struct, frozen=True):
    """What is to be judged, and what reads it."""

    source: str
    """One of `sources.SOURCES`."""
    inputs: Sequence[str]
    piped: bytes | None = None
    """What standard input held, if it is one of them."""

    @property
    def stage(self) -> Stage:
        """The stage that such inputs are judged in."""
        return sources.module(self.source).STAGE


PLAN = "terraform_plan"


def given_to(inputs: Sequence[str]) -> Given:
    """One plan, or any number of manifests. Both at once would be two stages, and so are two runs."""
    piped = sys.stdin.buffer.read() if "-" in inputs else None
    found = {name: sources.detect(Path(name), piped or b"") for name in inputs}
    if ({*found.values()} == {PLAN} and len(inputs) == 1) or PLAN not in found.values():
        return Given(found[inputs[0]], [*found], piped)
    plan = next(name for name, source in found.items() if source == PLAN)
    raise Refusal("a plan is judged by itself: give one plan, or manifests", place=_shown(plan))


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name


def open_plan(plan: str, source: Path | None, piped: bytes | None = None) -> tuple[bytes, str, Locator | None]:
    """The plan's bytes, its name for messages, and what finds its HCL. `piped` is standard input, where it was read."""
    if source is not None and not source.is_dir():
        raise Refusal("--source wants the folder that holds the HCL", place=str(source))
    place = _shown(plan)
    try:
        data = piped if piped is not None else sys.stdin.buffer.read() if plan == "-" else Path(plan).read_bytes()
    except IsADirectoryError:
        raise Refusal(
            "this folder holds no manifests (*.yaml): give one that does, or the file that terraform show -json wrote",
            place=place,
        ) from None
    except OSError as error:
        raise Refusal(
            f"cannot be read ({error.strerror}): make one with: terraform show -json tfplan > plan.json", place=place
        ) from None
    return data, place, Locator(source) if source else None


def _collect(
    given: Given, source: Path | None, stage: Stage, space: workspace.Workspace, *, with_checkov: bool
) -> tuple[Inventory, list[Checkov]]:
    """The inventory, and what checkov says of the same plan. The plan itself, which may be large, ends here."""
    if given.source != PLAN:
        if with_checkov:
            raise Refusal("--with checkov judges plans: run checkov on manifests by itself")
        return replace(read_manifests(given, space), stage=stage), []
    data, place, locator = open_plan(given.inputs[0], source, given.piped)
    inventory = terraform_plan.collect(
        data, place=place, prices=space.prices(), locator=locator, keep_document=bool(space.raw)
    )
    guests = [_checkov(data, place, source, locator, stage, space)] if with_checkov else []
    return replace(inventory, stage=stage), guests


def read_manifests(given: Given, space: workspace.Workspace) -> Inventory:
    """The inventory of manifests."""
    from governor.sources import manifests

    return manifests.read([Path(name) for name in given.inputs], prices=space.prices(), piped=given.piped or b"")


def _checkov(
    data: bytes, place: str, source: Path | None, locator: Locator | None, stage: Stage, space: workspace.Workspace
) -> Checkov:
    """The checks of checkov, with what they say of the plan."""
    from governor.checkov.judging import ask

    return ask(
        document(data, place),
        space.checkov(),
        source=source,
        keep=lambda policy: space.level(policy, stage) != "off",
        locate=locator.address if locator else lambda _: None,
    )


def _of_checkov(policies: str) -> bool:
    """Whether a glob means checks of checkov, which are known only once they have run."""
    return policies.startswith("CKV")


def _outputs(formats: Sequence[str]) -> list[tuple[str, Path | None]]:
    """(format, file or None for standard output), files first: what the terminal shows has been written."""
    outputs: list[tuple[str, Path | None]] = []
    for written in formats or ("table",):
        name, equals, file = written.partition("=")
        if name not in reports.REPORTS:
            raise Refusal(f"no report is called {name!r}: there are {', '.join(reports.REPORTS)}")
        if equals and not file:
            raise Refusal(f"{written} names no file: write {name}=FILE, or {name} alone for standard output")
        outputs.append((name, Path(file) if file not in ("", "-") else None))
    files = [file.resolve() for _, file in outputs if file]
    if len(files) + 1 < len(outputs):
        raise Refusal("only one report can go to standard output: write the others as NAME=FILE")
    if len(set(files)) < len(files):
        raise Refusal("two reports go to one file: give each its own")
    return sorted(outputs, key=lambda output: output[1] is None)


def _write(verdict: Verdict, outputs: Sequence[tuple[str, Path | None]], *, quiet: bool, verbose: bool) -> None:
    """Render everything before anything is opened: a failing run leaves no half file."""
    rendered = []
    for name, file in outputs:
        shown = file is None and sys.stdout.isatty()
        options = reports.Options(width=_width(shown), colour=colour(shown) and file is None, verbose=verbose)
        text = f"{verdict.footer}\n" if quiet and name == "table" else reports.render(name, verdict, options)
        rendered.append((file, text))
    for file, text in rendered:
        if file is None:
            sys.stdout.write(text)
            continue
        try:
            file.write_text(text, "utf-8", newline="\n")
        except OSError as error:
            raise Refusal(f"cannot be written ({error.strerror}): choose another file", place=str(file)) from None


def _width(shown: bool) -> int:
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns if shown or "COLUMNS" in os.environ else PIPED_WIDTH


def colour(shown: bool) -> bool:
    """https://no-color.org and https://force-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (shown and os.environ.get("TERM") != "dumb")


def _nobody_asked(library: Library, stage: Stage) -> list[str]:
    if library.policies:
        return []
    if library.known:
        return [f"each of {len(library.known)} policies is off, or for another stage than {stage}: see `levels`"]
    return ["the settings name no policies: add `builtin` or a folder of your own to `policies`"]


def _raw_left_out(space: workspace.Workspace, asked: workspace.Workspace) -> list[str]:
    """Policies that were not asked, though the settings name them."""
    left_out = len(space.raw) - len(asked.raw)
    if not left_out:
        return []
    return [f"{left_out} folder{'s' if left_out > 1 else ''} of raw policies not asked: they read plans only"]


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
