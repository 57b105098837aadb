"""`check --workers`: the verdict is that of one process, whoever does the work and whatever becomes of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from commands.conftest import ROOT, Governor

SIZE = 12_000
RAY = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'ray[client]'")
PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="workers are found in /proc, which is not here")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("nightly") / "synthetic.snapshot"
    subprocess.run([sys.executable, str(ROOT / "bench/snapshots.py"), str(SIZE), str(file)], check=True)
    return file


def start(program: Path, snapshot: Path, *arguments: str) -> subprocess.Popen[str]:
    """With a home of its own: Ray writes there."""
    command = [str(program), "check", str(snapshot), "--today", "2026-10-01", "-f", "json", *arguments]
    environment = {**os.environ, "HOME": str(snapshot.parent), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def verdict(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    return json.loads(out)


@pytest.fixture(scope="module")
def alone(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("bin") / "governor"
    file.write_text(f"#!{sys.executable}\nfrom governor.cli import main\nmain()\n", "utf-8")
    file.chmod(0o755)
    found = verdict(start(file, snapshot, "--workers", "1"))
    assert len(found["findings"]) > 2_000
    return found


def below(root: int) -> Iterator[tuple[int, str]]:
    """Number and command line of every process that a process, or one of those, started."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text("utf-8").rpartition(")")[2].split()[1])
        except OSError:
            continue
    for process in parents:
        ancestor = process
        while (ancestor := parents.get(ancestor, 0)) not in (0, root):
            pass
        if ancestor == root:
            try:
                yield process, Path(f"/proc/{process}/cmdline").read_text("utf-8")
            except OSError:
                continue


def kill_one(root: subprocess.Popen[str], is_worker: Callable[[str], bool]) -> bool:
    """As soon as there is one; False when the run has ended before."""
    while root.poll() is None:
        for process, command in below(root.pid):
            if is_worker(command):
                os.kill(process, signal.SIGKILL)
                return True
        time.sleep(0.005)
    return False


@PROC
@pytest.mark.parametrize("workers", ["2", "3"])
def test_a_killed_process_changes_nothing(program: Path, snapshot: Path, alone: Any, workers: str) -> None:
    run = start(program, snapshot, "--workers", workers)

    assert kill_one(run, lambda command: str(program) in command)
    assert verdict(run) == alone


@PROC
@RAY
def test_a_killed_worker_of_ray_changes_nothing(program: Path, snapshot: Path, alone: Any) -> None:
    run = start(program, snapshot, "--workers", "ray")

    assert kill_one(run, lambda command: command.startswith("ray::_Actor.do"))
    assert verdict(run) == alone


@pytest.mark.parametrize(
    ("workers", "complaint"),
    [
        (("0",), "--workers: '0' is no number of processes, nor ray or ray://host:port"),
        (("many",), "--workers: 'many' is no number of processes"),
        (("2", "--opa-url", "http://127.0.0.1:1"), "an OPA server evaluates the Rego: leave --workers out"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_read(
    governor: Governor, workers: tuple[str, ...], complaint: str
) -> None:
    run = governor("check", ROOT / "examples/plan.json", "--workers", *workers)

    assert (run.code, run.out) == (2, "")
    assert complaint in run.err
