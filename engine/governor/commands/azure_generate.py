"""`governor azure generate`: the taxonomy and the residency data, written as Azure Policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from governor import azure_generated, log, yamlfile
from governor.azure_generated import Options, hcl, naming
from governor.azure_generated.objects import EffectOn, Unsaid
from governor.azure_model import Export
from governor.commands import workspace
from governor.errors import Refusal
from governor.library import Concern
from governor.sources.azure import exports

Layout = Literal["epac", "arm", "terraform", "portal"]

FILLED_IN = "Definitions/global-settings.jsonc"
"""EPAC's file of tenants: people fill it in, so that it is begun once and then left alone."""

UNSAID_FILE = "NOT-EXPRESSED.md"

_NAMES = (
    UNSAID_FILE,
    *(f"{name}.tf" for name in ("versions", "definitions", "initiatives", "assignments")),
    *(
        f"Definitions/{kind}/governor-*.jsonc"
        for kind in ("policyDefinitions", "policySetDefinitions", "policyAssignments")
    ),
    "policies/*_governor-*/policy.json",
    "initiatives/*_governor-*/*.json",
    *(f"{scope}-*.json" for scope in ("managementGroup", "subscription", "resourceGroup")),
)
"""Where the layouts write: what says that it was made by us and lies elsewhere, as an export of what was deployed, is
somebody's own."""


def run(
    *,
    layout: Layout,
    out: Path,
    scope: str,
    location: str,
    effect: EffectOn,
    only: Sequence[str],
    folders: Sequence[str],
    config: Path | None,
    allow_floating: bool,
) -> int:
    """Write the files; those of earlier runs are replaced or removed, a file of somebody else is a Refusal. 4 when
    nothing is asked that Azure could say."""
    library = workspace.enter(config, folders, floating=allow_floating).library("live")
    wanted = [name for name in only or azure_generated.CONCERNS if name in library.concerns]
    options = Options(
        scope=scope.rstrip("/"), location=location, effect=effect, only=wanted, place=_places(library.concerns)
    )
    made = azure_generated.generate(
        {name: concern.config for name, concern in library.concerns.items()},
        {policy.id: policy for policy in library.policies},
        options,
    )
    if not made.export.definitions:
        raise Refusal("no policy that is asked says anything that Azure Policy can: there is nothing to write", code=4)
    files = {**_files(made.export, layout), UNSAID_FILE: _page(made.unsaid)}
    if (out / FILLED_IN).exists():
        files.pop(FILLED_IN, None)
    written, removed = _write(out, files)
    for unsaid in made.unsaid:
        log.say(f"not expressed: {unsaid}", "warning")
    print(_summary(made.export, out, written, removed))
    return 0


def _places(concerns: Mapping[str, Concern]) -> Callable[[str, Sequence[str | int]], str]:
    def place(concern: str, path: Sequence[str | int]) -> str:
        """In the last file that says it."""
        files = concerns[concern].config_files
        saying = [file for file in files if _says(yamlfile.read(file), path)]
        return workspace.near(yamlfile.place((saying or files)[-1], path))

    return place


def _says(data: Any, path: Sequence[str | int]) -> bool:
    try:
        for step in path:
            data = data[step]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _files(export: Export, layout: Layout) -> dict[str, str]:
    return hcl.write(export) if layout == "terraform" else exports.write(export, layout)


def _page(unsaid: Sequence[Unsaid]) -> str:
    lines = "".join(f"- {one}\n" for one in unsaid) or "Nothing.\n"
    return f"""\
# Not expressed

Made by `{naming.MADE_BY}`. Azure Policy cannot say this of our policies; `governor check` and `governor scan` judge it.

{lines}"""


def _write(out: Path, files: Mapping[str, str]) -> tuple[int, int]:
    """How many files were written anew, and how many of an earlier run removed."""
    for name in files:
        if (out / name).exists() and not _is_ours(out / name):
            raise Refusal(
                "this file is there already, and governor did not write it: choose another folder with --out",
                place=str(out / name),
            )
    stale = [name for name, text in files.items() if not (out / name).exists() or _read(out / name) != text]
    known = [path for pattern in _NAMES for path in sorted(out.glob(pattern))]
    gone = [path for path in known if str(path.relative_to(out)) not in files and _is_ours(path)]
    try:
        for name in stale:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(files[name], "utf-8", newline="\n")
        for path in gone:
            path.unlink()
    except OSError as error:
        raise Refusal(f"cannot be written ({error.strerror}): choose another folder", place=str(out)) from None
    return len(stale), len(gone)


def _is_ours(path: Path) -> bool:
    return naming.MADE_BY in _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _summary(export: Export, out: Path, written: int, removed: int) -> str:
    counts = [
        f"{len(found)} {name if len(found) == 1 else f'{name}s'}"
        for name, found in (
            ("definition", export.definitions),
            ("initiative", export.initiatives),
            ("assignment", export.assignments),
        )
    ]
    return f"{', '.join(counts)} in {out}; files written: {written}, removed: {removed}"
