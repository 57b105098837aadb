"""A repository as it was: a ref in, the commits where this branch left it, and their files in a folder of our own.

Everything is read from git's objects. Neither the working tree, nor the index, nor a ref is touched, and no hook,
filter, attribute or textconv of anybody runs.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal

if TYPE_CHECKING:
    from git import Git

LINK, SUBMODULE = "120000", "160000"
"""Modes of entries that are no files: https://git-scm.com/docs/git-fast-import#_filemodify"""
LARGEST = 64 << 20
"""Bytes of a file beyond which it is passed over: no code is as large, and a plan of 10,000 resources is half of it."""
_POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins whose content lies elsewhere: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
_OPTIONS = ("--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false")
_DEEPEN = (
    "fetch more of the history: `fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` of GitLab,"
    " `git fetch --deepen=100` or `--unshallow`"
)


class Entry(Struct, frozen=True):
    """A file of a commit."""

    path: str
    """From the root of the repository, with slashes."""
    mode: str
    blob: str
    size: int = 0
    """Bytes; 0 of a submodule."""


class Repository:
    """The repository around a folder, for reading."""

    def __init__(self, folder: Path) -> None:
        self._git = _gitpython(folder)
        found, said = self._run("rev-parse", "--show-toplevel")
        if found is None:
            raise Refusal(
                f"--base reads a git repository, and this folder lies in none ({_told(said)}): use --baseline"
            )
        self.root = Path(os.fsdecode(found.removesuffix(b"\n")))
        self._git = _gitpython(self.root)

    def close(self) -> None:
        """End the process that reads objects."""
        self._git.clear_cache()

    def bases(self, ref: str) -> list[str]:
        """The commits (40 digits) that the ref and what is checked out have in common, the last ones; mostly one.

        After a criss-cross of merges there are several.
        """
        if not ref or ref.startswith("-"):
            raise Refusal(f"--base wants a branch, a tag or a commit, and {ref!r} is none")
        commit = self._commit(ref)
        if commit is None:
            advice = [f"git fetch origin {ref.removeprefix('origin/')}"] if "/" in ref or ref.isalpha() else []
            advice += [_DEEPEN] if self._shallow else []
            told = f": {', or '.join(advice)}" if advice else ""
            raise Refusal(f"this repository has no branch, tag or commit {ref}{told}", code=CANNOT_JUDGE)
        head = self._commit("HEAD")
        if head is None:
            raise Refusal("nothing is committed here yet: there is no base to compare with", code=CANNOT_JUDGE)
        found, _ = self._run("merge-base", "--all", commit, head)
        if not found:
            told = f"{ref} and what is checked out have no commit in common"
            cut = f" in this shallow clone: {_DEEPEN}" if self._shallow else ": name the branch that this one left"
            raise Refusal(f"{told}{cut}", code=CANNOT_JUDGE)
        return sorted(found.decode().split())

    def files(self, commit: str) -> list[Entry]:
        """Every file, link and submodule of a commit."""
        found = self._must("ls-tree", "-r", "-l", "-z", "--full-tree", commit)
        entries = []
        for line in filter(None, found.split(b"\0")):
            facts, _, path = line.partition(b"\t")
            mode, _, blob, size = facts.decode().split()
            entries.append(Entry(os.fsdecode(path), mode, blob, int(size) if size.isdigit() else 0))
        return entries

    def read(self, entry: Entry) -> bytes:
        """What a file holds; of a link, its target."""
        try:
            content: Any = self._git.get_object_data(entry.blob)[3]
            return bytes(content)  # text by its type, bytes in fact
        except ValueError:
            raise Refusal(
                f"git has not fetched {entry.path} of the base (a partial clone): fetch without --filter",
                code=CANNOT_JUDGE,
            ) from None

    def tracked(self, path: str) -> bool:
        """Whether the index has a file, or something below a folder."""
        return bool(self._must("ls-files", "-z", "--cached", "--", path or "."))

    def renames(self, commit: str) -> dict[str, str]:
        """Path now → path in the commit, for each file that was renamed since, by what is committed or staged."""
        fields = iter(
            self._must("diff-index", "--cached", "-M", "-l5000", "--diff-filter=R", "--name-status", "-z",
                       "--no-ext-diff", "--no-textconv", "--ignore-submodules", commit).split(b"\0")
        )  # fmt: skip
        found = {}
        for status in fields:
            if status.startswith(b"R"):
                before, now = os.fsdecode(next(fields)), os.fsdecode(next(fields))
                found[now] = before
        return found

    def export(self, entries: Iterable[Entry], folder: Path) -> Iterator[str]:
        """Write files into an empty folder; gives what was not written, and why, a line each."""
        links = []
        for entry in entries:
            parts = entry.path.split("/")
            if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or "\\" in entry.path:
                yield f"{entry.path!r} is no name for a file"
            elif entry.mode == SUBMODULE:
                yield f"{entry.path} is a submodule"
            elif entry.mode == LINK:
                links.append(entry)
            else:
                yield from self._write(entry, folder.joinpath(*parts))
        # Links come last, and are looked at when all are there: nothing is written through one, and where one leads
        # may hang on others.
        made = {}
        for entry in links:
            path = folder.joinpath(*entry.path.split("/"))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(os.fsdecode(self.read(entry)))
                made[entry.path] = path
            except (OSError, ValueError):
                yield f"{entry.path} is a link that cannot be made"
        for name, path in made.items():
            if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
                path.unlink()
                yield f"{name} is a link that leaves the repository"

    def _write(self, entry: Entry, path: Path) -> Iterator[str]:
        if entry.size > LARGEST:
            yield f"{entry.path} is larger than {LARGEST >> 20} MiB"
            return
        data = self.read(entry)
        if data.startswith(_POINTER):
            yield f"{entry.path} lies in Git LFS, and its content is not in git"
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            yield f"{entry.path} cannot be written ({error.strerror})"

    def _commit(self, ref: str) -> str | None:
        found, _ = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        name = (found or b"").decode().strip()
        return name if re.fullmatch("[0-9a-f]{40,64}", name) else None

    @cached_property
    def _shallow(self) -> bool:
        return self._run("rev-parse", "--is-shallow-repository")[0] == b"true\n"

    def _must(self, *arguments: str) -> bytes:
        found, said = self._run(*arguments)
        if found is None:
            raise Refusal(f"git {arguments[0]} failed: {_told(said)}", place=str(self.root), code=CANNOT_JUDGE)
        return found

    def _run(self, *arguments: str) -> tuple[bytes | None, str]:
        """(standard output, or None where git fails; standard error)."""
        from git import GitCommandNotFound

        command = [self._git.GIT_PYTHON_GIT_EXECUTABLE, *_OPTIONS, *arguments]
        try:
            process = self._git.execute(command, as_process=True)
        except GitCommandNotFound:
            raise Refusal(_NO_GIT, code=CANNOT_JUDGE) from None
        out, said = process.communicate()
        return (None if process.returncode else out), said.decode("utf-8", "replace")


_NO_GIT = "--base needs git: install it, or use --baseline"


def former(path: str, there: Collection[str], renames: Mapping[str, str]) -> str | None:
    """What a file or folder was called in a commit that has the paths `there`; None where it was not in it.

    A folder was called what most of the files that were renamed into it say.
    """
    if path in there:
        return path
    if path in renames:
        return renames[path]
    votes: Counter[str] = Counter()
    for now, before in renames.items():
        rest = now.removeprefix(path)
        if rest.startswith("/") and rest != now and before.endswith(rest):
            votes[before.removesuffix(rest)] += 1
    return votes.most_common(1)[0][0] if votes else None


def _gitpython(folder: Path) -> Git:
    try:
        from git import Git
    except ModuleNotFoundError:
        raise Refusal("--base needs GitPython: pip install 'gpu-governor[git]'", code=CANNOT_JUDGE) from None
    except ImportError:
        raise Refusal(_NO_GIT, code=CANNOT_JUDGE) from None
    git = Git(str(folder))
    # What a commit needs that was not fetched is missing, and nothing to fetch now.
    git.update_environment(GIT_NO_LAZY_FETCH="1", GIT_NO_REPLACE_OBJECTS="1", GIT_TERMINAL_PROMPT="0", LC_ALL="C")
    return git


def _told(said: str) -> str:
    lines: Sequence[str] = said.strip().splitlines()
    return re.sub(r"^(fatal|error): ", "", lines[0]) if lines else "git says nothing more"
