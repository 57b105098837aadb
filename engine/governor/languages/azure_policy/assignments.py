"""From what an export says to rules that are ready for resources.

Definitions are found, initiatives opened, parameters bound as Azure binds them: the assignment's, the initiative's, the
definition's default. Source: Microsoft's documentation of the structures of assignments, initiatives and parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from governor.arm import expressions
from governor.arm.expressions import Call, Literal, Node
from governor.azure_model import (
    Assignment,
    Definition,
    Export,
    Initiative,
    Override,
    Unknown,
    Written,
    unknown_in,
)
from governor.languages.azure_policy import syntax
from governor.languages.azure_policy.compiler import Check, Compiled, Compiler
from governor.languages.azure_policy.fields import normal_location
from governor.languages.azure_policy.syntax import Operation, Pointer, PolicyError, Rule
from governor.languages.azure_policy.values import Binding, Compute, Values

_Versioned = TypeVar("_Versioned", Definition, Initiative)

RESOURCE_MODES = frozenset({"all", "indexed"})
"""Modes that Resource Manager evaluates; the others are evaluated within a service."""


class Problem(Struct, frozen=True, kw_only=True):
    """A policy of an assignment that cannot be evaluated."""

    assignment: str
    definition: str
    reference: str = ""
    error: bool
    """Whether it is wrong; else something it needs is not here."""
    reason: str
    written: Written | None = None
    pointer: Pointer = ()
    """From `written` on."""


class Change(Struct, frozen=True):
    """What append or modify does to a field."""

    kind: str
    field: Compute
    value: Compute | None
    condition: Compute | None


class Wanted(Struct, frozen=True):
    """The related resource that has to exist."""

    type: Compute
    name: Compute | None
    group: Compute | None
    scope: Compute | None
    check: Check | None


class Assigned(Struct, frozen=True, kw_only=True):
    """One definition under one assignment."""

    assignment: Assignment
    definition: Definition
    reference: str
    effect: str
    """Lower-case, before overrides that ask for a location."""
    by_location: tuple[Override, ...]
    """Overrides of the effect that ask where a resource lies."""
    rule: Rule
    binding: Binding
    compiled: Compiled
    changes: tuple[Change, ...] = ()
    conflict: str = "deny"
    """`conflictEffect`, lower-case."""
    wanted: Wanted | None = None
    message: str = ""


def assigned(export: Export, compiler: Compiler, now: datetime) -> tuple[list[Assigned], list[Problem]]:
    """Every policy of every assignment, and what stands in the way of the others."""
    return _Resolver(export, compiler, now).all()


def bind(definition: Definition, given: Mapping[str, Any], at: Pointer = ("parameters",)) -> dict[str, Any]:
    """The parameters of a definition: name → value. Raises PolicyError for one that is missing, or not allowed."""
    values = {name.lower(): value for name, value in given.items()}
    bound: dict[str, Any] = {}
    for name, declared in definition.parameters.items():
        found = syntax.keys(declared, f"the parameter `{name}`", (*at, name))
        if name.lower() in values:
            value = values.pop(name.lower())
            _allowed(name, value, found, (*at, name))
        elif "defaultvalue" in found:
            value = found["defaultvalue"][1]
        else:
            raise PolicyError(f"no value for the parameter `{name}`, which has no default", (*at, name))
        bound[name] = value
    if values:
        raise PolicyError(f"no parameter is called `{next(iter(values))}`", at)
    return bound


def _allowed(name: str, value: Any, declared: Mapping[str, tuple[str, Any]], at: Pointer) -> None:
    if unknown_in(value) is not None:
        return
    kind = str(declared.get("type", ("", ""))[1]).lower()
    fits = {
        "string": str, "array": list, "object": dict, "boolean": bool, "integer": int, "float": int | float,
        "datetime": str,
    }.get(kind)  # fmt: skip
    if fits and (not isinstance(value, fits) or (isinstance(value, bool) and fits is not bool)):
        raise PolicyError(f"the parameter `{name}` is of type {kind}, and is given another", at)
    allowed = declared.get("allowedvalues", ("", None))[1]
    if isinstance(allowed, list) and value not in allowed:
        wrong = [item for item in value if item not in allowed] if isinstance(value, list) else [value]
        if wrong:
            shown = ", ".join(map(str, allowed[:8]))
            raise PolicyError(f"`{wrong[0]}` is not allowed for the parameter `{name}`: {shown}", at)


class _Resolver:
    def __init__(self, export: Export, compiler: Compiler, now: datetime) -> None:
        self._export = export
        self._compiler = compiler
        self._now = now
        self._definitions: dict[str, list[Definition]] = {}
        self._initiatives: dict[str, list[Initiative]] = {}
        for definition in export.definitions:
            self._definitions.setdefault(definition.id.lower(), []).append(definition)
        for initiative in export.initiatives:
            self._initiatives.setdefault(initiative.id.lower(), []).append(initiative)
        self._rules: dict[tuple[str, str], Rule] = {}
        self._problems: list[Problem] = []

    def all(self) -> tuple[list[Assigned], list[Problem]]:
        found = [one for assignment in self._export.assignments for one in self._of(assignment)]
        return found, self._problems

    def _problem(
        self,
        assignment: Assignment,
        definition: str,
        reason: str,
        *,
        reference: str = "",
        error: bool = True,
        written: Written | None = None,
        pointer: Pointer = (),
    ) -> None:
        self._problems.append(
            Problem(
                assignment=assignment.id,
                definition=definition,
                reference=reference,
                error=error,
                reason=reason,
                written=written or assignment.written,
                pointer=pointer if written else (),
            )
        )

    def _of(self, assignment: Assignment) -> Iterator[Assigned]:
        target = assignment.target.lower()
        if target in self._definitions:
            definition = of_version(self._definitions[target], assignment.version)
            yield from self._one(assignment, definition, assignment.parameters, "")
        elif target in self._initiatives:
            yield from self._members(assignment, of_version(self._initiatives[target], assignment.version))
        else:
            self._problem(assignment, assignment.target, "the export does not hold what it assigns", error=False)

    def _members(self, assignment: Assignment, initiative: Initiative) -> Iterator[Assigned]:
        declared = Definition(id=initiative.id, name=initiative.name, parameters=initiative.parameters)
        try:
            given = bind(declared, assignment.parameters)
        except PolicyError as error:
            self._problem(assignment, initiative.id, error.message)
            return
        values = self._compiler.values(Binding(given))
        for member in initiative.members:
            definitions = self._definitions.get(member.definition.lower())
            if definitions is None:
                reason = "the export does not hold this member of the initiative"
                self._problem(assignment, member.definition, reason, reference=member.reference, error=False)
                continue
            definition = of_version(definitions, member.version)
            try:
                parameters = {
                    name: _constant(values, value, ("parameters", name)) for name, value in member.parameters.items()
                }
            except PolicyError as error:
                self._problem(
                    assignment, definition.id, error.message, reference=member.reference, written=initiative.written
                )
                continue
            yield from self._one(assignment, definition, parameters, member.reference, initiative)

    def _one(
        self,
        assignment: Assignment,
        definition: Definition,
        given: Mapping[str, Any],
        reference: str,
        initiative: Initiative | None = None,
    ) -> Iterator[Assigned]:
        try:
            key = definition.id.lower(), definition.version
            rule = self._rules.get(key)
            if rule is None:
                rule = self._rules[key] = syntax.rule(definition.rule)
        except PolicyError as error:
            self._problem(
                assignment, definition.id, error.message,
                reference=reference, written=definition.written, pointer=error.pointer,
            )  # fmt: skip
            return
        try:
            binding = Binding(
                bind(definition, given),
                {
                    "assignmentId": assignment.id,
                    "definitionId": definition.id,
                    "setDefinitionId": initiative.id if initiative else "",
                    "definitionReferenceId": reference,
                },
                self._now,
            )
        except PolicyError as error:
            self._problem(assignment, definition.id, error.message, reference=reference)
            return
        if definition.mode.lower() not in RESOURCE_MODES:
            reason = f"policies of mode {definition.mode} are evaluated within the service, not by Resource Manager"
            self._problem(assignment, definition.id, reason, reference=reference, error=False)
            return
        try:
            yield self._compiled(assignment, definition, reference, rule, binding)
        except PolicyError as error:
            self._problem(
                assignment, definition.id, error.message,
                reference=reference, written=definition.written, pointer=error.pointer,
            )  # fmt: skip

    def _compiled(
        self, assignment: Assignment, definition: Definition, reference: str, rule: Rule, binding: Binding
    ) -> Assigned:
        values = self._compiler.values(binding)
        effect = effect_of(values, rule)
        by_location = []
        for override in assignment.overrides:
            kinds = {selector.kind.lower() for selector in override.selectors}
            if others := kinds - {"policydefinitionreferenceid", "resourcelocation"}:
                raise PolicyError(f"an override that selects by `{min(others)}` is not evaluated")
            references = [s for s in override.selectors if s.kind.lower() == "policydefinitionreferenceid"]
            if not all(selected(reference, s.within, s.without) for s in references):
                continue
            if override.kind.lower() != "policyeffect":
                raise PolicyError(f"an override of the kind `{override.kind}` is not evaluated")
            if override.value.lower() not in syntax.EFFECTS:
                raise PolicyError(f"no effect is called `{override.value}`")
            if len(references) == len(override.selectors):
                effect = override.value.lower()
            else:
                by_location.append(override)
        compiled = self._compiler.compile(rule, binding)
        return Assigned(
            assignment=assignment,
            definition=definition,
            reference=reference,
            effect=effect,
            by_location=tuple(by_location),
            rule=rule,
            binding=binding,
            compiled=compiled,
            changes=tuple(changes(self._compiler, values, rule, compiled)),
            conflict=conflict_of(values, rule),
            wanted=wanted(self._compiler, values, rule, binding),
            message=_message(assignment, reference),
        )


def of_version(found: Sequence[_Versioned], wanted: str) -> _Versioned:
    """The one of a version such as `1.*.*`; else the first, which is the newest."""
    pattern = wanted.lower().split(".")

    def fits(one: _Versioned) -> bool:
        parts = one.version.lower().split(".")
        return all(want in ("*", have) for want, have in zip(pattern, parts, strict=False))

    return next((one for one in found if wanted and fits(one)), found[0])


def effect_of(values: Values, rule: Rule) -> str:
    """The effect of a bound rule, lower-case. Raises PolicyError for one that is none."""
    at = ("policyRule", "then", "effect")
    effect = values.bound(rule.effect, at)
    if not isinstance(effect, Literal):
        raise PolicyError(f"the effect is not told: {expressions.written(effect)}", at)
    if str(effect.value).lower() not in syntax.EFFECTS:
        raise PolicyError(f"no effect is called `{effect.value}`", at)
    return str(effect.value).lower()


def conflict_of(values: Values, rule: Rule) -> str:
    """`conflictEffect`, lower-case."""
    bound = rule.conflict and values.bound(rule.conflict, ("policyRule", "then", "details", "conflictEffect"))
    return str(bound.value).lower() if isinstance(bound, Literal) else "deny"


def changes(compiler: Compiler, values: Values, rule: Rule, compiled: Compiled) -> Iterator[Change]:
    """What append and modify do. Raises PolicyError."""

    def compute(node: Node | None, at: Pointer) -> Compute | None:
        return values.compute(values.bound(node, at), (), at) if node else None

    for operation in rule.operations:
        field = compute(operation.field, operation.at)
        assert field is not None
        if compiler.semantics == "regorus" and operation.kind != "append":
            _modifiable(compiler, values, operation, compiled)
        value, condition = compute(operation.value, operation.at), compute(operation.condition, operation.at)
        yield Change(operation.kind, field, value, condition)


def _modifiable(compiler: Compiler, values: Values, operation: Operation, compiled: Compiled) -> None:
    """Azure goes by `conflictEffect` where a field cannot be modified; regorus compiles no such rule."""
    name = values.bound(operation.field, operation.at)
    for kind in compiled.types or ():
        if isinstance(name, Literal) and compiler.fields.modifiable(str(name.value), kind) is False:
            raise PolicyError(f"{name.value} cannot be modified", operation.at)


def wanted(compiler: Compiler, values: Values, rule: Rule, binding: Binding) -> Wanted | None:
    """The related resource of a rule that wants one."""
    related = rule.related
    if related is None:
        return None
    at = ("policyRule", "then", "details")

    def compute(node: Node | None) -> Compute | None:
        return values.compute(values.bound(node, at), (), at) if node else None

    kind = compute(related.type)
    assert kind is not None
    check = compiler.condition(related.condition, binding) if related.condition else None
    return Wanted(kind, compute(related.name), compute(related.group), compute(related.scope), check)


def selected(value: str, within: tuple[str, ...] | None, without: tuple[str, ...] | None) -> bool:
    """Whether a selector takes a value; case and blanks do not matter."""
    value = normal_location(value)
    if within is not None and value not in {normal_location(item) for item in within}:
        return False
    return without is None or value not in {normal_location(item) for item in without}


def _constant(values: Values, value: Any, at: Pointer) -> Any:
    if (unknown := unknown_in(value)) is not None:
        return unknown
    node = values.bound(syntax.expression(value, at), at)
    if isinstance(node, Call) and node.name == "parameters":
        return Unknown("a parameter of the initiative is not known")
    if not isinstance(node, Literal):
        raise PolicyError(f"the value of `{at[-1]}` is not known before a resource is: {expressions.written(node)}", at)
    return node.value


def _message(assignment: Assignment, reference: str) -> str:
    own = [message.text for message in assignment.messages if message.reference.lower() == reference.lower() != ""]
    return next(iter(own), next((message.text for message in assignment.messages if not message.reference), ""))
