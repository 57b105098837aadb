"""Folders of policies as checks see them: all that could be read of them, and what could not.

Nothing is imported or evaluated, and nothing ends the reading: a file that does not parse is a remark of its own.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import regorus
from msgspec import Struct

from governor import cases, library, yamlfile
from governor.errors import Refusal
from governor.languages import raw_folders as conftest
from governor.lint import cards, syntax
from governor.lint.cards import Card, Script
from governor.lint.remark import Place, Remark, refused
from governor.lint.syntax import Module, Rule

_Read = TypeVar("_Read")
_BEFORE_1 = "it is Rego of before OPA 1.0: `opa fmt --v0-v1 --write` rewrites it"
_UNREAD = "correct it: no other check has seen this file"


class Data(Struct, frozen=True):
    """One `data.yaml`."""

    file: Path
    concern: str
    document: Mapping[str, Any]
    below: Mapping[str, Any]
    """The data of the folders before it."""


class Folders:
    """Folders, read in order. Those that are `raw` hold Rego for plans as Terraform wrote them, wherever it lies."""

    def __init__(self, folders: Sequence[Path], *, raw: bool = False) -> None:
        self.files: list[Path] = []
        """All that was read, or tried."""
        self.modules: list[Module] = []
        self.scripts: list[Script] = []
        self.data: list[Data] = []
        self.config: dict[str, Mapping[str, Any]] = {}
        """Concern → its data, all folders laid over one another."""
        self.schemas: dict[str, Mapping[str, Any]] = {}
        """Concern → its schema."""
        self.expected: set[str] = set()
        """Ids of the policies that some case expects a finding of."""
        self.uncertain: set[str] = set()
        """Concerns with a file that could not be read: what seems to be missing may stand there."""
        self.unread: list[Remark] = []
        self.misplaced: list[Remark] = []
        for folder in folders:
            if raw:
                for file in sorted(folder.rglob("*.rego")):
                    self._read_module(file, "")
            else:
                self._read_folder(folder)
        self.extensions = conftest.extend(regorus.Engine()) if raw else set()
        """Functions that the engine is given besides its own."""
        found = [card for module in self.modules for card in cards.of_module(module)]
        found += [card for script in self.scripts for card in cards.of_script(script)]
        self.cards = [card for card in found if isinstance(card, Card)]
        self.malformed = [remark for remark in found if isinstance(remark, Remark)]
        self.packages: dict[str, list[tuple[Module, Rule]]] = {}
        for module in self.modules:
            self.packages.setdefault(module.package, []).extend((module, rule) for rule in module.rules)

    def rules(self) -> Iterator[tuple[Module, Rule]]:
        """Every definition of every rule."""
        return ((module, rule) for module in self.modules for rule in module.rules)

    def _read_folder(self, folder: Path) -> None:
        for stray in sorted((*folder.glob("*.rego"), *folder.glob("*/*/*.rego"))):
            if not stray.stem.endswith("_test"):
                self.files.append(stray)
                fix = "move it into the folder that names its concern"
                self.misplaced.append(Remark(Place(stray), "governor does not look for policies here", fix))
        for place in sorted(folder.iterdir()):
            if place.is_dir():
                self._read_concern(place)

    def _read_concern(self, folder: Path) -> None:
        concern = folder.name
        sources = [source.path for source in library.sources_in(folder)]
        data, schema, expectations = folder / "data.yaml", folder / "schema.json", folder / cases.FILE
        if not sources and not data.is_file():
            return
        if why := library.bad_name(concern):
            self.misplaced.append(Remark(Place([*sources, data][0]), why, "rename the folder"))
        for file in (*sources, *sorted(folder.glob("*_test.rego"))):
            if file.suffix == ".rego":
                self._read_module(file, concern)
            else:
                self._read_script(file, concern)
        if data.is_file():
            self._read_data(data, concern)
        if schema.is_file() and isinstance(loaded := self._try(schema, concern, lambda: _json(schema)), dict):
            self.schemas[concern] = loaded
        if expectations.is_file():
            for case in self._try(expectations, concern, lambda: cases.read(expectations)) or ():
                self.expected.update(expectation.policy for expectation in case.expect)

    def _read_module(self, file: Path, concern: str) -> None:
        if module := self._try(file, concern, lambda: syntax.read(file, concern)):
            self.modules.append(module)

    def _read_script(self, file: Path, concern: str) -> None:
        if script := self._try(file, concern, lambda: _script(file, concern)):
            self.scripts.append(script)

    def _read_data(self, file: Path, concern: str) -> None:
        document = self._try(file, concern, lambda: library.read_data(file))
        if document is not None:
            below = self.config.get(concern, {})
            self.data.append(Data(file, concern, document, below))
            self.config[concern] = library.merge(below, document)

    def _try(self, file: Path, concern: str, read: Callable[[], _Read]) -> _Read | None:
        self.files.append(file)
        try:
            return read()
        except Refusal as refusal:
            before_1 = file.suffix == ".rego" and conftest.V0_ONLY in refusal.message
            self.unread.append(refused(file, refusal, _BEFORE_1 if before_1 else _UNREAD))
        except SyntaxError as error:
            place = Place(file, error.lineno or 1, max(error.offset or 1, 1))
            self.unread.append(Remark(place, f"this is not Python: {error.msg}", _UNREAD))
        except (ValueError, RecursionError, MemoryError) as error:
            message = str(error) or type(error).__name__
            self.unread.append(Remark(Place(file), f"this cannot be read: {message}", _UNREAD))
        self.uncertain.add(concern)
        return None


def _script(file: Path, concern: str) -> Script:
    text = yamlfile.read_text(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes and the like, on standard error
        return Script(file, concern, text, ast.parse(text))


def _json(file: Path) -> Any:
    try:
        return json.loads(yamlfile.read_text(file))
    except json.JSONDecodeError as error:
        raise Refusal(f"this is not JSON: {error.msg}", place=f"{file}:{error.lineno}:{error.colno}") from None
