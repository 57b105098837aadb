"""Git's objects: the name of a commit and a folder in, the files below it out.

Every object is named by the digest of what it holds, and a commit names all that lies below it. So the files of a cache
can be held against the digits of a commit without asking anybody, git included.
https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path

from msgspec import Struct

from governor.errors import Refusal

Objects = dict[str, tuple[str, bytes]]
"""Name (40 digits) → kind (commit, tag, tree or blob) and what it holds."""

Read = Callable[[str], tuple[str, bytes]]
"""The object of a name; KeyError where there is none."""

_TREE, _LINK, _SUBMODULE = 0o040000, 0o120000, 0o160000


class File(Struct, frozen=True):
    """A file below a folder."""

    path: str
    """From the folder: `tagging/data.yaml`."""
    name: str
    """Of the blob that holds its text."""
    link: bool
    """Whether it is a symbolic link, its text the target."""


def name(kind: str, body: bytes) -> str:
    """The name of an object. Not a secret, and git's own choice: SHA-1."""
    return sha1(f"{kind} {len(body)}\0".encode() + body, usedforsecurity=False).hexdigest()


def commit_of(read: Read, start: str) -> str:
    """The commit that a tag (of a tag …) names; a commit itself."""
    while True:
        kind, body = read(start)
        if kind == "commit":
            return start
        found = re.match(rb"object ([0-9a-f]{40})\n", body) if kind == "tag" else None
        if found is None:
            raise Refusal(f"{start} names a {kind}, and not a commit")
        start = found[1].decode()


def folder_of(read: Read, commit: str, folder: str) -> str:
    """The name of the tree of a folder."""
    found = re.match(rb"tree ([0-9a-f]{40})\n", read(commit)[1])
    if found is None:
        raise Refusal(f"commit {commit} names no files: it is damaged")
    tree = found[1].decode()
    for part in folder.split("/") if folder else ():
        entries = [(mode, name, oid) for mode, name, oid in _entries(read(tree)[1]) if mode == _TREE]
        inside = next((oid for _, name, oid in entries if name == part), None)
        if inside is None:
            there = ", ".join(sorted(name for _, name, _ in entries)) or "none"
            raise Refusal(f"commit {commit[:12]} has no folder {folder}: where {part} should be, there are: {there}")
        tree = inside
    return tree


def files(read: Read, tree: str, above: str = "") -> Iterator[File]:
    """Every file below a tree. What no checkout should write is a Refusal."""
    for mode, part, oid in _entries(read(tree)[1]):
        path = f"{above}{part}"
        if mode == _SUBMODULE:
            raise Refusal(f"{path} is a submodule, and those are not fetched: name its repository in a line of its own")
        if part in ("", ".", "..") or part.lower() == ".git" or re.search(r"[/\\:]", part) or not part.isprintable():
            raise Refusal(f"{path!r} is no name for a file: have it renamed")
        if mode == _TREE:
            yield from files(read, oid, f"{path}/")
        else:
            yield File(path, oid, mode == _LINK)


def write(found: Iterator[File], read: Read, folder: Path) -> None:
    """Write the files, folders first: nothing is written through a link. One that leaves the folder is refused."""
    listed = list(found)
    for file in listed:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
    for file in listed:
        path, text = folder / file.path, read(file.name)[1]
        try:
            if file.link:
                os.symlink(os.fsdecode(text), path)
            else:
                with path.open("xb") as stream:
                    stream.write(text)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise Refusal(f"{file.path} cannot be written ({reason}): have it renamed") from None
    for file in listed:
        if file.link and not _inside(folder / file.path, folder):
            raise Refusal(f"{file.path} is a link that leaves the folder: have a file put there")


def _inside(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def holds(found: Iterator[File], folder: Path) -> bool:
    """Whether a folder holds the files as they were written, and no others."""
    expected = {file.path: file for file in found}
    try:
        present = set(_below(folder))
        return present == expected.keys() and all(_text_name(folder, file) == file.name for file in expected.values())
    except OSError:
        return False


def _text_name(folder: Path, file: File) -> str:
    path = folder / file.path
    return name("blob", os.fsencode(os.readlink(path)) if file.link else path.read_bytes())


def _below(folder: Path) -> Iterator[str]:
    """Every path below a folder that is no folder itself."""
    for at, folders, names in os.walk(folder, onerror=_fail):
        for found in (*names, *(f for f in folders if os.path.islink(os.path.join(at, f)))):
            yield Path(at, found).relative_to(folder).as_posix()


def _fail(error: OSError) -> None:
    raise error


def _entries(tree: bytes) -> Iterator[tuple[int, str, str]]:
    """(mode, name, name of the object) of a tree's entries."""
    start = 0
    while start < len(tree):
        blank, null = tree.index(b" ", start), tree.index(b"\0", start)
        mode, part, oid = tree[start:blank], tree[blank + 1 : null], tree[null + 1 : null + 21]
        yield int(mode, 8), part.decode("utf-8", "backslashreplace"), oid.hex()
        start = null + 21
