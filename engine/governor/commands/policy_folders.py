"""An entry of `policies` in, the folder it means out: shipped, beside the settings, or fetched from git."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from governor import library
from governor.config import PolicyEntry
from governor.errors import Refusal

if TYPE_CHECKING:
    from governor.remote import Checkout


class PolicyFolder(Struct, frozen=True):
    """A folder of policies, and where it was fetched from."""

    path: Path
    checkout: Checkout | None = None


def find(entry: PolicyEntry, home: Path, *, floating: bool = False) -> PolicyFolder:
    """The folder of an entry; paths in it start at `home`. `floating` lets a source in git name a branch.

    Its refusals have no place: who calls knows where the entry stands.
    """
    if entry.source.startswith("git+"):
        return _fetched(entry, home, floating)
    if re.match(r"[A-Za-z][A-Za-z0-9.+-]*://", entry.source):
        # It may hold a password: it is not quoted.
        raise Refusal("an address is no folder: write git+https://host/org/repo@COMMIT#FOLDER")
    if entry == PolicyEntry(source="builtin", input="raw"):
        raise Refusal("the shipped library reads resources, not the raw plan: write `builtin` alone")
    if entry.signed or entry.signers:
        raise Refusal("a folder has no signature: only a source in git can be `signed`")
    return PolicyFolder(library.builtin() if entry.source == "builtin" else home / entry.source)


def _fetched(entry: PolicyEntry, home: Path, floating: bool) -> PolicyFolder:
    from governor import remote

    source = remote.parse(entry.source)
    signers = (home / entry.signers).absolute() if entry.signers else None
    if signers and not signers.is_file():
        raise Refusal(f"there is no file of signers {entry.signers}: name one of SSH allowed signers")
    signed = entry.signed or signers is not None
    found = remote.checkout(source, floating=floating, signed=signed, signers=signers)
    if not source.pinned and not signed:
        for file in _python(found.folder):
            raise Refusal(
                f"{file} is Python, which runs here with your rights, and whoever can move {source.ref or 'a branch'}"
                f" could replace it: pin @{found.origin.commit}, or ask for a signature with `signed`"
            )
    return PolicyFolder(found.folder, found)


def _python(folder: Path) -> Iterator[str]:
    """The files of a folder that would be imported."""
    for concern in sorted(folder.iterdir()):
        for source in library.sources_in(concern) if concern.is_dir() else ():
            if source.path.suffix == ".py":
                yield source.path.relative_to(folder).as_posix()
