"""What every command begins with: the settings, the policy folders they name, the library."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from governor import checkov, library, yamlfile
from governor import config as configuration
from governor.catalog.prices import PriceBook
from governor.errors import Refusal
from governor.model import Exemption, Level, Policy, Stage


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

    def library(self, stage: Stage) -> library.Library:
        """The policies of a stage whose level is not `off`."""
        return library.load(
            self.folders,
            raw=self.raw,
            keep=lambda policy: _applies(policy, stage) and self.level(policy, stage) != "off",
        )

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


def enter(config: Path | None, folders: Sequence[str], raw: Sequence[str] = ()) -> Workspace:
    """Read the settings; `folders` lie over those they name, and `raw` are asked beside them."""
    if config is not None and not config.is_file():
        raise Refusal("no such file of settings: name a governor.yaml with --config", place=str(config))
    path = config or configuration.find(Path.cwd())
    settings = configuration.load(path)
    # A link to shared settings means the paths that their author meant.
    home = path.resolve().parent if path and path.is_symlink() else path.parent if path else Path()
    entries = settings.policy_entries
    for number, entry in enumerate(entries):
        if entry == configuration.PolicyEntry(source="builtin", input="raw"):
            assert path is not None
            raise Refusal(
                "the shipped library reads resources, not the raw plan: write `builtin` alone",
                place=yamlfile.place(path, ("policies", number)),
            )
    facts = [_folder(entry.source, home) for entry in entries if entry.input == "resources"]
    plans = [home / entry.source for entry in entries if entry.input == "raw"]
    return Workspace(
        settings,
        home,
        folders=_distinct([*facts, *(_folder(name, Path()) for name in folders)]),
        raw=_distinct([*plans, *map(Path, raw)]),
        file=path,
    )


def _distinct(folders: Sequence[Path]) -> tuple[Path, ...]:
    return tuple({folder.resolve(): folder for folder in folders}.values())


def _folder(name: str, home: Path) -> Path:
    return library.builtin() if name == "builtin" else home / name


def _applies(policy: Policy, stage: Stage) -> bool:
    return not policy.stages or stage in policy.stages


def everything(space: Workspace) -> library.Library:
    """The policies of every stage, those that are off included."""
    return library.load(space.folders, raw=space.raw)


def meant(word: str, known: Iterable[str]) -> str:
    """`did you mean TAG001? `, when something known is near; else nothing."""
    from difflib import get_close_matches

    names = {name.casefold(): name for name in known}
    close = [names[name] for name in get_close_matches(word.casefold(), names, n=3)]
    return f"did you mean {' or '.join(close)}? " if close else ""


def near(place: str) -> str:
    """A path, or `file:line`, as it is written from the working directory, where it lies below it."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")
