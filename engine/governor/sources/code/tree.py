"""Names in, what stands in the files they mean out: of the working tree, or from standard input."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from governor.errors import Refusal
from governor.sources.code import git
from governor.sources.code.screens import screen_for
from governor.sources.code.sighting import LARGEST, TOO_LARGE, Screen, Seen, look, shown
from governor.workers import cores, spread

SYMBOLIC_LINK, SUBMODULE, SPECIAL = "symbolic link", "submodule", "special file"
STANDARD_INPUT = "standard input"

WORTH_FORKING = 400
"""Files from which on a second process saves more than it costs."""

_TASKS = 8
"""Tasks for each core: where files differ in size, the cores share them all the same."""

_decode = msgspec.msgpack.Decoder(list[Seen]).decode

_Part = TypeVar("_Part")


def search(names: Sequence[str], salt: bytes) -> tuple[int, list[Seen]]:
    """(number of files, what there is to tell) of named files, and of all below named folders.

    Of a repository, those that .gitignore names are left out, unless they are named themselves. Paths start at the root
    of the repository, so that they are the same wherever the scan was begun; without one, at the working directory.
    Raises Refusal when a name means nothing.
    """
    for name in names:
        if not os.path.lexists(name):
            raise Refusal("no such file or folder", place=name)
    base = _repository(Path.cwd()) or Path.cwd().resolve()
    files = list({file: None for name in names for file in (_below(name) if is_folder(name) else [_real(name)])})
    screen = screen_for(len(files))
    return len(files), shared_out(files, lambda part: _look_at(part, base, screen, salt))


def standard_input(stream: BinaryIO, salt: bytes) -> tuple[int, list[Seen]]:
    """The same of a text that is piped in."""
    seen = look(STANDARD_INPUT, stream.read(), screen_for(1), salt)
    return 1, [seen] if seen else []


def shared_out(items: Sequence[_Part], search: Callable[[Sequence[_Part]], Iterable[Seen]]) -> list[Seen]:
    """What `search` finds in the items, in order, on all cores where there are many."""
    if len(items) < WORTH_FORKING:
        return list(search(items))
    workers = cores()
    size = -(-len(items) // (workers * _TASKS))

    def task(number: int) -> bytes:
        return msgspec.msgpack.encode(list(search(items[number * size : (number + 1) * size])))

    answers = spread(task, -(-len(items) // size), workers)
    return [seen for answer in answers for seen in _decode(answer)]


def is_folder(name: str) -> bool:
    """Whether a name is a folder, and no link to one."""
    return os.path.isdir(name) and not os.path.islink(name)


def path_from(base: Path, name: str) -> str:
    """A name as it is written from a folder, if it lies in it, and as it can be told."""
    return _told(base, _real(name))


def _real(name: str) -> str:
    """The absolute path; a link stays the link it is."""
    head, tail = os.path.split(os.path.normpath(name))
    return os.path.join(os.path.realpath(head), tail)


def _told(base: Path, file: str) -> str:
    inside = os.path.join(base, "")
    return shown(os.fsencode(file.removeprefix(inside).replace(os.sep, "/")))


def _repository(folder: Path) -> Path | None:
    """The root of the repository around a folder. Asking git would cost a commit check a process."""
    real = folder.resolve()
    return next((place for place in (real, *real.parents) if (place / ".git").exists()), None)


def _below(name: str) -> Iterator[str]:
    folder = os.path.realpath(name)
    if _repository(Path(folder)):
        try:
            yield from (os.path.join(folder, path) for path in git.files(Path(folder)))
            return
        except git.Missing:
            pass
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(inner for inner in folders if inner != ".git")
        yield from (os.path.join(place, file) for file in sorted(files))


def _look_at(files: Iterable[str], base: Path, screen: Screen, salt: bytes) -> Iterator[Seen]:
    for file in files:
        if seen := _read(file, _told(base, file), screen, salt):
            yield seen


def _read(name: str, path: str, screen: Screen, salt: bytes) -> Seen | None:
    try:
        facts = os.lstat(name)
        if not stat.S_ISREG(facts.st_mode):
            # git lists a submodule as if it were a file.
            kinds = ((stat.S_ISLNK, SYMBOLIC_LINK), (stat.S_ISDIR, SUBMODULE))
            return Seen(path, passed_over=next((kind for is_one, kind in kinds if is_one(facts.st_mode)), SPECIAL))
        if facts.st_size > LARGEST:
            return Seen(path, passed_over=TOO_LARGE)
        with open(name, "rb", buffering=0) as file:
            data = file.readall()
    except FileNotFoundError:  # tracked, but deleted from the working tree
        return None
    except OSError as error:
        return Seen(path, unreadable=error.strerror or str(error))
    return look(path, data, screen, salt)
