"""The command line itself: help, lists, schemas, completion, and what happens when something breaks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest

from commands.conftest import EXAMPLE, Governor
from core.policy_folders import python, write
from governor import __version__
from governor.cli import cli
from governor.reports import REPORTS


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


@pytest.mark.parametrize("path", [(), *commands(cli)], ids=" ".join)
def test_every_command_explains_itself_with_an_example(governor: Governor, path: tuple[str, ...]) -> None:
    run = governor(*path, "--help")

    assert (run.code, run.err) == (0, "")
    _, _, example = run.out.partition("Example")
    assert re.search(rf"^ +(terraform .*\| )?{' '.join(('governor', *path))}", example, re.MULTILINE)


def test_the_help_names_every_report(governor: Governor) -> None:
    words = set(re.findall(r"\w+", governor("check", "--help").out))

    assert words >= REPORTS.keys()


def test_without_a_command_the_help_is_a_complaint(governor: Governor) -> None:
    """A pipeline that lost its arguments must not be green."""
    run = governor()

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("Usage: governor [OPTIONS] COMMAND [ARGS]...")
    assert "governor check plan.json" in run.err


def test_a_misspelt_command_is_guessed(governor: Governor) -> None:
    run = governor("chek")

    assert run.code == 2
    assert "No such command 'chek'. (Did you mean one of: 'check'" in run.err


def test_versions(governor: Governor) -> None:
    assert governor("--version") == governor("-V") == (0, f"governor {__version__}\n", "")
    assert re.fullmatch(
        rf"governor {__version__}\npython 3\.\d+\.\d+\S*\nregorus \d+\.\d+\.\d+\n", governor("version").out
    )


# Policies


def test_policies_are_listed_by_id_with_their_level(governor: Governor, mine: Path) -> None:
    write(mine, {"policies/own/own.py": python("return []", id="A1"), "governor.yaml": "policies: [policies]\n"})
    listed = "A1      high      deny  A policy\nNAM001  high      deny  Names are short\n"

    assert governor("policies") == governor("policies", "list") == (0, listed, "")

    write(mine, {"governor.yaml": "policies: [policies]\nlevels: [{policies: A1, level: off}]\n"})
    assert governor("policies").out == listed.replace("high      deny  A", "high      off   A")


def test_policies_as_json(governor: Governor, mine: Path) -> None:
    run = governor("policies", "list", "--format", "json")

    assert run.code == 0
    assert json.loads(run.out) == [
        {
            "id": "NAM001", "title": "Names are short", "description": "", "severity": "high", "concern": "names",
            "stages": [], "kinds": [], "remediation": "", "references": [], "together": "", "each": "",
            "language": "rego",
            "location": f"{mine}/policies/names/names.rego:8", "rule": "data.names.deny_long", "level": "deny",
        }
    ]  # fmt: skip


def test_the_card_of_a_policy(governor: Governor, mine: Path) -> None:
    text = (mine / "policies/names/names.rego").read_text()
    card = (
        "# description: Long names break dashboards.\n# custom:\n#   kinds: [bucket, volume]\n#   stages: [plan]\n"
        "#   remediation: Take a shorter one.\n#   references: [https://example.com/names]\n"
    )
    write(mine, {"policies/names/names.rego": text.replace("# custom:\n", card)})

    run = governor("policies", "show", "nam001")

    assert run == (0, f"""\
NAM001  Names are short

Long names break dashboards.

severity:  high
level:     deny (at plan time)
concern:   names
stages:    plan
kinds:     bucket, volume
looks at:  all resources together
language:  rego
where:     {mine}/policies/names/names.rego:13

To mend it: Take a shorter one.

https://example.com/names
""", "")  # fmt: skip


def test_a_bare_card(governor: Governor, mine: Path) -> None:
    assert (
        governor("policies", "show", "NAM001").out
        == f"""\
NAM001  Names are short

severity:  high
level:     deny (at plan time)
concern:   names
stages:    all but azure
kinds:     all
looks at:  all resources together
language:  rego
where:     {mine}/policies/names/names.rego:8
"""
    )


def test_ids_in_small_letters_are_found_too(governor: Governor, mine: Path) -> None:
    write(mine, {"policies/own/own.py": python("return []", id="own-1")})

    assert governor("policies", "show", "own-1").out.startswith("own-1  A policy\n")


def test_a_policy_that_does_not_exist(governor: Governor, mine: Path) -> None:
    assert governor("policies", "show", "NAM002") == (
        2, "", "governor: no policy has the id NAM002: did you mean NAM001? `governor policies` lists them\n"
    )  # fmt: skip


def test_settings_without_policies_say_so(governor: Governor, mine: Path) -> None:
    write(mine, {"governor.yaml": "policies: []\n"})

    assert governor("policies") == (
        0, "", "the settings name no policies: add `builtin` or a folder of your own to `policies`\n"
    )  # fmt: skip
    assert governor("policies", "list", "-f", "json").out == "[]\n"


# Schemas


def schema(governor: Governor, *name: str) -> dict[str, Any]:
    run = governor("schema", *name)
    assert (run.code, run.err) == (0, "")
    found: dict[str, Any] = json.loads(run.out)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        ({}, True),
        ({"policies": ["builtin"], "levels": [{"policies": "TAG*", "level": "off", "stages": ["plan"]}]}, True),
        ({"levels": [{"policies": "TAG*", "level": "deney"}]}, False),
        ({"levels": [{"policies": "TAG*"}]}, False),
        ({"polices": []}, False),
        ({"max_price_age_days": 0}, False),
    ],
)
def test_the_schema_of_settings(governor: Governor, written: object, fits: bool) -> None:
    assert schema(governor) == schema(governor, "config")
    assert jsonschema.Draft202012Validator(schema(governor)).is_valid(written) == fits


def test_the_schema_of_exemptions(governor: Governor) -> None:
    validator = jsonschema.Draft202012Validator(schema(governor, "exemptions"))
    whole = {
        "policy": "TAG*", "resource": "*", "category": "waiver", "reason": "r", "owner": "o", "approved_by": "a",
        "expires": "2026-12-31",
    }  # fmt: skip

    assert validator.is_valid({"exemptions": [whole, {**whole, "ticket": "T-1"}]})
    for name in whole:
        assert not validator.is_valid({"exemptions": [{**whole, name: 20261231}]})
        assert not validator.is_valid({"exemptions": [{key: value for key, value in whole.items() if key != name}]})


def test_the_schema_of_the_report_fits_the_report(governor: Governor) -> None:
    report = governor("check", EXAMPLE, "-f", "json", "--today", "2026-08-01").out

    jsonschema.Draft202012Validator(schema(governor, "report")).validate(json.loads(report))


def test_an_unknown_schema(governor: Governor) -> None:
    run = governor("schema", "plan")

    assert run.code == 2
    assert "'plan' is not one of 'config', 'exemptions', 'baseline', 'cases', 'input', 'report'," in run.err


# Completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(governor: Governor, tmp_path: Path, shell: str) -> None:
    run = governor("completion", shell)

    assert (run.code, run.err) == (0, "")
    assert f"_GOVERNOR_COMPLETE={shell}_complete" in run.out

    words = {"COMP_WORDS": "governor pol", "COMP_CWORD": "pol" if shell == "fish" else "1"}
    completed = subprocess.run(
        [sys.executable, "-m", "governor"],
        env={**os.environ, **words, "_GOVERNOR_COMPLETE": f"{shell}_complete"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "policies" in completed.stdout
    assert "check" not in completed.stdout.replace("checks", "")


# When something breaks


class Panic(BaseException):
    """As the policy engine raises them: no Exception."""


@pytest.mark.parametrize("broken", [ZeroDivisionError, Panic])
def test_a_bug_is_a_line_a_log_and_exit_code_3(
    governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch, broken: type[BaseException]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(mine))

    def read_bytes(self: Path) -> bytes:
        raise broken("boom")

    monkeypatch.setattr(Path, "read_bytes", read_bytes)

    run = governor("check", "plan.json")

    (log,) = mine.glob("governor-*.log")
    assert run == (
        3, "", f"governor: this is a bug in governor ({broken.__name__}): please report it with {log}\n"
    )  # fmt: skip
    assert "Traceback (most recent call last):" in log.read_text()
    assert "boom" in log.read_text()


def test_a_bug_where_no_log_can_be_written_is_told_at_once(
    governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(mine / "nowhere"))

    def read_bytes(self: Path) -> bytes:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(Path, "read_bytes", read_bytes)

    run = governor("check", "plan.json")

    assert (run.code, run.out) == (3, "")
    assert "please report it with this traceback:\nTraceback (most recent call last):" in run.err
    assert run.err.endswith("ZeroDivisionError: boom\n\n")


def heed_interrupts() -> None:
    """What runs in the background is started with interrupts ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_is_130(mine: Path) -> None:
    script = "import os, signal, sys\nos.kill(os.getppid(), signal.SIGINT)\nsys.stdin.read()"
    policy = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {script!r}], stdin=subprocess.PIPE)"
    write(mine, {"policies/own/own.py": python(f"{policy}\nreturn []")})

    run = subprocess.run(
        [sys.executable, "-m", "governor", "check", "plan.json"],
        cwd=mine, capture_output=True, text=True, preexec_fn=heed_interrupts,
    )  # fmt: skip

    assert (run.returncode, run.stdout) == (130, "")
    assert run.stderr.strip() == "governor: interrupted"
