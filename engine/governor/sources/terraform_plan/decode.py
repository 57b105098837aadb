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
    index: int | str | None = None
    previous_address: str | None = None
    deposed: str | None = None


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


class Module(Struct):
    """A module of the configuration, with the modules it calls."""

    resources: list[Expressions] = []
    module_calls: dict[str, ModuleCall] = {}
    outputs: dict[str, Output] = {}
    variables: dict[str, Variable] = {}


class ModuleCall(Struct):
    module: Module = msgspec.field(default_factory=Module)
    expressions: dict[str, Any] = {}
    source: str = ""


class ProviderConfig(Struct):
    name: str
    expressions: dict[str, Any] = {}


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


class StateModule(Struct):
    resources: list[StateResource] = []
    child_modules: list[StateModule] = []


class StateValues(Struct):
    root_module: StateModule = msgspec.field(default_factory=StateModule)


class State(Struct):
    values: StateValues | None = None


class Plan(Struct):
    """What governor reads of `terraform show -json`."""

    format_version: str | None = None
    terraform_version: str = ""
    resource_changes: list[ResourceChange] | None = None
    configuration: Configuration | None = None
    prior_state: State | None = None
    variables: dict[str, Value] = {}
    output_changes: dict[str, OutputChange] = {}
    planned_values: Raw = _NOTHING
    values: Raw = _NOTHING
    deferred_changes: list[Raw] = []
    complete: bool | None = None
    errored: bool | None = None


_PLAN = msgspec.json.Decoder(Plan)
_SHOW = "make one with: terraform show -json tfplan > plan.json"


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
    text = _json_part(_utf8(_inflated(data, place), place), place)
    plan = _parsed(text, place)
    parts = (plan.resource_changes, plan.configuration)
    if plan.format_version is None or (parts == (None, None) and plan.planned_values is _NOTHING):
        if plan.format_version is not None and plan.values is not _NOTHING:
            raise _refusal(f"this is a state, not a plan: {_SHOW}", place)
        raise _refusal(f"this JSON is no Terraform plan: {_SHOW}", place)
    major = plan.format_version.partition(".")[0]
    if major not in ("0", "1"):
        raise _refusal(
            f"its format_version is {plan.format_version[:20]!r} and this governor reads 0.x and 1.x: update governor",
            place,
        )
    if plan.errored:
        raise _refusal("this plan ended in an error (errored: true), so it is not whole: mend it and plan again", place)
    return plan


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
        raise _refusal(f"it is empty: {_SHOW}", place)
    encoding = json.detect_encoding(data)
    if encoding == "utf-8":
        return data
    try:
        return data.decode(encoding).encode()
    except UnicodeDecodeError:
        raise _refusal(f"this file starts like {encoding.upper()} text and is not: {_SHOW}", place) from None


def _json_part(text: bytes, place: str) -> bytes:
    """The document alone: wrappers print a banner above it."""
    if text.lstrip()[:1] == b"{":
        return text
    found = re.search(rb'^[^\S\n]*\{\s*"', text, re.MULTILINE)
    if found is None:
        raise _refusal(f"this is not JSON: {_SHOW}", place)
    return text[found.start() :]


def _parsed(text: bytes, place: str) -> Plan:
    try:
        return _PLAN.decode(text)
    except msgspec.ValidationError as error:
        raise _refusal(f"this is no plan as Terraform writes it: {str(error)[:200]}", place) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        message = str(error)
    if "truncated" in message:
        raise _refusal("this file is cut short: its JSON does not end", place)
    after = re.search(r"trailing characters \(byte (\d+)\)", message)
    if after:
        document, rest = text[: int(after[1])], text[int(after[1]) :].lstrip()
        if rest.startswith(b'{"@') or b'"@level"' in document:
            raise _refusal(f"this is the log of terraform plan -json, not a plan: {_SHOW}", place)
        if not rest.startswith((b"{", b"[")):
            return _parsed(document, place)
        raise _refusal("this file holds more than one JSON document: give one plan a file", place)
    raise _refusal(f"this is not JSON ({message[:120]}): {_SHOW}", place)


def _refusal(message: str, place: str) -> Refusal:
    return Refusal(message, place=place, code=CANNOT_JUDGE)
