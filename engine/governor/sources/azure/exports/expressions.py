"""Expressions of ARM templates: `[concat('tags-', parameters('name'))]` to a value, where that can be told.

Functions behave as Microsoft's template reference says. What needs Azure (the tenant, a value of the deployment's run)
is `Unresolved`, with its reason. No text or list grows beyond what Azure allows a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from governor import jsonfile
from governor.errors import Refusal

LARGEST = 4 * 1024 * 1024
"""Characters of a text: what Azure allows a whole template."""

_DEEPEST = 50
_TOKENS = re.compile(
    r"\s*+(?:(?P<text>'(?:[^']++|'')*+')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.]*)|(?P<sign>\.\?|\[\?|[()\[\],.]))"
)
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d{1,4})(?:[,:][^{}]*)?\}")


class Unresolved(Exception):  # noqa: N818
    """A value that cannot be told from a template alone, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason[:200]


class Opened(Protocol):
    """A value whose parts are worked out when they are asked for."""

    def part(self, key: str | int) -> Any:
        """One property of it."""


class Text(NamedTuple):
    """A literal text, or a number."""

    value: Any


class Call(NamedTuple):
    """A function and its arguments."""

    name: str
    arguments: tuple[Expression, ...]


class Path(NamedTuple):
    """Steps into a value: texts are keys, expressions are worked out."""

    base: Expression
    steps: tuple[Any, ...]


Expression = Text | Call | Path

Environment = Callable[[str, Sequence[Any]], Any]
"""What functions answer that depend on where they stand: `parameters`, `variables`, `resourceId`…"""


def is_expression(value: Any) -> bool:
    """Whether a value is a text in brackets whose first is not doubled."""
    return isinstance(value, str) and value[:1] == "[" and value[-1:] == "]" and value[1:2] != "["


def unescaped(text: str) -> str:
    """A literal text without the bracket that kept it from being an expression."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


def evaluate(text: str, environment: Environment) -> Any:
    """The value of an expression with its brackets. Raises Unresolved."""
    return run(parsed(text[1:-1]), environment)


def parsed(text: str) -> Expression:
    """The tree of an expression. Raises Unresolved for what is none."""
    tokens = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKENS.match(text, at)
        if not found:
            raise Unresolved(f"this is no expression of a template at {text[at : at + 20]!r}")
        tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
        at = found.end()
    reader = _Reader(tokens)
    tree = reader.expression(0)
    if reader.at < len(tokens):
        raise Unresolved(f"this is no expression of a template at {tokens[reader.at][1][:20]!r}")
    return tree


class _Reader:
    """Reads tokens into a tree."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.at = 0

    def expression(self, depth: int) -> Expression:
        if depth > _DEEPEST:
            raise Unresolved(f"this expression is nested more than {_DEEPEST} levels deep")
        kind, word = self._next()
        base: Expression
        if kind == "text":
            base = Text(word[1:-1].replace("''", "'"))
        elif kind == "number":
            base = Text(float(word) if "." in word else _integer(word))
        elif kind == "name":
            self._expect("(")
            base = Call(word, self._arguments(depth))
        else:
            raise Unresolved(f"this is no expression of a template at {word[:20]!r}")
        steps: list[Any] = []
        while self._peek() in (".", "[", ".?", "[?"):
            if self._next()[1].startswith("."):
                steps.extend(self._name().split("."))
            else:
                steps.append(self.expression(depth + 1))
                self._expect("]")
        return Path(base, tuple(steps)) if steps else base

    def _arguments(self, depth: int) -> tuple[Expression, ...]:
        arguments: list[Expression] = []
        while self._peek() != ")":
            arguments.append(self.expression(depth + 1))
            if self._peek() != ")":
                self._expect(",")
        self._expect(")")
        return tuple(arguments)

    def _peek(self) -> str:
        kind, word = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        return word if kind == "sign" else ""

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise Unresolved("this expression breaks off")
        self.at += 1
        return self.tokens[self.at - 1]

    def _name(self) -> str:
        kind, word = self._next()
        if kind != "name":
            raise Unresolved(f"this is no expression of a template at {word[:20]!r}")
        return word

    def _expect(self, sign: str) -> None:
        _, word = self._next()
        if word != sign:
            raise Unresolved(f"an expression of a template wants {sign!r} and has {word[:20]!r}")


def run(tree: Expression, environment: Environment) -> Any:
    """The value of a tree. Raises Unresolved."""
    if isinstance(tree, Text):
        return tree.value
    if isinstance(tree, Path):
        value = run(tree.base, environment)
        for step in tree.steps:
            value = _part(value, step if isinstance(step, str) else run(step, environment))
        return value
    name = tree.name.lower()
    if name == "if" and len(tree.arguments) == 3:
        chosen = run(tree.arguments[0], environment)
        if not isinstance(chosen, bool):
            raise Unresolved("if() wants a boolean")
        return run(tree.arguments[1 if chosen else 2], environment)
    arguments = [run(argument, environment) for argument in tree.arguments]
    function = FUNCTIONS.get(name)
    if function is None:
        return environment(tree.name, arguments)
    try:
        return function(*arguments)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError):
        raise Unresolved(f"{tree.name}() cannot be worked out of these arguments") from None


def _part(value: Any, key: Any) -> Any:
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise Unresolved("a step of an expression is neither a name nor a number")
    if hasattr(value, "part"):
        return value.part(key)
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    if isinstance(value, Mapping) and isinstance(key, str):
        if key in value:
            return value[key]
        folded = key.lower()
        for name, inner in value.items():
            if name.lower() == folded:
                return inner
    raise Unresolved(f"there is no {str(key)[:60]!r} in the value that an expression reads")


def _integer(word: str) -> int:
    if len(word) > 20:
        raise Unresolved("this number is too large")
    return int(word)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError


def _concat(*values: Any) -> Any:
    if values and all(isinstance(value, list) for value in values):
        _bounded(map(len, values))
        return [item for value in values for item in value]
    return _joined([_shown(value) for value in values], "")


def _joined(texts: list[str], sign: str) -> str:
    _bounded(len(text) + len(sign) for text in texts)
    return sign.join(texts)


def _bounded(lengths: Iterable[int]) -> None:
    if sum(lengths) > LARGEST:
        raise ValueError


def _format(pattern: str, *values: Any) -> str:
    shown = [_shown(value) for value in values]
    _bounded(len(shown[int(found[1])]) for found in _PLACEHOLDER.finditer(_text(pattern)) if found[1])

    def filled(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        if ":" in found[0] or "," in found[0]:
            raise TypeError
        return shown[int(found[1])]

    return _PLACEHOLDER.sub(filled, _text(pattern))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, (bool, int)):
        raise TypeError
    return bool(value)


def _both(*values: Any) -> bool:
    if not all(isinstance(value, bool) for value in values):
        raise TypeError
    return all(values)


def _either(*values: Any) -> bool:
    if not all(isinstance(value, bool) for value in values):
        raise TypeError
    return any(values)


def _equals(left: Any, right: Any) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _contains(holder: Any, item: Any) -> bool:
    if isinstance(holder, str):
        return _shown(item).lower() in holder.lower()
    if isinstance(holder, Mapping):
        return _text(item).lower() in {key.lower() for key in holder}
    return any(_equals(inner, item) for inner in _list(holder))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _sized(value: Any) -> Any:
    if not isinstance(value, (str, list, Mapping)):
        raise TypeError
    return value


def _first(value: Any, index: int = 0) -> Any:
    value = _sized(value)
    if not value:
        return "" if isinstance(value, str) else None
    return value[index]


def _union(*values: Any) -> Any:
    if all(isinstance(value, Mapping) for value in values):
        merged: dict[str, Any] = {}
        for value in values:
            for key, inner in value.items():
                both = isinstance(inner, Mapping) and isinstance(merged.get(key), Mapping)
                merged[key] = _union(merged[key], inner) if both else inner
        return merged
    items: list[Any] = []
    seen = set()
    for value in values:
        for item in _list(value):
            if repr(item) not in seen:
                seen.add(repr(item))
                items.append(item)
    return items


def _split(text: str, delimiter: Any) -> list[str]:
    signs = [_text(sign) for sign in (delimiter if isinstance(delimiter, list) else [delimiter])]
    if not all(signs):
        raise TypeError
    return re.split("|".join(map(re.escape, signs)), _text(text))


def _substring(text: str, start: int, length: int | None = None) -> str:
    end = len(_text(text)) if length is None else _whole(start) + _whole(length)
    if not 0 <= _whole(start) <= end <= len(text):
        raise ValueError
    return text[start:end]


def _range(start: int, count: int) -> list[int]:
    if not 0 <= _whole(count) <= 10_000:
        raise ValueError
    return list(range(_whole(start), start + count))


def _object(*pairs: Any) -> dict[str, Any]:
    if len(pairs) % 2:
        raise TypeError
    return {_text(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=True)}


def _json(text: str) -> Any:
    try:
        return jsonfile.parse(_text(text), "json()")
    except Refusal as refusal:
        raise Unresolved(f"json() in this template: {refusal}") from None


def _pad(text: Any, length: int, sign: str = " ") -> str:
    if _whole(length) > 10_000:
        raise ValueError
    return _shown(text).rjust(length, sign)


def _replaced(text: str, old: str, new: str) -> str:
    if not old or _text(text).count(old) * len(_text(new)) > LARGEST:
        raise ValueError
    return text.replace(old, new)


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or len(str(value)) > 20:
        raise TypeError
    return int(value)


def _string(value: Any) -> str:
    if isinstance(value, (list, Mapping)) or value is None:
        raise TypeError
    return _shown(value)


def _quotient(left: int, right: int) -> int:
    quotient = abs(_whole(left)) // abs(_whole(right))
    return quotient if (left < 0) == (right < 0) else -quotient


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda left, right: _whole(left) + _whole(right),
    "and": _both,
    "array": lambda value: value if isinstance(value, list) else [value],
    "bool": _boolean,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "concat": _concat,
    "contains": _contains,
    "createarray": lambda *values: list(values),
    "createobject": _object,
    "div": _quotient,
    "empty": lambda value: value is None or len(_sized(value)) == 0,
    "endswith": lambda text, end: _text(text).lower().endswith(_text(end).lower()),
    "equals": _equals,
    "false": lambda: False,
    "first": _first,
    "format": _format,
    "greater": lambda left, right: _whole(left) > _whole(right),
    "greaterorequals": lambda left, right: _whole(left) >= _whole(right),
    "indexof": lambda text, part: _text(text).lower().find(_text(part).lower()),
    "int": _int,
    "items": lambda value: [{"key": key, "value": value[key]} for key in sorted(value)],
    "join": lambda values, sign: _joined([_shown(value) for value in _list(values)], _text(sign)),
    "json": _json,
    "last": lambda value: _first(value, -1),
    "length": lambda value: len(_sized(value)),
    "less": lambda left, right: _whole(left) < _whole(right),
    "lessorequals": lambda left, right: _whole(left) <= _whole(right),
    "max": lambda *values: max(map(_whole, values[0] if isinstance(values[0], list) else values)),
    "min": lambda *values: min(map(_whole, values[0] if isinstance(values[0], list) else values)),
    "mod": lambda left, right: left - _quotient(left, right) * right,
    "mul": lambda left, right: _int(_whole(left) * _whole(right)),
    "not": lambda value: not _both(value),
    "null": lambda: None,
    "objectkeys": lambda value: sorted(value),
    "or": _either,
    "padleft": _pad,
    "range": _range,
    "replace": _replaced,
    "skip": lambda value, count: _sized(value)[max(_whole(count), 0) :],
    "split": _split,
    "startswith": lambda text, start: _text(text).lower().startswith(_text(start).lower()),
    "string": _string,
    "sub": lambda left, right: _whole(left) - _whole(right),
    "substring": _substring,
    "take": lambda value, count: _sized(value)[: max(_whole(count), 0)],
    "tolower": lambda text: _text(text).lower(),
    "toupper": lambda text: _text(text).upper(),
    "trim": lambda text: _text(text).strip(),
    "true": lambda: True,
    "union": _union,
}
