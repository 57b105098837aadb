"""Tags of one resource, and what of them is not known or not to be shown.

The AWS provider writes a resource's own tags and, in `tags_all`, those with its default tags merged in. One value that
is not known hides the whole map; a resource without any tags has `tags_all` unknown, too, though nothing about it is.
Sensitivity is marked on either map and the value stands in both: what one marks is withheld from both.
"""

from __future__ import annotations

from typing import Any

from governor.sources.terraform_plan.draft import AFTER_APPLY, NOT_YET, SENSITIVE, WITHHELD, Draft
from governor.sources.terraform_plan.reading import mapping

_LABELS = ("effective_labels", "terraform_labels", "labels", "resource_labels", "user_labels")
_GOOGLES_OWN = "goog-terraform-provisioned"


def read_tags(draft: Draft) -> None:
    """Fill `draft.tags` and what is unknown or sensitive of them."""
    if draft.shape.provider == "gcp":
        _google(draft)
    elif draft.resource.type in ("aws_autoscaling_group",):
        pass
    elif draft.shape.provider == "aws":
        _aws(draft)
    else:
        _take(draft, draft.after.get("tags"), _unknown(draft, "tags"))
    _withhold(draft)


def _aws(draft: Draft) -> None:
    own, unknown_own = draft.after.get("tags"), _unknown(draft, "tags")
    everything, unknown_everything = draft.after.get("tags_all"), _unknown(draft, "tags_all")
    if unknown_everything is not True and isinstance(everything, dict):
        _take(draft, everything, unknown_everything)
        _take(draft, own, unknown_own)
        return
    if unknown_everything is not True:
        _take(draft, own, unknown_own)
        return
    defaults, why = draft.plan.providers.default_tags(draft.provider_key)
    for key, value in (defaults or {}).items():
        draft.tags[key] = value
    if unknown_own is True:
        # A default tag is there whatever the resource sets, but its value may be overridden.
        for key in draft.tags:
            draft.unknown[f"tags.{key}"] = AFTER_APPLY
        draft.unknown["tags.*"] = AFTER_APPLY
        return
    _take(draft, own, unknown_own)
    if defaults is None:
        draft.unknown["tags.*"] = why


def _google(draft: Draft) -> None:
    """The widest map of labels that the provider filled in; `tags` of an instance are network tags."""
    written = [name for name in _LABELS if name in draft.after or _unknown(draft, name)]
    known = [name for name in written if isinstance(draft.after.get(name), dict) and _unknown(draft, name) is not True]
    if known:
        _take(draft, draft.after.get(known[0]), _unknown(draft, known[0]))
        draft.tags.pop(_GOOGLES_OWN, None)
    elif any(_unknown(draft, name) is True for name in written) and (
        # Computed without anything set means that nothing is: the configuration tells.
        "labels" not in written or _unknown(draft, "labels") is True or draft.block is None
    ):
        draft.unknown["tags"] = AFTER_APPLY


def _take(draft: Draft, tags: Any, unknown: Any) -> None:
    if unknown is True:
        draft.unknown["tags"] = AFTER_APPLY
        return
    if tags is not None and not isinstance(tags, dict):
        draft.unknown["tags"] = "its tags are no map in this plan"
        return
    for key, value in mapping(tags).items():
        if value is not None:
            draft.tags[key] = value if isinstance(value, str) else str(value)
    for key, mark in mapping(unknown).items():
        if mark:
            draft.tags[key] = NOT_YET
            draft.unknown[f"tags.{key}"] = AFTER_APPLY


def _withhold(draft: Draft) -> None:
    marks = mapping(draft.marks)
    names = _LABELS if draft.shape.provider == "gcp" else ("tags", "tags_all")
    for name in names:
        mark = marks.get(name) if draft.marks is not True else True
        if mark is True:
            keys = list(mapping(draft.after.get(name)) or draft.tags)
        else:
            keys = [key for key, marked in mapping(mark).items() if marked]
        for key in keys:
            if key in draft.tags:
                draft.tags[key] = WITHHELD
                draft.unknown[f"tags.{key}"] = SENSITIVE
                draft.sensitive.append(f"tags.{key}")


def _unknown(draft: Draft, name: str) -> Any:
    marks: Any = draft.unknown_after
    return True if marks is True else mapping(marks).get(name)
