"""`governor version`: what a bug report needs."""

from __future__ import annotations

import platform
from importlib.metadata import version

from governor import __version__


def run() -> int:
    """Print versions, a line each."""
    print(f"governor {__version__}")
    print(f"python {platform.python_version()}")
    print(f"regorus {version('gordon-to-regorus')}")
    return 0
