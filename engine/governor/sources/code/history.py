"""A range of commits in, the keys in every content it reaches out, each with the commit that brought it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from governor.sources.code import git
from governor.sources.code.index import search_objects
from governor.sources.code.sighting import Key, Seen

EVERYTHING = "--all"
"""All branches, tags and stashes."""

_WINDOW = 20_000
"""Contents whose names are held at a time; of their bytes, each core holds one file."""


class Since(Struct, frozen=True):
    """A key, and the commit that brought it."""

    path: str
    key: Key
    commit: git.Commit | None
    """None when no commit of the range brought it: a tag may name a content by itself."""


class History(Struct):
    """What a range of commits holds."""

    versions: int
    keys: list[Since]
    told: list[Seen]


def search(base: Path, revisions: str, salt: bytes, progress: Callable[[int], None]) -> History:
    """Search every content once; `progress` hears how many have been. Of the versions of a file that hold a key, the
    first is told.
    """
    history = History(0, [], [])
    sighted: dict[str, Seen] = {}
    entries = git.blobs(base, revisions)
    while window := list(islice(entries, _WINDOW)):
        for seen in search_objects(base, window, salt):
            if seen.keys:
                sighted[seen.blob] = seen
            else:
                history.told.append(seen)
        history.versions += len(window)
        progress(history.versions)
    if sighted:
        history.keys = list(_first(git.changes(base, revisions), sighted))
    return history


def _first(changes: Iterator[tuple[git.Commit, git.Entry]], sighted: Mapping[str, Seen]) -> Iterator[Since]:
    """Each key of each path once. One that any version allows is allowed: the comment came later than the key."""
    found: dict[tuple[str, str, bytes], Since] = {}
    left = dict(sighted)

    def add(path: str, key: Key, commit: git.Commit | None) -> None:
        identity = (path, key.rule, key.digest)
        first = found.setdefault(identity, Since(path, key, commit))
        if key.allow and not first.key.allow:
            found[identity] = replace(first, key=replace(first.key, allow=key.allow))

    for commit, entry in changes:
        if seen := sighted.get(entry.blob):
            left.pop(entry.blob, None)
            for key in seen.keys:
                add(entry.path, key, commit)
    for seen in left.values():
        for key in seen.keys:
            add(seen.path, key, None)
    yield from found.values()
