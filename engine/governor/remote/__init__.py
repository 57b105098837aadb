"""Policies in git repositories: an address in, a folder in the user's cache out.

A folder is kept with the objects that lead from its commit to its files, and is held against the digits of the commit
whenever it is used. So what is pinned by its commit needs neither network nor git once it is there, and nobody who can
write to the cache, a build that shares it for one, can change what a pinned source means.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from governor import cache
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import PolicySource
from governor.remote import objects as git
from governor.remote.source import MARK, Source, parse

if TYPE_CHECKING:
    from governor.remote.repository import Repository

__all__ = ["MARK", "Checkout", "Source", "checkout", "parse"]

_FILES, _OBJECTS = "files", "objects"
_SIGNATURE = re.compile(rb"^-----BEGIN (PGP|SSH|SIGNED) ", re.MULTILINE)


class Checkout(Struct, frozen=True):
    """A folder of a repository, as it is on this machine."""

    folder: Path
    source: Source
    origin: PolicySource
    notes: tuple[str, ...] = ()
    """What a reader of the report should know of it."""


class _Tag(Struct, frozen=True):
    """What a tag stood for when it was last asked for."""

    oid: str
    """A commit, or a tag that is an object of its own."""
    commit: str


class _Ref(Struct, frozen=True):
    """What a ref stands for now."""

    oid: str
    tag: bool = False
    notes: tuple[str, ...] = ()


class _Entry(Struct, frozen=True):
    """What is kept of one object and folder."""

    files: Path
    objects: git.Objects


def checkout(source: Source, *, floating: bool = False, signed: bool = False, signers: Path | None = None) -> Checkout:
    """The folder of a source. `floating` takes a branch, and a tag that has moved, for what they are now.

    `signed` wants a good signature, by one of `signers` where that file of SSH signers is named.

    Refuses a ref that may mean something else tomorrow, a host that does not answer for what is not in the cache, and
    what no checkout should hold.
    """
    store = _store(source)
    recorded = None if source.pinned else _recorded(store, source)
    ref = _Ref(source.ref) if source.pinned else _ask(source, store, recorded, floating)
    entry = _kept(store, source, ref.oid) or _fetched(store, source, ref.oid)
    commit = git.commit_of(entry.objects.__getitem__, ref.oid)
    notes = [*ref.notes]
    if ref.tag and recorded and recorded.commit != commit:
        moved = f"the tag {source.ref} of {source.url} has moved from commit {recorded.commit} to {commit}"
        if not floating:
            raise Refusal(
                f"{moved}: find out why, then pin the commit that you mean (--allow-floating takes the new one)",
                code=CANNOT_JUDGE,
            )
        notes.append(moved)
    signer = ""
    if signed:
        with _repository(store) as repository:
            signer = repository.signer(_signed(source, entry.objects, ref.oid, commit), entry.objects, signers)
    if ref.tag:
        _record(store, source, _Tag(ref.oid, commit))
    return Checkout(entry.files, source, PolicySource(str(source), commit, signer), tuple(notes))


def _ask(source: Source, store: Path, recorded: _Tag | None, floating: bool) -> _Ref:
    """The object that a tag, or a branch, stands for now. The cache answers for a host that does not."""
    tag, branch = f"refs/tags/{source.ref}", f"refs/heads/{source.ref}" if source.ref else "HEAD"
    with _repository(store) as repository:
        try:
            refs = repository.refs(source.url, tag, branch)
        except Refusal as refusal:
            if recorded is None:
                raise
            return _Ref(recorded.oid, True, (f"{source} is taken from the cache: {refusal.message}",))
    if tag in refs:
        return _Ref(refs[tag], True)
    if branch not in refs:
        raise Refusal(f"{source.url} has no tag {source.ref}: write a tag that it has, or all 40 digits of a commit")
    what = f"{source.ref} is a branch" if source.ref else "no commit is named"
    if not floating:
        raise Refusal(
            f"{what}, which may hold other policies tomorrow: write @{refs[branch]}, what {source.url} has there now,"
            " or a tag (--allow-floating takes whatever it has)"
        )
    return _Ref(refs[branch], notes=(f"{source} floats ({what}): the next run may be judged by other policies",))


def _signed(source: Source, found: git.Objects, oid: str, commit: str) -> str:
    """The object whose signature counts: that of the tag, or of the commit where the tag has none."""
    kind, body = found[oid]
    if kind != "tag" or not _SIGNATURE.search(body):
        return commit
    # Git does not care what a signed tag is called: one of an old version can be put in the place of a new one.
    if not source.pinned and f"\ntag {source.ref}\n".encode() not in body.partition(b"\n\n")[0] + b"\n":
        raise Refusal(f"the tag {source.ref} of {source.url} was signed under another name", code=CANNOT_JUDGE)
    return oid


# The cache: a folder a repository, in it a folder a commit (or tag) and folder, and what tags stood for.


def _store(source: Source) -> Path:
    try:
        store = cache.folder() / "policies" / cache.digest(source.url.encode())[:32]
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # no home folder
        raise Refusal(
            f"git policies are kept in the cache, which cannot be written ({error}): name a folder in XDG_CACHE_HOME",
            code=CANNOT_JUDGE,
        ) from None
    return store


def _places(store: Path, source: Source, oid: str) -> Iterator[Path]:
    """Where a folder may lie, one place after the other: a damaged one is left as it is, somebody may be reading it."""
    name = f"{oid}-{cache.digest(source.folder.encode())[:16]}"
    return (store / f"{name}-{number}" for number in count())


def _kept(store: Path, source: Source, oid: str) -> _Entry | None:
    """The entry of an object, if there is one that holds what the object says, to the letter."""
    for place in takewhile(Path.exists, _places(store, source, oid)):
        # Whatever is wrong with it, another is fetched.
        with suppress(OSError, KeyError, ValueError, Refusal):
            kept = msgspec.msgpack.decode((place / _OBJECTS).read_bytes(), type=list[tuple[str, bytes]])
            objects = {git.name(kind, body): (kind, body) for kind, body in kept}
            if git.holds(_files(objects.__getitem__, source, oid), place / _FILES):
                return _Entry(place / _FILES, objects)
    return None


def _fetched(store: Path, source: Source, oid: str) -> _Entry:
    """Fetch an object and put the folder into the cache: whole, or not at all."""
    objects: git.Objects = {}

    def read(name: str) -> tuple[str, bytes]:
        objects[name] = repository.read(name)
        return objects[name]

    with _repository(store) as repository:
        repository.fetch(source.url, oid)
        made = repository.folder.with_name("made")
        (made / _FILES).mkdir(parents=True)
        git.write(_files(read, source, oid), repository.read, made / _FILES)
        (made / _OBJECTS).write_bytes(msgspec.msgpack.encode(list(objects.values())))
        # Of several runs at once, one is the first; the others find what it has put there.
        free = next(place for place in _places(store, source, oid) if not place.exists())
        if _kept(store, source, oid) is None:
            with suppress(OSError):
                made.rename(free)
    if entry := _kept(store, source, oid):
        return entry
    raise Refusal(f"what was fetched cannot be kept in {store}: see whether the disk is sound", code=CANNOT_JUDGE)


def _files(read: git.Read, source: Source, oid: str) -> Iterator[git.File]:
    return git.files(read, git.folder_of(read, git.commit_of(read, oid), source.folder))


def _record(store: Path, source: Source, tag: _Tag) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(dir=store, delete=False) as new:
        new.write(msgspec.json.encode(tag))
    os.replace(new.name, _record_file(store, source))


def _recorded(store: Path, source: Source) -> _Tag | None:
    try:
        return msgspec.json.decode(_record_file(store, source).read_bytes(), type=_Tag)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        raise Refusal(
            "the cache no longer tells what this tag stood for: delete the file, after a look at the tag",
            place=str(_record_file(store, source)), code=CANNOT_JUDGE,
        ) from None  # fmt: skip


def _record_file(store: Path, source: Source) -> Path:
    return store / f"tag-{cache.digest(source.ref.encode())[:32]}.json"


@contextmanager
def _repository(store: Path) -> Iterator[Repository]:
    """A repository for one question, on the disk of the cache: what is made beside it can be renamed into place."""
    # What lies in the cache needs none of these.
    import tempfile

    from governor.remote.repository import Repository

    with tempfile.TemporaryDirectory(prefix="new-", dir=store, ignore_cleanup_errors=True) as folder:
        repository = Repository(Path(folder) / "git")
        try:
            yield repository
        finally:
            repository.close()
