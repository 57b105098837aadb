"""What goes to stderr: lines for people, or JSON that every line of is an object, whoever writes it."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from commands.conftest import Governor
from core.policy_folders import python, write


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("arguments", [("check", "nowhere.json"), ("check", "--nonsense"), ("chek",)])
def test_a_refusal_is_an_object(governor: Governor, arguments: tuple[str, ...]) -> None:
    said = governor(*arguments).err

    run = governor("--log-format", "json", *arguments)

    (told,) = objects(run.err)
    assert (run.code, run.out, told["level"]) == (2, "", "error")
    assert told["message"] in said.replace("Error: ", "")
    assert datetime.fromisoformat(told["time"]).utcoffset() is not None
    assert len(told["run"]) == 16


def test_whatever_else_writes_to_stderr_becomes_objects_of_the_same_run(
    governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = "print('said', 'twice\\nover')\nimport sys; sys.stderr.write('without an end')\nreturn []"
    write(mine, {"policies/own/own.py": python(loud, id="A1"), "bad.json": "{"})
    monkeypatch.setenv("GOVERNOR_LOG", "json")
    before = sys.stderr

    run, other = governor("check", "plan.json", "-q"), governor("check", "bad.json")

    told = objects(run.err)
    assert [(one["level"], one["message"]) for one in told] == [
        ("warning", "said twice"), ("warning", "over"), ("warning", "without an end"),
    ]  # fmt: skip
    assert "1 open" in run.out
    assert len({one["run"] for one in told}) == 1
    assert objects(other.err)[0]["run"] != told[0]["run"]
    assert sys.stderr is before


def test_a_bug_is_an_object(governor: Governor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("governor.commands.version.run", broken)

    run = governor("--log-format", "json", "version")

    (told,) = objects(run.err)
    assert (run.code, told["level"]) == (3, "error")
    assert "a bug in governor (ZeroDivisionError)" in told["message"]
    Path(told["message"].rpartition(" ")[2]).unlink()
