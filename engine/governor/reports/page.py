"""Lines for a person at a terminal: paragraphs that fold at its edge. Rich measures wide characters, writes colours."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from governor.reports import Options

Span = tuple[str, str]
"""Text and its rich style."""


class Page:
    """Lines under construction."""

    def __init__(self, width: int) -> None:
        self.width = max(width, 20)
        self.lines: list[list[Span]] = []
        self.listed = True

    def add(self, spans: list[Span]) -> None:
        """A line as it is."""
        self.lines.append(spans)

    def blank(self) -> None:
        """An empty line, unless it would be the first."""
        if self.lines:
            self.lines.append([])

    def section(self, title: str, style: str, remark: str, listed: bool = True) -> None:
        """A heading; `listed` is False where the remark is all there is and -v would tell more."""
        if listed or self.listed:
            self.blank()
        self.listed = listed
        remark += "" if listed else " (-v lists them)"
        self.spans([(title, style), (f"  {remark}", "dim")])

    def text(self, text: str, style: str = "", indent: int = 0, hang: int = 0) -> None:
        """A paragraph of one style."""
        self.spans([(text, style)], indent, hang)

    def spans(self, spans: Sequence[Span], indent: int = 0, hang: int = 0) -> None:
        """A paragraph of several styles, folded; `hang` indents what follows its first line."""
        whole = "".join(text for text, _ in spans)
        if indent + cells(whole) <= self.width:
            self.add([(" " * indent, ""), *spans])
            return
        styles = [style for text, style in spans for _ in text]
        start = 0
        for number, part in enumerate(fold(whole, self.width - indent - hang, hang)):
            start = whole.index(part, start)
            line: list[Span] = [(" " * (indent + (hang if number else 0)), "")]
            for character, style in zip(part, styles[start:], strict=False):
                if line[-1][1] == style:
                    line[-1] = (line[-1][0] + character, style)
                else:
                    line.append((character, style))
            self.add(line)
            start += len(part)


def fold(text: str, width: int, more: int = 0) -> list[str]:
    """Lines of at most `width` columns, the first of `more` beyond; broken inside a word only where it is too long."""
    if cells(text) <= width + more:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cells(longer) <= (width if lines else width + more):
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while cells(line) > width:
            end = _break(line, width)
            lines.append(line[:end])
            line = line[end:]
    return [*lines, line] if line else lines


def _break(word: str, width: int) -> int:
    """Where to break a word too long for a line: after a separator of addresses, if there is one in the second half."""
    end = width
    while cells(word[:end]) > width:
        end -= 1
    for marks in ("/", ".]:", "-_,"):
        separator = 1 + max(word.rfind(mark, 0, end) for mark in marks)
        if separator > end // 2:
            return separator
    return max(end, 1)


def pad(text: str, width: int) -> str:
    """The text, as wide as that."""
    return text + " " * (width - cells(text))


def cells(text: str) -> int:
    """Columns the text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def write(lines: Sequence[Sequence[Span]], options: Options) -> str:
    """The lines as text, coloured if the reader wants it."""
    if not options.colour:
        return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)
    from rich.color import ColorSystem
    from rich.style import Style

    out = StringIO()
    for line in lines:
        for text, style in line:
            # The sixteen colours every terminal has, in the shades its owner chose.
            out.write(Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text)
        out.write("\n")
    return out.getvalue()
