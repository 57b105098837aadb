"""Real git repositories for tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

IDENTITY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


class Repository:
    """A repository in a folder. Days are given to commits, so that reports are the same every time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, day: str = "2026-01-01", **environment: str) -> str:
        dates = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
        env = {**os.environ, **IDENTITY, **dates, **environment}
        run = subprocess.run(["git", *arguments], cwd=self.folder, env=env, capture_output=True, check=True)
        return run.stdout.decode().strip()

    def write(self, **files: str) -> None:
        """Files of Python: `write(app="x = 1")` is app.py."""
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text, "utf-8")

    def commit(self, message: str = "change", day: str = "2026-01-01", **files: str) -> str:
        """Write, stage everything and commit; the id of the commit."""
        self.write(**files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, day=day)
        return self.git("rev-parse", "HEAD")
