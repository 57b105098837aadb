"""The one exception that people see: a mistake they can mend."""

from __future__ import annotations

USAGE = 2
"""Exit code: the command line or a file that people write by hand is wrong."""

CANNOT_JUDGE = 3
NOTHING_JUDGED = 4
"""Exit code: the input could not be read, or a policy could not be evaluated."""


class Refusal(Exception):  # noqa: N818
    """One line that says what is wrong, where, and what to do.

    `place` is `file`, `file:line` or `file:line:column`; `code` is the exit code of a run that ends with it.
    """

    def __init__(self, message: str, *, place: str = "", code: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.code = code

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message
