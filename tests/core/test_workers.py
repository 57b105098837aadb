"""Work shared with forks gives what it gives without, whatever becomes of the forks."""

import os
import threading

import pytest

from governor.workers import ahead, cores, spread

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
