"""The tags of a charge in, one value for each key of the taxonomy out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

_FOLDED = re.compile(r"[\s_-]+")
"""What TAG003 passes over when it takes one key for another, case aside."""


class Promoted(Struct, frozen=True):
    """The tags of one charge."""

    values: tuple[str, ...]
    """One for each key of the taxonomy; empty where no tag gives it."""
    untagged: bool = False
    """Whether it carries no tag at all."""


class Taxonomy:
    """The keys of `tags` in the data of the concern tagging, and the other names that people give them."""

    def __init__(self, tags: Mapping[str, Any]) -> None:
        self.names = {key: (key, *((rule or {}).get("aliases") or ())) for key, rule in tags.items()}
        """Key → itself and its aliases, best first."""
        self._folded = {key: tuple(map(_fold, names)) for key, names in self.names.items()}

    def promote(self, tags: str | None, allocated: str | None = None) -> Promoted | None:
        """What a charge's Tags say of each key; None when they are no JSON object, and so not known.

        A key's own name goes before its aliases, and those in the order they are listed. Blanks around keys and values
        do not count, nor does case in keys; a value that is blank, or the `true` of a key without one, is no value.
        `allocated` are the tags of what a shared cost was split to (FOCUS 1.3): they go before the charge's own.
        """
        own, split = _object(tags), _object(allocated)
        if own is None or split is None:
            return None
        found: dict[str, str] = {}
        for key, value in (*split.items(), *own.items()):
            text = _text(value)
            if text:
                found.setdefault(key.strip(), text)
        folded: dict[str, str] = {}
        for key, text in found.items():
            folded.setdefault(_fold(key), text)
        values = tuple(
            found.get(key) or next((folded[name] for name in names if name in folded), "")
            for key, names in self._folded.items()
        )
        return Promoted(values, untagged=not own and not split)


def _fold(key: str) -> str:
    return _FOLDED.sub("", key).lower()


def _text(value: Any) -> str:
    return "" if value is None or value is True or isinstance(value, (dict, list)) else str(value).strip()


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None or not text.strip():
        return {}
    try:
        loaded = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return None
    if loaded is None:
        return {}
    return loaded if isinstance(loaded, dict) else None
