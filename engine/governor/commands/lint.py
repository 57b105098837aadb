"""`governor lint`: what is wrong with policies, before anything is judged by them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from governor import library
from governor.commands import workspace
from governor.errors import Refusal
from governor.lint import CHECKS, Report, lint
from governor.reports.grouping import count


def run(
    targets: Sequence[Path],
    *,
    folders: Sequence[str],
    raw: Sequence[str],
    config: Path | None,
    format: str,
    fix: bool,
    allow_floating: bool,
) -> int:
    """Check the policies below the targets; without any, those of the settings that are neither shipped nor fetched."""
    space = workspace.enter(config, folders, raw, floating=allow_floating)
    plans = _resolved(space.raw)
    wanted = _resolved(targets) or _resolved(space.own) or _resolved(space.folders)
    libraries = [_library(target) for target in wanted if not any(target.is_relative_to(plan) for plan in plans)]
    if fix:
        _format([file for target in wanted for file in sorted(target.rglob("*.rego"))])
    report = lint(wanted, list(dict.fromkeys([*_resolved(space.folders), *libraries])), plans)
    if not report.files:
        raise Refusal("no policy lies below", place=", ".join(workspace.near(str(target)) for target in wanted), code=4)
    print("\n".join(_table(report)) if format == "table" else _json(report))
    return 1 if report.problems else 0


def _resolved(folders: Sequence[Path]) -> list[Path]:
    """The folders, each once. Those that are none are refused."""
    for folder in folders:
        if not folder.is_dir():
            raise Refusal("no such folder of policies", place=str(folder))
    return list(dict.fromkeys(folder.resolve() for folder in folders))


def _library(folder: Path) -> Path:
    """The library that a folder is, or, as the folder of a concern, lies in."""
    concern = library.sources_in(folder) or (folder / "data.yaml").is_file()
    holds_concerns = any(library.sources_in(place) for place in folder.iterdir() if place.is_dir())
    return folder.parent if concern and not holds_concerns else folder


def _table(report: Report) -> Iterator[str]:
    for problem in report.problems:
        place = f"{workspace.near(str(problem.file))}:{problem.line}:{problem.column}"
        yield f"{place}: {problem.check}: {problem.message}"
        yield f"  {problem.fix}"
    looked = f"{count(report.files, 'file')}, {count(report.policies, 'policy', 'policies')}, {len(CHECKS)} checks"
    ignored = f", {report.ignored} ignored" if report.ignored else ""
    yield f"{count(len(report.problems), 'problem') if report.problems else 'no problem'}{ignored} – {looked}"


def _json(report: Report) -> str:
    problems = [
        {**msgspec.structs.asdict(problem), "file": workspace.near(str(problem.file))} for problem in report.problems
    ]
    return json.dumps({**msgspec.structs.asdict(report), "problems": problems}, indent=2, ensure_ascii=False)


def _format(files: Sequence[Path]) -> None:
    """Let OPA lay out the Rego, which changes nothing that a policy says."""
    opa = shutil.which("opa")
    if opa is None:
        print(
            "opa is not on PATH: nothing was formatted (https://www.openpolicyagent.org/docs#1-download-opa)",
            file=sys.stderr,
        )
        return
    for file in files:
        before = file.read_bytes()
        done = subprocess.run([opa, "fmt", "--write", file], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"opa does not format {workspace.near(str(file))}: it does not parse there", file=sys.stderr)
        elif file.read_bytes() != before:
            print(f"formatted {workspace.near(str(file))}", file=sys.stderr)
