"""Folders of policies in, a library out: what to ask, and the data to ask it with.

A library folder holds a folder a concern; a concern holds Rego and Python files, `data.yaml` and `schema.json`. Later
folders overlay the data of earlier ones (mappings merge, everything else replaces) and add policies and concerns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from governor import __version__, cache, yamlfile
from governor.catalog.kinds import KINDS
from governor.errors import Refusal
from governor.languages import LANGUAGES, Language, Source, language
from governor.model import Evaluator, Policy

if TYPE_CHECKING:
    from jsonschema import ValidationError

RESERVED = ("config", "catalog")
"""What policies find below `data` beside the concerns' own rules."""


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
    known: Sequence[Policy]
    """Every policy of the concerns, those that are not asked included; sorted by id."""

    @property
    def policies(self) -> list[Policy]:
        """Those that are asked, sorted by id."""
        return sorted((p for e in self.evaluators for p in e.policies), key=lambda policy: policy.id)

    @property
    def digest(self) -> str:
        """One name for the policies that are asked, their files and their data; 64 hexadecimal digits."""
        asked = [policy.id.encode() for policy in self.policies]
        files = [source.path.read_bytes() for c in self.concerns.values() for source in c.sources]
        data = [json.dumps({name: c.config}, sort_keys=True, default=str).encode() for name, c in self.concerns.items()]
        return cache.digest(*asked, *files, *data)


def load(
    folders: Sequence[Path],
    *,
    raw: Sequence[Path] = (),
    keep: Callable[[Policy], bool] = lambda _: True,
    overlay: Mapping[str, Mapping[str, Any]] | None = None,
    only: Collection[str] | None = None,
    languages: Mapping[str, Language] | None = None,
) -> Library:
    """Read the folders, in order. `overlay` lies over their data; `only` names the concerns wanted.

    `raw` are folders as conftest has them, whose policies read the plan as Terraform wrote it: see `languages.raw`.
    `languages` takes the place of the usual ones for the suffixes it names: another engine for Rego.

    Refuses a folder without policies, data that breaks its schema, two policies with one id, and a card that lists a
    kind nothing has.
    """
    concerns = read_concerns(folders)
    for name in (*(overlay or ()), *(only or ())):
        if name not in concerns:
            raise Refusal(f"no concern is named {name}: there are {', '.join(sorted(concerns))}")
    if only is not None:
        concerns = {name: concerns[name] for name in only}
    for name, data in (overlay or {}).items():
        concern = concerns[name]
        merged = merge(concern.config, _plain(data))
        _validate(concern, merged, place="overlay")
        concerns[name] = replace(concern, config=merged)
    config = {name: concern.config for name, concern in concerns.items()}
    known: list[Policy] = []

    def kept(policy: Policy) -> bool:
        known.append(policy)
        return keep(policy)

    evaluators = []
    for suffix in LANGUAGES:
        sources = [s for concern in concerns.values() for s in concern.sources if s.path.suffix == suffix]
        if sources:
            spoken = (languages or {}).get(suffix) or language(suffix)
            evaluators.append(spoken.load(sources, config, kept))
    if raw:
        from governor.languages import raw as conftest

        evaluators.append(conftest.load(raw, kept))
    known.sort(key=lambda policy: policy.id)
    _check_cards(known)
    return Library(concerns, evaluators, known)


def read_concerns(folders: Sequence[Path]) -> dict[str, Concern]:
    """Concerns by name, without loading their policies."""
    concerns: dict[str, Concern] = {}
    for folder in folders:
        if not folder.is_dir():
            raise Refusal("no such folder of policies", place=str(folder))
        for stray in (*folder.glob("*.rego"), *folder.glob("*/*/*.rego")):
            if not stray.stem.endswith("_test"):
                raise Refusal("a policy lies in the folder that names its concern: move it there", place=str(stray))
        found = False
        for place in sorted(folder.iterdir()):
            if place.is_dir():
                found |= _overlay_concern(concerns, place)
        if not found:
            raise Refusal(
                "no concern in this folder: it wants a folder a concern, with *.rego, *.py or data.yaml inside",
                place=str(folder),
            )
    for concern in concerns.values():
        if not concern.sources:
            others = sorted(name for name, other in concerns.items() if other.sources)
            raise Refusal(
                f"no policy reads the data of a concern named {concern.name}: there are {', '.join(others) or 'none'}",
                place=str(concern.config_files[0]),
            )
    return concerns


def sources_in(folder: Path) -> tuple[Source, ...]:
    """The files of a concern's folder that hold policies: neither tests nor helpers that begin with an underscore."""
    return tuple(
        Source(folder.name, file)
        for file in sorted(folder.iterdir())
        if file.suffix in LANGUAGES and not file.stem.endswith("_test") and not file.name.startswith(("_", "test_"))
    )


def _overlay_concern(concerns: dict[str, Concern], folder: Path) -> bool:
    name = folder.name
    sources = sources_in(folder)
    data, schema = folder / "data.yaml", folder / "schema.json"
    if not sources and not data.is_file():
        return False
    if why := bad_name(name):
        raise Refusal(why, place=str(folder))
    before = concerns.get(name, Concern(name, (), {}))
    concern = replace(before, sources=before.sources + sources, schema=schema if schema.is_file() else before.schema)
    if data.is_file():
        loaded = read_data(data)
        concern = replace(concern, config=merge(before.config, loaded), config_files=(*before.config_files, data))
        # The shipped data is checked by our own tests; jsonschema costs 0.1 s to import.
        if folder.parent != builtin() or before.config_files:
            _validate(concern, concern.config, file=data)
    concerns[name] = concern
    return True


def bad_name(concern: str) -> str:
    """Why a concern cannot have this name; empty when it can."""
    if concern.isidentifier() and concern not in RESERVED:
        return ""
    return f"a concern cannot be named {concern}: take letters, digits and underscores, and not {' or '.join(RESERVED)}"


def read_data(file: Path) -> dict[str, Any]:
    """One `data.yaml`."""
    loaded = _plain(yamlfile.read(file) or {})
    if not isinstance(loaded, dict):
        raise Refusal("the data of a concern is a mapping: write `name: value`", place=yamlfile.place(file, ()))
    return loaded


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`: mappings merge key by key, everything else replaces; null removes the key.

    No key of `above` is null in the result: Rego takes null for true.
    """
    merged = dict(below)
    for key, value in above.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            under = merged.get(key)
            merged[key] = merge(under if isinstance(under, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def _validate(concern: Concern, config: Mapping[str, Any], *, file: Path | None = None, place: str = "") -> None:
    if concern.schema is None:
        return
    written = yamlfile.read_text(concern.schema)
    # jsonschema takes longer to import than a small plan to judge: what was valid once is not validated again.
    fact = cache.digest(__version__.encode(), written.encode(), json.dumps(config, sort_keys=True).encode())
    if cache.remembers(fact):
        return
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        schema = json.loads(written)
        jsonschema.Draft202012Validator.check_schema(schema)
        # With a registry of its own, a `$ref` is never fetched from the network.
        validator = jsonschema.Draft202012Validator(schema, registry=Registry())
        error = jsonschema.exceptions.best_match(validator.iter_errors(config))
    except json.JSONDecodeError as wrong:
        raise Refusal(f"this is not JSON: {wrong.msg}", place=f"{concern.schema}:{wrong.lineno}") from None
    except (jsonschema.SchemaError, Unresolvable) as wrong:
        raise Refusal(
            f"this is no JSON Schema (draft 2020-12): {wrong}".splitlines()[0], place=str(concern.schema)
        ) from None
    if error is not None:
        path = [*error.absolute_path, *_unexpected(error)]
        at = ".".join(map(str, path)) or "the top"
        # A message may quote all of the data.
        message = shorten(error.message, 200, placeholder=" …")
        raise Refusal(
            f"the data of {concern.name} is wrong at {at}: {message} ({concern.schema} says what it takes)",
            place=yamlfile.place(file, path) if file else place,
        )
    cache.remember(fact)


def _unexpected(error: ValidationError) -> list[str]:
    """The key that should not be there; the error itself points at the mapping around it."""
    if error.validator != "additionalProperties" or error.validator_value is not False:
        return []
    schema: Any = error.schema
    instance: Any = error.instance
    return [key for key in instance if key not in schema.get("properties", {})][:1]


def _plain(value: Any) -> Any:
    """What YAML holds, as JSON does: keys are text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _check_cards(policies: Sequence[Policy]) -> None:
    seen: dict[str, Policy] = {}
    for policy in policies:
        if other := seen.get(policy.id):
            raise Refusal(f"the id {policy.id} is taken by {other.location}: choose another", place=policy.location)
        seen[policy.id] = policy
        # A violation on a kind that is not listed is dropped: a misspelt one would drop them all.
        if unknown := [kind for kind in policy.kinds if kind not in KINDS]:
            raise Refusal(
                f"{policy.id} lists the kind {unknown[0]}, which nothing has: there are {', '.join(KINDS)}",
                place=policy.location,
            )
