"""Which lines of policies run while they are tested: Rego's are told by its engine, Python's by coverage.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from governor.languages import Language, Source, rego, rego_tests
from governor.model import Evaluator, Policy

Lines = dict[str, set[int]]
"""File → numbers of its lines, from 1."""


class FileCoverage(msgspec.Struct, frozen=True):
    """How much of a file ran."""

    path: str
    ran: int
    """Lines."""
    idle: tuple[int, ...]
    """Lines that hold code and did not run."""

    @property
    def percent(self) -> float:
        """Of the lines that hold code; 100 where none does."""
        return percent([self])


def percent(files: Iterable[FileCoverage]) -> float:
    """How much of the files ran together."""
    counted = [(file.ran, len(file.idle)) for file in files]
    ran, idle = (sum(column) for column in zip(*counted, strict=True)) if counted else (0, 0)
    return 100 * ran / (ran + idle) if ran + idle else 100.0


class Recorder:
    """Records the lines that run inside `recording`."""

    def __init__(self) -> None:
        self.lines: Lines = {}
        self._traced: list[rego.RegoPolicies] = []

    @property
    def languages(self) -> Mapping[str, Language]:
        """For `library.load`: the Rego it loads is recorded."""
        return {".rego": self}

    def load(self, sources: Sequence[Source], config: Mapping[str, Any], keep: Callable[[Policy], bool]) -> Evaluator:
        """See `Language`."""
        loaded = rego.load(sources, config, keep, trace=True)
        self._traced.append(loaded)
        return loaded

    @contextmanager
    def recording(self, python: Sequence[Path]) -> Iterator[None]:
        """Note the lines that run: of these Python files, and of the Rego that was loaded through `languages`."""
        watch = None
        if python and counts_python():
            import coverage

            watch = coverage.Coverage(data_file=None, config_file=False, include=[str(file) for file in python])
            watch.start()
        try:
            yield
        finally:
            if watch:
                watch.stop()
                data = watch.get_data()
                self.add({file: data.lines(file) or () for file in data.measured_files()})
            for loaded in self._traced:
                self.add({file: ran for file, (ran, _) in loaded.lines().items()})

    def add(self, lines: Mapping[str, Iterable[int]]) -> None:
        """What ran elsewhere."""
        for file, numbers in lines.items():
            self.lines.setdefault(file, set()).update(numbers)


def measure(files: Sequence[Path], ran: Mapping[str, set[int]]) -> list[FileCoverage]:
    """What ran of each file, in order. Python is left out where coverage.py is not installed."""
    code = _rego_code([file for file in files if file.suffix == ".rego"])
    if counts_python():
        code.update(_python_code([file for file in files if file.suffix == ".py"]))
    return [_covered(str(file), code[str(file)], ran.get(str(file), set())) for file in files if str(file) in code]


def _covered(path: str, code: set[int], ran: set[int]) -> FileCoverage:
    return FileCoverage(path, len(code & ran), tuple(sorted(code - ran)))


def _rego_code(files: Sequence[Path]) -> Lines:
    return {file: {*ran, *idle} for file, (ran, idle) in rego_tests.code_lines(files).items()}


def _python_code(files: Sequence[Path]) -> Lines:
    import coverage

    reader = coverage.Coverage(data_file=None, config_file=False)
    reader.get_data().add_lines({str(file): [] for file in files})
    return {str(file): set(reader.analysis2(str(file))[1]) for file in files}


def counts_python() -> bool:
    """Whether coverage.py is installed."""
    return find_spec("coverage") is not None
