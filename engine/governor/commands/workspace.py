"""What every command begins with: the settings, the policy folders they name, the library."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from governor import config as configuration
from governor import library, yamlfile
from governor.catalog.prices import PriceBook
from governor.commands import policy_folders
from governor.errors import Refusal
from governor.model import Exemption, Level, Policy, Stage

if TYPE_CHECKING:
    from governor.remote import Checkout


class Workspace(Struct, frozen=True):
    """Settings and where their paths start."""

    settings: configuration.Settings
    home: Path
    """Folder of governor.yaml; paths in it are relative to it."""
    folders: tuple[Path, ...]
    checkouts: tuple[Checkout, ...] = ()
    """Those of the folders that were fetched from git."""

    def library(self, stage: Stage) -> library.Library:
        """The policies of a stage whose level is not `off`."""
        return _load(self, lambda policy: _applies(policy, stage) and self.level(policy, stage) != "off")

    def address(self, text: str) -> str:
        """The text with paths in the cache as people know them: `git+https://host/org/repo@v1#folder/tagging/…`."""
        for checkout in self.checkouts:
            whole = str(checkout.source)
            below = f"{whole}/" if checkout.source.folder else f"{whole}#"
            text = text.replace(f"{checkout.folder}{os.sep}", below).replace(str(checkout.folder), whole)
        return text

    def checkout(self, policy: Policy) -> Checkout | None:
        """What a policy was fetched with, if it was."""
        return next((c for c in self.checkouts if policy.location.startswith(f"{c.folder}{os.sep}")), None)

    def card(self, policy: Policy) -> Policy:
        """A policy as reports show it: its location is not one of this machine's cache."""
        return replace(policy, location=self.address(policy.location)) if self.checkouts else policy

    def level(self, policy: Policy, stage: Stage) -> Level:
        """What the settings say of a policy in a stage."""
        return self.settings.level(policy, stage)

    def prices(self) -> PriceBook:
        """The shipped price book under the organisation's own prices."""
        book = PriceBook.shipped()
        for name in self.settings.prices:
            book = book.with_rows(self.home / name)
        return book

    def exemptions(self) -> list[Exemption]:
        """Those of the file that the settings name, if any."""
        name = self.settings.exemptions
        return configuration.load_exemptions(self.home / name) if name else []


def enter(config: Path | None, folders: Sequence[str], *, floating: bool = False) -> Workspace:
    """Read the settings; `folders` lie over those they name. `floating` lets sources in git name a branch."""
    if config is not None and not config.is_file():
        raise Refusal("no such file of settings: name a governor.yaml with --config", place=str(config))
    path = config or configuration.find(Path.cwd())
    settings = configuration.load(path)
    # A link to shared settings means the paths that their author meant.
    home = path.resolve().parent if path and path.is_symlink() else path.parent if path else Path()
    named = []
    for number, entry in enumerate(settings.policy_entries):
        try:
            named.append(policy_folders.find(entry, home, floating=floating))
        except Refusal as refusal:
            place = yamlfile.place(path, ("policies", number)) if path else ""
            raise Refusal(refusal.message, place=place, code=refusal.code) from None
    for name in folders:
        try:
            named.append(policy_folders.find(configuration.PolicyEntry(source=name), Path(), floating=floating))
        except Refusal as refusal:
            raise Refusal(refusal.message, place="--policies", code=refusal.code) from None
    once = {folder.path.resolve(): folder for folder in named}.values()
    return Workspace(
        settings,
        home,
        folders=tuple(folder.path for folder in once),
        checkouts=tuple(folder.checkout for folder in once if folder.checkout),
    )


def _applies(policy: Policy, stage: Stage) -> bool:
    return not policy.stages or stage in policy.stages


def everything(space: Workspace) -> library.Library:
    """The policies of every stage, those that are off included."""
    return _load(space, lambda _: True)


def _load(space: Workspace, keep: Callable[[Policy], bool]) -> library.Library:
    try:
        return library.load(space.folders, keep=keep)
    except Refusal as refusal:
        told, place = space.address(refusal.message), space.address(refusal.place)
        raise Refusal(told, place=place, code=refusal.code) from None


def near(place: str) -> str:
    """A path, or `file:line`, as it is written from the working directory, where it lies below it."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")
