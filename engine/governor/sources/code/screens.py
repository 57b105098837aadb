"""How a file without keys is told from one with: by the catalogue's screens, or by a faster engine where it pays."""

from __future__ import annotations

from governor.catalog import ai_keys
from governor.sources.code.sighting import Screen

WORTH_IT = 500
"""Files from which on the faster engine saves more than its start costs."""


def screen_for(files: int) -> Screen:
    """The screen for a number of files. Whichever it is, what it lets through is judged by the same patterns."""
    return (fast_screen() if files >= WORTH_IT else None) or ai_keys.might_hold_in_code


def fast_screen() -> Screen | None:
    """All literals in one pass, by Hyperscan; None where the extra `fast-keys` is not installed."""
    try:
        import hyperscan
    except ImportError:
        return None
    literals = ai_keys.literals()
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=literals, ids=range(len(literals)), elements=len(literals), flags=0, literal=True)

    def screen(data: bytes) -> bool:
        try:
            database.scan(data, match_event_handler=_stop)
        except hyperscan.ScanTerminated:
            return True
        return False

    return screen


def _stop(*_: object) -> bool:
    """One match is enough."""
    return True
