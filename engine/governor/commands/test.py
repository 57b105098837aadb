"""`governor test`: the cases of policies in either language, and the `test_` rules of Rego."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from governor import cases, library
from governor.commands import workspace
from governor.errors import Refusal
from governor.languages.rego import rule_tests
from governor.workers import cores, spread


class Result(msgspec.Struct, frozen=True):
    """One test, and what differed."""

    concern: str
    name: str
    place: str
    differences: tuple[str, ...]


_Test = Callable[[], list[Result]]
_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(list[Result])


def run(*, folders: Sequence[str], config: Path | None, allow_floating: bool, strict: bool, junit: Path | None) -> int:
    """Run all tests of the policy folders; 1 when one fails, or, with `strict`, when a policy has no case."""
    started = time.monotonic()
    space = workspace.enter(config, folders, floating=allow_floating)
    known = workspace.everything(space).policies
    expected: set[str] = set()
    tests = [*_cases(space.folders, expected), *_rules(space.folders)]
    if not tests:
        raise Refusal("no test in these folders: write a cases.yaml beside the policies, or a *_test.rego", code=4)
    encoded = spread(lambda number: _PACK.encode(tests[number]()), len(tests), cores())
    results = [
        msgspec.structs.replace(result, place=space.address(result.place))
        for part in encoded
        for result in _UNPACK.decode(part)
    ]
    failed = [result for result in results if result.differences]
    untested = [policy for policy in known if policy.id not in expected]
    for result in failed:
        print(f"{workspace.near(result.place)}: {result.name}")
        for difference in result.differences:
            print(f"  {difference}")
    for policy in untested:
        print(f"{workspace.near(space.address(policy.location))}: {policy.id} has no case that expects a finding of it")
    if junit:
        _write(junit, _junit(results))
    seconds = time.monotonic() - started
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed, {len(untested)} untested ({seconds:.1f} s)")
    return 1 if failed or (strict and untested) else 0


def _cases(folders: Sequence[Path], expected: set[str]) -> Iterator[_Test]:
    """A test a case. An organisation's cases are run against its own data, all folders laid over one another."""
    for concern, file in cases.files(folders):
        for case in cases.read(file):
            expected.update(expectation.policy for expectation in case.expect)
            # The cases of the shipped library speak of the shipped data.
            below = folders if file.parent.parent != library.builtin() else [library.builtin()]
            yield lambda c=case, n=concern, f=file, b=below: [Result(n, c.name, str(f), tuple(cases.run(c, n, b)))]  # type: ignore[misc]


def _rules(folders: Sequence[Path]) -> Iterator[_Test]:
    """A test a concern that has `*_test.rego`: its rules share one engine."""
    for concern in sorted({file.parent.name for folder in folders for file in folder.glob("*/*_test.rego")}):
        files = sorted(file for folder in folders for file in (folder / concern).glob("*.rego"))
        yield lambda n=concern, f=files: [Result(n, t.name, t.location, t.failed) for t in rule_tests(f)]  # type: ignore[misc]


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
