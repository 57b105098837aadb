"""Which root modules a file of Terraform code belongs to, and which lie in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from governor.sources import left_out

CODE = (".tf", ".tofu", ".tf.json")
"""How files of code end."""
_CALL = re.compile(rb"""["']?source["']?\s*[=:]\s*"(\.\.?/[^"$]*)\"""")


def roots_of(paths: Iterable[Path]) -> list[Path]:
    """The folders to judge. A folder is meant as a root; a file belongs to every root that calls its module.

    A root is a folder with code that no other one calls; what cannot be read calls nothing.
    """
    roots: dict[Path, None] = {}
    callers: dict[Path, set[Path]] | None = None
    for path in paths:
        if path.is_dir():
            roots[path] = None
            continue
        if callers is None:
            callers = _callers(_top(path))
        for root in _above(path.parent.resolve(), callers):
            roots[_near(root)] = None
    return list(roots)


def roots_below(folder: Path) -> list[Path]:
    """The root modules in a folder and below it, as told by the code that lies there; see `left_out`."""
    callers = _callers(folder.resolve())
    return sorted({_near(root) for module in callers for root in _above(module, callers)})


def calls(folder: Path, text: bytes) -> set[Path]:
    """The folders that a file of code in `folder` calls as modules, by a path."""
    called = {Path(os.path.normpath(folder / os.fsdecode(source))) for source in _CALL.findall(text)}
    return called - {folder}


def _above(folder: Path, callers: dict[Path, set[Path]]) -> Sequence[Path]:
    """The callers of a module that nobody calls, or itself: also where modules call each other in a circle."""
    seen, waiting, found = {folder}, [folder], []
    while waiting:
        module = waiting.pop()
        above = callers.get(module, set())
        if not above:
            found.append(module)
        waiting += above - seen
        seen |= above
    return sorted(found) or [folder]


def _top(path: Path) -> Path:
    """The repository that a file lies in, or else the working directory."""
    here = path.parent.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), Path.cwd())


def _callers(top: Path) -> dict[Path, set[Path]]:
    """module → the folders whose code calls it, by a path: none, where nobody does."""
    callers: dict[Path, set[Path]] = {}
    for name, folders, files in os.walk(top):
        folders[:] = [each for each in folders if not left_out(each)]
        folder = Path(name)
        for file in files:
            if not file.endswith(CODE):
                continue
            callers.setdefault(folder, set())
            try:
                text = (folder / file).read_bytes()
            except OSError:
                continue
            for called in calls(folder, text):
                callers.setdefault(called, set()).add(folder)
    return callers


def _near(folder: Path) -> Path:
    """A folder as a person would write it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
