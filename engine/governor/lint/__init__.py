"""Checks of policies: folders in, problems out, each with a place and a way to mend it.

A check is a function from `Folders` to remarks; its name, with hyphens, is the id of what it finds, and its docstring
the section of docs/lint.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from governor.lint import library, python, rego
from governor.lint.folders import Folders
from governor.lint.remark import Place, Remark

Check = Callable[[Folders], Iterator[Remark]]

_CHECKS: tuple[Check, ...] = (
    library.parse_error,
    library.misplaced_file,
    library.duplicate_file,
    library.line_length,
    library.missing_card,
    library.malformed_card,
    library.bad_id,
    library.duplicate_id,
    library.untested_policy,
    library.unknown_kind,
    library.unknown_attribute,
    library.unknown_field,
    library.unresolved_reference,
    library.missing_schema,
    library.null_in_data,
    python.missing_attribute,
    python.outside_world,
    python.print_call,
    rego.directory_package_mismatch,
    rego.unknown_function,
    rego.arity_mismatch,
    rego.recursion,
    rego.rule_conflict,
    rego.import_shadowing,
    rego.with_outside_tests,
    rego.chained_rule_body,
    rego.negated_reference,
    rego.sprintf_verb,
    rego.sprintf_arguments,
    rego.unicode_class,
)

CHECKS: dict[str, Check] = {check.__name__.replace("_", "-"): check for check in _CHECKS}
"""Id → check, in the order of docs/lint.md."""

UNUSED_IGNORE = "unused-ignore"
"""Id of the one problem that no check finds: it is known when all have run."""

_IGNORE = re.compile(r"(?:^|\s)#\s*lint:\s*ignore\[([^\]\n]*)\]")


class Problem(Struct, frozen=True, kw_only=True):
    """What a check found."""

    check: str
    file: Path
    line: int
    column: int
    message: str
    fix: str


class Report(Struct, frozen=True, kw_only=True):
    """What all checks found."""

    problems: Sequence[Problem]
    """By file, line and column."""
    ignored: int
    """Problems that a comment ignores."""
    files: int
    policies: int


def lint(targets: Sequence[Path], around: Sequence[Path] = (), raw: Sequence[Path] = ()) -> Report:
    """Check all that lies below the targets.

    `around` are the folders of the library they belong to, and `raw` those whose policies read plans as Terraform wrote
    them; the targets lie among them. Ids, rules and data of the others are known; what is wrong there is not told.
    """
    worlds = [Folders(around), Folders(raw, raw=True)]
    ours = {file for world in worlds for file in world.files if any(file.is_relative_to(target) for target in targets)}
    found = sorted(
        {
            (remark, check)
            for world in worlds
            for check, run in CHECKS.items()
            for remark in run(world)
            if remark.place.file in ours
        }
    )
    ignores = {ignore: False for file in sorted(ours) for ignore in _ignores(file)}
    told = []
    for remark, check in found:
        covering = [ignore for ignore in ignores if ignore.covers(check, remark.place)]
        for ignore in covering:
            ignores[ignore] = True
        if not covering:
            told.append((remark, check))
    told += [(ignore.unused(), UNUSED_IGNORE) for ignore, used in ignores.items() if not used]
    return Report(
        problems=[_problem(remark, check) for remark, check in sorted(told)],
        ignored=len(found) + sum(not used for used in ignores.values()) - len(told),
        files=len(ours),
        policies=sum(card.place.file in ours for world in worlds for card in world.cards),
    )


class _Ignore(Struct, frozen=True):
    """`# lint: ignore[line-length] reason`: what it names is not told of its line, or of the one below."""

    check: str
    place: Place

    def covers(self, check: str, place: Place) -> bool:
        return check == self.check and place.file == self.place.file and place.line - self.place.line in (0, 1)

    def unused(self) -> Remark:
        if self.check not in CHECKS:
            return Remark(self.place, f"no check is named {self.check}", "docs/lint.md lists them")
        return Remark(self.place, f"there is no {self.check} here to ignore", "remove the comment")


def _ignores(file: Path) -> Iterator[_Ignore]:
    if file.suffix == ".json":
        return
    for number, line in enumerate(file.read_text("utf-8", errors="replace").split("\n"), start=1):
        for found in _IGNORE.finditer(line):
            for check in found[1].split(","):
                yield _Ignore(check.strip(), Place(file, number, found.start() + 1))


def _problem(remark: Remark, check: str) -> Problem:
    place = remark.place
    return Problem(
        check=check, file=place.file, line=place.line, column=place.column, message=remark.message, fix=remark.fix
    )
