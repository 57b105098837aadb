"""Which resources a failing policy fails on, found by asking about ever smaller parts."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from core.policy_folders import resource
from governor.languages import failures
from governor.model import Failure, Inventory, Policy

POLICY = Policy(id="X", title="x")


def inventory(size: int) -> Inventory:
    return Inventory(stage="plan", resources=tuple(resource(str(n)) for n in range(size)), removed=(resource("gone"),))


class Complainer:
    """Fails where one of its resources is, and counts how often, and about how many resources, it is asked."""

    def __init__(self, *bad: int) -> None:
        self.bad = set(map(str, bad))
        self.asked: list[int] = []

    def __call__(self, part: Inventory) -> str:
        self.asked.append(len(part.resources))
        found = next((r.id for r in part.resources if r.id in self.bad), "")
        return found and f"cannot read {found}"


@given(size=st.integers(1, 40), data=st.data())
def test_the_first_culprits_are_named_in_order(size: int, data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(0, size - 1), min_size=1))

    found = failures(POLICY, inventory(size), "all", Complainer(*bad), most=3)

    assert found == [Failure("X", str(n), f"cannot read {n}") for n in sorted(bad)[:3]]


def test_one_culprit_among_ten_thousand_takes_few_questions() -> None:
    complains = Complainer(9_999)

    assert failures(POLICY, inventory(10_000), "all", complains) == [Failure("X", "9999", "cannot read 9999")]
    assert len(complains.asked) < 40
    assert sum(complains.asked) < 40_000


def test_ten_thousand_culprits_are_enough_after_five() -> None:
    complains = Complainer(*range(10_000))

    assert [f.resource for f in failures(POLICY, inventory(10_000), "all", complains)] == ["0", "1", "2", "3", "4"]
    assert len(complains.asked) < 40


def whole_only(part: Inventory) -> str:
    return "too many" if len(part.resources) > 2 else ""


def never_without(part: Inventory) -> str:
    return "always" if part.removed else ""


def test_who_fails_on_none_alone_or_on_nothing_fails_on_the_whole() -> None:
    silent: Callable[[Inventory], str] = lambda part: ""  # noqa: E731

    assert failures(POLICY, inventory(4), "too many", whole_only) == [Failure("X", "", "too many")]
    assert failures(POLICY, inventory(4), "always", never_without) == [Failure("X", "", "always")]
    assert failures(POLICY, inventory(0), "once", silent) == [Failure("X", "", "once")]
    assert failures(POLICY, inventory(4), "once", silent) == [Failure("X", "", "once")]
