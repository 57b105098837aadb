"""A page a policy: written, found stale, and taken away with its policy."""

from __future__ import annotations

from pathlib import Path

from commands.conftest import Governor


def test_pages_are_written_kept_fresh_and_removed(governor: Governor, tmp_path: Path) -> None:
    first = governor("docs", "pages")
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("29 policies; pages written: 30, removed: 0, in pages")
    page = tmp_path / "pages" / "TAG001.md"
    text = page.read_text("utf-8")
    assert "# TAG001 · Paid resources carry every mandatory tag" in text
    assert text.index("## Avoid") < text.index("## Prefer") < text.index("## To mend it")
    assert governor("docs", "pages", "--check").code == 0

    page.write_text(text.replace("Paid", "All"), "utf-8")
    (tmp_path / "pages" / "OLD001.md").write_text(text, "utf-8")
    (tmp_path / "pages" / "notes.md").write_text("mine", "utf-8")
    checked = governor("docs", "pages", "--check")
    assert checked.code == 1
    assert checked.err.splitlines() == [
        "pages/TAG001.md is stale: run governor docs",
        "pages/OLD001.md is stale: run governor docs",
    ]
    assert governor("docs", "pages").out.startswith("29 policies; pages written: 1, removed: 1")
    assert page.read_text("utf-8") == text
    assert sorted(p.name for p in (tmp_path / "pages").glob("[a-zO]*.md")) == ["notes.md"]
