"""`governor init`: from a repository as it is to one that governor judges."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import click

from governor import config as configuration
from governor.commands import workspace
from governor.errors import Refusal
from governor.reports.grouping import count
from governor.scaffold import answers, found, setup
from governor.scaffold.answers import Answers
from governor.scaffold.found import Found

PLACEHOLDER = "https://github.com/example/gpu-governor"
"""What stands where nobody said from where governor comes."""


def run(*, folder: Path, yes: bool, adopt: bool, dry_run: bool, given: Mapping[str, Any], today: date) -> int:
    """Look, ask, write. Raises Refusal before anything is written; what a person wrote is never written over."""
    if not folder.is_dir():
        raise Refusal("no such folder: make it first", place=str(folder))
    base = folder.resolve()
    if settings := configuration.find(base):
        raise Refusal("governor is in place: change this file, or move it away and begin anew", place=str(settings))
    if not (yes or (sys.stdin.isatty() and sys.stdout.isatty())):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in _QUESTIONS)
        raise Refusal(f"no terminal to ask on: pass --yes to take the defaults, and what differs with {options}")
    there = found.look(base)
    for line in found.lines(there):
        print(f"found: {line}")
    decided = _decide(there, base, given, ask=not yes, adopt=adopt)
    files, to_add = _render(decided, there, base, today)
    _check(files)
    if dry_run:
        for name, text in files.items():
            print(f"\nwould write {name}:\n\n{_indented(text)}")
    else:
        _write(base, files)
        print()
        for name in files:
            print(f"written: {workspace.near(str(base / name))}")
        if adopt:
            _adopt(there, base, today)
    for name, text in to_add.items():
        print(f"\nAdd to {name}, which governor does not touch:\n\n{_indented(text)}")
    _tell_next(decided, there, folder, files)
    return 0


_QUESTIONS = {
    "tags": "Tag keys that what costs money must carry; your own are asked of all of it.",
    "stages": "What the tag `stage` may say.",
    "budget": "USD a month for projects: PROJECT=USD, or none.",
    "jurisdictions": "Where data may lie and be processed: jurisdictions such as EU, US, UK, or any.",
    "keys": "AI keys that are approved: PROVIDER=ACCOUNT, or none.",
    "key_owner": "Who answers for these keys.",
    "level": "warn: findings are shown. deny: grave ones fail the run from the first day.",
    "ci": "Where pull requests are judged.",
    "pre_commit": "Look for keys and mistakes before each commit, with pre-commit.",
    "repository": "The git repository that CI and pre-commit get governor from.",
}
"""Name of an option → its line of explanation, in the order they are asked."""


def _decide(there: Found, base: Path, given: Mapping[str, Any], *, ask: bool, adopt: bool) -> Answers:
    """All answers: from the options, from a person, or the defaults."""
    shipped = answers.taxonomy()["tags"]
    default: dict[str, Any] = {
        "tags": answers.joined(shipped),
        "stages": answers.joined(shipped["stage"]["values"]),
        "budget": "none",
        "jurisdictions": answers.joined(there.jurisdictions) or "any",
        "keys": "none",
        "key_owner": "",
        "level": "warn" if (there.roots or there.manifests or there.plans) and not adopt else "deny",
        "ci": there.ci or "none",
        "pre_commit": there.repository == ".",
        "repository": _installed_from() or PLACEHOLDER,
    }
    decided: dict[str, Any] = {}
    for name in _QUESTIONS:
        if given.get(name) is None and not _matters(name, decided):
            decided[name] = ""
        elif given.get(name) is not None:
            decided[name] = answers.read(name, given[name])
        elif ask:
            decided[name] = _asked(name, _mail(base) if name == "key_owner" else default[name])
        else:
            decided[name] = answers.read(name, _mail(base) if name == "key_owner" else default[name])
    return Answers(budgets=decided.pop("budget"), adopt=adopt, **decided)


def _matters(name: str, decided: Mapping[str, Any]) -> bool:
    """Whether a question follows from what was answered before."""
    if name == "key_owner":
        return bool(decided["keys"])
    if name == "repository":
        return bool(decided["ci"] != "none" or decided["pre_commit"])
    return True


def _asked(name: str, default: Any) -> Any:
    """The answer of a person, who is told what is wrong with one and asked again."""
    click.echo(f"\n{_QUESTIONS[name]}")
    label = f"  {name.replace('_', '-')}"
    if name == "pre_commit":
        return click.confirm(label, default=default)
    if name in _CHOICES:
        return click.prompt(label, default=default, type=click.Choice(_CHOICES[name]))
    while True:
        try:
            return answers.read(name, click.prompt(label, default=default or None))
        except Refusal as refusal:
            click.echo(f"  {refusal.message}")


_CHOICES = {"level": ["warn", "deny"], "ci": ["github", "gitlab", "none"]}


def _mail(base: Path) -> str:
    """Who works here, as git knows; nothing where it does not."""
    with suppress(OSError):
        told = subprocess.run(["git", "config", "user.email"], cwd=base, capture_output=True, text=True, check=False)
        return told.stdout.strip()
    return ""


def _installed_from() -> str:
    """The git repository that this governor was installed from: https://peps.python.org/pep-0610/"""
    import json
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        told = json.loads(distribution("gpu-governor").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return ""
    with suppress(Refusal):
        return answers.repository(told["url"]) if "vcs_info" in told else ""
    return ""


def _render(decided: Answers, there: Found, base: Path, today: date) -> tuple[dict[str, str], dict[str, str]]:
    """(files to write, texts for files that a person keeps), by their paths."""
    # Policies that somebody else's tool reads may lie in a folder of the usual name.
    folder = next((name for name in ("policies", "governor-policies") if not os.path.lexists(base / name)), None)
    if folder is None:
        raise Refusal("both policies and governor-policies are there already: move one away", place=str(base))
    overlays = setup.overlays(decided, today)
    files = {configuration.FILE: setup.settings(decided, folder, overlays)}
    files |= {f"{folder}/{concern}/data.yaml": text for concern, text in overlays.items()}
    to_add = {}
    if decided.pre_commit or decided.ci != "none":
        if there.repository not in ("", "."):
            raise Refusal(
                f"CI and hooks are the repository's: begin in {there.repository}, or pass --ci none --no-pre-commit",
                place=str(base),
            )
        setup.refuse_odd_names(there)
    if decided.pre_commit:
        to_add[setup.PRE_COMMIT] = setup.pre_commit(decided, there, overlaid=bool(overlays))
    if decided.ci == "github":
        to_add[setup.GITHUB] = setup.github(decided, there)
    for name in [name for name in to_add if not os.path.lexists(base / name)]:
        files[name] = to_add.pop(name)
    if decided.ci == "gitlab":
        to_add[setup.GITLAB] = setup.gitlab(decided, there)
    return files, to_add


def _check(files: Mapping[str, str]) -> None:
    """Load what is about to be written, as every other command will. Raises Refusal."""
    with tempfile.TemporaryDirectory(prefix="governor-") as place:
        _write(Path(place).resolve(), files)
        space = workspace.enter(Path(place) / configuration.FILE, [])
        workspace.everything(space)


def _write(base: Path, files: Mapping[str, str]) -> None:
    """Write all files or none: over nothing that is there, and through no link that leads out of the folder."""
    for name in files:
        parent = (base / name).parent
        if not parent.resolve().is_relative_to(base):
            raise Refusal("this folder is a link that leads out of the repository", place=str(parent))
    made: list[Path] = []
    try:
        for name, text in files.items():
            path = base / name
            for above in reversed(path.relative_to(base).parents[:-1]):
                if not (base / above).exists():
                    (base / above).mkdir()
                    made.append(base / above)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                made.append(path)
                file.write(text)
    except BaseException as error:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, OSError):
            raise Refusal(f"cannot be written: {error.strerror}; nothing was", place=str(error.filename)) from None
        raise


def _adopt(there: Found, base: Path, today: date) -> None:
    """Write down what is open today, but for keys in code: who reads the file can read those, too."""
    from governor.baseline import entries
    from governor.commands import check, inputs, ratchet
    from governor.sources import Options

    how = check.Options(config=base / configuration.FILE, today=today)
    judged = [(inputs.CODE, [root], base / root / setup.BASELINE) for root in there.roots]
    if there.manifests:
        judged.append((inputs.MANIFESTS, [*there.manifests], base / setup.BASELINE_OF_MANIFESTS))
    for source, names, file in judged:
        found_there = inputs.sort([workspace.near(str(base / name)) for name in names], Options())
        given = next(one for one in found_there if one.source == source)
        verdict = check.Judging(how, given.stage, of_plans=False).verdict(given)
        leaked = [finding for finding in verdict.open if finding.policy == "KEY003"]
        known = entries((finding for finding in verdict.open if finding not in leaked), today)
        ratchet.write(file, known)
        print(f"adopted: {workspace.near(str(file))}: {count(len(known), 'finding')}")
        for finding in leaked:
            print(f"not adopted: KEY003 {finding.msg}: revoke the key")
        for failure in verdict.failures:
            print(f"not adopted: {failure.policy} failed: {failure.reason}")


def _tell_next(decided: Answers, there: Found, folder: Path, files: Mapping[str, str]) -> None:
    """Commands that work here, for what was found."""
    commands = [f"cd {shlex.quote(str(folder))}"] if folder.resolve() != Path.cwd().resolve() else []
    if there.manifests:
        commands.append(f"governor check {shlex.join(there.manifests)}")
    commands += [f"governor check {shlex.quote(plan)}" for plan in there.plans[:1]]
    commands += [f"governor check {shlex.quote(root)}" for root in there.roots[:3]]
    commands.append("governor keys scan .")
    if not (there.manifests or there.plans or there.roots):
        commands.append("governor policies")
    if setup.PRE_COMMIT in files:
        commands.append("pre-commit install")
    print("\nnext:")
    for command in commands:
        print(f"  {command}")
    host = decided.repository.split("/")[2] if decided.repository else ""
    if decided.ci == "github" and host != "github.com" and decided.repository != PLACEHOLDER:
        print(
            f"\nThe workflow gets its action from the GitHub that runs it. Unless that is {host}, keep governor there."
        )
    if decided.repository == PLACEHOLDER:
        print(f"\nWrite the address of the repository that you keep governor in for {PLACEHOLDER}.")


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())
