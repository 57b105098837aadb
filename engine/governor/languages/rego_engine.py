"""The embedded engine: files of Rego in; their parse trees, answers and the lines that ran out.

regorus holds the GIL, panics when another thread uses it and cannot be pickled: one engine, one thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import regorus

from governor.errors import Refusal
from governor.yamlfile import read_text

_FAILED = b"!"

Lines = tuple[frozenset[int], frozenset[int]]
"""Lines that ran, and lines that hold code and did not."""


class PolicyError(Exception):
    """A policy that could not be evaluated."""


def engine(files: Sequence[Path], *, trace: bool = False) -> regorus.Engine:
    """An engine that holds the files."""
    return engine_of({str(file): read_text(file) for file in files}, trace=trace)


def engine_of(texts: Mapping[str, str], *, trace: bool = False) -> regorus.Engine:
    """An engine that holds files, by name, of these texts."""
    made = regorus.Engine()
    made.set_enable_coverage(trace)
    for name, text in texts.items():
        try:
            made.add_policy(name, text)
        except RuntimeError as error:
            place, message = told(error)
            raise Refusal(f"this Rego does not parse: {message}", place=place or name) from None
    return made


def syntax(files: Sequence[Path]) -> list[dict[str, Any]]:
    """The syntax tree of each file, with its source; `start` and `end` of a span count bytes."""
    trees: list[dict[str, Any]] = json.loads(engine(files).get_ast_as_json())
    return trees


def ask(engine: regorus.Engine, rule: str) -> bytes:
    """The answer of a rule as JSON, or what went wrong after a mark that no JSON begins with: see `json_of`."""
    try:
        return str(engine.eval_rule_as_json(rule)).encode()
    except RuntimeError as error:
        return _FAILED + complaint(error).encode()


def json_of(answer: bytes) -> bytes:
    """The JSON that a rule answered. Raises PolicyError when it failed."""
    if answer.startswith(_FAILED):
        raise PolicyError(answer.removeprefix(_FAILED).decode())
    return answer


def complaint(error: Exception) -> str:
    """`tagging.rego:12:47: lower expects string argument`: the engine's message without its picture of the source."""
    place, message = told(error)
    return f"{Path(place).name}: {message}" if place else message


def told(error: Exception) -> tuple[str, str]:
    """(`file:line:column` or "", message) of what the engine raises."""
    text = str(error).split("Stack backtrace")[0].strip()
    place = re.search(r"--> (.+:\d+:\d+)", text)
    message = re.search(r"error: (.+)", text)
    # The engine counts columns from 0 where it stumbles over a blank.
    where = re.sub(r":0$", ":1", place[1]) if place else ""
    return where, (message[1] if message else text).replace("`", "")


def lines(engine: regorus.Engine) -> dict[str, Lines]:
    """File → its lines, of the files that a tracing engine was asked about."""
    files = json.loads(engine.get_coverage_report_as_json())["files"]
    return {file["path"]: (frozenset(file["covered"]), frozenset(file["not_covered"])) for file in files}
