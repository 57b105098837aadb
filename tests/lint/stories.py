"""A folder that is clean, and ways to break it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.policy_folders import rego, write
from governor.lint import lint

CASES = """\
- name: too long
  resources: [{id: x, kind: bucket}]
  expect: [{policy: NAM001, resource: x, attribute: id}]
"""
CLEAN = {"names/names.rego": rego(), "names/cases.yaml": CASES}


def more(*statements: str) -> dict[str, str | None]:
    """A second file of the concern; the first statement starts in line 3, and blank lines lie between them."""
    return {"names/more.rego": "\n\n".join(("package names", *statements)).rstrip("\n") + "\n"}


def script(text: str) -> dict[str, str | None]:
    """A file of Python in the concern, and cases that expect what its PYT001 finds."""
    cases = CASES.replace("NAM001", "PYT001")
    return {"names/names.py": text, "names/cases.yaml": CASES + cases.replace("too long", "python")}


def problems(folder: Path, files: Mapping[str, str | None]) -> list[str]:
    """What lint says of the clean folder with these files in it; None takes one out of it."""
    whole = {name: text for name, text in {**CLEAN, **files}.items() if text is not None}
    write(folder, whole)
    report = lint([folder], [folder])
    return [
        f"{problem.file.relative_to(folder)}:{problem.line}:{problem.column}: {problem.check}: {problem.message}"
        for problem in report.problems
    ]
