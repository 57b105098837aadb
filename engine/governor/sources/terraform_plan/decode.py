"""Bytes of a plan file in, a typed plan out; or a Refusal that says what the file is instead.

Only what governor reads is decoded. What each resource is before and after stays raw until somebody asks: ten times
faster than building the whole tree, and most of the tree is never asked for.
"""

from __future__ import annotations

import gc
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Raw, Struct

from governor.errors import CANNOT_JUDGE, Refusal

_NOTHING = Raw(b"null")


class Change(Struct, gc=False):
    """`change` of a resource change."""

    actions: list[str]
    before: Raw = _NOTHING
    after: Raw = _NOTHING
    after_unknown: Raw = _NOTHING
    before_sensitive: Raw = _NOTHING
    after_sensitive: Raw = _NOTHING
    importing: Raw = _NOTHING


class ResourceChange(Struct):
    """One instance of a resource and what becomes of it."""

    address: str
    type: str
    change: Change
    name: str = ""
    mode: str = "managed"
    module_address: str = ""
    index: Any = None
    previous_address: str | None = None
    deposed: str | None = None
    reasons: dict[str, str] = msgspec.field(name="(reasons)", default_factory=dict)
    """Path → why it is unknown, where that is another reason than that Terraform knows it after apply: of code."""


class Expressions(Struct):
    """One resource block of the configuration."""

    type: str
    name: str
    mode: str = "managed"
    provider_config_key: str = ""
    expressions: dict[str, Any] = {}


class Output(Struct):
    expression: Any = None
    sensitive: bool = False


class Variable(Struct):
    default: Any = None
    sensitive: bool = False
    files: dict[str, Any] = msgspec.field(name="(files)", default_factory=dict)
    """`file:line` → the value that a file of values gives: of code."""


class Module(Struct):
    """A module of the configuration, with the modules it calls."""

    resources: list[Expressions] = []
    module_calls: dict[str, ModuleCall] = {}
    outputs: dict[str, Output] = {}
    variables: dict[str, Variable] = {}
    locals: dict[str, Any] = msgspec.field(name="(locals)", default_factory=dict)
    """Expressions of locals: of code, a plan does not hold them."""


class ModuleCall(Struct):
    module: Module = msgspec.field(default_factory=Module)
    expressions: dict[str, Any] = {}
    source: str = ""


class ProviderConfig(Struct):
    name: str
    expressions: dict[str, Any] = {}
    module_address: str = ""


class Configuration(Struct):
    provider_config: dict[str, ProviderConfig] = {}
    root_module: Module = msgspec.field(default_factory=Module)


class Value(Struct):
    value: Any = None


class OutputChange(Struct):
    before: Any = None
    after: Any = None
    before_sensitive: Any = False
    after_sensitive: Any = False


class StateResource(Struct):
    address: str
    type: str
    mode: str = "managed"
    values: Raw = _NOTHING
    sensitive_values: Raw = _NOTHING


class StateModule(Struct):
    resources: list[StateResource] = []
    child_modules: list[StateModule] = []


class StateOutput(Struct):
    value: Any = None
    sensitive: bool = False


class StateValues(Struct):
    outputs: dict[str, StateOutput] = {}
    root_module: StateModule = msgspec.field(default_factory=StateModule)


class State(Struct):
    values: StateValues | None = None


class Drift(Struct):
    """What changed outside Terraform: read for the secrets in it only."""

    change: Change


class Plan(Struct):
    """What governor reads of `terraform show -json`."""

    format_version: str | None = None
    terraform_version: str = ""
    resource_changes: list[ResourceChange] | None = None
    resource_drift: list[Drift] = []
    configuration: Configuration | None = None
    prior_state: State | None = None
    variables: dict[str, Value] = {}
    output_changes: dict[str, OutputChange] = {}
    planned_values: Raw = _NOTHING
    values: Raw = _NOTHING
    lineage: Raw = _NOTHING
    """Only a state file has one."""
    deferred_changes: list[Raw] = []
    complete: bool | None = None
    errored: bool | None = None
    damage: list[tuple[str, str]] = msgspec.field(name="(damage)", default_factory=list)
    """(place, reason) of what is not as Terraform writes it and was left out."""
    document: bytes = msgspec.field(name="(document)", default=b"")
    """The JSON text itself, without what a wrapper printed around it."""


_PLAN = msgspec.json.Decoder(Plan)
_ANYTHING = msgspec.json.Decoder()
SHOW = "make one with: terraform show -json tfplan > plan.json"


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """A plan makes millions of objects and no cycles: the collector would walk them again and again for nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def decode(data: bytes, place: str) -> Plan:
    """A plan, or a Refusal. Knows what shells and wrappers make of one: BOM, UTF-16, gzip, lines before and after."""
    plan, _ = _found(plain(data, place), place)
    if plan.format_version is None and not plan.resource_changes:
        if plan.lineage is not _NOTHING:
            raise _refusal(f"this is a state, not a plan: {SHOW}", place)
        raise _refusal(f"this JSON is no Terraform plan: {SHOW}", place)
    parts = (plan.resource_changes, plan.configuration)
    if parts == (None, None) and plan.planned_values is _NOTHING:
        if plan.values is not _NOTHING:
            raise _refusal(f"this is a state, not a plan: {SHOW}", place)
        raise _refusal(f"this JSON is no Terraform plan: {SHOW}", place)
    major = (plan.format_version or "1").partition(".")[0]
    if major not in ("0", "1"):
        raise _refusal(
            f"its format_version is {str(plan.format_version)[:20]!r} and this governor reads 0.x and 1.x:"
            " update governor",
            place,
        )
    if plan.errored:
        raise _refusal("this plan ended in an error (errored: true), so it is not whole: mend it and plan again", place)
    return plan


def document(data: bytes, place: str) -> bytes:
    """The plan's own JSON, as UTF-8, for programs that know one only when nothing stands around it."""
    text = plain(data, place)
    return text[_found(text, place)[1]]


def plain(data: bytes, place: str) -> bytes:
    """The text of a file as UTF-8, whatever a shell made of it."""
    return _utf8(_inflated(data, place), place)


def _inflated(data: bytes, place: str) -> bytes:
    if data.startswith(b"PK\x03\x04"):
        raise _refusal("this is the binary plan: run terraform show -json on it and judge what that prints", place)
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise _refusal("this gzip file is broken or cut short", place) from None


def _utf8(data: bytes, place: str) -> bytes:
    if not data.strip():
        raise _refusal(f"it is empty: {SHOW}", place)
    encoding = json.detect_encoding(data)
    if encoding == "utf-8":
        return data  # not decoded: a large plan is not copied
    try:
        return data.decode(encoding).encode()
    except UnicodeDecodeError:
        raise _refusal(f"this file starts like {encoding.upper()} text and is not: {SHOW}", place) from None


_DOCUMENT = re.compile(rb'\s*(?:\{|\[\s*[{\["\]])')
_LINE_OF_JSON = re.compile(rb'^[^\S\n]*(?:\{\s*"|\[\s*[{\["])', re.MULTILINE)
_BEGINNING_OF_A_PLAN = re.compile(rb'\{\s*"format_version"')
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_MOST_DOCUMENTS = 1000
"""How many lines of a JSON log are passed over in search of a plan."""


def _found(text: bytes, place: str) -> tuple[Plan, slice]:
    """The plan in a text, and where it stands.

    Wrappers print banners around it, and logs, which may be lines of JSON themselves.
    """
    start = 0 if _DOCUMENT.match(text) else _next_document(text, 0)
    if start is None:
        raise _refusal(f"this is not JSON: {SHOW}", place)
    first: tuple[Plan, slice] | None = None
    for _ in range(_MOST_DOCUMENTS):
        plan, end = _parsed(text, start, place)
        found = plan, slice(start, end)
        if plan.format_version is not None or plan.resource_changes:
            if end is not None and _next_document(text, end) is not None:
                raise _refusal("this file holds more than one JSON document: give one plan a file", place)
            return found
        first = first or found
        following = None if end is None else _next_document(text, end)
        if following is None:
            break
        start = following
    return first or found


def _next_document(text: bytes, start: int) -> int | None:
    """Where a document begins: on a line of its own, or after what a wrapper writes before each line."""
    found = [m for m in (_LINE_OF_JSON.search(text, start), _BEGINNING_OF_A_PLAN.search(text, start)) if m]
    return min((m.start() for m in found), default=None)


def _parsed(text: bytes, start: int, place: str) -> tuple[Plan, int | None]:
    """The document at `start`, and where it ends when something follows."""
    document, end = text[start:] if start else text, None
    try:
        return _with(document, _PLAN.decode(document)), None
    except msgspec.ValidationError:
        read = _leniently
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        read = _strictly
    try:
        _ANYTHING.decode(document)
    except (msgspec.DecodeError, RecursionError) as error:
        if after := _TRAILING.search(str(error)):
            # It counts from one, and points at the first character that should not be there.
            length = int(after[1]) - 1
            document, end = document[:length], start + length
            if b'"@level"' in document[:4000]:
                raise _refusal(f"this is the log of terraform plan -json, not a plan: {SHOW}", place) from None
    try:
        return _with(document, read(document, place)), end
    except msgspec.ValidationError:
        return _with(document, _leniently(document, place)), end
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(error, place) from None


def _with(document: bytes, plan: Plan) -> Plan:
    plan.document = document
    return plan


def _strictly(document: bytes, place: str) -> Plan:
    return _PLAN.decode(document)


def _leniently(document: bytes, place: str) -> Plan:
    from governor.sources.terraform_plan import lenient

    return lenient.plan(document, place)


def planned_only(plan: Plan) -> int:
    """How many managed resources are in planned_values and not in prior_state: a plan without changes has none."""
    try:
        planned = msgspec.json.decode(plan.planned_values, type=StateValues | None)
    except msgspec.ValidationError:
        return 0
    existing = plan.prior_state.values.root_module if plan.prior_state and plan.prior_state.values else StateModule()
    return len(set(_addresses((planned or StateValues()).root_module)) - set(_addresses(existing)))


def _addresses(module: StateModule) -> Iterator[str]:
    yield from (resource.address for resource in module.resources if resource.mode == "managed")
    for child in module.child_modules:
        yield from _addresses(child)


def unreadable(error: Exception, place: str) -> Refusal:
    """What is wrong with JSON that msgspec cannot read. Known late, too: values are decoded when they are asked for."""
    message = str(error)
    if "truncated" in message:
        return _refusal("this file is cut short: its JSON does not end", place)
    if isinstance(error, RecursionError):
        return _refusal("its JSON is nested too deeply for a plan", place)
    if isinstance(error, UnicodeDecodeError):
        return _refusal("this file is damaged: some of its text is not UTF-8", place)
    return _refusal(f"this is not JSON ({message[:120]}): {SHOW}", place)


def _refusal(message: str, place: str) -> Refusal:
    return Refusal(message, place=place, code=CANNOT_JUDGE)
