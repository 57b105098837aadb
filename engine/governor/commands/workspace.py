"""What every command begins with: the settings, the policy folders they name, the library."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from governor import checkov, library, yamlfile
from governor import config as configuration
from governor.catalog.prices import PriceBook
from governor.commands import policy_folders
from governor.commands.workers import pool
from governor.errors import Refusal
from governor.languages import Language
from governor.model import Exemption, Level, Policy, Stage
from governor.workers.pool import Pool

if TYPE_CHECKING:
    from governor.remote import Checkout


class Workspace(Struct, frozen=True):
    """Settings and where their paths start."""

    settings: configuration.Settings
    home: Path
    """Folder of governor.yaml; paths in it are relative to it."""
    folders: tuple[Path, ...]
    raw: tuple[Path, ...] = ()
    """Folders of policies that read the plan as Terraform wrote it."""
    file: Path | None = None
    """governor.yaml, when there is one."""
    checkouts: tuple[Checkout, ...] = ()
    """Those of the folders that were fetched from git."""
    pool: Pool | None = None
    """Who evaluates Rego in place of this machine's cores."""

    @property
    def own(self) -> list[Path]:
        """The folders, raw ones too, that people here write in: neither shipped nor fetched."""
        others = {folder.resolve() for folder in (library.builtin(), *(c.folder for c in self.checkouts))}
        return [folder for folder in (*self.folders, *self.raw) if folder.resolve() not in others]

    def library(self, stage: Stage) -> library.Library:
        """The policies of a stage whose level is not `off`."""
        return _load(
            self,
            lambda policy: _applies(policy, stage) and self.level(policy, stage) != "off",
            languages=self._engine(),
        )

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

    def _engine(self) -> dict[str, Language]:
        """What takes the place of the embedded engine."""
        if self.settings.engine == "embedded":
            if self.pool is None:
                return {}
            from governor.languages import rego

            return {".rego": rego.Language(self.pool)}
        if self.pool:
            raise Refusal("an OPA server evaluates the Rego: leave --workers out, or take --engine embedded")
        from governor.commands import opa

        return {".rego": opa.engine(self.settings.opa, self.home)}

    def level(self, policy: Policy, stage: Stage) -> Level:
        """What the settings say of a policy in a stage."""
        return self.settings.level(policy, stage)

    def level_from(self, policy: Policy, stage: Stage) -> str:
        """What gives a policy its level, for people."""
        number = self.settings.level_rule(policy, stage)
        if number is None or self.file is None:
            return f"as its severity is {policy.severity}"
        pattern = self.settings.levels[number].policies
        return f"by the rule for {pattern} in {near(yamlfile.place(self.file, ('levels', number)))}"

    def prices(self) -> PriceBook:
        """The shipped price book under the organisation's own prices."""
        book = PriceBook.shipped()
        for name in self.settings.prices:
            book = book.with_rows(self.home / name)
        return book

    def checkov(self) -> checkov.Settings:
        """How checkov is run; a path to it is relative to governor.yaml."""
        settings = self.settings.checkov
        named = Path(settings.program)
        return settings if named.name == settings.program else replace(settings, program=str(self.home / named))

    def exemptions(self) -> list[Exemption]:
        """Those of the file that the settings name, if any."""
        return configuration.load_exemptions(self.exemption_file) if self.exemption_file else []

    @property
    def exemption_file(self) -> Path | None:
        """The file that the settings name, if any."""
        name = self.settings.exemptions
        return self.home / name if name else None


def settings_of(config: Path | None) -> tuple[configuration.Settings, Path | None]:
    """The settings, and the file that they stand in, if there is one."""
    if config is not None and not config.is_file():
        raise Refusal("no such file of settings: name a governor.yaml with --config", place=str(config))
    path = config or configuration.find(Path.cwd())
    return configuration.load(path), path


def enter(
    config: Path | None,
    folders: Sequence[str],
    raw: Sequence[str] = (),
    *,
    engine: str | None = None,
    opa_url: str = "",
    floating: bool = False,
    workers: str = "",
) -> Workspace:
    """Read the settings; `folders` lie over those they name, and `raw` are asked beside them.

    `engine` and `opa_url` take the place of theirs; `floating` lets sources in git name a branch; `workers` share Rego.
    """
    written, path = settings_of(config)
    settings = _asked(written, engine, opa_url)
    # A link to shared settings means the paths that their author meant.
    home = path.resolve().parent if path and path.is_symlink() else path.parent if path else Path()
    entries = settings.policy_entries
    named = []
    for number, entry in enumerate(entries):
        try:
            named.append(policy_folders.find(entry, home, floating=floating))
        except Refusal as refusal:
            place = yamlfile.place(path, ("policies", number)) if path else ""
            raise Refusal(refusal.message, place=place, code=refusal.code) from None
    added = []
    for name in folders:
        try:
            added.append(policy_folders.find(configuration.PolicyEntry(source=name), Path(), floating=floating))
        except Refusal as refusal:
            raise Refusal(refusal.message, place="--policies", code=refusal.code) from None
    facts = [folder for entry, folder in zip(entries, named, strict=True) if entry.input == "resources"]
    plans = [folder for entry, folder in zip(entries, named, strict=True) if entry.input == "raw"]
    once = {folder.path.resolve(): folder for folder in (*named, *added)}.values()
    return Workspace(
        settings,
        home,
        folders=_distinct(folder.path for folder in (*facts, *added)),
        raw=_distinct([*(folder.path for folder in plans), *map(Path, raw)]),
        file=path,
        checkouts=tuple(folder.checkout for folder in once if folder.checkout),
        pool=pool(workers),
    )


def _distinct(folders: Iterable[Path]) -> tuple[Path, ...]:
    return tuple({folder.resolve(): folder for folder in folders}.values())


def _asked(settings: configuration.Settings, engine: Any, opa_url: str) -> configuration.Settings:
    """The settings with the engine that the command line asks for."""
    if opa_url and engine == "embedded":
        raise Refusal("--opa-url asks a server and --engine embedded none: leave one out")
    if opa_url:
        server = replace(settings.opa, url=opa_url) if settings.opa else configuration.Opa(url=opa_url)
        return replace(settings, engine="opa", opa=server)
    return replace(settings, engine=engine) if engine else settings


def _applies(policy: Policy, stage: Stage) -> bool:
    """What Azure Policy says is nothing that policies of resources judge: those of that stage name it."""
    return stage in policy.stages or (not policy.stages and stage != "azure")


def everything(space: Workspace) -> library.Library:
    """The policies of every stage, those that are off included."""
    return _load(space, lambda _: True)


def _load(
    space: Workspace, keep: Callable[[Policy], bool], languages: dict[str, Language] | None = None
) -> library.Library:
    try:
        return library.load(space.folders, raw=space.raw, keep=keep, languages=languages)
    except Refusal as refusal:
        told, place = space.address(refusal.message), space.address(refusal.place)
        raise Refusal(told, place=place, code=refusal.code) from None


def meant(word: str, known: Iterable[str]) -> str:
    """`did you mean TAG001? `, when something known is near; else nothing."""
    from difflib import get_close_matches

    names = {name.casefold(): name for name in known}
    close = [names[name] for name in get_close_matches(word.casefold(), names, n=3)]
    return f"did you mean {' or '.join(close)}? " if close else ""


def near(place: str) -> str:
    """A path, or `file:line`, as it is written from the working directory, where it lies below it."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")
