"""What git says when something is wrong with it reaches the reader; half an answer is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from governor.errors import CANNOT_JUDGE, Refusal
from governor.sources.code import git
from repositories import Repository


def damaged(folder: Path) -> tuple[Repository, str]:
    """A repository with a content that is no longer what its name says, and that name."""
    repository = Repository(folder / "damaged")
    repository.commit(app="x = 1\n" * 100)
    blob = repository.git("rev-parse", "HEAD:app.py")
    file = repository.folder / ".git" / "objects" / blob[:2] / blob[2:]
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:20] + b"damage")
    return repository, blob


@pytest.mark.parametrize("count", [1, 2_000])
def test_a_git_that_dies_over_an_object_is_a_refusal(tmp_path: Path, count: int) -> None:
    repository, blob = damaged(tmp_path)

    with pytest.raises(Refusal, match="git cat-file failed: ") as refused:
        list(git.contents(repository.folder, [blob] * count, 1_000_000))

    assert refused.value.code == CANNOT_JUDGE


def test_contents_come_in_the_order_they_are_asked_for(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "many")
    repository.commit(**{f"f{number}": "x" * (number * 100) for number in range(200)})
    blobs = [repository.git("rev-parse", f"HEAD:f{number}.py") for number in (0, 199, 7)]
    nothing = "0" * 40

    asked = [*blobs, nothing] * 300
    answers = list(git.contents(repository.folder, asked, 10_000))

    assert answers == [(0, b""), (19_900, None), (700, b"x" * 700), (-1, None)] * 300


def test_whoever_stops_reading_leaves_no_git_behind(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "left")
    repository.commit(app="x = 1\n", other="y = 1\n")

    entries = git.blobs(repository.folder, "--all")
    assert next(entries).path in ("app.py", "other.py")
    entries.close()

    with pytest.raises(StopIteration):
        next(entries)
