"""What every command begins with: the settings, the policy folders they name, the library."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from governor import config as configuration
from governor import library
from governor.catalog.prices import PriceBook
from governor.errors import Refusal
from governor.languages import Language
from governor.model import Exemption, Level, Policy, Stage


class Workspace(Struct, frozen=True):
    """Settings and where their paths start."""

    settings: configuration.Settings
    home: Path
    """Folder of governor.yaml; paths in it are relative to it."""
    folders: tuple[Path, ...]

    def library(self, stage: Stage) -> library.Library:
        """The policies of a stage whose level is not `off`."""
        return library.load(
            self.folders,
            keep=lambda policy: _applies(policy, stage) and self.level(policy, stage) != "off",
            languages=self._engine(),
        )

    def _engine(self) -> dict[str, Language]:
        """What takes the place of the embedded engine."""
        if self.settings.engine == "embedded":
            return {}
        from governor.commands import opa

        return {".rego": opa.engine(self.settings.opa, self.home)}

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


def enter(config: Path | None, folders: Sequence[str], *, engine: str | None = None, opa_url: str = "") -> Workspace:
    """Read the settings; `folders` lie over those they name, `engine` and `opa_url` take the place of theirs."""
    if config is not None and not config.is_file():
        raise Refusal("no such file of settings: name a governor.yaml with --config", place=str(config))
    path = config or configuration.find(Path.cwd())
    settings = _asked(configuration.load(path), engine, opa_url)
    # A link to shared settings means the paths that their author meant.
    home = path.resolve().parent if path and path.is_symlink() else path.parent if path else Path()
    named = [
        *(_folder(entry.source, home) for entry in settings.policy_entries),
        *(_folder(name, Path()) for name in folders),
    ]
    return Workspace(settings, home, tuple({folder.resolve(): folder for folder in named}.values()))


def _asked(settings: configuration.Settings, engine: Any, opa_url: str) -> configuration.Settings:
    """The settings with the engine that the command line asks for."""
    if opa_url and engine == "embedded":
        raise Refusal("--opa-url asks a server and --engine embedded none: leave one out")
    if opa_url:
        server = replace(settings.opa, url=opa_url) if settings.opa else configuration.Opa(url=opa_url)
        return replace(settings, engine="opa", opa=server)
    return replace(settings, engine=engine) if engine else settings


def _folder(name: str, home: Path) -> Path:
    return library.builtin() if name == "builtin" else home / name


def _applies(policy: Policy, stage: Stage) -> bool:
    return not policy.stages or stage in policy.stages


def everything(space: Workspace) -> library.Library:
    """The policies of every stage, those that are off included."""
    return library.load(space.folders)


def near(place: str) -> str:
    """A path, or `file:line`, as it is written from the working directory, where it lies below it."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")
