"""The two exports on the page of each policy about Azure Policy: one breaks it, the other keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from azure.assigned import TODAY, data
from fragments import Fragment, every_fragment
from governor import library
from governor.azure.posture import posture
from governor.azure.wanted import wanted
from governor.catalog import azure_aliases
from governor.judge import judge
from governor.languages.azure_policy.evaluation import Policies
from governor.model import Exemption
from governor.sources.azure import exports


@pytest.mark.parametrize("fragment", every_fragment("jsonc"), ids=lambda fragment: fragment.path.stem)
def test_a_fragment_breaks_or_keeps_its_policy(fragment: Fragment) -> None:
    export = exports.read([fragment.path])
    ours = [
        Exemption(
            policy="*", resource=glob, category="waiver", reason="r", owner="o", approved_by="a", expires=TODAY
        )
        for glob in fragment.exempted
    ]  # fmt: skip
    inventory = posture(
        export,
        Policies(export, azure_aliases.shipped(), datetime.combine(TODAY, time.min, UTC)),
        today=TODAY,
        wanted=wanted(data("tagging"), data("residency", **fragment.residency)),
        exemptions=ours,
    )
    loaded = library.load([library.builtin()], only=["azure"], overlay={"azure": fragment.config})

    judgement = judge(inventory, loaded.evaluators, TODAY)

    assert not inventory.gaps
    assert not judgement.failures
    mine = [finding for finding in judgement.findings if finding.policy == fragment.policy]
    assert bool(mine) == fragment.avoid, mine
    assert not any(finding.reason for finding in mine)
