"""The registry, and the whole output of every report."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

import governor.reports.json as json_report
import governor.reports.sarif as sarif_report
from governor.errors import Refusal
from governor.model import Verdict
from governor.reports import REPORTS, Options, render
from governor.reports.grouping import outcome

SCENES = {
    "table-40.txt": ("table", Options(width=40)),
    "table-60.txt": ("table", Options(width=60)),
    "table-80.txt": ("table", Options(width=80)),
    "table-80-colour.txt": ("table", Options(width=80, colour=True)),
    "table-120-verbose.txt": ("table", Options(width=120, verbose=True)),
    "table-200.txt": ("table", Options(width=200)),
    "report.json": ("json", Options()),
    "report.sarif": ("sarif", Options()),
    "report.md": ("markdown", Options()),
    "comment.md": ("comment", Options(environment="prod")),
    "github.txt": ("github", Options()),
    "gitlab.json": ("gitlab", Options()),
    "junit.xml": ("junit", Options()),
}


@pytest.fixture(autouse=True)
def _version(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (json_report, sarif_report):
        monkeypatch.setattr(module, "__version__", "0.0.0")


@pytest.mark.parametrize("name", SCENES)
def test_bad_day(name: str, verdict: Verdict, golden: Callable[[str, str], None]) -> None:
    golden(name, render(SCENES[name][0], verdict, SCENES[name][1]))


@pytest.mark.parametrize("name", ["table-80.txt", *(name for name in SCENES if not name.startswith("table"))])
def test_clean(name: str, clean: Verdict, golden: Callable[[str, str], None]) -> None:
    golden(f"clean-{name}", render(SCENES[name][0], clean, SCENES[name][1]))


@pytest.mark.parametrize("name", ["table", "markdown", "github"])
def test_footer_is_the_last_line(name: str, verdict: Verdict, clean: Verdict) -> None:
    for any_verdict in (verdict, clean):
        assert render(name, any_verdict, Options()).splitlines()[-1] == any_verdict.footer


@pytest.mark.parametrize("name", REPORTS)
def test_environment_changes_nothing(name: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(colour=True)
    before = render(name, verdict, options)
    for variable in ("NO_COLOR", "COLUMNS", "GITHUB_ACTIONS"):
        monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("TERM", "dumb")
    assert render(name, verdict, options) == before
    assert before.endswith("\n")


def test_unknown_format() -> None:
    with pytest.raises(Refusal, match=r'no report format "xml"; there are table, json, sarif, markdown'):
        render("xml", None, Options())  # type: ignore[arg-type]


def test_registry_loads_no_report() -> None:
    loaded = "[m for m in sys.modules if m.startswith(('rich', 'jinja', 'governor.reports.'))]"
    code = f"import sys, governor.reports; print({loaded})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"failures": []}, "Does not pass: 9 findings at level deny."),
        ({"failures": [], "fail_level": "warn"}, "Does not pass: 10 findings at level warn or above."),
        ({}, "Could not judge: 1 policy failed. Besides, 9 findings at level deny."),
        (
            {"failures": [], "strict": True, "open": []},
            "Could not judge everything, which this run insists on (strict).",
        ),
        ({"failures": [], "open": []}, "Nothing is open, but not everything could be read."),
        ({"failures": [], "open": [], "undetermined": [], "gaps": []}, "All good: nothing is open."),
        ({"failures": [], "open": [], "policies": {}, "levels": {}}, "Nothing was judged: no policy applies."),
    ],
)
def test_outcome(change: dict[str, Any], sentence: str, verdict: Verdict) -> None:
    assert outcome(structs.replace(verdict, compared_with="", baselined=[], **change)) == sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"failures": []}, "Does not pass: 9 new findings at level deny."),
        ({}, "Could not judge: 1 policy failed. Besides, 9 new findings at level deny."),
        ({"failures": [], "open": []}, "Nothing is new, but not everything could be read."),
        ({"failures": [], "open": [], "undetermined": [], "gaps": []}, "Nothing is new."),
        ({"failures": [], "open": [], "undetermined": [], "gaps": [], "baselined": []}, "All good: nothing is open."),
    ],
)
def test_outcome_beside_what_was_known(change: dict[str, Any], sentence: str, verdict: Verdict) -> None:
    assert outcome(structs.replace(verdict, **change)) == sentence


def test_open_findings_below_the_fail_level_pass(verdict: Verdict) -> None:
    mild = [finding for finding in verdict.open if verdict.levels[finding.policy] != "deny"]
    assert (
        outcome(structs.replace(verdict, failures=[], compared_with="", open=mild))
        == "Passes: 2 open findings, none at level deny."
    )
