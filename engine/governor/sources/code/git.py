"""What git knows: the files of a folder, the index, the history. By its own command: see docs/architecture.md."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal
from governor.sources.code.sighting import shown

SYMBOLIC_LINK, SUBMODULE = "120000", "160000"
"""Modes of entries that are no files: https://git-scm.com/docs/git-fast-import#_filemodify"""

_GIT = ("git", "--no-optional-locks", "--literal-pathspecs")
_CHUNK = 1 << 16
_ASKED_AT_ONCE = 400
"""Objects asked for before their contents are read: their names fit into a pipe, so that neither side waits."""


class Missing(Refusal):
    """git is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "git is not installed, or not on PATH: install it, or name files without --staged or --history"
        )


class Entry(Struct, frozen=True, array_like=True):
    """One file as git names it."""

    path: str
    """From the root of the repository, as it can be told."""
    blob: str
    """What git calls the content."""
    mode: str = ""


def root(folder: Path) -> Path:
    """The repository that a folder lies in. Raises Refusal with what git says when there is none."""
    found = _run(["rev-parse", "--show-toplevel"], folder)
    if found.returncode:
        raise Refusal(f"this is no git repository ({_said(found.stderr)}): scan its files instead", place=str(folder))
    return Path(os.fsdecode(found.stdout.removesuffix(b"\n")))


def _run(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end. Raises Missing."""
    try:
        return subprocess.run([*_GIT, *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        raise Missing from None


def files(folder: Path) -> list[str]:
    """Tracked files below a folder, and untracked ones that .gitignore does not name; paths start at the folder."""
    listed = _asked(["ls-files", "-z", "--cached", "--others", "--exclude-standard"], folder)
    return list(dict.fromkeys(os.fsdecode(name) for name in listed.split(b"\0") if name))


def staged(folder: Path) -> list[Entry]:
    """What the next commit adds or changes."""
    command = ["diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-filter=AMT", "--no-ext-diff"]
    fields = iter(_asked([*command, "--ignore-submodules=none"], folder).split(b"\0"))
    return [_raw(field, next(fields)) for field in fields if field]


def indexed(folder: Path, names: Sequence[str]) -> list[Entry]:
    """What the index holds below the names."""
    listed = _asked(["ls-files", "-z", "--stage", "--full-name", "--", *names], folder)
    entries = []
    for line in filter(None, listed.split(b"\0")):
        facts, _, path = line.partition(b"\t")
        mode, blob, stage = facts.decode().split()
        if stage in ("0", "2"):  # of a conflict, our side
            entries.append(Entry(shown(path), blob, mode))
    return entries


def contents(folder: Path, blobs: Iterable[str], largest: int) -> Iterator[tuple[int, bytes | None]]:
    """(size, content) of each blob, in order; no content of one larger than `largest`, or that is missing (size -1)."""
    waiting = iter(blobs)
    with _started(["cat-file", "--batch"], folder) as git:
        assert git.stdin is not None
        assert git.stdout is not None
        while batch := list(islice(waiting, _ASKED_AT_ONCE)):
            with suppress(BrokenPipeError):  # a git that died has its say at the end
                git.stdin.write("".join(f"{name}\n" for name in batch).encode())
                git.stdin.flush()
            for _ in batch:
                yield _content(git.stdout, largest)


def _content(stream: IO[bytes], largest: int) -> tuple[int, bytes | None]:
    header = stream.readline().split()
    if len(header) < 3:  # "<name> missing"
        return -1, None
    size = int(header[2])
    if header[1] == b"blob" and size <= largest:
        data = stream.read(size)
        stream.read(1)
        return size, data
    left = size + 1
    while left:
        left -= len(stream.read(min(left, _CHUNK)))
    return (size if header[1] == b"blob" else -1), None


def blobs(folder: Path, revisions: str) -> Iterator[Entry]:
    """Every blob that a range of commits reaches, once, with one of its paths. Raises Refusal when git will not."""
    # https://git-scm.com/docs/git-rev-list#Documentation/git-rev-list.txt---filterltfilter-specgt, since git 2.32
    command = ["rev-list", "--objects", "--filter=object:type=blob", "--filter-provided-objects", revisions, "--"]
    with _started(command, folder) as git:
        assert git.stdout is not None
        for line in git.stdout:
            blob, _, path = line.rstrip(b"\n").partition(b" ")
            yield Entry(shown(path), blob.decode())


def is_shallow(folder: Path) -> bool:
    """Whether the repository holds the last commits only."""
    return _asked(["rev-parse", "--is-shallow-repository"], folder).strip() == b"true"


class Commit(Struct, frozen=True, array_like=True):
    """Who brought something, and when."""

    id: str
    author: str
    day: str
    """YYYY-MM-DD, as the author's clock had it."""


def changes(folder: Path, revisions: str) -> Iterator[tuple[Commit, Entry]]:
    """What each commit of a range adds or changes, oldest first; of a merge, what it has from neither side."""
    command = ["log", "--reverse", "--topo-order", "--raw", "-c", "-z", "--no-abbrev", "--no-renames", "--root"]
    with _started([*command, "--format=%x01%H%x00%an%x00%as", revisions, "--"], folder) as git:
        assert git.stdout is not None
        fields = _fields(git.stdout)
        commit = Commit("", "", "")
        for field in fields:
            facts = field.lstrip(b"\n")
            if facts.startswith(b"\x01"):
                author, day = next(fields), next(fields)
                commit = Commit(facts[1:].decode(), author.decode("utf-8", "replace"), day.decode())
            elif facts.startswith(b":"):
                yield commit, _raw(facts, next(fields))


def _raw(facts: bytes, path: bytes) -> Entry:
    """An entry of `--raw`: the new mode and object stand last but for the letter that says what happened.

    https://git-scm.com/docs/git-diff#_raw_output_format
    """
    parts = facts.decode().split()
    parents = len(parts[0]) - len(parts[0].lstrip(":"))
    return Entry(shown(path), parts[2 * parents + 1], parts[parents])


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        *fields, rest = (rest + chunk).split(b"\0")
        yield from fields
    yield rest


def _asked(arguments: Sequence[str], folder: Path) -> bytes:
    found = _run(arguments, folder)
    if found.returncode:
        raise Refusal(f"git {arguments[0]} failed: {_said(found.stderr)}", place=str(folder), code=CANNOT_JUDGE)
    return found.stdout


@contextmanager
def _started(arguments: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running git. What was read of one that fails may not be all there is: that is a Refusal."""
    try:
        git = subprocess.Popen(
            [*_GIT, *arguments], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError:
        raise Missing from None
    with git:
        try:
            yield git
        except GeneratorExit:
            git.kill()
            raise
        _, complaint = git.communicate()
    if git.returncode:
        raise Refusal(f"git {arguments[0]} failed: {_said(complaint)}", place=str(folder), code=CANNOT_JUDGE)


def _said(complaint: bytes) -> str:
    """The first line of what git says, without its "fatal:"."""
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else "it says nothing more"
