"""What a changed library would have found in snapshots of other days."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from commands.conftest import Governor
from core.policy_folders import rego, write
from governor.model import Gap, Inventory, Resource
from governor.sources import snapshot


def _resource(name: str, usd: str | None = "1.5", **facts: str) -> Resource:
    return Resource(
        id=name, kind="instance", type="aws_instance", provider="aws", account="1", tags={"owner-team": "vision"},
        hourly_usd=usd and Decimal(usd), **facts,
    )  # fmt: skip


def _take(folder: Path, day: int, *resources: Resource, hour: int = 2, **facts: object) -> Path:
    file = folder / f"{day}-{hour}.snapshot"
    file.parent.mkdir(exist_ok=True)
    inventory = Inventory(stage="live", resources=resources, source="the account")
    snapshot.write(replace(inventory, **facts), file, f"2026-11-{day}T{hour:02}:00:00+00:00")
    return file


@pytest.fixture
def nightly(tmp_path: Path) -> Path:
    """Three nights, and policies: those of today object to `long`, the changed ones to `short`, too."""
    write(
        tmp_path,
        {
            "governor.yaml": "policies: [policies]\n",
            "policies/names/names.rego": rego(body='endswith(resource.id, "long")'),
            "next/sizes/sizes.rego": rego("sizes", "X002", body='endswith(resource.id, "short")'),
            "next.yaml": "policies: [next]\n",
        },
    )
    folder = tmp_path / "nightly"
    _take(folder, 20, _resource("long"), _resource("a-short", "2"))
    _take(folder, 21, _resource("long"), hour=1)
    _take(folder, 21, _resource("long"), _resource("a-short", "2"), _resource("b-short", None), hour=3)
    _take(folder, 22, _resource("long"), _resource("b-short", "4"))
    return folder


SINCE = ("--since", "2026-11-01")


def test_what_more_a_library_would_have_found(governor: Governor, nightly: Path) -> None:
    run = governor("backtest", nightly, "--policies", "next", *SINCE, "-f", "json")

    days = json.loads(run.out)
    assert run.code == 0
    assert [(day["day"], day["open"], day["open_with"]) for day in days] == [
        ("2026-11-20", 1, 2),
        ("2026-11-21", 1, 3),
        ("2026-11-22", 1, 2),
    ]
    assert [[found["resource"] for found in day["new"]] for day in days] == [
        ["a-short"],
        ["a-short", "b-short"],
        ["b-short"],
    ]
    assert [day["usd_a_day_in_new"] for day in days] == [48, 48, 96]
    assert [day["gone"] for day in days] == [[], [], []]


def test_what_a_library_would_not_have_found_any_more(governor: Governor, nightly: Path) -> None:
    run = governor("backtest", nightly, "--new-config", "next.yaml", *SINCE, "-f", "json")

    days = json.loads(run.out)
    assert [[found["resource"] for found in day["gone"]] for day in days] == [["long"]] * 3
    assert [day["usd_a_day_in_gone"] for day in days] == [36] * 3


def test_the_table(governor: Governor, nightly: Path) -> None:
    run = governor("backtest", nightly, "--policies", "next", *SINCE)

    assert run.out == (
        "day         open today  open with it  new  gone  undetermined  at stake in new, a day\n"
        "2026-11-20           1             2    1     0             0                     $48\n"
        "2026-11-21           1             3    2     0             0                   ≥ $48\n"
        "2026-11-22           1             2    1     0             0                     $96\n"
        "\n"
        "policy  new  gone  at stake in new, 3 snapshots\n"
        "X002      2     0                        ≥ $192\n"
        "\n"
        "new: 2 findings\n"
        "  X002  b-short  too long  $4.00/h\n"
        "  X002  a-short  too long  $2.00/h\n"
    )


def test_the_first_day_is_asked_for(governor: Governor, nightly: Path) -> None:
    run = governor("backtest", nightly, "--policies", "next", "--since", "2026-11-22", "-f", "json")

    assert [day["day"] for day in json.loads(run.out)] == ["2026-11-22"]


def test_each_snapshot_is_judged_as_of_its_day(governor: Governor, nightly: Path, tmp_path: Path) -> None:
    write(tmp_path, {"next/sizes/sizes.rego": rego("sizes", "X002", body='input.today == "2026-11-21"')})

    run = governor("backtest", nightly, "--policies", "next", *SINCE, "-f", "json")

    assert [len(day["new"]) for day in json.loads(run.out)] == [0, 3, 0]


def test_a_policy_that_fails_is_no_pass(governor: Governor, nightly: Path, tmp_path: Path) -> None:
    write(tmp_path, {"next/sizes/sizes.rego": rego("sizes", "X002", body="lower(1) == resource.id")})

    run = governor("backtest", nightly, "--policies", "next", *SINCE)

    assert run.code == 3
    assert "X002 failed, and what it would have said is not known" in run.out


def test_what_the_library_cannot_tell_is_undetermined(governor: Governor, nightly: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    _take(other, 20, replace(_resource("a-short"), unknown={"id": "denied"}), gaps=(Gap("s3", "denied"),))

    run = governor("backtest", other, "--policies", "next", *SINCE, "-f", "json")

    (day,) = json.loads(run.out)
    assert (day["new"], [found["resource"] for found in day["undetermined"]]) == ([], ["a-short"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nightly",), "nothing is changed: name policies with --policies"),
        (("nightly", "--policies", "next", "--since", "2027-01-01"), "no snapshot since 2027-01-01"),
        (("nowhere", "--policies", "next"), "nowhere: no such file or folder"),
        (("governor.yaml", "--policies", "next"), "governor.yaml: this is no snapshot"),
    ],
)
def test_what_cannot_be_replayed_is_told(
    governor: Governor, nightly: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    run = governor("backtest", *arguments)

    assert run.code == 2
    assert complaint in run.err
