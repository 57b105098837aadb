"""Checks of Rego, its language and the differences between the embedded engine and OPA.

Each docstring is the check's documentation in docs/lint.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import Any

from governor.languages.rego_tree import Node, Ref, called, dotted, items, kind_of, names, ref, start, text
from governor.library import RESERVED
from governor.lint.folders import Folders
from governor.lint.functions import functions
from governor.lint.remark import Place, Remark
from governor.lint.syntax import Call, Module, Rule

_ALWAYS_THERE = ("id", "kind", "type", "provider")
"""Fields that every resource has."""
_VERB = re.compile(r"%(%|[-+# 0-9.*\[\]]*[a-zA-Z])")
_PLAIN_VERB = re.compile(r"%([svqxXbc]|\d*d)")
_CLASS = re.compile(r"(?<!\\)(?:\\\\)*(\\[wWdDsSbB])")
_REFS = ("Var", "RefDot", "RefBrack")
_EQUAL = ("Eq", "ColEq")
_FORMS = {"Set": "a set", "Object": "an object", "Complete": "one value", "Func": "a function"}


def directory_package_mismatch(folders: Folders) -> Iterator[Remark]:
    """A Rego file whose package is not named after its folder.

    The folder is the concern: its name is the first part of the package, or that followed by `_test` in a file of
    tests. governor refuses to load anything else.
    """
    for module in folders.modules:
        first = module.package.split(".")[0]
        allowed = (module.concern, f"{module.concern}_test") if module.is_test else (module.concern,)
        if module.concern and first not in allowed:
            wanted = allowed[-1]
            yield Remark(
                module.place(module.package_start),
                f"the package {module.package} lies in the folder {module.concern}",
                f"write `package {wanted}`, or move the file",
            )


def unknown_function(folders: Folders) -> Iterator[Remark]:
    """A call of a function that the embedded engine does not have and that no file defines.

    The engine notices only when it evaluates the call, and the policy then fails instead of judging. OPA has functions
    that the engine lacks (`crypto.sha256`, `io.jwt.decode`, `net.cidr_merge`); the message says so.
    """
    for module, rule in folders.rules():
        for call in rule.calls:
            if call.name.split(".")[0] in rule.locals or _definitions(folders, module, rule, call):
                continue
            builtin = functions().get(call.name)
            if (builtin and builtin.in_engine) or call.name in folders.extensions:
                continue
            place = module.place(call.start)
            if builtin and builtin.in_opa:
                message = f"OPA has the function {call.name}, the embedded engine does not"
                yield Remark(place, message, "do without it, or write the policy in Python")
            elif builtin:
                yield Remark(place, f"{call.name} was taken out of Rego 1", "write it as an expression of your own")
            else:
                yield Remark(place, f"no function is named {call.name}", _meant(call, module, folders))


def arity_mismatch(folders: Folders) -> Iterator[Remark]:
    """A call with more or fewer arguments than the function takes.

    OPA refuses the file. The embedded engine does not look before it evaluates the call, and then fails.
    """
    for module, rule in folders.rules():
        for call in rule.calls:
            found = _definitions(folders, module, rule, call)
            builtin = functions().get(call.name)
            if found:
                takes = {definition.arity for definition in found}
            elif builtin and builtin.in_engine and builtin.arguments is not None:
                takes = {builtin.arguments}
                if call.name == "walk":  # the one that may take its result as an argument
                    takes.add(2)
            else:
                continue
            if len(call.arguments) not in takes:
                yield Remark(
                    module.place(call.start),
                    f"{call.name} takes {_many(min(takes), 'argument')}, not {len(call.arguments)}",
                    "give it what its definition names",
                )


def recursion(folders: Folders) -> Iterator[Remark]:
    """A rule or function that needs itself to be evaluated, directly or through others.

    OPA refuses it. The embedded engine fails when it evaluates such a rule, and crashes, with the whole process, on a
    function that calls itself.
    """
    graph: dict[str, set[str]] = {}
    first: dict[str, Place] = {}
    for module, rule in folders.rules():
        name = f"{module.package}.{rule.name}"
        first.setdefault(name, module.place(rule.start))
        needed = graph.setdefault(name, set())
        for reference in rule.refs:
            needed.update(_leads_to(folders, module.path(rule, reference)))
        for call in rule.calls:
            path = module.path(rule, Ref(tuple(call.name.split(".")), (), call.start))
            needed.update(_leads_to(folders, path))
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1][::-1]
            for name, place in sorted(first.items(), key=lambda item: item[1]):
                if name in cycle:
                    at = cycle.index(name)
                    around = [*cycle[at:-1], *cycle[:at], name]
                    message = f"{name} needs itself: {' → '.join(around)}"
                    yield Remark(place, message, "take one step out of the circle")
            graph = {name: needed - {*cycle} for name, needed in graph.items() if name not in cycle}
        else:
            return


def rule_conflict(folders: Folders) -> Iterator[Remark]:
    """Two things at one path: a rule and a package, a rule and data, or two rules that cannot be one.

    OPA refuses them. The embedded engine takes one of the two, in silence: a rule named like a package below its own
    hides that package, and data hides a rule.
    """
    for module in folders.modules:
        if module.concern and module.package.split(".")[0] in RESERVED:
            yield Remark(
                module.place(module.package_start),
                f"the package {module.package} lies where governor keeps data",
                f"rename it: {' and '.join(RESERVED)} are taken",
            )
    for package, rules in folders.packages.items():
        known: dict[str, Rule] = {}
        for module, rule in rules:
            path = f"{package}.{rule.name}"
            place = module.place(rule.start)
            if other := next((p for p in folders.packages if p == path or p.startswith(f"{path}.")), None):
                message = f"the rule {rule.name} stands where the package {other} does"
                yield Remark(place, message, "rename one of them")
            if rule.form == "Default":
                if f"default {rule.name}" in known:
                    yield Remark(place, f"{rule.name} has a default already", "keep one of them")
                known[f"default {rule.name}"] = rule
                continue
            before = known.setdefault(rule.name, rule)
            if before.form != rule.form and {before.form, rule.form} != {"Object", "Complete"}:
                message = f"{rule.name} is {_FORMS[before.form]} elsewhere, and {_FORMS[rule.form]} here"
                yield Remark(place, message, "rename one of them")
            elif before.arity != rule.arity:
                message = f"{rule.name} takes {_many(before.arity, 'argument')} elsewhere, and {rule.arity} here"
                yield Remark(place, message, "rename one of them")


def import_shadowing(folders: Folders) -> Iterator[Remark]:
    """An import whose name is taken: by another import, by a rule of the package, or by a builtin function.

    OPA refuses most of them. The embedded engine takes one of the two.
    """
    builtin = {name.split(".")[0] for name in functions()}
    for module in folders.modules:
        seen: set[str] = set()
        rules = {rule.name for _, rule in folders.packages[module.package]}
        for found in module.imports:
            if found.path[0] in ("rego", "future"):
                continue
            taken = (
                "another import"
                if found.name in seen
                else "a rule of this package"
                if found.name in rules
                else "a builtin function"
                if found.name in builtin
                else ""
            )
            seen.add(found.name)
            if taken:
                message = f"the name {found.name} is that of {taken}, too"
                yield Remark(module.place(found.start), message, f"write `import {dotted(found.path)} as other_name`")


def chained_rule_body(folders: Folders) -> Iterator[Remark]:
    """A rule with a second body right behind the first, `x := 1 if {…} {…}`.

    In OPA that is another definition with the same value; in the embedded engine the value is then `true`.
    """
    for module, rule in folders.rules():
        for body in rule.chained:
            message = f"a second body of {rule.name} follows the first without `else`"
            yield Remark(module.place(body), message, "write the rule twice, each with its head")


def negated_reference(folders: Folders) -> Iterator[Remark]:
    """A `not` before an expression that looks something up on the way: `not startswith(a.b, "x")`, `not x in a.b`.

    Where `a.b` is undefined, OPA gives up the whole rule, and the embedded engine takes the `not` for true. A path on
    its own (`not a.b`), or compared with `==`, means the same in both.
    """
    for module, rule in folders.rules():
        may_be = _undefined_at_times(folders, module, rule)
        for negation in rule.negations:
            names = (
                f"{called(node['Call'])}(…)" if kind_of(node) == "Call" else str(ref(node))
                for node in _lookups(negation.node, may_be)
            )
            if name := next((name for name in names if name not in negation.defined), None):
                yield Remark(
                    module.place(start(negation.node)),
                    f"where {name} is undefined, OPA gives up the rule; the embedded engine takes the `not` for true",
                    f"look it up in a line before: `found := {name}`",
                )


def sprintf_verb(folders: Folders) -> Iterator[Remark]:
    """A verb of `sprintf` that the embedded engine and OPA write differently, or that one of them does not know.

    `%s`, `%v`, `%q`, `%d` and `%5d` are the same in both, for what each is meant for. A precision, `%f`, `%t` or
    `%-5s` is not: `sprintf("%.2f", [3])` is `3` in the engine and `%!f(int=03)` in OPA.
    """
    for module, call, verbs in _formats(folders):
        if odd := next((verb for verb in verbs if not _PLAIN_VERB.fullmatch(verb)), None):
            message = f"{odd} does not mean the same in OPA and in the embedded engine"
            yield Remark(module.place(call.start), message, "use %v or %s, and round or pad the value before")


def sprintf_arguments(folders: Folders) -> Iterator[Remark]:
    """More or fewer arguments of `sprintf` than its format has verbs.

    OPA writes `%!s(MISSING)` or `%!(EXTRA …)` into the text; the embedded engine fails, and with it the policy.
    """
    for module, call, verbs in _formats(folders):
        arguments = items(call.arguments[1])
        if arguments is not None and len(arguments) != len(verbs):
            message = f"the format has {_many(len(verbs), 'verb')} for {_many(len(arguments), 'argument')}"
            yield Remark(module.place(call.start), message, "give one argument for each verb")


def unicode_class(folders: Folders) -> Iterator[Remark]:
    r"""A pattern with `\w`, `\d`, `\s` or `\b` in it.

    In the embedded engine they mean every script's letters, digits and blanks, in OPA those of ASCII: `^\d+$` matches
    `٣` in one and not in the other.
    """
    plain = {"w": "[0-9A-Za-z_]", "d": "[0-9]", "s": "[ \\t\\n\\f\\r]", "b": "(^|[^0-9A-Za-z_])"}
    for module, rule in folders.rules():
        for call in rule.calls:
            if not call.name.startswith("regex."):
                continue
            for argument in call.arguments:
                if found := _CLASS.search(text(argument) or ""):
                    message = f"{found[1]} means more in the embedded engine than in OPA"
                    letter = found[1][1]
                    wanted = plain[letter.lower()] if letter != "B" else "a class of your own"
                    negated = "[^" + wanted[1:] if letter in "WDS" else wanted
                    yield Remark(module.place(start(argument)), message, f"write {negated}")


def with_outside_tests(folders: Folders) -> Iterator[Remark]:
    """A `with` in a policy. It belongs into tests: in a policy it judges by other facts than those collected."""
    for module, rule in folders.rules():
        for mock in () if module.is_test else rule.mocks:
            yield Remark(
                module.place(mock), "a policy replaces what it judges by", "give it to a function as an argument"
            )


def _definitions(folders: Folders, module: Module, rule: Rule, call: Call) -> list[Rule]:
    """The functions that a call may mean."""
    path = module.path(rule, Ref(tuple(call.name.split(".")), (), call.start))
    *package, name = [step or "" for step in path[1:]] or [""]
    found = folders.packages.get(".".join(package), [])
    return [other for _, other in found if other.name == name and other.form in ("Func", "Default") and other.arity]


def _meant(call: Call, module: Module, folders: Folders) -> str:
    known = [name for name, function in functions().items() if function.in_engine]
    known += [rule.name for _, rule in folders.packages[module.package] if rule.form == "Func"]
    close = get_close_matches(call.name, known, n=1)
    return f"write {close[0]}, if that is what it means" if close else "define it, or import the package that does"


def _leads_to(folders: Folders, path: Sequence[str | None]) -> set[str]:
    """The rules that a path reaches into, or that lie below it."""
    if not path or path[0] != "data":
        return set()
    steps = list(path[1:])
    known = [step for step in steps[: steps.index(None)] if step] if None in steps else [s for s in steps if s]
    for length in range(len(known), 0, -1):
        package, name = ".".join(known[: length - 1]), known[length - 1]
        if any(rule.name == name for _, rule in folders.packages.get(package, ())):
            return {f"{package}.{name}"}
    below = ".".join(known)
    return {
        f"{package}.{rule.name}"
        for package, rules in folders.packages.items()
        if package == below or package.startswith(f"{below}.")
        for _, rule in rules
    }


def _lookups(node: Node, may_be_undefined: Callable[[Ref], bool]) -> Iterator[Node]:
    """What OPA looks up before it comes to the `not` in front of a node, and may be undefined."""
    kind = kind_of(node)
    if kind in _REFS:
        found = ref(node)
        yield from _operands([*found.indices, found.root], may_be_undefined)
    elif kind in ("BoolExpr", "AssignExpr") and node[kind]["op"] in _EQUAL:
        for side in (node[kind]["lhs"], node[kind]["rhs"]):
            yield from (_lookups if kind_of(side) in _REFS else _operands)(side, may_be_undefined)
    else:
        yield from _operands(node[kind]["params"] if kind == "Call" else node[kind], may_be_undefined)


def _operands(node: Any, may_be_undefined: Callable[[Ref], bool]) -> Iterator[Node]:
    """The same of what is calculated with. A comprehension is a world of its own."""
    if isinstance(node, list):
        for part in node:
            yield from _operands(part, may_be_undefined)
    elif isinstance(node, dict):
        kind = kind_of(node)
        if kind in _REFS:
            if may_be_undefined(ref(node)):
                yield node
            yield from _lookups(node, may_be_undefined)
        elif kind == "Call" and called(node[kind]) not in functions():
            yield node
        elif kind and not kind.endswith("Compr"):
            yield from _operands(node[kind], may_be_undefined)
        elif not kind:
            yield from _operands([part for name, part in node.items() if name not in ("span", "fcn")], may_be_undefined)


def _undefined_at_times(folders: Folders, module: Module, rule: Rule) -> Callable[[Ref], bool]:
    """Whether a reference in a rule may lead nowhere. Sets and objects that rules build are there, if empty."""
    given = resources(module, rule)

    def may_be(reference: Ref) -> bool:
        root, *steps = reference.path
        path = module.path(rule, reference)
        if path[:2] == ("data", "config") and _is_in(folders.config, path[2:]):
            return False
        if steps:
            return not (root in given and len(steps) == 1 and steps[0] in _ALWAYS_THERE)
        if not path:
            return False
        forms = {other.form for _, other in folders.packages[module.package] if other.name == root}
        return bool(forms) and not forms & {"Set", "Object", "Default"}

    return may_be


def _is_in(config: Any, path: Sequence[str | None]) -> bool:
    for step in path:
        if not isinstance(config, Mapping) or config.get(step) is None:
            return False
        config = config[step]
    return True


def resources(module: Module, rule: Rule) -> set[str]:
    """Names that stand for a resource in a rule: what `some name in input.resources` binds, and its own `resource`."""
    found = {"resource"} & rule.locals
    for kind, node in rule.nodes:
        if kind == "SomeIn" and module.path(None, ref(node["collection"])) == ("input", "resources"):
            found |= names(node["value"])
    return found


def _formats(folders: Folders) -> Iterator[tuple[Module, Call, list[str]]]:
    """Every `sprintf` with a format that is written out, and its verbs."""
    for module, rule in folders.rules():
        for call in rule.calls:
            if call.name == "sprintf" and len(call.arguments) == 2:
                format = text(call.arguments[0])
                if format is not None:
                    yield module, call, [f"%{verb}" for verb in _VERB.findall(format) if verb != "%"]


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
