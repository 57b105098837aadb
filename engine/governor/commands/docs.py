"""`governor docs`: a page a policy, written or checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from governor import pages
from governor.commands import workspace
from governor.model import Policy


def run(*, out: Path, check: bool, folders: Sequence[str], config: Path | None, allow_floating: bool) -> int:
    """Write the pages of all policies to a folder; with `check`, only say which are stale, and end with 1."""
    wanted = _pages(workspace.everything(workspace.enter(config, folders, floating=allow_floating)).policies)
    stale = sorted(name for name, text in wanted.items() if _read(out / name) != text)
    gone = sorted(path.name for path in out.glob("*.md") if path.name not in wanted and pages.MARK in _read(path))
    if check:
        for name in (*stale, *gone):
            print(f"{out / name} is stale: run governor docs", file=sys.stderr)
        return 1 if stale or gone else 0
    out.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (out / name).write_text(wanted[name], "utf-8", newline="\n")
    for name in gone:
        (out / name).unlink()
    print(f"{len(wanted) - 1} policies; pages written: {len(stale)}, removed: {len(gone)}, in {out}")
    return 0


def _pages(policies: Sequence[Policy]) -> Mapping[str, str]:
    """File name → text."""
    written = {f"{policy.id}.md": pages.page(policy, _fragments(policy), _location(policy)) for policy in policies}
    return {**written, "README.md": pages.index(policies)}


def _fragments(policy: Policy) -> pages.Fragments:
    folder = Path(policy.location.rpartition(":")[0]).parent / "fragments"
    for suffix, language in (("jsonc", "jsonc"), ("tf", "hcl")):
        avoid, prefer = (_read(folder / f"{policy.id}_{side}.{suffix}") for side in ("avoid", "prefer"))
        if avoid or prefer:
            return pages.Fragments(avoid, prefer, language)
    return pages.Fragments()


def _location(policy: Policy) -> str:
    """The file as a library folder names it: the lines move too often to stand in a page."""
    return "/".join(("policies", *Path(policy.location.rpartition(":")[0]).parts[-2:]))


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""
