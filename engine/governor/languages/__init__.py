"""Languages that policies are written in: file suffix → module. Each answers in the same words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from msgspec import Struct

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


def language(suffix: str) -> Language:
    """The module behind a suffix, imported when first asked for."""
    return cast("Language", import_module(LANGUAGES[suffix]))


def failures(
    policy: Policy, inventory: Inventory, complaint: str, complains: Callable[[Inventory], str], most: int = 5
) -> list[Failure]:
    """Name the resources on which a failing policy fails, by asking it about one at a time.

    `complains` returns the complaint of the policy on an inventory, or "". A policy that fails on no single resource
    fails on the inventory as a whole.
    """
    found: list[Failure] = []
    for resource in inventory.resources:
        if reason := complains(_only(inventory, resource)):
            found.append(Failure(policy.id, resource.id, reason))
            if len(found) == most:
                break
    return found or [Failure(policy.id, "", complaint)]


def _only(inventory: Inventory, resource: Resource) -> Inventory:
    return Inventory(stage=inventory.stage, resources=(resource,), spend=inventory.spend, taken_at=inventory.taken_at)
