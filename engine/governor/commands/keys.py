"""`governor keys scan`: code in, reports on the AI keys that stand in it and an exit code out.

A commit waits for this, so what nothing asks for is not loaded: where no key was sighted there is nothing to judge.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from governor import library
from governor.commands import output, workspace
from governor.commands.progress import Progress
from governor.errors import Refusal
from governor.exemptions import glob
from governor.judge import judge
from governor.model import Exemption, Inventory, Judgement, Level, Policy, Stage
from governor.settle import settle
from governor.sources import code

STAGE: Stage = "commit"
CARD = Policy(id="KEY003", title="No AI key stands in code", severity="critical", concern="keys")
"""As much of the card of the policy as its level and a report without findings need. A test compares."""


def scan(
    *,
    names: Sequence[str],
    staged: bool,
    history: str | None,
    formats: Sequence[str],
    environment: str,
    policies: Sequence[str],
    config: Path | None,
    allow_floating: bool,
    today: date,
    fail_level: Level | None,
    strict: bool | None,
    exit_zero: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Judge files, staged contents or a history by KEY003. Raises Refusal before anything is written."""
    outputs = output.parse(formats)
    space = workspace.enter(config, policies, floating=allow_floating)
    inventory = _collect(names, staged, history)
    judgement, notes = _judge(inventory, space, today, briefly={name for name, _ in outputs} == {"table"})
    verdict = settle(
        judgement,
        inventory,
        levels={policy.id: space.level(policy, STAGE) for policy in judgement.policies},
        today=today,
        exemptions=_of_sighted(space.exemptions(), inventory) if inventory.resources else (),
        fail_level=fail_level or space.settings.fail_level,
        strict=space.settings.strict if strict is None else strict,
        notes=[*(note for checkout in space.checkouts for note in checkout.notes), *notes],
        policy_sources=[checkout.origin for checkout in space.checkouts],
    )
    output.write(verdict, outputs, environment=environment, quiet=quiet, verbose=verbose)
    return 0 if exit_zero and verdict.exit_code == 1 else verdict.exit_code


def _collect(names: Sequence[str], staged: bool, history: str | None) -> Inventory:
    if history is not None:
        if names or staged:
            raise Refusal("--history goes through every commit: give no files and no --staged beside it")
        with Progress("file versions searched") as progress:
            return code.of_history(history, progress.tell)
    if staged:
        if "-" in names:
            raise Refusal("standard input is not staged: leave out - or --staged")
        return code.of_index(names)
    return code.of_tree(names, sys.stdin.buffer)


def _judge(
    inventory: Inventory, space: workspace.Workspace, today: date, *, briefly: bool
) -> tuple[Judgement, list[str]]:
    """Ask KEY003; without a sighting, its answer is known."""
    shipped = library.builtin() in space.folders
    if briefly and not inventory.resources and shipped and space.level(CARD, STAGE) != "off":
        return Judgement((), (), (CARD,)), []
    loaded = library.load(
        space.folders,
        keep=lambda policy: policy.id == CARD.id and space.level(policy, STAGE) != "off",
        only={CARD.concern} if shipped else None,
    )
    notes = []
    if not loaded.policies:
        off = any(policy.id == CARD.id for policy in loaded.known)
        notes.append(f"{CARD.id} is {'off: see `levels`' if off else 'not among the policies: add `builtin` to them'}")
    return judge(inventory, loaded.evaluators, today), notes


def _of_sighted(exemptions: Sequence[Exemption], inventory: Inventory) -> list[Exemption]:
    """Those that speak of what was sighted: a commit of three files makes no exemption of the others stale."""
    return [
        exemption
        for exemption in exemptions
        if glob(exemption.policy).fullmatch(CARD.id)
        and any(glob(exemption.resource).fullmatch(resource.id) for resource in inventory.resources)
    ]
