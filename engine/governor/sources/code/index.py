"""Contents that git keeps: what the next commit would hold, whatever the working tree has become meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from governor.sources.code import git
from governor.sources.code.screens import screen_for
from governor.sources.code.sighting import LARGEST, TOO_LARGE, Screen, Seen, look
from governor.sources.code.tree import SUBMODULE, SYMBOLIC_LINK, is_folder, path_from, shared_out

NOT_STAGED = "file that is not in the index"

_NO_FILES = {git.SYMBOLIC_LINK: SYMBOLIC_LINK, git.SUBMODULE: SUBMODULE}


def search(names: Sequence[str], salt: bytes) -> tuple[int, list[Seen]]:
    """(number of files, what there is to tell) of staged contents: of the named files, or of all that were changed."""
    here = Path.cwd()
    base = git.root(here)
    entries = git.indexed(here, names) if names else git.staged(base)
    told = [Seen(entry.path, passed_over=_NO_FILES[entry.mode]) for entry in entries if entry.mode in _NO_FILES]
    known = {entry.path for entry in entries}
    paths = [path_from(base, name) for name in names if not is_folder(name)]
    told += [Seen(path, passed_over=NOT_STAGED) for path in paths if path not in known]
    files = [entry for entry in entries if entry.mode not in _NO_FILES]
    return len(files) + len(told), [*told, *search_objects(base, files, salt)]


def search_objects(base: Path, entries: Sequence[git.Entry], salt: bytes) -> list[Seen]:
    """What there is to tell of the contents, in order, on all cores where there are many."""
    screen = screen_for(len(entries))
    return shared_out(entries, lambda part: _look_at(base, part, screen, salt))


def _look_at(base: Path, entries: Sequence[git.Entry], screen: Screen, salt: bytes) -> Iterator[Seen]:
    found = git.contents(base, [entry.blob for entry in entries], LARGEST)
    for entry, (size, data) in zip(entries, found, strict=True):
        if data is not None:
            seen = look(entry.path, data, screen, salt)
        elif size < 0:
            seen = Seen(entry.path, unreadable="git does not have its content")
        else:
            seen = Seen(entry.path, passed_over=TOO_LARGE)
        if seen:
            seen.blob = entry.blob
            yield seen
