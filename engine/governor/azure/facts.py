"""Answers of policies, as the attributes of a scope. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governor.azure.hearing import Answer, Key
from governor.azure.wanted import Wanted

Facts = tuple[Mapping[str, Any], Mapping[str, str]]
"""Attributes, and paths of what is not known."""


def facts(answers: Mapping[Key, Mapping[str, Answer]], wanted: Wanted) -> Facts:
    tags, unknown = _of_tags(answers, wanted)
    gpu, doubts = _of_sizes({kind: found for (name, kind), found in answers.items() if name == "gpu"})
    unknown |= doubts
    locations: dict[str, dict[str, str]] = {}
    others: dict[str, dict[str, str]] = {"global_processing": {}, "local_auth": {}}
    for (name, kind), items in answers.items():
        if name in ("locations", "global_processing", "local_auth"):
            into = locations.setdefault(kind, {}) if name == "locations" else others[name]
            prefix = f"attributes.{name}.{kind}" if name == "locations" else f"attributes.{name}"
            for item, answer in items.items():
                if answer.doubt:
                    unknown[f"{prefix}.{item}"] = answer.doubt
                else:
                    into[item] = answer.effect if answer.enforced else ""
    found = {
        "requires_tags": tags,
        "locations": locations,
        "allowed_locations": {kind: sorted(allowed) for kind, allowed in wanted.locations.items()},
        "gpu": gpu,
        **others,
    }
    return found, unknown


def _of_tags(answers: Mapping[Key, Mapping[str, Answer]], wanted: Wanted) -> tuple[dict[str, Any], dict[str, str]]:
    """Of the types that must carry a tag, what is asked of the one that is asked least."""
    tags: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for name, tag in wanted.tags.items():
        found = {kind: answers["requires_tags", kind][name] for kind in tag.on}
        least = min(found.values(), key=lambda answer: answer.strength)
        doubt = next((answer.doubt for answer in found.values() if answer.doubt), "")
        if doubt and all(answer.strength[0] or answer.doubt for answer in found.values()):
            unknown[f"attributes.requires_tags.{name}"] = doubt
            continue
        lacking = [kind for kind, answer in found.items() if not answer.strength[0] and not answer.doubt]
        tags[name] = {
            "effect": least.effect,
            "enforced": least.enforced and bool(least.effect),
            "assignment": least.assignment,
            "not_on": lacking,
        }
    return tags, unknown


def _of_sizes(answers: Mapping[str, Mapping[str, Answer]]) -> tuple[dict[str, str], dict[str, str]]:
    """For each type what stops the sizes with GPUs that are stopped of any type, in the mildest way."""
    stopped = {size for found in answers.values() for size, answer in found.items() if answer.strength[0]}
    gpu: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for kind, found in answers.items():
        doubt = next((answer.doubt for size, answer in found.items() if not stopped or size in stopped), "")
        mildest = min((found[size] for size in stopped), key=lambda answer: answer.strength, default=Answer())
        if doubt and mildest.strength < (True, 3):
            unknown[f"attributes.gpu.{kind}"] = doubt
        else:
            gpu[kind] = mildest.effect if mildest.enforced else ""
    return gpu, unknown
