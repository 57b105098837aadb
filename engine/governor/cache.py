"""What was found to hold once and need not be found again: a digest in, an empty file in the user's cache.

The cache may be deleted at any time, and where it cannot be written nothing is remembered.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path


def folder() -> Path:
    """`$XDG_CACHE_HOME/governor`, or the platform's own place for caches."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(home) if home else Path.home() / ".cache") / "governor"


def digest(*parts: bytes) -> str:
    """One name for all the parts together."""
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()


def remembers(name: str) -> bool:
    """Whether it was remembered before."""
    try:
        return (folder() / name).is_file()
    except (OSError, RuntimeError):  # no home folder
        return False


def remember(name: str) -> None:
    """Remember it, if that can be."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        (folder() / name).touch()
    except (OSError, RuntimeError):
        return
