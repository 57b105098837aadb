"""`governor test`: the cases of policies in either language, and the `test_` rules of Rego."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from governor import cases, library, log, yamlfile
from governor.commands import workspace
from governor.coverage import FileCoverage, Lines, Recorder, counts_python, measure, percent
from governor.errors import Refusal
from governor.languages import LANGUAGES, raw
from governor.languages.rego_tests import rule_tests
from governor.model import Policy
from governor.workers import cores, spread

_BLINK = 0.3
"""Seconds between two looks at the files."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the person who runs the tests wants."""

    targets: Sequence[Path] = ()
    """Folders of policies, or of one concern; empty: those of the settings."""
    policies: Sequence[str] = ()
    config: Path | None = None
    allow_floating: bool = False
    strict: bool = False
    coverage: bool = False
    min_coverage: float | None = None
    junit: Path | None = None


class Result(msgspec.Struct, frozen=True):
    """One test, and what differed."""

    concern: str
    name: str
    place: str
    differences: tuple[str, ...]
    ran: Lines = {}
    """Lines of policies that ran, when they are recorded."""


_Test = Callable[[], list[Result]]
_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(list[Result])


def run(options: Options, *, watch: bool) -> int:
    """Run the tests of the policy folders, once or whenever a file changes."""
    return _watch(options) if watch else _run(options, _space(options))


def _run(options: Options, space: workspace.Workspace) -> int:
    """1 when a test fails, too little is covered, or, when strict, a policy has no case that expects a finding."""
    started = time.monotonic()
    known = [p for p in workspace.everything(replace(space, raw=())).policies if _wanted(options, _file(p))]
    record = options.coverage or options.min_coverage is not None
    expected: set[str] = set()
    tests = [
        *_cases(options, space.folders, expected, record),
        *_rules(options, space.folders, record),
        *_raw_rules(options, space.raw),
    ]
    if not tests:
        raise Refusal("no test in these folders: write a cases.yaml beside the policies, or a *_test.rego", code=4)
    encoded = spread(lambda number: _PACK.encode(tests[number]()), len(tests), cores())
    results = [
        replace(result, place=space.address(result.place)) for part in encoded for result in _UNPACK.decode(part)
    ]
    failed = [result for result in results if result.differences]
    untested = [policy for policy in known if policy.id not in expected]
    _tell_failures(failed)
    for policy in untested:
        print(f"{workspace.near(space.address(policy.location))}: {policy.id} has no case that expects a finding of it")
    if options.junit:
        _write(options.junit, _junit(results))
    uncovered = record and _tell_coverage(space, _covered(options, space.folders, results), options.min_coverage)
    seconds = time.monotonic() - started
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed, {len(untested)} untested ({seconds:.1f} s)")
    return 1 if failed or uncovered or (options.strict and untested) else 0


def _watch(options: Options) -> int:
    """Run, and run again when a file of the folders changes, until the person stops it. The last run's exit code."""
    code = 0
    watched = [*options.targets, *([options.config] if options.config else [])]
    try:
        while True:
            before = _state(watched)
            try:
                space = _space(options)
                watched = [*space.folders, *space.raw, *([space.file] if space.file else [])]
                before = _state(watched)
                code = _run(options, space)
            except Refusal as refusal:
                log.say(str(refusal), "error")
                code = refusal.code
            print("Watching for changes; stop with Ctrl-C.", file=sys.stderr, flush=True)
            _wait(watched, before)
    except KeyboardInterrupt:
        return code


def _wait(watched: Sequence[Path], before: set[tuple[str, int, int]]) -> None:
    """Until a file has changed, and none does any more: who saves a file empties it first."""
    while (now := _state(watched)) == before:
        time.sleep(_BLINK)
    while True:
        time.sleep(_BLINK)
        if now == (now := _state(watched)):
            return


def _state(paths: Sequence[Path]) -> set[tuple[str, int, int]]:
    """Every file of the paths: its own path, time of its last change, size."""
    found = set()
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.suffix == ".pyc":
                continue
            try:
                status = file.stat()
            except OSError:  # just deleted
                continue
            found.add((str(file), status.st_mtime_ns, status.st_size))
    return found


def _space(options: Options) -> workspace.Workspace:
    for target in options.targets:
        if not target.is_dir():
            raise Refusal("no such folder: name a folder of policies, or of one concern", place=str(target))
    written = {
        folder.resolve()
        for folder in workspace.enter(options.config, options.policies, floating=options.allow_floating).raw
    }
    targets = [target for target in options.targets if target.resolve() not in written]
    libraries = [target.parent if _is_concern(target) else target for target in map(Path.absolute, targets)]
    return workspace.enter(options.config, [*options.policies, *map(str, libraries)], floating=options.allow_floating)


def _is_concern(folder: Path) -> bool:
    return (folder / cases.FILE).is_file() or any(file.suffix in LANGUAGES for file in folder.iterdir())


def _wanted(options: Options, file: Path) -> bool:
    found = file.resolve()
    return not options.targets or any(found.is_relative_to(target.resolve()) for target in options.targets)


def _file(policy: Policy) -> Path:
    return Path(policy.location.rpartition(":")[0])


def _cases(options: Options, folders: Sequence[Path], expected: set[str], record: bool) -> Iterator[_Test]:
    """A test a case. An organisation's cases are run against its own data, all folders laid over one another."""
    for concern, file in cases.files(folders):
        if not _wanted(options, file):
            continue
        # The cases of the shipped library speak of the shipped data.
        below = folders if file.parent.parent != library.builtin() else [library.builtin()]
        for number, case in enumerate(cases.read(file)):
            expected.update(expectation.policy for expectation in case.expect)
            yield lambda n=number, c=case, k=concern, f=file, b=below: [_case(n, c, k, f, b, record)]  # type: ignore[misc]


def _case(number: int, case: cases.Case, concern: str, file: Path, folders: Sequence[Path], record: bool) -> Result:
    recorder = Recorder() if record else None
    differences = tuple(cases.run(case, concern, folders, recorder))
    place = yamlfile.place(file, (number,)) if differences else str(file)
    return Result(concern, case.name, place, differences, recorder.lines if recorder else {})


def _rules(options: Options, folders: Sequence[Path], record: bool) -> Iterator[_Test]:
    """A test a concern that has `*_test.rego`: its rules share one engine."""
    tested = [file for folder in folders for file in folder.glob("*/*_test.rego") if _wanted(options, file)]
    for concern in sorted({file.parent.name for file in tested}):
        files = sorted(file for folder in folders for file in (folder / concern).glob("*.rego"))
        yield lambda n=concern, f=files: _rule_results(n, f, record)  # type: ignore[misc]


def _raw_rules(options: Options, folders: Sequence[Path]) -> Iterator[_Test]:
    """Policies written for conftest have no cases, and a test a folder: its rules share one engine."""
    for folder in folders:
        if _wanted(options, folder) and any(folder.rglob("*_test.rego")):
            yield lambda f=folder: [Result(f.name, t.name, t.location, t.failed) for t in raw.rule_tests(f)]  # type: ignore[misc]


def _rule_results(concern: str, files: Sequence[Path], record: bool) -> list[Result]:
    tests, lines = rule_tests(files, trace=record)
    ran = {file: set(covered) for file, (covered, _) in lines.items()}
    # The lines are those of all rules together.
    return [Result(concern, t.name, t.location, t.failed, ran if n == 0 else {}) for n, t in enumerate(tests)]


def _tell_failures(failed: Sequence[Result]) -> None:
    for result in failed:
        print(f"{workspace.near(result.place)}: {result.name}")
        for difference in result.differences:
            print(f"  {difference}")
    if any(difference.startswith(("- ", "+ ")) for result in failed for difference in result.differences):
        print("(- expected and not found, + found and not expected)")


def _covered(options: Options, folders: Sequence[Path], results: Sequence[Result]) -> list[FileCoverage]:
    recorder = Recorder()
    for result in results:
        recorder.add(result.ran)
    concerns = library.read_concerns(folders).values()
    files = [s.path for concern in concerns for s in concern.sources if _wanted(options, s.path)]
    if not counts_python() and any(file.suffix == ".py" for file in files):
        print("Python policies are not counted: pip install coverage", file=sys.stderr)
    return measure(files, recorder.lines)


def _tell_coverage(space: workspace.Workspace, files: Sequence[FileCoverage], least: float | None) -> bool:
    """Print a line a file; whether too little ran."""
    names = [workspace.near(space.address(file.path)) for file in files]
    width = max(map(len, names), default=0)
    for name, file in zip(names, files, strict=True):
        idle = f"  not run: {_ranges(file.idle)}" if file.idle else ""
        print(f"{name:{width}}  {_floor(file.percent):5.1f} %{idle}")
    total = percent(files)
    print(f"{'covered':{width}}  {_floor(total):5.1f} %")
    if least is None or total >= least:
        return False
    print(f"fewer lines are covered than the {least:g} % asked for: write cases for those that did not run")
    return True


def _floor(percentage: float) -> float:
    """99.96 is not 100.0."""
    return int(percentage * 10) / 10


def _ranges(numbers: Sequence[int]) -> str:
    """`3-5, 9` of 3, 4, 5, 9."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _junit(results: Sequence[Result]) -> str:
    """JUnit XML, as CI systems read it."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    failures = sum(bool(result.differences) for result in results)
    suite = Element("testsuite", name="governor", tests=str(len(results)), failures=str(failures))
    for result in results:
        case = SubElement(suite, "testcase", classname=result.concern, name=result.name, file=result.place)
        if result.differences:
            failure = SubElement(case, "failure", message=result.differences[0])
            failure.text = "\n".join(result.differences)
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Refusal(f"cannot be written: {error.strerror}", place=str(path)) from None
    print(f"written: {path}", file=sys.stderr)
