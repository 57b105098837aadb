"""Wall time and memory of judging snapshots of up to a million resources.

`python bench/million.py [SIZE …] [-- OPTION …]`; the options are given to `governor check`: `-- --workers ray`. Memory
is that of governor and all its workers at its highest, shared pages counted once (the PSS of Linux).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
GOVERNOR = [sys.executable, "-c", "from governor.cli import main; main()"]
SIZES = (100_000, 300_000, 1_000_000)
_BLINK = 0.25


def memory(root: int) -> float:
    """PSS of a process and all below it, MiB."""
    below: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text("utf-8").rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(status.parent.name))
    total, todo = 0, [root]
    while todo:
        process = todo.pop()
        todo += below.get(process, [])
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text("utf-8")
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def measured(command: list[str]) -> tuple[float, float, str]:
    """(seconds, peak MiB, last line)."""
    start, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(_BLINK)
    seconds = time.perf_counter() - start
    assert process.stdout is not None
    said = process.stdout.read().strip()
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, peak, said


def main() -> None:
    given, _, options = " ".join(sys.argv[1:]).partition("--")
    sizes = [int(size) for size in given.split()] or list(SIZES)
    print(f"{'resources':>9} {'seconds':>8} {'µs each':>8} {'peak MiB':>9}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            file = Path(folder) / f"{size}.snapshot"
            subprocess.run([sys.executable, str(HERE / "snapshots.py"), str(size), str(file)], check=True)
            command = [*GOVERNOR, "check", str(file), "-q", "--today", "2026-10-01", *options.split()]
            seconds, peak, said = measured(command)
            print(f"{size:9} {seconds:8.1f} {seconds / size * 1e6:8.1f} {peak:9.0f}  {said}", flush=True)
            file.unlink()


if __name__ == "__main__":
    main()
