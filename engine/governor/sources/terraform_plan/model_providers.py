"""Facts of the providers that sell models: the keys they issue."""

from __future__ import annotations

from collections.abc import Callable

from governor.sources.terraform_plan.draft import Draft
from governor.sources.terraform_plan.reading import text

_PATHS = {
    "name": ("name", "key_alias", "comment"),
    "owner": ("user_id", "service_account", "application_id"),
    "container": ("project_id", "team_id", "workspace_id"),
}


def model_provider_key(draft: Draft) -> None:
    key = {"provider": draft.shape.provider}
    for ours, paths in _PATHS.items():
        if value := next((found for path in paths if (found := text(draft.get(path)))), None):
            key[ours] = value
    draft.attributes["key"] = key


READERS: dict[str, Callable[[Draft], None]] = {"model_provider_key": model_provider_key}
