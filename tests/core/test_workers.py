"""Work shared with forks gives what it gives without, whatever becomes of the forks."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.workers import ahead, cores, spread
from governor.workers.pool import TRIES, Here, deal
from governor.workers.processes import Processes

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork: nothing is shared")


def square(number: int) -> bytes:
    return str(number * number).encode()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the program itself: the test runner has threads of its own, beside which nothing is forked."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


@needs_fork
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_order(workers: int) -> None:
    assert spread(square, 40, workers) == [square(number) for number in range(40)]


@needs_fork
def test_what_a_dead_fork_leaves_undone_is_done_here() -> None:
    here = os.getpid()

    def task(number: int) -> bytes:
        if os.getpid() != here:
            os._exit(9)
        return square(number)

    assert spread(task, 6, 3) == [square(number) for number in range(6)]


@needs_fork
def test_a_mishap_in_a_fork_is_raised_here() -> None:
    def task(number: int) -> bytes:
        raise ValueError(f"task {number}")

    with pytest.raises(ValueError, match=r"task \d"):
        spread(task, 2, 2)


@needs_fork
@pytest.mark.usefixtures("alone")
def test_a_task_is_begun_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governor.workers.cores", lambda: 2)
    here = os.getpid()
    assert int(ahead(lambda: str(os.getpid()).encode())()) != here
    assert ahead(lambda: b"here" if os.getpid() == here else os._exit(9))() == b"here"


def test_nothing_is_forked_beside_threads() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert cores() == 1
        assert int(ahead(lambda: str(os.getpid()).encode())()) == os.getpid()
    finally:
        done.set()
        thread.join()


ITEMS = [str(number).encode() for number in range(20)]


def reverse(item: bytes) -> bytes:
    return item[::-1]


def reversed_items() -> dict[int, bytes | None]:
    return {number: item[::-1] for number, item in enumerate(ITEMS)}


@needs_fork
@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_item_of_a_pool_is_answered(count: int) -> None:
    assert dict(Here().map(reverse, ITEMS)) == dict(Processes(count).map(reverse, ITEMS)) == reversed_items()
    assert list(Processes(count).map(reverse, [])) == []


@needs_fork
def test_what_a_killed_process_had_is_given_to_another(tmp_path: Path) -> None:
    def task(item: bytes) -> bytes:
        mark = tmp_path / item.decode()
        if item in (b"3", b"4") and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return reverse(item)

    assert dict(Processes(2).map(task, ITEMS)) == reversed_items()
    assert len([*tmp_path.iterdir()]) == 2


@needs_fork
def test_an_item_that_ends_every_process_is_told_to_be_lost(tmp_path: Path) -> None:
    def task(item: bytes) -> bytes:
        if item == b"3":
            (tmp_path / str(os.getpid())).touch()
            os._exit(0)
        return reverse(item)

    assert dict(Processes(2).map(task, ITEMS)) == reversed_items() | {3: None}
    assert len([*tmp_path.iterdir()]) == TRIES


@needs_fork
def test_what_a_task_raises_in_a_process_is_raised_here_and_no_process_is_left(tmp_path: Path) -> None:
    def task(item: bytes) -> bytes:
        (tmp_path / str(os.getpid())).touch()
        raise ValueError(f"item {item.decode()}")

    with pytest.raises(ValueError, match=r"item \d"):
        list(Processes(3).map(task, ITEMS))
    left = [int(mark.name) for mark in tmp_path.iterdir()]
    assert left
    for process in left:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)


class Frail:
    """A crew whose workers are lost with an item as often as is written."""

    def __init__(self, size: int, losses: dict[int, int]) -> None:
        self.size = size
        self.losses = Counter(losses)
        self.busy: dict[int, bytes] = {}
        self.hired = 0

    def hire(self) -> int:
        self.hired += 1
        return self.hired

    def give(self, worker: int, item: bytes) -> None:
        assert worker not in self.busy
        self.busy[worker] = item
        assert len(self.busy) <= self.size

    def answers(self) -> Iterator[tuple[int, bytes | None]]:
        worker, item = self.busy.popitem()
        self.losses[int(item)] -= 1
        yield worker, None if self.losses[int(item)] >= 0 else item


@given(size=st.integers(1, 4), losses=st.dictionaries(st.integers(0, 9), st.integers(1, 5)))
def test_whatever_is_lost_each_item_is_told_of_once(size: int, losses: dict[int, int]) -> None:
    results = list(deal(Frail(size, losses), [str(number).encode() for number in range(10)]))

    assert sorted(number for number, _ in results) == list(range(10))
    assert {number for number, answer in results if answer is None} == {
        n for n, times in losses.items() if times >= TRIES
    }
    assert all(answer in (None, str(number).encode()) for number, answer in results)
