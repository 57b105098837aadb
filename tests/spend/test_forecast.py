"""What the rest of a month will cost, by what days have cost."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from governor.spend.forecast import rest, window

END = datetime(2026, 9, 1)


def daily(first: date, *usd: int) -> dict[date, Decimal]:
    return {first + timedelta(days=number): Decimal(each) for number, each in enumerate(usd)}


def test_less_than_two_weeks_go_on_as_they_did() -> None:
    through = datetime(2026, 8, 11)
    learnt = window(datetime(2026, 8, 1), through)

    assert learnt.method == "linear"
    assert rest(daily(date(2026, 8, 1), *[10] * 10), learnt, through, END) == 210


def test_what_began_in_the_middle_of_the_month_is_not_thinned_by_the_days_before() -> None:
    through = datetime(2026, 8, 22)
    learnt = window(datetime(2026, 8, 20), through)

    assert rest(daily(date(2026, 8, 20), 100, 100), learnt, through, END) == 1000


def test_two_weeks_show_that_weekends_are_quiet() -> None:
    # 1 August 2026 is a Saturday; 29 and 30 August are the last weekend.
    first, through = date(2026, 8, 1), datetime(2026, 8, 29)
    week = [0, 0, 70, 70, 70, 70, 70]
    learnt = window(datetime(2026, 8, 1), through)

    assert learnt.method == "seasonal"
    assert rest(daily(first, *week * 4), learnt, through, END) == 70


def test_an_hour_of_work_does_not_run_all_month() -> None:
    through = datetime(2026, 8, 1, 1)

    assert rest(daily(date(2026, 8, 1), 24), window(datetime(2026, 8, 1), through), through, END) < 24 * 31


def test_nothing_follows_the_end_of_the_month() -> None:
    assert rest(daily(date(2026, 8, 31), 5), window(datetime(2026, 8, 1), END), END, END) == 0


@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=60),
    st.lists(st.integers(0, 10_000), min_size=60, max_size=60),
)
def test_parts_add_up_to_the_whole(one: list[int], other: list[int]) -> None:
    """So the records of a project may be forecast one by one."""
    first = datetime(2026, 7, 1)
    through = first + timedelta(days=len(one))
    learnt = window(first, through)
    parts = [daily(first.date(), *one), daily(first.date(), *other[: len(one)])]
    whole = daily(first.date(), *map(sum, zip(one, other, strict=False)))
    end = datetime(2026, 10, 1)

    split = sum((rest(part, learnt, through, end) for part in parts), Decimal(0))
    assert abs(split - rest(whole, learnt, through, end)) < Decimal("1e-12")
    assert split >= 0


@given(st.integers(1, 59), st.integers(0, 10_000))
def test_what_costs_the_same_every_day_goes_on_so(days: int, usd: int) -> None:
    first = datetime(2026, 7, 4)
    through, end = first + timedelta(days=days), datetime(2026, 9, 10)

    ahead = rest(daily(first.date(), *[usd] * days), window(first, through), through, end)
    assert abs(ahead - usd * (end - through).days) < Decimal("1e-9")
