"""A name in, the files of a new policy out: a rule, its card, its cases and the fragments of its page. Pure.

The rule asks for a tag of that name. It works, and passes its tests and the linter: change it into what you need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from string import Template
from typing import Literal

from governor import cases
from governor.errors import Refusal
from governor.model import Policy

_ID = re.compile(r"([A-Z]{2,6})(\d{3})")
_SHORTEST, _LONGEST = 3, 6
"""Letters before the number of an id."""


def policy(name: str, concern: str, id: str, language: Literal["rego", "python"]) -> Mapping[str, str]:
    """Path below the concern's folder → text. `cases.yaml` is added to the one that may be there."""
    suffix = {"rego": "rego", "python": "py"}[language]
    words = {
        "id": id,
        "name": name,
        "concern": concern,
        "tag": name.replace("_", "-"),
        "title": f"Machines carry the tag {name.replace('_', '-')}",
    }
    templates = {
        f"{name}.{suffix}": f"policy.{suffix}",
        cases.FILE: "cases.yaml",
        f"fragments/{id}_avoid.tf": "avoid.tf",
        f"fragments/{id}_prefer.tf": "prefer.tf",
    }
    return {path: _fill(template, words) for path, template in templates.items()}


def plain_name(written: str) -> str:
    """The name as Rego and Python take it. Refuses what they do not."""
    name = written.lower().replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise Refusal(f"a policy cannot be named {written!r}: take letters, digits and underscores, a letter first")
    return name


def next_id(concern: str, known: Iterable[Policy]) -> str:
    """The next free number of the concern; a new concern takes its own first letters."""
    taken = {match[1]: other.concern for other in known if (match := _ID.fullmatch(other.id))}
    letters = re.sub(r"[^A-Z]", "", concern.upper()).ljust(_SHORTEST, "X")
    own = [prefix for prefix, other in taken.items() if other == concern]
    free = [letters[:length] for length in range(_SHORTEST, _LONGEST + 1) if letters[:length] not in taken]
    if not own and not free:
        raise Refusal(
            f"no id for a concern named {concern}: {letters[:_LONGEST]} is taken by {taken[letters[:_LONGEST]]}"
        )
    prefix = (own or free)[0]
    numbers = [int(match[2]) for other in known if (match := _ID.fullmatch(other.id)) and match[1] == prefix]
    return f"{prefix}{max(numbers, default=0) + 1:03}"


def _fill(template: str, words: Mapping[str, str]) -> str:
    return Template((files(__name__) / f"{template}.txt").read_text("utf-8")).substitute(words)
