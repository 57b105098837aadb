"""Folders of policies in, a library out: what to ask, and the data to ask it with.

A library folder holds a folder a concern; a concern holds Rego and Python files, `data.yaml` and `schema.json`. Later
folders overlay the data of earlier ones (mappings merge, everything else replaces) and add policies and concerns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from governor import yamlfile
from governor.errors import Refusal
from governor.languages import LANGUAGES, Source, language
from governor.model import Evaluator, Policy


def builtin() -> Path:
    """The library that ships with governor: inside the wheel, or beside engine/ in a checkout."""
    here = Path(__file__).parent
    shipped = here / "policies"
    return shipped if shipped.is_dir() else here.parents[1] / "policies"


class Concern(Struct, frozen=True):
    """One concern, all folders laid over one another."""

    name: str
    sources: tuple[Source, ...]
    config: Mapping[str, Any]
    schema: Path | None = None
    config_files: tuple[Path, ...] = ()


class Library(Struct, frozen=True):
    """Policies of all concerns, ready to be asked."""

    concerns: Mapping[str, Concern]
    evaluators: Sequence[Evaluator]

    @property
    def policies(self) -> list[Policy]:
        """Sorted by id."""
        return sorted((p for e in self.evaluators for p in e.policies), key=lambda policy: policy.id)


def load(
    folders: Sequence[Path],
    *,
    keep: Callable[[Policy], bool] = lambda _: True,
    overlay: Mapping[str, Mapping[str, Any]] | None = None,
    only: Iterable[str] | None = None,
) -> Library:
    """Read the folders, in order. `overlay` lies over their data; `only` names the concerns wanted.

    Refuses a folder without policies, data that breaks its schema, and two policies with one id.
    """
    concerns = read_concerns(folders)
    if only is not None:
        concerns = {name: concerns[name] for name in only}
    for name, data in (overlay or {}).items():
        if name not in concerns:
            raise Refusal(f"no concern is named {name}: there are {', '.join(sorted(concerns))}")
        concern = concerns[name]
        merged = merge(concern.config, _plain(data))
        _validate(concern, merged, place="overlay")
        concerns[name] = Concern(name, concern.sources, merged, concern.schema, concern.config_files)
    config = {name: concern.config for name, concern in concerns.items()}
    evaluators = []
    for suffix in LANGUAGES:
        sources = [s for concern in concerns.values() for s in concern.sources if s.path.suffix == suffix]
        if sources:
            evaluators.append(language(suffix).load(sources, config, keep))
    _refuse_shared_ids(evaluators)
    return Library(concerns, evaluators)


def read_concerns(folders: Sequence[Path]) -> dict[str, Concern]:
    """Concerns by name, without loading their policies."""
    concerns: dict[str, Concern] = {}
    for folder in folders:
        found = False
        if not folder.is_dir():
            raise Refusal("no such folder of policies", place=str(folder))
        for place in sorted(folder.iterdir()):
            if place.is_dir() and place.name.isidentifier():
                found |= _overlay_concern(concerns, place)
        if not found:
            raise Refusal(
                "no concern in this folder: it wants a folder a concern, with *.rego, *.py or data.yaml inside",
                place=str(folder),
            )
    return concerns


def _overlay_concern(concerns: dict[str, Concern], folder: Path) -> bool:
    name = folder.name
    sources = tuple(
        Source(name, file)
        for file in sorted(folder.iterdir())
        if file.suffix in LANGUAGES and not file.stem.endswith("_test") and not file.name.startswith(("_", "test_"))
    )
    data, schema = folder / "data.yaml", folder / "schema.json"
    if not sources and not data.is_file():
        return False
    before = concerns.get(name, Concern(name, (), {}))
    overlaid = bool(before.sources)
    concern = Concern(
        name,
        before.sources + sources,
        before.config,
        schema if schema.is_file() else before.schema,
        before.config_files,
    )
    if data.is_file():
        loaded = _plain(yamlfile.read(data) or {})
        if not isinstance(loaded, dict):
            raise Refusal("the data of a concern is a mapping", place=yamlfile.place(data, ()))
        merged = merge(before.config, loaded)
        concern = Concern(name, concern.sources, merged, concern.schema, (*before.config_files, data))
        # The shipped data is checked by our own tests; jsonschema costs 0.1 s to import.
        if overlaid or folder.parent != builtin():
            _validate(concern, merged, file=data)
    concerns[name] = concern
    return True


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`: mappings merge key by key, everything else replaces; null removes the key."""
    merged = dict(below)
    for key, value in above.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _validate(concern: Concern, config: Mapping[str, Any], *, file: Path | None = None, place: str = "") -> None:
    if concern.schema is None:
        return
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(concern.schema.read_text("utf-8")))
    error = jsonschema.exceptions.best_match(validator.iter_errors(config))
    if error is not None:
        path = list(error.absolute_path)
        at = ".".join(map(str, path)) or "the top"
        raise Refusal(
            f"the data of {concern.name} is wrong at {at}: {error.message}",
            place=yamlfile.place(file, path) if file else place,
        )


def _plain(value: Any) -> Any:
    """YAML dates as the strings that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _refuse_shared_ids(evaluators: Iterable[Evaluator]) -> None:
    seen: dict[str, Policy] = {}
    for policy in (p for e in evaluators for p in e.policies):
        if other := seen.get(policy.id):
            raise Refusal(f"the id {policy.id} is taken by {other.location}: choose another", place=policy.location)
        seen[policy.id] = policy
