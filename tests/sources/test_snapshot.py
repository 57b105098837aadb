"""A snapshot gives back the inventory that was written, without its secrets, or says that it cannot."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from governor import library
from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.judge import judge
from governor.model import Accelerator, Exemption, Gap, Inventory, Judgement, Origin, Price, Resource, Shard, Spend
from governor.sources import Options, detect, manifests, snapshot, terraform_plan

ROOT = Path(__file__).parents[2]
_OF_NO_USE = "errored"
"""A plan that is refused."""
PLANS = [*sorted((ROOT / "examples").rglob("plan.json")), *sorted((ROOT / "tests" / "trap_plans").rglob("plan.json"))]
PLANS = [plan for plan in PLANS if plan.parent.name != _OF_NO_USE]
HOLDS_A_SECRET = ROOT / "tests" / "trap_plans" / "tags" / "plan.json"
"""One whose sensitive variable has the same value as a tag that is not."""

TAKEN = "2026-11-24T02:00:00+00:00"

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
money = st.decimals(0, 10**9, allow_nan=False, places=6)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | text
    | money,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
origins = st.builds(Origin, file=text, line=st.integers(0, 9999), column=st.integers(0, 200))
resources = st.builds(
    Resource,
    id=text,
    kind=text,
    type=text,
    provider=text,
    account=st.none() | text,
    region=st.none() | text,
    tags=st.dictionaries(text, text, max_size=3),
    taggable=st.booleans(),
    accelerator=st.none() | st.builds(Accelerator, model=text, count=st.integers(0, 16) | st.floats(0, 16)),
    purchase=st.sampled_from(["on_demand", "spot", "reserved", "capacity_block"]),
    count=st.none() | st.integers(0, 10**6),
    price=st.none()
    | st.builds(Price, usd_per_hour=money, instance_type=text, region=text, source=text, as_of=text, note=text),
    hourly_usd=st.none() | money,
    state=st.none() | text,
    controller=st.none() | text,
    change=st.sampled_from(["create", "none", "replace"]),
    attributes=st.dictionaries(text, anything, max_size=3),
    unknown=st.dictionaries(text, text, max_size=2),
    sensitive=st.lists(text, max_size=2).map(tuple),
    origin=st.none() | origins,
    origins=st.dictionaries(text, origins, max_size=2),
)
exemptions = st.builds(
    Exemption, policy=text, resource=text, category=st.just("waiver"), reason=text, owner=text, approved_by=text,
    expires=st.dates(), ticket=text,
)  # fmt: skip
spend = st.builds(
    Spend,
    month=st.just("2026-11"),
    project=text,
    model=text,
    tags_unknown=st.booleans(),
    usd=money,
    through=st.dates(),
    forecast_usd=st.none() | money,
)
inventories = st.builds(
    Inventory,
    stage=st.sampled_from(["commit", "plan", "live", "azure"]),
    resources=st.lists(resources, max_size=4).map(tuple),
    removed=st.lists(resources, max_size=2).map(tuple),
    spend=st.lists(spend, max_size=2).map(tuple),
    gaps=st.lists(st.builds(Gap, place=text, reason=text), max_size=3).map(tuple),
    shards=st.lists(
        st.builds(
            Shard,
            place=text,
            standing=st.sampled_from(["whole", "incomplete", "quarantined"]),
            resources=st.integers(0, 99),
            tagged=st.integers(0, 99),
            untagged=st.integers(0, 99),
        ),
        max_size=2,
    ).map(tuple),
    not_covered=st.dictionaries(text, st.integers(0, 99), max_size=2),
    notes=st.lists(text, max_size=2).map(tuple),
    clean=st.integers(0, 99),
    unit=text,
    allowed=st.dictionaries(text, exemptions, max_size=2),
    taken_at=text.filter(bool),
    source=text,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(inventory=inventories)
def test_any_inventory_comes_back_as_it_was(inventory: Inventory, tmp_path: Path) -> None:
    file = tmp_path / "any.snapshot"

    snapshot.write(inventory, file, TAKEN)

    assert detect(file) == "snapshot"
    # The text tells 4 from 4.0 and from Decimal(4), which are equal.
    assert repr(snapshot.load(file)) == repr(inventory)
    assert list(tmp_path.iterdir()) == [file]


def _found(plan: Path, folder: Path) -> tuple[Inventory, Inventory, Judgement, Judgement]:
    """What a plan holds, what its snapshot holds, and what the policies say of both."""
    inventory = terraform_plan.collect(plan.read_bytes(), place=plan.name, prices=PriceBook.shipped())
    policies = library.load([library.builtin()])
    snapshot.write(inventory, folder / "s", TAKEN)
    again = snapshot.load(folder / "s")
    return inventory, again, *(judge(one, policies.evaluators, date(2026, 11, 24)) for one in (inventory, again))


@pytest.mark.parametrize("plan", [plan for plan in PLANS if plan != HOLDS_A_SECRET], ids=lambda plan: plan.parent.name)
def test_every_plan_is_judged_as_it_was(plan: Path, tmp_path: Path) -> None:
    inventory, again, before, after = _found(plan, tmp_path)

    assert again == replace(inventory, secrets=(), taken_at=TAKEN)
    assert after == before


def test_what_a_tag_shares_with_a_secret_is_undetermined_in_its_snapshot(tmp_path: Path) -> None:
    inventory, _, before, after = _found(HOLDS_A_SECRET, tmp_path)

    assert "support-copilot" in inventory.secrets
    assert [finding for finding in after.findings if finding in before.findings] == before.findings
    (more,) = [finding for finding in after.findings if finding not in before.findings]
    assert (more.attribute, more.reason) == ("tags.project", "withheld when the snapshot was written")


def test_the_manifests_of_the_examples_are_judged_as_they_were(tmp_path: Path) -> None:
    book = PriceBook.shipped()
    inventory = manifests.read([ROOT / "examples" / "jobs"], prices=book, options=Options())
    snapshot.write(inventory, tmp_path / "s", TAKEN)

    assert inventory.resources
    assert snapshot.load(tmp_path / "s") == replace(inventory, secrets=(), taken_at=TAKEN)


def _resource(**facts: Any) -> Resource:
    return Resource(id="a", kind="instance", type="aws_instance", provider="aws", **facts)


def test_a_secret_is_in_no_record_and_what_held_it_is_unknown(tmp_path: Path) -> None:
    secret = "hunter2hunter2"
    inventory = Inventory(
        stage="plan",
        resources=(
            _resource(
                tags={"project": secret, "stage": "dev", f"x-{secret}": "1"},
                attributes={"size": 4, "settings": {"password": [f"it is {secret}"]}},
                region=secret,
                unknown={"count": f"because of {secret}"},
            ),
        ),
        spend=(Spend(month="2026-11", project=secret, usd=Decimal("1.50"), through=date(2026, 11, 24)),),
        gaps=(Gap(f"s3://{secret}", f"{secret} was refused"),),
        notes=(f"the password is {secret}",),
        source=f"plan of {secret}",
        secrets=(secret,),
    )
    file = tmp_path / "s"

    snapshot.write(inventory, file, TAKEN)

    assert secret.encode() not in gzip.decompress(file.read_bytes())
    found = snapshot.load(file)
    (resource,) = found.resources
    assert resource.tags == {"project": "(sensitive)", "stage": "dev", "x-(sensitive)": "1"}
    assert set(resource.unknown) == {
        "count", "tags.project", "tags.*", "attributes.settings", "region",
    }  # fmt: skip
    assert resource.attributes["size"] == 4
    assert resource.region is None
    assert [(one.project, one.usd) for one in found.spend] == [("(sensitive)", Decimal("1.50"))]


def _written(folder: Path, count: int = 40) -> Path:
    resources = tuple(replace(_resource(tags={"n": str(n * 7919)}), id=str(n)) for n in range(count))
    file = folder / "s"
    snapshot.write(Inventory(stage="live", resources=resources, source="us"), file, TAKEN)
    return file


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
def test_a_file_that_ends_early_is_no_smaller_inventory(tmp_path: Path, kept: float) -> None:
    file = _written(tmp_path)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * kept)])

    with pytest.raises(Refusal, match=r"damaged \(it ends early\)") as refusal:
        snapshot.load(file)
    assert refusal.value.code == CANNOT_JUDGE


@pytest.mark.parametrize(
    "tampered",
    [
        lambda lines: [*lines[:3], *lines[4:]],
        lambda lines: [*lines[:3], lines[3].replace(b'"kind":"instance"', b'"kind":"harmless"'), *lines[4:]],
        lambda lines: lines[:-1],
        lambda lines: [*lines[:3], b'{"resource":{"id":1}}\n', *lines[4:]],
        lambda lines: [*lines[:3], b'{"spend":{}}\n', *lines[4:]],
    ],
    ids=["a record less", "another value", "no end", "no resource", "no decimal"],
)
def test_what_was_not_written_like_this_is_refused(tmp_path: Path, tampered: Any) -> None:
    file = _written(tmp_path)
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(tampered(lines))))

    with pytest.raises(Refusal, match="this snapshot is damaged") as refusal:
        snapshot.load(file)
    assert refusal.value.code == CANNOT_JUDGE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
def test_a_byte_that_is_another_never_makes_other_resources(tmp_path: Path, place: float, byte: int, cut: bool) -> None:
    file = _written(tmp_path, 3)
    was = snapshot.load(file)
    text = bytearray(gzip.decompress(file.read_bytes()))
    at = int(len(text) * place)
    text[at : at + 1] = b"" if cut else bytes([byte])
    file.write_bytes(gzip.compress(bytes(text)))

    with suppress(Refusal):
        assert snapshot.load(file).resources == was.resources


def test_a_newer_snapshot_is_refused(tmp_path: Path) -> None:
    file = _written(tmp_path)
    text = gzip.decompress(file.read_bytes()).replace(b'"governor_snapshot":1', b'"governor_snapshot":2')
    file.write_bytes(gzip.compress(text))

    with pytest.raises(Refusal, match="is of version 2, and this governor reads 1"):
        snapshot.header(file)


def test_an_inventory_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    head = snapshot.Header(taken_at=TAKEN, stage="live", source="us")

    def breaks_off() -> None:
        with snapshot.Writer(tmp_path / "s", head) as file:
            file.resource(_resource())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaks_off()
    assert list(tmp_path.iterdir()) == []


def test_a_gzipped_plan_is_no_snapshot(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json.gz"
    plan.write_bytes(gzip.compress(PLANS[0].read_bytes()))

    assert detect(plan) == "terraform_plan"
