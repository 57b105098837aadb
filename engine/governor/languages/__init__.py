"""Languages that policies are written in: file suffix → module. Each answers in the same words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from governor.model import Evaluator, Failure, Inventory, Policy, Resource

LANGUAGES = {".rego": "governor.languages.rego", ".py": "governor.languages.python"}


class Source(Struct, frozen=True):
    """One file of policies."""

    concern: str
    path: Path


class Language(Protocol):
    """What a language module offers."""

    def load(self, sources: Sequence[Source], config: Mapping[str, Any], keep: Callable[[Policy], bool]) -> Evaluator:
        """Policies of all the files, with each concern's data; those that `keep` turns down are not asked."""


class SourceLine(Struct, frozen=True):
    """One line of a policy."""

    number: int
    text: str
    ran: bool | None
    """None where there is nothing to run: a brace, a comment."""


class Passage(Struct, frozen=True):
    """A rule or function, and which lines of it ran."""

    file: str
    lines: tuple[SourceLine, ...]
    helper: bool
    """Whether the policy only uses it; else it is (one body of) the policy itself."""

    @property
    def whole(self) -> bool:
        """Whether all of it ran."""
        return all(line.ran is not False for line in self.lines)


@runtime_checkable
class Explainable(Evaluator, Protocol):
    """An evaluator that can tell how one of its policies came to its answer."""

    def alone(self, policy: Policy) -> Explainable:
        """The same, with one policy to ask."""

    def reads(self, policy: Policy) -> frozenset[str]:
        """Paths of the facts that the policy names: `tags.project`, `tags` for tags it looks up by a variable."""

    def passages(self, policy: Policy, inventory: Inventory, today: date) -> list[Passage]:
        """Ask the policy, and tell which lines ran: of its own bodies, then of what they use."""


def language(suffix: str) -> Language:
    """The module behind a suffix, imported when first asked for."""
    return cast("Language", import_module(LANGUAGES[suffix]))


MOST = 5
"""Resources that are named of those that a policy fails on."""


def failures(
    policy: Policy, inventory: Inventory, complaint: str, complains: Callable[[Inventory], str], most: int = MOST
) -> list[Failure]:
    """Name the resources on which a failing policy fails, at most `most`, by asking it about ever smaller parts.

    `complains` returns the complaint of the policy on an inventory, or "". A policy that fails without any resource, or
    on none alone, fails on the inventory as a whole.
    """

    def narrow(resources: Sequence[Resource]) -> Iterator[Failure]:
        reason = complains(replace(inventory, resources=tuple(resources)))
        if reason and len(resources) == 1:
            yield Failure(policy.id, resources[0].id, reason)
        elif reason and len(resources) > 1:
            yield from narrow(resources[: len(resources) // 2])
            yield from narrow(resources[len(resources) // 2 :])

    whole = Failure(policy.id, "", complaint)
    if complains(replace(inventory, resources=())):
        return [whole]
    return list(islice(narrow(inventory.resources), most)) or [whole]
