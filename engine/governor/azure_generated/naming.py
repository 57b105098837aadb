"""Names of what is made, the same in every run, and the limits that Azure sets on names and texts. Pure.

Limits: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules, and of tags
https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from textwrap import shorten
from typing import Any

MADE_BY = "governor azure generate"
"""Stands in every object and file that is made, so that the next run knows them."""

CATEGORY = "AI governance"
VERSION = "1.0.0"

TAG_NAME = 512
TAG_VALUE = 256
_NAME, _DISPLAY_NAME, _DESCRIPTION = 64, 128, 512

_NOT_IN_TAGS = re.compile(r"[<>%&\\?/\x00-\x1f]")


def bad_tag(tag: str) -> str:
    """Why Azure has no tag of this name; empty when it may."""
    if len(tag) > TAG_NAME:
        return f"Azure has no tag of {len(tag)} characters: {TAG_NAME} are the most"
    if found := _NOT_IN_TAGS.search(tag):
        return f"Azure allows no {found[0]!r} in the name of a tag"
    return ""


def name(*parts: str, tail: str = "") -> str:
    """`governor-tag-owner-team-missing`: readable, and of its own for every text, whatever is in it."""
    words = "-".join(parts)
    plain = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    room = _NAME - len("governor--") - len(tail) - 1
    if plain != words or len(plain) > room:
        digest = sha256(words.encode()).hexdigest()[:8]
        plain = f"{plain[: room - 9].strip('-')}-{digest}"
    return "-".join(word for word in ("governor", plain, tail) if word)


def display_name(words: str) -> str:
    return _short(words, _DISPLAY_NAME)


def description(words: str) -> str:
    return _short(words, _DESCRIPTION)


def _short(words: str, most: int) -> str:
    words = " ".join(words.split())
    return (
        words
        if len(words) <= most
        else shorten(words, most, placeholder=" …")
        if " " in words[:most]
        else words[: most - 1] + "…"
    )


def metadata(policy: str, **subject: str) -> Mapping[str, Any]:
    """Of a definition that says what one of our policies says."""
    return {"category": CATEGORY, "version": VERSION, "madeBy": MADE_BY, "policy": policy, **subject}
