"""One export of what many files say: each object once, each record of compliance the latest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from governor.azure_model import Definition, Initiative, PolicyState, Summary

Policy = TypeVar("Policy", bound=Any)


def once(policies: Iterable[Policy], differs: Callable[[Policy, Policy], None]) -> tuple[Policy, ...]:
    """Each object once. The first that was read stands; `differs` is told of another, and of the one that stands.

    Definitions and initiatives of several versions stand in each, the newest first. What no policy is judged by makes
    no difference: names to show, descriptions, metadata.
    """
    kept: dict[str, dict[str, Policy]] = {}
    for policy in policies:
        versions = kept.setdefault(policy.id.lower(), {})
        version = _version(policy).lower()
        # Not every layout tells the version of a definition.
        first = versions.get(version) or versions.get("") or (None if version else next(iter(versions.values()), None))
        if first is None:
            versions[version] = policy
        elif _compared(first) != _compared(policy):
            differs(policy, first)
    return tuple(policy for versions in kept.values() for policy in sorted(versions.values(), key=_newest_first))


def _version(policy: Policy) -> str:
    return policy.version if isinstance(policy, (Definition, Initiative)) else ""


def _compared(policy: Policy) -> Policy:
    version = {"version": ""} if isinstance(policy, (Definition, Initiative)) else {}
    return replace(policy, id=policy.id.lower(), display_name="", description="", metadata={}, written=None, **version)


def _newest_first(policy: Policy) -> tuple[int, ...]:
    return tuple(-int(number[:9]) for number in re.findall(r"\d+", _version(policy))[:3])


def latest(states: Iterable[PolicyState]) -> tuple[PolicyState, ...]:
    """Of records of the same resource, policy and assignment, the latest."""
    kept: dict[tuple[str, str, str, str], PolicyState] = {}
    for state in states:
        key = (state.resource.lower(), state.assignment.lower(), state.definition.lower(), state.reference.lower())
        other = kept.setdefault(key, state)
        if other is not state and _moment(state.at) > _moment(other.at):
            kept[key] = state
    return tuple(kept.values())


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def distinct(summaries: Iterable[Summary]) -> tuple[Summary, ...]:
    """Each summary once. Two of different counts were made at different times, and both stand."""
    kept: dict[tuple[str, ...], Summary] = {}
    for summary in summaries:
        what = (summary.assignment.lower(), summary.definition.lower(), summary.reference.lower())
        kept.setdefault((*what, repr(sorted(summary.resources.items()))), summary)
    return tuple(kept.values())


def ancestors(told: Mapping[str, tuple[str, ...]], states: Sequence[PolicyState]) -> dict[str, tuple[str, ...]]:
    """The management groups above each subscription; states tell them where nothing else does."""
    found = dict(told)
    for state in states:
        if state.ancestors:
            parts = state.resource.lower().split("/", 3)
            if len(parts) > 2 and parts[1] == "subscriptions":
                found.setdefault("/".join(parts[:3]), state.ancestors)
    return found
