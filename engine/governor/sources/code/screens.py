"""How a file without keys is told from one with: by the catalogue's screens, or by a faster engine where it pays."""

from __future__ import annotations

from collections.abc import Sequence

from governor.catalog import ai_keys
from governor.sources.code.sighting import Screen

WORTH_IT = 500
"""Files from which on the faster engine saves more than its start costs."""


def screen_for(files: int) -> Screen:
    """The screen for a number of files. Whichever it is, the same patterns have the last word."""
    return (fast_screen() if files >= WORTH_IT else None) or ai_keys.rules_for


def fast_screen() -> Screen | None:
    """All literals in one pass, by Hyperscan; None where the extra `fast-keys` is not installed."""
    try:
        import hyperscan
    except ImportError:
        return None
    literals = [(literal.encode(), rule) for rule, one in enumerate(ai_keys.RULES) for literal in one.literals]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[literal for literal, _ in literals],
        ids=[rule for _, rule in literals],
        elements=len(literals),
        flags=hyperscan.HS_FLAG_SINGLEMATCH,
        literal=True,
    )

    def screen(data: bytes) -> Sequence[ai_keys.Rule]:
        found: set[int] = set()
        database.scan(data, match_event_handler=lambda rule, *_: found.add(rule))
        return [ai_keys.RULES[rule] for rule in sorted(found)]

    return screen
