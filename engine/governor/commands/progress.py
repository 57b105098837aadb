"""How far a long run is, on stderr."""

from __future__ import annotations

import sys


class Progress:
    """Tells it on one line of a terminal, which it clears, or on lines of their own."""

    def __init__(self) -> None:
        self._line = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def tell(self, how_far: str) -> None:
        start, end = ("\r", "") if self._line else ("", "\n")
        sys.stderr.write(f"{start}governor: {how_far}{end}")
        sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._line:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
