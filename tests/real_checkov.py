"""A real checkov, in a virtual environment of its own that later runs find again in the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from governor import cache

RELEASE = "3.3.30"
"""What docs and tests were written against."""

INSTALLED = "installed"
SECONDS_TO_INSTALL = 600

ENVIRONMENTS = cache.folder() / "test-venvs"
"""Asked for when this is imported: tests run with a cache of their own."""


class MissingCheckovError(Exception):
    """checkov cannot be installed here; the message says why."""


def find() -> Path:
    """Its program, installed by pip with the settings of this machine. The first one to ask installs, others wait."""
    try:
        import fcntl
    except ImportError:
        raise MissingCheckovError("installing checkov for tests takes a file lock of POSIX") from None
    folder = ENVIRONMENTS / f"checkov-{RELEASE}-python{sys.version_info[0]}.{sys.version_info[1]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = folder / "bin" / "checkov"
        if not (folder / INSTALLED).exists() or not program.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(sys.executable, "-m", "venv", str(folder))
            _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"checkov=={RELEASE}")
            (folder / INSTALLED).touch()
    return program


def _run(*command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=SECONDS_TO_INSTALL, check=False
        )
    except subprocess.TimeoutExpired:
        raise MissingCheckovError(f"checkov {RELEASE} was not installed in {SECONDS_TO_INSTALL} s") from None
    if ran.returncode:
        why = (ran.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise MissingCheckovError(f"checkov {RELEASE} cannot be installed: {why}")
