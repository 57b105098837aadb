"""Rules, bound to an assignment's parameters and compiled to closures.

Conditions that several rules share are compiled once, and answered once for each resource: of the 34,000 conditions of
Microsoft's built-in policies one in seven is different from all others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from governor.arm import expressions
from governor.arm.expressions import Call, Literal, Node
from governor.arm.functions import TemplateError
from governor.azure_model import Unknown, unknown_in
from governor.catalog.azure_aliases import Aliases
from governor.languages.azure_policy import operators
from governor.languages.azure_policy.fields import STAR, Fields, Read, Scope, Scopes, normal_location
from governor.languages.azure_policy.operators import Doubt, Semantics, Test, Truth
from governor.languages.azure_policy.subject import Subject
from governor.languages.azure_policy.syntax import (
    OPERATORS,
    AllOf,
    AnyOf,
    Condition,
    Count,
    Field,
    Leaf,
    Not,
    Pointer,
    PolicyError,
    Rule,
    Value,
)
from governor.languages.azure_policy.values import Binding, Compute, Values

Check = Callable[[Subject], Truth]

LOCATIONS = frozenset({"equals", "notequals", "in", "notin", "like", "notlike", "contains", "notcontains"})
"""Operators whose right side is a location where the left one is."""


def always(subject: Subject) -> Truth:
    """True of every resource."""
    return True


def never(subject: Subject) -> Truth:
    """True of none."""
    return False


class Compiled(Struct, frozen=True):
    """A rule, ready to be asked."""

    check: Check
    applies: Check
    """Whether the policy is about a resource at all, going by its type, name and kind."""
    types: frozenset[str] | None
    """Lower-case: of any other type the rule is not true. None: of any type."""
    locations: bool
    """Whether a condition looks at the location."""


class Part(Struct, frozen=True):
    """A condition within a rule, with what it is made of."""

    said: str
    """`tags['project'] exists "false"`; `all of`, `any of`, `not`."""
    at: Pointer
    check: Check
    parts: tuple[Part, ...] = ()
    field: str = ""
    """What a leaf looks at."""
    operator: str = ""
    left: Compute | None = None
    """Its left side's value; None for what is no leaf."""
    right: Compute | None = None


class Compiler:
    """Compiles rules that are evaluated together."""

    def __init__(self, aliases: Aliases | None, semantics: Semantics = "documented") -> None:
        self.semantics: Semantics = semantics
        self.fields = Fields(aliases, semantics)
        self.slots = 0
        """Answers that a `Subject` keeps."""
        self.rules = 0
        """Compiled so far."""
        self._shared: dict[str, tuple[Check, Check | None]] = {}
        self._parts: dict[tuple[int, int], tuple[Condition, Binding, Part]] = {}
        """By the identities of the two, which live as long as this."""

    def values(self, binding: Binding) -> Values:
        """What compiles the expressions of one definition."""
        return Values(self.fields, self.semantics, binding)

    def compile(self, rule: Rule, binding: Binding) -> Compiled:
        """Raises PolicyError."""
        one = _One(self, self.values(binding))
        condition = one.bound(rule.condition)
        applies = one.check(_applicability(condition), ())[0]
        named = {name for leaf in _leaves(condition) if (name := _name(leaf))}
        return Compiled(one.check(condition, ())[0], applies, _types(condition), "location" in named)

    def parts(self, condition: Condition, binding: Binding) -> Part:
        """A condition and everything in it, each to be asked by itself."""
        key = id(condition), id(binding)
        if key not in self._parts:
            one = _One(self, self.values(binding))
            self._parts[key] = condition, binding, one.part(one.bound(condition))
        return self._parts[key][2]

    def condition(self, condition: Condition, binding: Binding) -> Check:
        """A condition that stands alone: what a related resource has to meet."""
        one = _One(self, self.values(binding))
        return one.check(one.bound(condition), ())[0]

    def shared(self, key: str, check: Check) -> Check:
        """A check by its text; from the second time on one whose answer is kept."""
        known = self._shared.get(key)
        if known is None:
            self._shared[key] = check, None
            return check
        first, keeping = known
        if keeping is None:
            keeping = _kept(first, self.slots)
            self.slots += 1
            self._shared[key] = first, keeping
        return keeping


def _kept(check: Check, slot: int) -> Check:
    def kept(subject: Subject) -> Truth:
        memo = subject.memo
        answer: Truth | None = memo[slot]
        if answer is None:
            answer = memo[slot] = check(subject)
        return answer

    return kept


class _Right(Struct, frozen=True):
    """What a leaf compares with."""

    test: Test | None
    """The test, where no resource changes it."""
    made: Callable[[Subject], Test | Doubt] | None = None
    """Makes it for one resource, else. Raises TemplateError."""

    def of(self, subject: Subject) -> Test | Doubt:
        """The test for a resource."""
        if self.test is not None:
            return self.test
        assert self.made is not None
        return self.made(subject)


class _One:
    """Compiles one rule."""

    def __init__(self, compiler: Compiler, values: Values) -> None:
        self._compiler = compiler
        compiler.rules += 1
        self._number = compiler.rules
        self._values = values
        self._fields = compiler.fields
        self._documented = compiler.semantics == "documented"

    def bound(self, condition: Condition) -> Condition:
        """The same with parameters in their places."""
        if isinstance(condition, AllOf):
            return AllOf(tuple(map(self.bound, condition.items)), condition.at)
        if isinstance(condition, AnyOf):
            return AnyOf(tuple(map(self.bound, condition.items)), condition.at)
        if isinstance(condition, Not):
            return Not(self.bound(condition.item), condition.at)
        at = condition.at
        left: Field | Value | Count
        if isinstance(condition.left, Field):
            left = Field(self._values.bound(condition.left.name, (*at, "field")))
        elif isinstance(condition.left, Value):
            left = Value(self._values.bound(condition.left.value, (*at, "value")))
        else:
            count = condition.left
            value = count.value and self._values.bound(count.value, (*at, "count", "value"))
            left = Count(count.field, value, count.name, count.where and self.bound(count.where))
        return Leaf(left, condition.operator, self._values.bound(condition.right, (*at, condition.operator)), at)

    def check(self, condition: Condition, scopes: Scopes) -> tuple[Check, str]:
        """A bound condition as a closure, with a text that tells it from every other."""
        if isinstance(condition, AllOf | AnyOf):
            every = isinstance(condition, AllOf)
            checks, texts = [], []
            for item in condition.items:
                check, text = self.check(item, scopes)
                if check is (never if every else always):
                    return check, text
                if check is not (always if every else never):
                    checks.append(check)
                    texts.append(text)
            if len(checks) < 2:
                return (checks[0], texts[0]) if checks else ((always, "true") if every else (never, "false"))
            made = _combined(checks, decides=not every)
            return self._shared(made, f"{'&' if every else '|'}({','.join(texts)})", scopes)
        if isinstance(condition, Not):
            check, text = self.check(condition.item, scopes)
            if check in (always, never):
                return (never, "false") if check is always else (always, "true")
            return self._shared(_not(check), f"!({text})", scopes)
        return self._leaf(condition, scopes)

    def part(self, condition: Condition) -> Part:
        """A bound condition in its parts."""
        check = self.check(condition, ())[0]
        if isinstance(condition, AllOf | AnyOf):
            said = "all of" if isinstance(condition, AllOf) else "any of"
            return Part(said, condition.at, check, tuple(map(self.part, condition.items)))
        if isinstance(condition, Not):
            return Part("not", condition.at, check, (self.part(condition.item),))
        left, at = condition.left, condition.at
        if isinstance(left, Value):
            value = self._values.compute(left.value, (), at)
        elif isinstance(left, Count):
            value = self._count(left, (), at)
        elif isinstance(left.name, Literal):
            value = self._fields.field(str(left.name.value), ()).read
        else:
            value = self._values.compute(Call("field", (left.name,)), (), at)
        right = self._values.compute(condition.right, (), at)
        return Part(_said(condition), at, check, (), _looked_at(left), OPERATORS[condition.operator], value, right)

    def _shared(self, check: Check, text: str, scopes: Scopes) -> tuple[Check, str]:
        return (check if scopes else self._compiler.shared(text, check)), text

    def _leaf(self, leaf: Leaf, scopes: Scopes) -> tuple[Check, str]:
        left, at = leaf.left, leaf.at
        right = leaf.right
        location = self._documented and _name(leaf) == "location" and leaf.operator in LOCATIONS
        if location and isinstance(right, Literal):
            right = Literal(_normal_locations(right.value))
        against = self._right(leaf, right, scopes, _normal_locations if location else None)
        text = f"{_side(left)} {leaf.operator} {expressions.text(right)}"
        if "parameters(" in text:
            # Which parameter is known on a resource only: it is that of this rule.
            text = f"{text} @{self._number}"
        if isinstance(left, Value):
            if isinstance(left.value, Literal) and against.test:
                answer = against.test(left.value.value)
                if answer is True or answer is False:
                    return (always, "true") if answer else (never, "false")
            check = self._of_value(self._values.compute(left.value, scopes, at), against, leaf.operator)
            return self._shared(check, text, scopes)
        if isinstance(left, Count):
            check = self._of_value(self._count(left, scopes, at), against, leaf.operator)
            return self._shared(check, text, scopes)
        if isinstance(left.name, Literal):
            check = self._of_field(left.name.value, leaf, right, against, scopes)
        else:
            check = self._of_named(self._values.compute(left.name, scopes, at), leaf.operator, against, scopes)
        return self._shared(check, text, scopes)

    def _right(self, leaf: Leaf, right: Node, scopes: Scopes, normal: Callable[[Any], Any] | None) -> _Right:
        operator, semantics = leaf.operator, self._compiler.semantics
        at = (*leaf.at, operator)
        if isinstance(right, Literal):
            try:
                return _Right(operators.comparison(operator, right.value, semantics))
            except ValueError as error:
                raise PolicyError(str(error), at) from None
        compute = self._values.compute(right, scopes, at)

        def made(subject: Subject) -> Test | Doubt:
            value = compute(subject) if normal is None else normal(compute(subject))
            if type(value) is Unknown:
                return Doubt(False, value.reason)
            whole = type(value) is list or type(value) is dict
            if whole and (unknown := unknown_in(value)) is not None:
                return operators.partly_right(operator, value, unknown, semantics)
            try:
                return operators.comparison(operator, value, semantics)
            except ValueError as error:
                return Doubt(True, str(error))

        return _Right(None, made)

    def _failed(self, error: TemplateError) -> Truth:
        return Doubt(True, str(error)) if self._documented else False

    def _of_value(self, compute: Compute, against: _Right, operator: str) -> Check:
        def check(subject: Subject) -> Truth:
            try:
                value = compute(subject)
                if type(value) is Unknown:
                    return Doubt(False, value.reason)
                test = against.of(subject)
            except TemplateError as error:
                return self._failed(error)
            return test if isinstance(test, Doubt) else _asked(operator, test, value)

        return check

    def _of_field(self, name: Any, leaf: Leaf, right: Node, against: _Right, scopes: Scopes) -> Check:
        if type(name) is not str:
            raise PolicyError("a field is named by a string", leaf.at)
        test = against.test
        if name.lower() == "type" and isinstance(right, Literal) and test:
            return _of_type(leaf.operator, right.value, test)
        try:
            field = self._fields.field(name, scopes)
        except ValueError as error:
            raise PolicyError(str(error), (*leaf.at, "field")) from None
        read = field.read
        if field.many:
            return self._of_many(read, against, leaf.operator, name)
        if test is None:
            return self._of_value(read, against, leaf.operator)
        operator = leaf.operator

        def constant(subject: Subject) -> Truth:
            value = read(subject)
            return Doubt(False, value.reason) if type(value) is Unknown else _asked(operator, test, value)

        return constant

    def _of_many(self, read: Read, against: _Right, operator: str, name: str) -> Check:
        lenient = not self._documented
        array = self._fields.field(name[: name.index(STAR)]).read if lenient else None

        def check(subject: Subject) -> Truth:
            values = read(subject)
            if type(values) is Unknown:
                return Doubt(False, values.reason)
            if not values and array is not None and type(array(subject)) is not list:
                return False
            try:
                test = against.of(subject)
            except TemplateError as error:
                return self._failed(error)
            if isinstance(test, Doubt):
                return test
            doubt = None
            for value in values:
                held = Doubt(False, value.reason) if type(value) is Unknown else _asked(operator, test, value)
                if held is False:
                    return False
                if held is not True:
                    doubt = doubt or held
            return True if doubt is None else doubt

        return check

    def _of_named(self, named: Compute, operator: str, against: _Right, scopes: Scopes) -> Check:
        """A field whose name an expression tells."""
        checks: dict[str, Check] = {}

        def check(subject: Subject) -> Truth:
            try:
                name = named(subject)
            except TemplateError as error:
                return self._failed(error)
            if type(name) is Unknown:
                return Doubt(False, name.reason)
            if type(name) is not str:
                return Doubt(True, "a field is named by a string")
            if name not in checks:
                try:
                    field = self._fields.field(name, scopes)
                except ValueError as error:
                    return Doubt(True, str(error))
                if field.many:
                    checks[name] = self._of_many(field.read, against, operator, name)
                else:
                    checks[name] = self._of_value(field.read, against, operator)
            return checks[name](subject)

        return check

    def _count(self, count: Count, scopes: Scopes, at: Pointer) -> Compute:
        """How many members; an `Unknown` where that is not known. Raises TemplateError."""
        members: Compute
        if count.value is None:
            try:
                field = self._fields.field(count.field, scopes)
            except ValueError as error:
                raise PolicyError(str(error), (*at, "count", "field")) from None
            members, name = field.read, count.field.lower()
            if not field.many:
                raise PolicyError(f"`{count.field}` is one member here: an enclosing count has bound it", at)
        else:
            members, name = self._values.compute(count.value, scopes, (*at, "count", "value")), count.name.lower()
        where = None
        if count.where:
            depth = len(scopes)
            where = self.check(count.where, (*scopes, Scope(name, depth, count.value is None)))[0]

        def number(subject: Subject) -> Any:
            found = members(subject)
            if type(found) is Unknown:
                return found
            if type(found) is not list:
                if found is None or found == "":
                    return 0
                raise TemplateError("a count's value is no array")
            doubt = next((item for item in found if type(item) is Unknown), None)
            if where is None:
                return doubt or len(found)
            total = 0
            subject.scopes.append(None)
            try:
                for item in found:
                    subject.scopes[-1] = item
                    held = where(subject)
                    if held is True:
                        total += 1
                    elif held is not False:
                        if held.error:
                            raise TemplateError(held.reason)
                        doubt = doubt or Unknown(held.reason)
            finally:
                subject.scopes.pop()
            return total if doubt is None else doubt

        return number


def _combined(checks: list[Check], *, decides: bool) -> Check:
    """True where all are; with `decides` true where any is."""
    undecided = not decides

    def check(subject: Subject) -> Truth:
        doubt: Truth | None = None
        for item in checks:
            held = item(subject)
            if held is decides:
                return decides
            if held is not undecided and doubt is None:
                doubt = held
        return undecided if doubt is None else doubt

    return check


def _not(item: Check) -> Check:
    def check(subject: Subject) -> Truth:
        held = item(subject)
        return not held if held is True or held is False else held

    return check


def _normal_locations(value: Any) -> Any:
    return [*map(normal_location, value)] if type(value) is list else normal_location(value)


def _asked(operator: str, test: Test, value: Any) -> Truth:
    kind = type(value)
    return operators.partly(operator, test, value) if kind is list or kind is dict else test(value)


def _of_type(operator: str, right: Any, test: Test) -> Check:
    """A condition on the type, of which there are very many."""
    if operator == "equals" and type(right) is str:
        wanted = right.lower()
        return lambda subject: subject.type == wanted
    if operator == "in" and type(right) is list and all(type(item) is str for item in right):
        listed = frozenset(item.lower() for item in right)
        return lambda subject: subject.type in listed
    return lambda subject: test(subject.resource.type or None)


def _shown(node: Node) -> str:
    """An expression as a person reads it."""
    return operators.shown(node.value) if isinstance(node, Literal) else f"[{expressions.written(node)}]"


def _looked_at(left: Field | Value | Count) -> str:
    """A left side as a person reads it."""
    if isinstance(left, Value):
        return _shown(left.value)
    if isinstance(left, Field):
        return str(left.name.value) if isinstance(left.name, Literal) else _shown(left.name)
    counted = left.field or _shown(left.value or Literal(None))
    return f"count of {counted}{f' where {_said(left.where)}' if left.where else ''}"


def _said(condition: Condition) -> str:
    """A condition as a person reads it."""
    if isinstance(condition, AllOf | AnyOf):
        word = " and " if isinstance(condition, AllOf) else " or "
        return f"({word.join(map(_said, condition.items))})"
    if isinstance(condition, Not):
        return f"not {_said(condition.item)}"
    return f"{_looked_at(condition.left)} {OPERATORS[condition.operator]} {_shown(condition.right)}"


def _text(condition: Condition) -> str:
    """The same for the same condition, wherever it stands."""
    if isinstance(condition, AllOf | AnyOf):
        sign = "&" if isinstance(condition, AllOf) else "|"
        return f"{sign}({','.join(map(_text, condition.items))})"
    if isinstance(condition, Not):
        return f"!({_text(condition.item)})"
    return f"{_side(condition.left)} {condition.operator} {expressions.text(condition.right)}"


def _side(left: Field | Value | Count) -> str:
    if isinstance(left, Field):
        # Tags keep their case in names that expressions make, and are compared without it: one text more does no harm.
        return f"field {expressions.text(left.name)}"
    if isinstance(left, Value):
        # What is missing is null to a condition on a field, and the empty string to the function `field`.
        return f"value {expressions.text(left.value)}"
    value = expressions.text(left.value) if left.value else json.dumps(left.field.lower())
    return f"count({json.dumps(left.name)}:{value}{f' where {_text(left.where)}' if left.where else ''})"


def _name(leaf: Leaf) -> str:
    """The field that a leaf looks at, lower-case; empty for a value, a count, a name that is worked out."""
    if isinstance(leaf.left, Field) and isinstance(leaf.left.name, Literal):
        return str(leaf.left.name.value).lower()
    return ""


def _leaves(condition: Condition) -> Iterator[Leaf]:
    if isinstance(condition, AllOf | AnyOf):
        for item in condition.items:
            yield from _leaves(item)
    elif isinstance(condition, Not):
        yield from _leaves(condition.item)
    else:
        yield condition


def _types(condition: Condition) -> frozenset[str] | None:
    """The types of which a condition can be true, as far as its text tells; None for any."""
    if isinstance(condition, AllOf):
        found = None
        for item in condition.items:
            types = _types(item)
            if types is not None:
                found = types if found is None else found & types
        return found
    if isinstance(condition, AnyOf):
        union: frozenset[str] = frozenset()
        for item in condition.items:
            types = _types(item)
            if types is None:
                return None
            union |= types
        return union
    if isinstance(condition, Leaf) and _name(condition) == "type" and isinstance(condition.right, Literal):
        right = condition.right.value
        if condition.operator == "equals" and type(right) is str:
            return frozenset({right.lower()})
        if condition.operator == "in" and type(right) is list:
            return frozenset(str(item).lower() for item in right)
    return None


def _applicability(condition: Condition) -> Condition:
    """What is left of a condition when it asks whether a policy is about a resource at all.

    Source: Microsoft's documentation of the applicability of policies.
    """
    names = {_name(leaf) for leaf in _leaves(condition)}
    if names in ({"kind"}, {"name"}):
        return AllOf((), ())
    counted = {"type"} if names in ({"type", "kind"}, {"type", "name"}) else {"type", "name", "kind"}

    def left(part: Condition, negated: bool) -> Condition:
        if isinstance(part, AllOf):
            return AllOf(tuple(left(item, negated) for item in part.items), part.at)
        if isinstance(part, AnyOf):
            return AnyOf(tuple(left(item, negated) for item in part.items), part.at)
        if isinstance(part, Not):
            return Not(left(part.item, not negated), part.at)
        if _name(part) in counted:
            return part
        return AnyOf((), ()) if negated else AllOf((), ())

    return left(condition, False)
