"""How far a long run is, on stderr."""

from __future__ import annotations

import sys

from governor import log


class Progress:
    """Tells it on one line of a terminal, which it clears, or on lines of their own."""

    def __init__(self) -> None:
        self._line = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def tell(self, how_far: str) -> None:
        if not self._line:
            log.say(how_far)
            return
        sys.stderr.write(f"\rgovernor: {how_far}")
        sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._line:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
