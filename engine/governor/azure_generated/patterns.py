"""Regular expressions in, conditions of Azure Policy that say the same out; or the reason why none does. Pure.

Azure Policy has no regular expressions. It has `match`, where `#` is a digit, `?` a letter and `.` any character, for
texts of one length; and `count` over a list of positions, which looks at one character after another.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, NoReturn

from msgspec import Struct

from governor.azure_generated.conditions import Condition, all_of, any_of, field_of, read, size, text

LONGEST = 256
"""Characters that the value of a tag may have in Azure."""

PATTERNS = 256
"""Patterns of `match` that a rule may list: more than that nobody reads."""

_FEW = 32
"""Patterns of `match` that are plainer than a look at each character."""

_CONDITIONS = 1000
"""Conditions for one pattern: a rule may hold 4096, and has others, too."""

_POSITIONS = 100
"""Members that one `count` may look at, by the limits of Azure Policy."""

_COUNTS = 10
"""Uses of `count` over a list that one rule may hold."""

_DIGITS = frozenset(string.digits)
_LETTERS = frozenset(string.ascii_letters)


_NO_LITERALS = ("=#", "=?", "=.")
"""What `match` cannot say of itself: it takes any character for it, and another condition says which."""


class Inexpressible(Exception):  # noqa: N818
    """No condition says it; the message says why."""


class Run(Struct, frozen=True):
    """So many characters of a set."""

    characters: frozenset[str]
    least: int = 1
    most: int = 1


Alternative = tuple[Run, ...]


def matching(tag: str, pattern: str) -> Condition:
    """That the whole value of a tag matches a regular expression (RE2); Inexpressible where no condition says so."""
    alternatives = [found for found in parse(pattern) if _longest(found) > 0]
    if not alternatives:
        raise Inexpressible("the pattern matches no text")
    condition = _plainest(tag, alternatives)
    if size(condition) > _CONDITIONS:
        raise Inexpressible(f"it would take {size(condition)} conditions")
    return condition


def _plainest(tag: str, alternatives: Sequence[Alternative]) -> Condition:
    needed = sum(map(_patterns, alternatives))
    if needed <= _FEW:
        return _listed(tag, alternatives)
    if sum(_lengths(found, keep=_widest(found)) for found in alternatives) <= _FEW:
        spread = [one for found in alternatives for one in _of_each_length(found, keep=_widest(found))]
        counts = sum(-(-one[_widest(one)].most // _POSITIONS) for one in spread if _patterns(one) > 1)
        if counts <= _COUNTS:
            return any_of(_along(tag, one) if _patterns(one) > 1 else _literal(tag, one) for one in spread)
    if ended := _with_tails(tag, alternatives):
        return ended
    if needed <= PATTERNS:
        return _listed(tag, alternatives)
    raise Inexpressible("several parts of it are of open length: it would take too many patterns of `match` to list")


def a_day(tag: str) -> Condition:
    """That the value of a tag is a day of the calendar, YYYY-MM-DD."""
    lengths = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    days = [f"{month:02}-{day:02}" for month, length in enumerate(lengths, 1) for day in range(1, length + 1)]
    fours = [f"{number:02}" for number in range(4, 100, 4)]
    value = read(tag)
    leap = any_of(
        [
            {"value": f"[take(skip({value}, 2), 2)]", "in": fours},
            {"value": f"[take({value}, 4)]", "in": [f"{century}00" for century in ("00", *fours)]},
        ]
    )
    day = f"[skip({value}, 5)]"
    last = all_of([{"value": day, "equals": "02-29"}, leap])
    return all_of([{"field": field_of(tag), "match": "####-##-##"}, any_of([{"value": day, "in": days}, last])])


def parse(pattern: str) -> list[Alternative]:
    """The alternatives of a regular expression, written out."""
    return _Parser(pattern).whole()


def _joined(found: Alternative) -> Alternative:
    """Neighbours of the same characters as one run."""
    joined: list[Run] = []
    for run in found:
        if joined and joined[-1].characters == run.characters:
            before = joined.pop()
            run = Run(run.characters, before.least + run.least, before.most + run.most)
        joined.append(run)
    return tuple(joined)


def _longest(found: Alternative) -> int:
    return sum(run.most for run in found)


def _patterns(found: Alternative) -> int:
    """How many patterns of `match` say it."""
    return prod(sum(len(_symbols(run.characters)) ** n for n in range(run.least, run.most + 1)) for run in found)


def _symbols(characters: frozenset[str]) -> list[str]:
    """What stands for a set in `match`: `#`, `?`, and `=` before a character that stands for itself."""
    symbols = []
    for name, kind in (("#", _DIGITS), ("?", _LETTERS)):
        if kind <= characters:
            symbols.append(name)
            characters -= kind
    return [*symbols, *(f"={character}" for character in sorted(characters))]


def _lengths(found: Alternative, keep: int) -> int:
    """How many alternatives `_of_each_length` makes of it."""
    return prod(run.most - run.least + 1 for number, run in enumerate(found) if number != keep)


def _of_each_length(found: Alternative, keep: int | None) -> Iterator[Alternative]:
    """Each run at each of its lengths, but for the one that keeps its own."""
    ranges = [
        [run] if number == keep else [Run(run.characters, n, n) for n in range(run.least, run.most + 1)]
        for number, run in enumerate(found)
    ]
    for one in product(*ranges):
        yield tuple(run for run in one if run.most)


def _widest(found: Alternative) -> int:
    """Number of the run whose length is most open; of equals, of the longest."""
    return max(range(len(found)), key=lambda number: (found[number].most - found[number].least, found[number].most))


def _listed(tag: str, alternatives: Sequence[Alternative]) -> Condition:
    """Every alternative at each of its lengths."""
    return any_of(_literal(tag, one) for found in alternatives for one in _of_each_length(found, keep=None))


def _literal(tag: str, found: Alternative) -> Condition:
    """An alternative of one length, as patterns of `match`."""
    conditions: list[Condition] = []
    for chosen in product(*_places(found)):
        pattern = "".join("." if symbol in _NO_LITERALS else symbol[-1] for symbol in chosen)
        pinned = [
            {"value": _character(read(tag), position), "equals": symbol[-1]}
            for position, symbol in enumerate(chosen)
            if symbol in _NO_LITERALS
        ]
        conditions.append(all_of([{"field": field_of(tag), "match": text(pattern)}, *pinned]))
    return any_of(conditions)


def _along(tag: str, found: Alternative) -> Condition:
    """An alternative in which one run may be of open length: how long the value is, and what each character is."""
    widest = _widest(found)
    before = [run.characters for run in found[:widest] for _ in range(run.most)]
    after = [run.characters for run in found[widest + 1 :] for _ in range(run.most)]
    run, fixed, value = found[widest], len(before) + len(after), read(tag)
    length = f"[length({value})]"
    conditions: list[Condition] = []
    if fixed + run.least > 1:
        conditions.append({"value": length, "greaterOrEquals": fixed + run.least})
    if fixed + run.most < LONGEST:
        conditions.append({"value": length, "lessOrEquals": fixed + run.most})
    conditions += [_is_one(_character(value, position), characters) for position, characters in enumerate(before)]
    for position, characters in enumerate(after):
        rest = f"skip({value}, sub(length({value}), {len(after) - position}))"
        conditions.append(_is_one(f"[take({rest}, 1)]", characters))
    inside = f"take({value}, sub(length({value}), {len(after)}))" if after else value
    for start in range(len(before), len(before) + run.most, _POSITIONS):
        end = min(start + _POSITIONS, len(before) + run.most)
        each = f"[take(skip({inside}, current('position')), 1)]"
        strange = all_of([{"value": each, "notEquals": ""}, {"not": _is_one(each, run.characters)}])
        counted = {"value": list(range(start, end)), "name": "position", "where": strange}
        conditions.append({"count": counted, "equals": 0})
    return all_of(conditions)


def _with_tails(tag: str, alternatives: Sequence[Alternative]) -> Condition | None:
    """Alternatives that all begin with one run of digits or letters, and end in one of a few tails: the pattern of
    `match` is then as many of its symbol as stand before the tail. None for alternatives that are not so."""
    run, *others = dict.fromkeys(found[0] for found in alternatives)
    symbols = _symbols(run.characters)
    if others or symbols not in (["#"], ["?"]) or sum(_patterns(found[1:]) for found in alternatives) > _POSITIONS:
        return None
    rests = [rest for found in alternatives for rest in _of_each_length(found[1:], keep=None)]
    tails = ["".join(chosen) for rest in rests for chosen in product(*_places(rest))]
    if any(tail.count("=.") > 1 or "=#" in tail or "=?" in tail for tail in tails):
        return None
    value = read(tag)
    head = f"sub(length({value}), length(current('tail')))"
    pattern = f"[concat(take('{symbols[0] * run.most}', {head}), current('tail'))]"
    # A dot in a tail takes any character. No other place takes a dot: it is one, if the value has one at all.
    dotted = [{"value": "[current('tail')]", "notContains": "."}, {"field": field_of(tag), "contains": "."}]
    where = all_of(
        [
            {"value": f"[{head}]", "greaterOrEquals": run.least},
            {"field": field_of(tag), "match": pattern},
            any_of(dotted),
        ]
    )
    return {"count": {"value": [tail.replace("=", "") for tail in tails], "name": "tail", "where": where}, "greater": 0}


def _places(found: Alternative) -> list[list[str]]:
    return [_symbols(run.characters) for run in found for _ in range(run.most)]


def _character(value: str, position: int) -> str:
    """One character; "" beyond the end."""
    return f"[take(skip({value}, {position}), 1)]" if position else f"[take({value}, 1)]"


def _is_one(value: str, characters: frozenset[str]) -> Condition:
    """That a single character is one of a set. `in` does not mind case, so that letters go by `match`."""
    symbols = _symbols(characters)
    signs = [symbol[1:] for symbol in symbols if symbol[0] == "=" and not symbol[1:].isalpha()]
    matched: list[Condition] = [
        {"value": value, "match": symbol[-1]} for symbol in symbols if symbol in ("#", "?") or symbol[1:].isalpha()
    ]
    return any_of([*matched, *([{"value": value, "in": signs}] if signs else [])])


class _Parser:
    """The part of RE2 that has an equal here. `\\d` and its like are not of it: two engines read them in two ways."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0

    def whole(self) -> list[Alternative]:
        found = self._alternatives()
        if self.at < len(self.pattern):
            self._refuse(f"what stands at {self.pattern[self.at :]!r}")
        return list(dict.fromkeys(map(_joined, found)))

    def _refuse(self, what: str) -> NoReturn:
        raise Inexpressible(f"conditions have no equal of {what}")

    def _ahead(self, text: str) -> bool:
        return self.pattern.startswith(text, self.at)

    def _take(self) -> str:
        if self.at == len(self.pattern):
            self._refuse("a pattern that ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def _alternatives(self) -> list[Alternative]:
        found = self._sequence()
        while self._ahead("|"):
            self.at += 1
            found += self._sequence()
        return found

    def _sequence(self) -> list[Alternative]:
        found: list[Alternative] = [()]
        # The whole value matches: at the ends of an alternative, anchors say nothing more.
        self.at += self.depth == 0 and self._ahead("^")
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            if self.depth == 0 and (self.pattern[self.at :] == "$" or self._ahead("$|")):
                self.at += 1
                break
            found = self._then(found, self._repeated(self._atom()))
        return found

    def _then(self, before: Sequence[Alternative], after: Sequence[Alternative]) -> list[Alternative]:
        if len(before) * len(after) > PATTERNS:
            self._refuse(f"more than {PATTERNS} alternatives")
        return [(*first, *then) for first in before for then in after]

    def _atom(self) -> list[Alternative]:
        character = self._take()
        if character == "(":
            if self._ahead("?:"):
                self.at += 2
            elif self._ahead("?"):
                self._refuse("a group that begins with `(?`")
            self.depth += 1
            inside = self._alternatives()
            self.depth -= 1
            if self._take() != ")":
                self._refuse("a group without an end")
            return inside
        if character == "[":
            return [(Run(self._class()),)]
        if character == "\\":
            return [(Run(frozenset(self._escaped())),)]
        if character in ".^$*+?{":
            self._refuse(f"`{character}` where it stands")
        return [(Run(frozenset(character)),)]

    def _escaped(self) -> str:
        character = self._take()
        if character.isalnum() or not character.isascii():
            self._refuse(f"`\\{character}`: write out what it stands for")
        return character

    def _class(self) -> frozenset[str]:
        if self._ahead("^"):
            self._refuse("a set of what is not allowed")
        found: set[str] = set()
        while (character := self._take()) != "]" or not found:
            if character == "[" or self.pattern[self.at - 1 : self.at + 1] in ("&&", "--", "~~"):
                self._refuse("a set made of sets")
            first = self._escaped() if character == "\\" else character
            if self._ahead("-") and not self._ahead("-]"):
                self.at += 1
                last = self._take()
                last = self._escaped() if last == "\\" else last
                if not 0 <= ord(last) - ord(first) < PATTERNS:
                    self._refuse(f"the range {first}-{last}")
                found.update(map(chr, range(ord(first), ord(last) + 1)))
            else:
                found.add(first)
        return frozenset(found)

    def _repeated(self, found: list[Alternative]) -> list[Alternative]:
        least, most = self._bounds()
        if (least, most) == (1, 1):
            return found
        if len(found) == 1 and len(found[0]) == 1 and (found[0][0].least, found[0][0].most) == (1, 1):
            return [(Run(found[0][0].characters, least, most),)]
        repeated: list[Alternative] = []
        so_far: list[Alternative] = [()]
        for times in range(most + 1):
            if times >= least:
                repeated += so_far
            if len(repeated) > PATTERNS or times == PATTERNS:
                self._refuse(f"more than {PATTERNS} alternatives")
            so_far = self._then(so_far, found) if times < most else so_far
        return repeated

    def _bounds(self) -> tuple[int, int]:
        simple: dict[str, tuple[int, int]] = {"?": (0, 1), "*": (0, LONGEST), "+": (1, LONGEST)}
        bounds: Any = simple.get(self.pattern[self.at : self.at + 1])
        if bounds:
            self.at += 1
        elif self._ahead("{"):
            inside, closed, _ = self.pattern[self.at + 1 :].partition("}")
            first, comma, last = inside.partition(",")
            if not closed or not first.isdecimal() or (last and not last.isdecimal()):
                self._refuse("a brace that is no number of times")
            self.at += len(inside) + 2
            bounds = (int(first), min(int(last), LONGEST) if last else LONGEST if comma else int(first))
        else:
            return 1, 1
        if self._ahead("?"):
            self.at += 1  # the whole value matches, greedy or not
        if self.pattern[self.at : self.at + 1] in ("*", "+", "?", "{") and self.at < len(self.pattern):
            self._refuse("a repetition of a repetition")
        return bounds[0], bounds[1]
