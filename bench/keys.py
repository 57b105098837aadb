"""How long `governor keys scan` takes: a commit of twelve files against `governor --version`; a tree of 150 MB against
reading its bytes, without and with the extra `fast-keys`.

`make bench` runs it. The tree is the standard library of the Python that runs it, over and over.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from itertools import count
from pathlib import Path

from bench import GOVERNOR, best

PLAIN = [sys.executable, "-c", "import sys; sys.modules['hyperscan'] = None\nfrom governor.cli import main; main()"]
FLOOR = """
import os
for place, _, files in os.walk("."):
    for name in files:
        with open(os.path.join(place, name), "rb") as file:
            file.read()
"""
TREE = 150_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        commit()
        ((bare, _), (version, _), (staged, memory)) = best(
            15, [sys.executable, "-c", "pass"], [*GOVERNOR, "--version"], [*GOVERNOR, "keys", "scan", "--staged", "-q"]
        )
        print(f"\nbare interpreter            {bare:7.3f} s")
        print(f"governor --version          {version:7.3f} s")
        print(f"a commit of 12 files        {staged:7.3f} s   {staged / version:5.2f} × --version {memory:6.0f} MiB")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        files = tree()
        scan = ["keys", "scan", "-q"]
        ((floor, _), (plain, memory), (fast, _)) = best(
            3, [sys.executable, "-c", FLOOR], [*PLAIN, *scan], [*GOVERNOR, *scan]
        )
        print(f"150 MB in {files:,} files, read {floor:7.3f} s")
        print(f"scanned                     {plain:7.3f} s   {plain / floor:5.2f} × reading {memory:6.0f} MiB")
        print(f"scanned with fast-keys      {fast:7.3f} s   {fast / floor:5.2f} × reading", flush=True)


def commit() -> None:
    """A repository of 300 files, twelve of them changed and staged."""
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    for number in range(300):
        Path(f"{number}.py").write_text(f"value = {number}\n" * 300)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "begin"], check=True)
    for number in range(12):
        Path(f"{number}.py").write_text("def task_disk_risk() -> None: ...\n" * 300)
    subprocess.run([*git, "add", "-A"], check=True)


def tree() -> int:
    """150 MB of Python; the number of files."""
    library = Path(sysconfig.get_path("stdlib"))
    sources = [file for file in sorted(library.rglob("*.py")) if "site-packages" not in file.parts]
    size = files = 0
    for copy in count():
        for source in sources:
            target = Path(str(copy), *source.relative_to(library).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            size, files = size + target.stat().st_size, files + 1
            if size >= TREE:
                return files
    raise AssertionError


if __name__ == "__main__":
    main()
