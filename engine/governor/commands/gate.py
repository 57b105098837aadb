"""`governor gate`: a folder or a plan in; reports, a comment and an exit code out."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from governor import pull_requests, reports, terraform
from governor.commands import check
from governor.errors import USAGE, Refusal
from governor.model import Verdict
from governor.pull_requests import NotPostedError
from governor.reports import comment as comment_report
from governor.sources.terraform_plan.decode import no_garbage_collection


def run(
    *,
    folder: Path | None,
    plan: str | None,
    planning: terraform.Options,
    platform: str | None,
    options: check.Options,
) -> int:
    """Make a plan, unless one is given, and judge it. Raises Refusal before anything is written.

    The exit code is that of the verdict alone. What cannot be told to the pull request is a line on stderr: a comment
    is no verdict, and a pull request from a fork would else never pass.
    """
    with no_garbage_collection():
        judging = check.Judging(options, "plan")
        if platform:
            _has_requests()
        made, name, source = _plan(folder, plan, planning)
        with made as file:
            verdict = judging.verdict(str(file), source, name)
        code = judging.report(verdict)
    _summarize(verdict)
    if platform:
        _say(_posted(platform, verdict, options.environment))
    return code


def _plan(
    folder: Path | None, plan: str | None, planning: terraform.Options
) -> tuple[AbstractContextManager[Path | str], str, Path | None]:
    """What gives the plan's file, what reports call it, and the folder of its HCL."""
    if plan is None:
        root = folder or Path()
        return terraform.planned(root, planning), str(root if root.name else root.resolve().name), root
    if planning != terraform.Options():
        raise Refusal("--plan gives a plan that is made: leave out --var, --workspace and all else that makes one")
    return nullcontext(plan), "", folder


def _summarize(verdict: Verdict) -> None:
    """The summary of a step, which GitHub shows on the page of the run, forks included."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return
    try:
        with open(file, "a", encoding="utf-8") as summary:
            summary.write(reports.render("markdown", verdict, reports.Options()))
    except OSError as error:
        _say(f"warning: the summary of the step was not written ({error.strerror})")


def _posted(platform: str, verdict: Verdict, environment: str) -> str:
    """What became of the comment."""
    try:
        thread = pull_requests.thread(platform, os.environ)
        if thread is None:
            return "no comment: this run is for no pull request"
        body = reports.render("comment", verdict, reports.Options(environment=environment))
        kept, note = pull_requests.keep(thread, body, comment_report.marker(environment))
    except NotPostedError as error:
        return f"warning: the comment was not posted, the verdict stands: {error}"
    return f"comment on {thread.name} {kept}{f'; {note}' if note else ''}"


def _has_requests() -> None:
    """Refuse before a plan is made what would fail after it."""
    try:
        import requests  # noqa: F401
    except ModuleNotFoundError:
        raise Refusal("--comment needs requests: pip install 'gpu-governor[gate]'", code=USAGE) from None


def _say(line: str) -> None:
    print(f"governor: {line}", file=sys.stderr)
