"""The command line, as tests of commands have it."""

from __future__ import annotations

from commands.conftest import governor

__all__ = ["governor"]
