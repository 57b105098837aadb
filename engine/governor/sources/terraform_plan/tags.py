"""Tags of one resource, and what of them is not known or not to be shown.

The AWS provider writes a resource's own tags and, in `tags_all`, those with its default tags merged in. One value that
is not known hides the whole map; a resource without any tags has `tags_all` unknown, too, though nothing about it is.
Sensitivity is marked on either map and the value stands in both: what one marks is withheld from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from governor.sources.terraform_plan.draft import AFTER_APPLY, NOT_TOLD, NOT_YET, Draft
from governor.sources.terraform_plan.reading import as_text, at, mapping
from governor.sources.terraform_plan.withhold import HIDDEN_KEYS, SENSITIVE, WITHHELD

_COMPLETE = ("effective_labels", "terraform_labels")
_LABELS = ("effective_labels", "terraform_labels", "labels", "resource_labels", "user_labels")
_GOOGLES_OWN = "goog-terraform-provisioned"


def read_tags(draft: Draft) -> None:
    """Fill `draft.tags` and what is unknown or sensitive of them."""
    if draft.shape.tags:
        _at(draft, draft.shape.tags)
    elif draft.shape.provider == "gcp":
        _google(draft)
    elif draft.resource.type == "aws_autoscaling_group":
        return  # its reader knows its tags
    elif draft.shape.provider == "aws":
        _aws(draft)
    else:
        _take(draft, "tags", draft.after.get("tags"), _unknown(draft, "tags"))
    if draft.marks is not None:
        _withheld(draft)


def only_default_tags(after: Mapping[str, Any], unknown: msgspec.Raw) -> dict[str, str]:
    """The default tags of its provider, when the resource has no tags of its own."""
    everything = after.get("tags_all")
    if after.get("tags") or not isinstance(everything, dict) or not everything:
        return {}
    if mapping(msgspec.json.decode(unknown)).get("tags") or WITHHELD in everything.values():
        return {}
    return {key: as_text(value) for key, value in everything.items()}


def _at(draft: Draft, path: str) -> None:
    """Labels of a type that has them in a block of its own."""
    if why := draft.why_unknown(path):
        draft.unknown["tags"] = why
    else:
        _take(draft, path, draft.get(path), at(draft.unknown_after, path))
        for key, mark in mapping(at(draft.marks, path)).items():
            if mark:
                draft.tags[key] = WITHHELD


def _aws(draft: Draft) -> None:
    own, unknown_own = draft.after.get("tags"), _unknown(draft, "tags")
    everything, unknown_everything = draft.after.get("tags_all"), _unknown(draft, "tags_all")
    if unknown_everything is not True and isinstance(everything, dict):
        _take(draft, "tags_all", everything, unknown_everything)
        _take(draft, "tags", own, unknown_own)
        return
    if unknown_everything is not True:
        _take(draft, "tags", own, unknown_own)
        return
    defaults, why = draft.plan.providers.default_tags(draft.provider_key)
    for key, value in (defaults or {}).items():
        draft.tags[key] = value
    if unknown_own is True:
        # A default tag is there whatever the resource sets, but its value may be overridden.
        for key in draft.tags:
            draft.unknown[f"tags.{key}"] = draft.reason("tags")
        draft.unknown["tags.*"] = draft.reason("tags")
        return
    _take(draft, "tags", own, unknown_own)
    if defaults is None:
        draft.unknown["tags.*"] = why


def _google(draft: Draft) -> None:
    """The widest map of labels that the provider filled in; `tags` of an instance are network tags."""
    written = [name for name in _LABELS if name in draft.after or _unknown(draft, name)]
    known = [name for name in written if isinstance(draft.after.get(name), dict) and _unknown(draft, name) is not True]
    if known and known[0] in _COMPLETE:
        _take(draft, known[0], draft.after.get(known[0]), _unknown(draft, known[0]))
        draft.tags.pop(_GOOGLES_OWN, None)
        return
    own = next((name for name in written if name not in _COMPLETE), "labels")
    if _unknown(draft, own) is True and draft.written(own) is not False:
        draft.unknown["tags"] = draft.reason(own)
        return
    if any(name in _COMPLETE for name in written):
        # Where one label is not known, the map with the provider's default labels is not known either.
        defaults, why = draft.plan.providers.default_labels(draft.provider_key)
        draft.tags.update(defaults or {})
        if defaults is None:
            draft.unknown["tags.*"] = why
    _take(draft, own, draft.after.get(own), _unknown(draft, own))
    draft.tags.pop(_GOOGLES_OWN, None)


def _take(draft: Draft, path: str, tags: Any, unknown: Any) -> None:
    """Take over the tags that lie at a path."""
    if unknown is True:
        draft.unknown["tags"] = draft.reason(path)
        return
    if tags is not None and not isinstance(tags, dict):
        draft.unknown["tags"] = "its tags are no map in this plan"
        return
    for key, value in mapping(tags).items():
        if value is not None:
            draft.tags[key] = value if isinstance(value, str) else as_text(value)
    for key, mark in mapping(unknown).items():
        if mark:
            reason = draft.unknown[f"tags.{key}"] = draft.reason(f"{path}.{key}")
            draft.tags[key] = NOT_YET if reason == AFTER_APPLY else NOT_TOLD


def _withheld(draft: Draft) -> None:
    """Say of each value that was withheld that it is not known."""
    if draft.marks is True:
        draft.unknown["tags"] = SENSITIVE
        return
    if mapping(draft.marks).get(HIDDEN_KEYS):
        draft.unknown["tags.*"] = SENSITIVE
    for key, value in draft.tags.items():
        if value == WITHHELD:
            draft.unknown[f"tags.{key}"] = SENSITIVE
            draft.sensitive.append(f"tags.{key}")


def _unknown(draft: Draft, name: str) -> Any:
    marks: Any = draft.unknown_after
    return True if marks is True else mapping(marks).get(name)
