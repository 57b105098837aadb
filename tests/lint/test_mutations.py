"""Whatever a file holds, lint comes to an end and says something of it, or nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governor import library
from governor.lint import CHECKS, UNUSED_IGNORE, lint

FILES = sorted(
    file.relative_to(library.builtin())
    for file in library.builtin().glob("*/*")
    if file.suffix in (".rego", ".py", ".yaml", ".json")
)
WORDS = st.sampled_from(
    [
        *(
            "not ",
            "with ",
            "every ",
            "{",
            "}",
            "(",
            ")",
            "|",
            ":=",
            "else",
            "null",
            "# METADATA\n",
            "\n",
            "\t",
            '"',
            "`",
        ),
        *(
            "%",
            "data.",
            "input.",
            ".",
            "[x]",
            "contains",
            "deny",
            "@policy",
            "é",
            "\x00",
            "\u2028",
            "🦉",
            "- ",
            ": ",
            "&a ",
        ),
        "# lint: ignore[line-length]",
    ]
)


@given(file=st.sampled_from(FILES), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoilt_file_ends_nothing(tmp_path_factory: pytest.TempPathFactory, file: Path, data: st.DataObject) -> None:
    text = (library.builtin() / file).read_text("utf-8")
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 60))
    spoilt = text[:start] + data.draw(WORDS) + text[start + length :]
    folder = tmp_path_factory.mktemp("mutation")
    shutil.copytree(library.builtin() / file.parent, folder / file.parent)
    (folder / file).write_text(spoilt, "utf-8", newline="")

    report = lint([folder], [folder])

    lines = len(spoilt.splitlines()) + 1  # YAML ends a line wherever Unicode does, and complains behind the last
    for problem in report.problems:
        assert problem.check in {*CHECKS, UNUSED_IGNORE}
        assert 1 <= problem.line <= (lines if problem.file == folder / file else 10_000)
        assert problem.column >= 1
        assert problem.message
        assert problem.fix
        assert "\n" not in problem.message + problem.fix


@given(content=st.binary(max_size=60), name=st.sampled_from(["names.rego", "names.py", "data.yaml", "cases.yaml"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_are_too_odd(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "names").mkdir()
    (folder / "names" / "names.rego").write_text("package names\n")
    (folder / "names" / name).write_bytes(content)

    assert lint([folder], [folder]).files >= 1
