"""How long governor takes, as a multiple of the least that any Python tool needs: start Python and parse the file.

`make bench` scales two real plans: a fleet that exists and grows a little, most of it tagged as it should be, which is
what a plan of ten thousand resources is; and the example, all of it new and much of it wrong. `python bench/bench.py
PLAN …` scales plans of your own. Floor and governor take turns within one run, the best of each counts, so that a busy
machine slows both. Memory is the peak of the process, MiB.

Code is measured against tfparse, a parser that evaluates Terraform code as well and judges nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
GOVERNOR = [sys.executable, "-c", "from governor.cli import main; main()"]
FLOOR = "import sys, orjson; orjson.loads(open(sys.argv[1], 'rb').read())"
SIZES = (1_000, 10_000, 50_000)
PARSER = "import sys, tfparse; tfparse.load_from_path(sys.argv[1])"
CODE = ROOT / "examples"
BLOCKS = 2_000
ROUNDS = {0: 15, 1_000: 7, 10_000: 5, 50_000: 3}


def once(command: list[str]) -> tuple[float, float]:
    """(seconds, peak MiB) of one run; exit code 1 means findings and is fine."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss / 1024


def best(rounds: int, *commands: list[str]) -> list[tuple[float, float]]:
    """The best time and the peak memory of each command, run in turn."""
    runs = [[once(command) for command in commands] for _ in range(rounds)]
    return [(min(run[i][0] for run in runs), max(run[i][1] for run in runs)) for i in range(len(commands))]


def main() -> None:
    plans = [Path(name) for name in sys.argv[1:]] or [ROOT / "bench/fleet/plan.json", ROOT / "examples/plan.json"]
    (bare, _), (version, memory) = best(ROUNDS[0], [sys.executable, "-c", "pass"], [*GOVERNOR, "--version"])
    print(f"bare interpreter            {bare:7.3f} s")
    print(f"governor --version          {version:7.3f} s {'':>20} {memory:6.0f} MiB")
    print(f"\n{'plan':24} {'floor s':>8} {'governor s':>11} {'ratio':>6} {'peak MiB':>9}")
    for plan in plans:
        measure(plan)
    print(f"\n{'code':24} {'tfparse s':>9} {'governor s':>10} {'ratio':>6} {'peak MiB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        scaled = Path(folder) / "scaled"
        write(CODE, BLOCKS, scaled)
        shutil.copytree(ROOT / "terraform_modules", Path(folder) / "terraform_modules")
        for code, rounds in ((CODE, 7), (scaled, 3)):
            check = [*GOVERNOR, "check", str(code), "-f", "json"]
            (parser, _), (ours, memory) = best(rounds, [sys.executable, "-c", PARSER, str(code)], check)
            name = f"{code.name}, {'as it is' if code is CODE else f'{BLOCKS} blocks'}"
            print(f"{name:24} {parser:9.3f} {ours:10.3f} {ours / parser:6.2f} {memory:9.0f}", flush=True)


def measure(plan: Path) -> None:
    """One line a size, then how 50,000 compares with 10,000."""
    seconds: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in (0, *SIZES):
            file = plan
            if size:
                file = Path(folder) / f"{size}.json"
                write(plan, size, file)
            check = [*GOVERNOR, "check", str(file), "-f", "json"]
            (floor, _), (ours, memory) = best(ROUNDS[size], [sys.executable, "-c", FLOOR, str(file)], check)
            seconds[size] = ours
            name = f"{plan.parent.name}, {size or 'as it is'}"
            print(f"{name:24} {floor:8.3f} {ours:11.3f} {ours / floor:6.2f} {memory:9.0f}", flush=True)
    print(f"{plan.parent.name}: 50,000 take {seconds[50_000] / seconds[10_000]:.2f} × the time of 10,000")


def write(source: Path, size: int, target: Path) -> None:
    # In a process of its own: what is measured is forked from this one, and its peak counts from this one's size.
    generate = ROOT / "bench" / "generate.py"
    subprocess.run([sys.executable, str(generate), str(source), str(size), str(target)], check=True)


if __name__ == "__main__":
    main()
