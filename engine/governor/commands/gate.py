"""`governor gate`: a folder or a plan in; reports, a comment and an exit code out."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from hashlib import blake2b
from pathlib import Path
from textwrap import shorten

from governor import log, pull_requests, reports, sources, terraform
from governor.commands import check, inputs, overseen
from governor.errors import Refusal
from governor.pull_requests import NotPostedError
from governor.reports.comment import marker
from governor.reports.markdown import code as code_of
from governor.sources import terraform_hcl
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
    if platform:
        _has_requests()
    if options.base is not None and plan is None:
        raise Refusal("a plan that is made now is in no commit: use --baseline FILE in place of --base")
    try:
        with overseen.run(options), no_garbage_collection():
            judging = check.Judging(options, "plan", of_plans=True)
            made, name, source = _plan(folder, plan, planning)
            with made as file:
                given = inputs.only(str(file), sources.Options(code=source), name)
                if not given.is_plan:
                    raise Refusal("this is no plan: `governor check` judges code and manifests", place=str(file))
                verdict = judging.verdict(given)
            code = judging.report(verdict)
    except Exception as error:
        # The comment of an earlier run must not stand for this one.
        why = str(error) if isinstance(error, Refusal) else "governor failed: see the log of this run"
        told = _not_judged(why, options.environment)
        _tell(told, told, platform, options.environment)
        raise
    how = reports.Options(environment=options.environment)
    _tell(reports.render("markdown", verdict, how), reports.render("comment", verdict, how), platform, how.environment)
    return code


def _plan(
    folder: Path | None, plan: str | None, planning: terraform.Options
) -> tuple[AbstractContextManager[Path | str], str, Path | None]:
    """What gives the plan's file, what reports call it, and the folder of its HCL."""
    if plan is None:
        root = folder or Path()
        if root.is_dir() and not terraform_hcl.takes(root, b""):
            raise Refusal("no Terraform code (*.tf) lies in this folder: give the root module", place=str(root))
        return terraform.planned(root, planning), str(root if root.name else root.resolve().name), root
    if planning != terraform.Options():
        raise Refusal("--plan gives a plan that is made: leave out --var, --workspace and all else that makes one")
    return nullcontext(plan), "", folder


def _not_judged(why: str, environment: str) -> str:
    """A comment on a run that has no verdict."""
    name = f" {code_of(environment)}" if environment else ""
    body = f"## ⚠️ governor{name}: this change was not judged\n\n{code_of(shorten(why, 1000, placeholder=' …'))}\n"
    return f"{marker(environment)}{blake2b(body.encode(), digest_size=8).hexdigest()} -->\n{body}"


def _tell(summary: str, comment: str, platform: str | None, environment: str) -> None:
    """Write the summary of the step, which GitHub shows for forks, too, and keep the comment."""
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with open(file, "a", encoding="utf-8") as step:
                step.write(summary)
        except OSError as error:
            log.say(f"warning: the summary of the step was not written ({error.strerror})", "warning")
    if platform:
        _post(platform, comment, environment)


def _post(platform: str, comment: str, environment: str) -> None:
    """Keep the comment, and tell what became of it."""
    try:
        thread = pull_requests.thread(platform, os.environ)
        if thread is None:
            log.say("no comment: this run is for no pull request")
            return
        kept, note = pull_requests.keep(thread, comment, marker(environment))
    except NotPostedError as error:
        log.say(f"warning: the comment was not posted, the exit code stands: {error}", "warning")
        return
    log.say(f"comment on {thread.name} {kept}{f'; {note}' if note else ''}")


def _has_requests() -> None:
    """Refuse before a plan is made what would fail after it."""
    try:
        import requests  # noqa: F401
    except ModuleNotFoundError:
        raise Refusal("--comment needs requests: pip install 'gpu-governor[gate]'") from None
