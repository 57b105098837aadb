"""A question to both engines."""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import regorus


class Answers(NamedTuple):
    """What each engine says. None: undefined. "refused": an error, or a crash, instead of an answer."""

    embedded: Any
    opa: Any


Ask = Callable[..., Answers]


@pytest.fixture
def ask(opa: str, tmp_path: Path) -> Ask:
    """`ask({"a.rego": text}, "data.a.x", input)`."""

    def both(files: Mapping[str, str], query: str, given: Any = None) -> Answers:
        return Answers(embedded(files, query, given), by_opa(files, query, given))

    def by_opa(files: Mapping[str, str], query: str, given: Any) -> Any:
        for name, text in {**files, "input.json": json.dumps(given)}.items():
            (tmp_path / name).write_text(text, "utf-8")
        sources = [f"--data={tmp_path / name}" for name in files]
        command = [opa, "eval", "--format=json", f"--input={tmp_path / 'input.json'}", *sources, query]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        answer = json.loads(run.stdout)
        if answer.get("errors"):
            return "refused"
        return answer["result"][0]["expressions"][0]["value"] if answer.get("result") else None

    return both


def embedded(files: Mapping[str, str], query: str, given: Any) -> Any:
    """In a process of its own: some questions crash the engine."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        try:
            faulthandler.disable()
            os.write(writable, _answer(files, query, given))
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        return "refused"
    found = json.loads(answer)
    return None if found == "<undefined>" else found


def _answer(files: Mapping[str, str], query: str, given: Any) -> bytes:
    engine = regorus.Engine()
    try:
        for name, text in files.items():
            engine.add_policy(name, text)
        engine.set_input_json(json.dumps(given))
        return str(engine.eval_rule_as_json(query)).encode()
    except RuntimeError:
        return b""
