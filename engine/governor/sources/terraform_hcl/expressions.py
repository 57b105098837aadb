"""Expressions: a syntax tree in, a function from a scope to a value out.

What the code does not tell is an `Unknown`, and everything made of it is unknown as well: nothing is assumed. That
covers values of other resources, data sources, functions that are not in `functions`, and what Terraform would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

from tree_sitter import Node

from governor.sources.terraform_hcl.functions import FUNCTIONS, STRUCTURAL
from governor.sources.terraform_hcl.values import (
    Fault,
    Lazy,
    Missing,
    Sensitive,
    Set,
    Unknown,
    as_bool,
    as_number,
    as_string,
    attribute,
    exact,
    item,
    joined,
    kind_of,
    kinds_inside,
    marked,
    negated,
    normal,
    normal_inside,
    number_of,
    pairs,
    size_of,
    unknown_in,
    unmarked,
    unmarked_top,
    whole,
)


class Names(Protocol):
    """What names mean in a module."""

    def named(self, root: str, first: str, second: str) -> Any:
        """The value of `root.first` (`root.first.second` for `data`). Raises Fault where there is none."""

    def file(self, path: str) -> str | None:
        """The text of a file of the configuration."""


class Work:
    """What one run may spend on evaluating, so that it ends soon, in microseconds or so."""

    def __init__(self) -> None:
        self._left = 5_000_000

    def spend(self, amount: int) -> None:
        """Raises Fault when all is spent."""
        if amount > self._left:
            raise Fault("the code takes too long to evaluate")
        self._left -= amount


class Scope:
    """Where an expression is evaluated: a module, and names that are bound on the way (`each`, `count`, `for`)."""

    __slots__ = ("bound", "module", "work")

    def __init__(self, module: Names | None, bound: Mapping[str, Any], work: Work) -> None:
        self.module = module
        self.bound = bound
        self.work = work

    def with_names(self, bound: Mapping[str, Any]) -> Scope:
        return Scope(self.module, {**self.bound, **bound}, self.work)


def nowhere() -> Scope:
    """For expressions that refer to nothing."""
    return Scope(None, {}, Work())


Run = Callable[[Scope], Any]


class Expression:
    """A compiled expression."""

    __slots__ = ("_run", "calls", "references", "texts")

    def __init__(self, run: Run, references: list[str], texts: list[str], calls: bool) -> None:
        self._run = run
        self.references = references
        """As a plan writes them, the longest first: `aws_vpc.main.id`, `aws_vpc.main`."""
        self.texts = texts
        """Literal text in it, with the key it is the value of: `OPENAI_API_KEY=…`."""
        self.calls = calls
        """Whether it calls a function."""

    def value(self, scope: Scope) -> Any:
        """What it is; unknown where Terraform would refuse it."""
        try:
            return self._run(scope)
        except Fault as fault:
            return Unknown(f"{fault}")
        except (RecursionError, OverflowError, MemoryError):
            return Unknown("its value is too deep, or too large")


class Compiler:
    """Compiles the expressions of one file."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._references: list[str] = []
        self._texts: list[str] = []
        self._calls = False
        self._bound: list[str] = []
        self._key = ""

    def expression(self, node: Node) -> Expression:
        """The whole of an `expression` node."""
        self._references, self._texts, self._calls = [], [], False
        try:
            run = self._compile(node)
        except RecursionError:
            run = _refused("its expression is too deep")
            self._bound.clear()
        return Expression(run, list(dict.fromkeys(self._references)), self._texts, self._calls)

    def _text(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode(errors="replace")

    def _compile(self, node: Node) -> Run:
        return self._sequence([child for child in node.children if child.type != "comment"])

    def _sequence(self, nodes: Sequence[Node]) -> Run:
        """A term and what follows it: `.name`, `[index]`, `[*]`."""
        if not nodes:
            return _refused("an expression is missing")
        first, rest = nodes[0], nodes[1:]
        if first.type == "(":
            return _steps(self._compile(nodes[1]), self._postfixes(nodes[3:]))
        if first.type == "variable_expr":
            return self._traversal(self._text(first), rest)
        if first.type == "expression" and not rest:
            return self._compile(first)
        kind = self._KINDS.get(first.type)
        if kind is None:
            return _refused(f"{first.type} is not evaluated")
        run = kind(self, first)
        return _steps(run, self._postfixes(rest)) if rest else run

    # Terms

    def _literal(self, node: Node) -> Run:
        child = node.children[0]
        if child.type == "string_lit":
            return self._template(child)
        text = self._text(child)
        if child.type == "numeric_lit":
            try:
                return _constant(number_of(text))
            except Fault as fault:
                return _refused(f"{fault}")
        return _constant({"true": True, "false": False, "null": None}[text])

    def _template_expr(self, node: Node) -> Run:
        child = node.children[0]
        return self._heredoc(child) if child.type == "heredoc_template" else self._template(child)

    def _template(self, node: Node) -> Run:
        start, end = node.start_byte + 1, node.end_byte - 1
        return self._joined(self._parts(node, start, end, unescape=True), alone=True)

    def _parts(self, node: Node, start: int, end: int, *, unescape: bool) -> list[str | Run]:
        """Literal text and interpolations. The text is what lies between them: the tree leaves white space out."""
        parts: list[str | Run] = []
        position = start
        for child in node.children:
            if child.type not in ("template_interpolation", "template_directive"):
                continue
            self._literal_part(parts, position, child.start_byte, unescape)
            # The tree and Terraform do not agree on which of the signs in `$$${` belong together.
            doubled = self._source[child.start_byte - 1] == self._source[child.start_byte]
            parts.append(
                _refused("$ before an interpolation is not evaluated") if doubled else self._interpolation(child)
            )
            position = child.end_byte
        self._literal_part(parts, position, end, unescape)
        return parts

    def _literal_part(self, parts: list[str | Run], start: int, end: int, unescape: bool) -> None:
        if start < end:
            text = self._source[start:end].decode(errors="replace")
            if unescape and "\\" in text:
                text = _ESCAPE.sub(_unescaped, text)
            parts.append(text.replace("$${", "${").replace("%%{", "%{") if "{" in text else text)

    def _interpolation(self, node: Node) -> Run:
        if node.type == "template_directive" or any(child.type == "strip_marker" for child in node.children):
            for inner in _expressions_in(node):
                self._compile(inner)
            return _constant(Unknown("its template has directives, which are not evaluated"))
        written = next((child for child in node.children if child.type == "expression"), None)
        return self._compile(written) if written else _refused("an expression is missing")

    def _joined(self, parts: list[str | Run], *, alone: bool) -> Run:
        written = "".join(part for part in parts if isinstance(part, str))
        if written:
            self._texts.append(f"{self._key}={written}" if self._key else written)
        if all(isinstance(part, str) for part in parts):
            return _constant(normal(written))
        if alone and len(parts) == 1 and callable(parts[0]):
            return parts[0]
        runs = [_constant(part) if isinstance(part, str) else part for part in parts]
        return lambda scope: _concatenated([run(scope) for run in runs])

    def _heredoc(self, node: Node) -> Run:
        names = [child for child in node.children if child.type == "heredoc_identifier"]
        if len(names) < 2:
            return _refused("a heredoc does not end")
        start = self._source.find(b"\n", names[0].end_byte) + 1
        end = self._source.rfind(b"\n", 0, names[-1].start_byte) + 1
        parts = self._parts(node, start, max(start, end), unescape=False)
        if self._text(node).startswith("<<-"):
            parts = _flush(parts)
        return self._joined(parts, alone=False)

    def _collection(self, node: Node) -> Run:
        child = node.children[0]
        if child.type == "tuple":
            runs = [self._compile(n) for n in child.children if n.type == "expression"]
            return lambda scope: [run(scope) for run in runs]
        elements = [self._element(n) for n in child.children if n.type == "object_elem"]
        return lambda scope: _object([(key(scope), value(scope)) for key, value in elements])

    def _element(self, node: Node) -> tuple[Run, Run]:
        key, value = [child for child in node.children if child.type == "expression"][:2]
        kind = key.children[0].type
        name = self._text(key)
        if kind == "variable_expr" and len(key.children) == 1:
            run = _constant(name)  # a bare word is a key, not a reference
        else:
            run, name = self._compile(key), name.strip('"')
        outer, self._key = self._key, name
        compiled = self._compile(value)
        self._key = outer
        return run, compiled

    def _for(self, node: Node) -> Run:
        form = node.children[0]
        intro = next(child for child in form.children if child.type == "for_intro")
        names = [self._text(child) for child in intro.children if child.type == "identifier"]
        source = self._compile(next(child for child in intro.children if child.type == "expression"))
        self._bound.extend(names)
        bodies = [self._compile(child) for child in form.children if child.type == "expression"]
        condition = next((child for child in form.children if child.type == "for_cond"), None)
        keep = self._compile(next(c for c in condition.children if c.type == "expression")) if condition else None
        del self._bound[len(self._bound) - len(names) :]
        grouped = any(child.type == "ellipsis" for child in form.children)
        if len(bodies) != (2 if form.type == "for_object_expr" else 1):
            return _refused("this for expression is not evaluated")
        return lambda scope: _comprehension(scope, names, source, bodies, keep, grouped)

    def _operation(self, node: Node) -> Run:
        inner = node.children[0]
        children = [child for child in inner.children if child.type != "comment"]
        if inner.type == "unary_operation":
            operator, operand = children[0].type, self._sequence(children[1:])
            return lambda scope: _applied(_UNARY[operator], [operand(scope)])
        position = next(i for i, child in enumerate(children) if child.type in _BINARY)
        operator = children[position].type
        left, right = self._sequence(children[:position]), self._sequence(children[position + 1 :])
        if operator in ("==", "!="):
            return lambda scope: _equality(left(scope), right(scope), operator == "!=")
        return lambda scope: _applied(_BINARY[operator], [left(scope), right(scope)])

    def _conditional(self, node: Node) -> Run:
        condition, yes, no = [self._compile(child) for child in node.children if child.type == "expression"][:3]
        return lambda scope: _chosen(scope, condition(scope), yes, no)

    def _call(self, node: Node) -> Run:
        self._calls = True
        name = self._text(node.children[0])
        listed = next((child for child in node.children if child.type == "function_arguments"), None)
        children = listed.children if listed else []
        arguments = [self._compile(child) for child in children if child.type == "expression"]
        spread = any(child.type == "ellipsis" for child in children)
        if name == "try" and not spread:
            simple = [_is_simple(child) for child in children if child.type == "expression"]
            return lambda scope: _tried(scope, arguments, simple)
        if name == "can" and len(arguments) == 1:
            plain_path = all(_is_simple(child) for child in children if child.type == "expression")
            return lambda scope: _can(scope, arguments[0], plain_path)
        return lambda scope: _called(name, scope, arguments, spread)

    _KINDS: Mapping[str, Callable[[Compiler, Node], Run]] = {
        "literal_value": _literal,
        "template_expr": _template_expr,
        "collection_value": _collection,
        "for_expr": _for,
        "operation": _operation,
        "conditional": _conditional,
        "function_call": _call,
    }

    # Names and what follows them

    def _traversal(self, root: str, postfixes: Sequence[Node]) -> Run:
        names = [root]
        for node in postfixes:
            if node.type != "get_attr":
                break
            names.append(self._text(node.children[-1]))
        if root in self._bound:
            return _steps(lambda scope: scope.bound[root], self._postfixes(postfixes))
        self._refer(root, postfixes)
        used = 3 if root == "data" else 2
        # Names that are bound (each, count, the iterator of a dynamic block) hide all others.
        bound = _steps(lambda scope: scope.bound[root], self._postfixes(postfixes))
        if len(names) < used:
            return lambda scope: bound(scope) if root in scope.bound else _nothing(root)
        rest = _onward(self._postfixes(postfixes[used - 1 :]))
        first, second = names[1], names[2] if used == 3 else ""

        def run(scope: Scope) -> Any:
            if root in scope.bound:
                return bound(scope)
            if scope.module is None:
                return Unknown("it refers to something")
            return rest(scope, scope.module.named(root, first, second))

        return run

    def _refer(self, root: str, postfixes: Sequence[Node]) -> None:
        """Note a reference as Terraform lists it in a plan: whole, then shorter and shorter."""
        shortest = {"data": 3, "each": 1, "count": 1, "path": 2, "terraform": 2}.get(root, 2)
        written, forms = root, [root]
        for node in postfixes:
            if node.type == "get_attr":
                written += f".{self._text(node.children[-1])}"
            elif node.type == "index" and _INDEX.fullmatch(text := self._text(node)):
                written += text
            else:
                break
            forms.append(written)
        if len(forms) >= shortest:
            self._references.extend(reversed(forms[shortest - 1 :]))

    def _postfixes(self, nodes: Sequence[Node]) -> list[_Step]:
        steps: list[_Step] = []
        for position, node in enumerate(nodes):
            if node.type == "get_attr":
                steps.append(_attribute_step(self._text(node.children[-1])))
            elif node.type == "index":
                child = node.children[0]
                inner = next((c for c in child.children if c.type == "expression"), None)
                if inner is None:
                    steps.append(_index_step(_constant(self._text(node).lstrip("."))))
                else:
                    steps.append(_index_step(self._compile(inner)))
            elif node.type == "splat":
                child = node.children[0]
                inner_nodes = [c for c in child.children if c.is_named]
                if child.type == "attr_splat" and any(c.type == "index" for c in inner_nodes):
                    # There an index is one into the list, and the tree does not say so.
                    steps.append(_refused_step("an index behind .* is not evaluated"))
                elif child.type == "attr_splat":
                    steps.append(_splat_step(self._postfixes(inner_nodes)))
                else:
                    # All that follows is taken of each element, further splats too.
                    steps.append(_splat_step(self._postfixes([*inner_nodes, *nodes[position + 1 :]])))
                    break
            else:
                steps.append(_refused_step(f"{node.type} is not evaluated"))
        return steps


_Step = Callable[[Scope, Any], Any]

_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([nrt"\\]))')
_INDEX = re.compile(r'\[\s*(?:\d+|"(?:[^"\\$%]|\\.)*")\s*\]')


def _unescaped(match: re.Match[str]) -> str:
    if code := match[1] or match[2]:
        number = int(code, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    return {"n": "\n", "r": "\r", "t": "\t"}.get(match[3], match[3])


def _is_simple(node: Node) -> bool:
    """A path or a literal: nothing in it can be refused but that it is not there."""
    return node.type not in _COMPUTES and all(_is_simple(child) for child in node.children)


_COMPUTES = frozenset({"function_call", "conditional", "operation", "for_expr", "splat", "template_interpolation"})


def _expressions_in(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.type == "expression":
            yield child
        else:
            yield from _expressions_in(child)


def _flush(parts: list[str | Run]) -> list[str | Run]:
    """`<<-`: without the indentation that all lines share."""
    lines = "".join(part if isinstance(part, str) else "x" for part in parts).splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    if not (shared := min(indents, default=0)):
        return parts
    begin = True
    result: list[str | Run] = []
    for part in parts:
        if isinstance(part, str):
            before = r"(?:\A|(?<=\n))" if begin else r"(?<=\n)"
            result.append(re.sub(rf"{before}[^\S\n]{{1,{shared}}}(?![^\S\n]*\n)", "", part))
        else:
            result.append(part)
        begin = False
    return result


def _constant(value: Any) -> Run:
    return lambda scope: value


def _refused(why: str) -> Run:
    def run(scope: Scope) -> Any:
        raise Fault(why)

    return run


def _nothing(name: str) -> Any:
    raise Fault(f"nothing is called {name}")


def _steps(run: Run, steps: list[_Step]) -> Run:
    """What a run gives, followed by steps."""
    if not steps:
        return run
    onward = _onward(steps)
    return lambda scope: onward(scope, run(scope))


def _onward(steps: list[_Step]) -> _Step:
    """All steps as one."""

    def step(scope: Scope, value: Any) -> Any:
        for one in steps:
            value = one(scope, value)
        return value

    return step


def _attribute_step(name: str) -> _Step:
    return lambda scope, value: attribute(value, name)


def _index_step(index: Run) -> _Step:
    return lambda scope, value: item(value, index(scope))


def _refused_step(why: str) -> _Step:
    def step(scope: Scope, value: Any) -> Any:
        raise Fault(why)

    return step


def _splat_step(inner: list[_Step]) -> _Step:
    onward = _onward(inner)

    def step(scope: Scope, value: Any) -> Any:
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Sensitive):
            return marked(step(scope, value.value))
        if value is None:
            return []
        elements = value if isinstance(value, list) else [value]
        return [onward(scope, element) for element in elements]

    return step


# What is done with values


def _concatenated(values: list[Any]) -> Any:
    hidden = any(isinstance(value, Sensitive) for value in values)
    known = [unmarked_top(value) for value in values]
    unknown = next(
        (found for value in known if isinstance(value, (Unknown, Lazy)) and (found := unknown_in(value))), None
    )
    result: Any = unknown or joined(as_string(value) for value in known)
    return marked(result) if hidden else result


def _object(elements: list[tuple[Any, Any]]) -> Any:
    result = {}
    for key, value in elements:
        if isinstance(key, Sensitive):
            return marked(_object([(unmarked_top(k), v) for k, v in elements]))
        if isinstance(key, Unknown):
            return key
        result[as_string(key)] = value
    return result


def _applied(function: Callable[..., Any], operands: list[Any]) -> Any:
    """A function of whole, known values; marks on them go over to the result."""
    if any(isinstance(value, Sensitive) for value in operands):
        return marked(_applied(function, [unmarked_top(value) for value in operands]))
    if unknown := unknown_in(operands):
        return unknown
    return function(*operands)


def _equality(left: Any, right: Any, negated: bool) -> Any:
    if isinstance(left, Sensitive) or isinstance(right, Sensitive):
        return marked(_equality(unmarked_top(left), unmarked_top(right), negated))
    for value in (left, right):
        if isinstance(value, (Unknown, Lazy)):
            return unknown_in(value)
    if left is None or right is None:
        return (left is right) != negated
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        # Whether [] equals an empty list hangs on types that only a schema tells.
        return Unknown("it compares collections")
    return (kind_of(left) is kind_of(right) and left == right) != negated


def _chosen(scope: Scope, condition: Any, yes: Run, no: Run) -> Any:
    if isinstance(condition, Sensitive):
        return marked(_chosen(scope, condition.value, yes, no))
    if isinstance(condition, (Unknown, Lazy)):
        return unknown_in(condition)
    taken, other = (yes, no) if as_bool(condition) else (no, yes)
    value = taken(scope)
    if isinstance(unmarked_top(value), (bool, int, Fraction, list, dict)):
        try:
            beside = unmarked_top(other(scope))
        except Fault:  # Terraform, too, tells the faults of the side that is taken only
            return value
        return _beside(value, beside)
    return value


def _beside(value: Any, other: Any) -> Any:
    """The value of a conditional: both sides get one type, and a number beside a text is a text.

    Beside what has no known type (null, unknown, empty) the value stays: the argument it is for has a type of its own.
    """
    if isinstance(value, Sensitive):
        return marked(_beside(value.value, other))
    if isinstance(value, (list, dict)):
        if isinstance(other, type(value)) or isinstance(value, type(other)):
            mixed = len(kinds_inside([value, other])) > 1 or isinstance(value, Set) != isinstance(other, Set)
            return Unknown("the sides of a conditional differ in type") if mixed else value
        return value
    return as_string(value) if isinstance(other, str) else value


def _comprehension(
    scope: Scope, names: list[str], source: Run, bodies: list[Run], keep: Run | None, grouped: bool
) -> Any:
    collection = source(scope)
    if isinstance(collection, Sensitive):
        return marked(_comprehension(scope, names, _constant(collection.value), bodies, keep, grouped))
    if isinstance(collection, (Unknown, Lazy)):
        return unknown_in(collection)
    result: list[Any] = []
    entries: list[tuple[str, Any]] = []
    hidden = False
    for pair in pairs(collection):
        scope.work.spend(5)
        inner = scope.with_names(dict(zip(names, pair if len(names) == 2 else pair[1:], strict=True)))
        if keep is not None:
            kept = keep(inner)
            hidden = hidden or isinstance(kept, Sensitive)
            kept = unmarked_top(kept)
            if isinstance(kept, (Unknown, Lazy)):
                return unknown_in(kept)
            if not as_bool(kept):
                continue
        if len(bodies) == 1:
            result.append(bodies[0](inner))
            continue
        key = bodies[0](inner)
        hidden = hidden or isinstance(key, Sensitive)
        key = unmarked_top(key)
        if isinstance(key, (Unknown, Lazy)):
            return unknown_in(key)
        entries.append((as_string(key), bodies[1](inner)))
    made: Any = result if len(bodies) == 1 else _collected(entries, grouped)
    scope.work.spend(size_of(made) // 10)
    return marked(made) if hidden else made


def _collected(entries: list[tuple[str, Any]], grouped: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in entries:
        if grouped:
            made.setdefault(key, []).append(value)
        elif key in made:
            raise Fault("a key stands twice")
        else:
            made[key] = value
    return made


def _tried(scope: Scope, arguments: list[Run], simple: list[bool]) -> Any:
    for position, argument in enumerate(arguments):
        try:
            value = argument(scope)
        except Missing:
            continue
        if simple[position] or position == len(arguments) - 1 or isinstance(value, (Unknown, Lazy)):
            return value
        # Terraform is stricter about types than what is evaluated here: it may refuse this and go on.
        return Unknown("try() is evaluated for paths only")
    raise Fault("no argument of try can be evaluated")


def _can(scope: Scope, argument: Run, simple: bool) -> Any:
    try:
        value = argument(scope)
    except Missing:
        return False
    return unknown_in(value) or (True if simple else Unknown("can() is evaluated for paths only"))


def _called(name: str, scope: Scope, arguments: list[Run], spread: bool) -> Any:
    values = [argument(scope) for argument in arguments]
    if spread:
        *values, last = values
        last = unmarked_top(last)
        if isinstance(last, (Unknown, Lazy)):
            return unknown_in(last)
        if not isinstance(last, list):
            raise Fault("a list is wanted before ...")
        values.extend(last)
    scope.work.spend(size_of(values) // 10)
    try:
        return _result(name, scope, values)
    except (TypeError, ValueError, AttributeError):
        raise Fault(f"{name}() is not evaluated for these arguments") from None


def _result(name: str, scope: Scope, values: list[Any]) -> Any:
    if name == "sensitive":
        return marked(values[0])
    if name == "nonsensitive":
        return unmarked(values[0])[0]
    if name in STRUCTURAL:
        for value in values:
            if isinstance(unmarked_top(value), (Unknown, Lazy)):
                return value if isinstance(value, Sensitive) else unknown_in(value)
        if any(isinstance(value, Sensitive) for value in values):
            return marked(_result(name, scope, [unmarked_top(value) for value in values]))
        return STRUCTURAL[name](*values)
    known, hidden = unmarked(values)
    if unknown := unknown_in(known):
        result: Any = unknown
    elif name == "file":
        text = scope.module.file(as_string(known[0])) if scope.module else None
        result = Unknown("it reads a file that is not at hand") if text is None else normal(text)
    elif name in FUNCTIONS:
        result = normal_inside(FUNCTIONS[name](*known))
    else:
        result = Unknown(f"{name}() is not evaluated")
    return marked(result) if hidden else result


def _product(left: int | Fraction, right: int | Fraction) -> int | Fraction:
    if left * right == 0 and (left < 0 or right < 0):
        return negated(0)
    return whole(left * right)


def _divided(left: Any, right: Any) -> Any:
    if as_number(right) == 0:
        raise Fault("division by zero")
    return _product(exact(left), 1 / Fraction(exact(right)))


def _remainder(left: Any, right: Any) -> Any:
    one, other = exact(left), exact(right)
    if other == 0:
        raise Fault("division by zero")
    rest = abs(Fraction(one)) % abs(Fraction(other))
    return whole(negated(rest) if one < 0 else rest)


_UNARY: Mapping[str, Callable[[Any], Any]] = {
    "!": lambda value: not as_bool(value),
    "-": lambda value: negated(as_number(value)),
}
_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: whole(exact(left) + exact(right)),
    "-": lambda left, right: whole(exact(left) - exact(right)),
    "*": lambda left, right: _product(exact(left), exact(right)),
    "/": _divided,
    "%": _remainder,
    "<": lambda left, right: as_number(left) < as_number(right),
    "<=": lambda left, right: as_number(left) <= as_number(right),
    ">": lambda left, right: as_number(left) > as_number(right),
    ">=": lambda left, right: as_number(left) >= as_number(right),
    "&&": lambda left, right: as_bool(left) and as_bool(right),
    "||": lambda left, right: as_bool(left) or as_bool(right),
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
