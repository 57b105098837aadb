"""The tree of modules in, a plan out: the same structures that a plan file is decoded to.

So all that reads facts reads them in one place. What Terraform computes while planning is left out here, or marked as
unknown with the reason; an argument that is not written is absent, as the provider fills it in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from governor.catalog.kinds import SHAPES
from governor.catalog.taggable import taggable
from governor.model import Gap, Origin
from governor.sources.terraform_hcl.expressions import Scope
from governor.sources.terraform_hcl.inputs import Given
from governor.sources.terraform_hcl.modules import Instance, Module
from governor.sources.terraform_hcl.providers import default_tags, default_tags_attribute, meant_by
from governor.sources.terraform_hcl.syntax import Attribute, Block
from governor.sources.terraform_hcl.values import (
    AFTER_APPLY,
    Fault,
    Lazy,
    Sensitive,
    Set,
    Unknown,
    pairs,
    plain,
    size_of,
    unknown_in,
    unmarked,
    unmarked_top,
)
from governor.sources.terraform_plan.configuration import without_indexes
from governor.sources.terraform_plan.decode import (
    Change,
    Configuration,
    Expressions,
    ModuleCall,
    Output,
    Plan,
    ProviderConfig,
    ResourceChange,
    Value,
    Variable,
)
from governor.sources.terraform_plan.decode import Module as ModuleOfPlan

_encode = msgspec.json.Encoder().encode
_ABSENT = object()

_META = frozenset({"count", "for_each", "provider", "depends_on"})
_META_BLOCKS = frozenset({"lifecycle", "connection", "provisioner"})
_COST_OF_BLOCK = 30
_OF_CALLS = frozenset({"source", "version", "providers", "count", "for_each", "depends_on"})


class AsPlan:
    """Makes a plan of a root module."""

    def __init__(self, modules: Sequence[Module], given: Mapping[str, Given], *, with_texts: bool) -> None:
        self._modules = modules
        self._root = modules[0]
        self._given = given
        self._with_texts = with_texts
        """Keep literal text that stands within expressions: a key may be in it."""
        self.changes: list[ResourceChange] = []
        self.gaps: list[Gap] = []
        self.origins: dict[str, Origin] = {}
        """Address without keys → where its block stands."""
        self._samples: dict[str, Module] = {}
        self._nowhere = Scope(None, {}, self._root.scope.work)
        self._defaults: dict[str, Any] = {}
        self._provider_keys: dict[tuple[str, str], str] = {}
        self._configs: dict[str, ProviderConfig] = {}

    def plan(self) -> Plan:
        for module in self._modules:
            self._samples.setdefault(module.path, module)
        configured = self._module(self._root)
        self.changes = [self._change(instance) for module in self._modules for instance in self._instances(module)]
        return Plan(
            format_version="1.2",
            resource_changes=self.changes,
            configuration=Configuration(self._configs, configured),
            variables={name: Value(self._value_of(name)) for name in self._root.code.variables},
        )

    def _value_of(self, name: str) -> Any:
        value = unmarked(self._root.named("var", name, ""))[0]
        return None if unknown_in(value) else plain(value)

    def _instances(self, module: Module) -> Iterator[Instance]:
        for type, name in module.code.resources:
            found = module.instances(type, name)
            if isinstance(found, Unknown):
                address = f"{module.address}.{type}.{name}".lstrip(".")
                self.gaps.append(Gap(address, f"{found.why}: none of its instances was judged"))
            else:
                yield from found.values()

    # What resources will be

    def _change(self, instance: Instance) -> ResourceChange:
        body = _Body()
        body.fill(instance.block, instance.scope, "", _META)
        key = self._provider_key(instance.module, meant_by(instance.block, instance.type))
        if instance.type.startswith("aws_"):
            self._tags_all(body, instance.type, key)
        elif _has_labels(instance.type):
            body.unknown["effective_labels"] = True
        return ResourceChange(
            address=instance.address,
            type=instance.type,
            change=Change(
                actions=["no-op"],
                after=Raw(_encode(body.after)),
                after_unknown=Raw(_encode(body.unknown)),
                after_sensitive=Raw(_encode(body.marks)),
            ),
            name=instance.name,
            module_address=instance.module.address,
            index=instance.key,
            reasons=body.reasons,
            previous_address=instance.module.former(instance.address),
        )

    def _tags_all(self, body: _Body, type: str, key: str) -> None:
        """Own and default tags together, as the provider will set them."""
        if taggable(type) is False or type == "aws_autoscaling_group":
            return
        own, unknown = body.after.get("tags"), body.unknown.get("tags")
        defaults = self._defaults.get(key, {})
        odd = isinstance(own, dict) and any(value in (None, "") for value in own.values())
        if unknown is True or odd or isinstance(unmarked_top(defaults), Unknown):
            body.unknown["tags_all"] = True
            return
        together = _Body()
        together.put("tags_all", defaults, "")
        merged = together.after.get("tags_all", {})
        pending = together.unknown.get("tags_all", {})
        own_pending = unknown if isinstance(unknown, dict) else {}
        own = own if isinstance(own, dict) else {}
        own_keys = own.keys() | own_pending.keys()
        body.after["tags_all"] = {k: v for k, v in merged.items() if k not in own_keys} | own
        if left := {**{k: v for k, v in pending.items() if k not in own_keys}, **own_pending}:
            body.unknown["tags_all"] = left
        if marks := together.marks.get("tags_all"):
            body.marks["tags_all"] = marks
        body.reasons.update({k: v for k, v in together.reasons.items() if k.split(".", 1)[-1] not in own_keys})

    # Providers

    def _provider_key(self, module: Module, local: str) -> str:
        """The key of a provider configuration; it is the same in all instances of a module."""
        if (module.path, local) not in self._provider_keys:
            key, where, block = module.provider(local)
            self._provider_keys[module.path, local] = key
            if block is None and ("." in local or not where.code.is_whole):
                self._defaults[key] = Unknown("its provider is not in the code that was read")
                elsewhere = {"references": ["code that was not read"]}
                settings: dict[str, Any] = dict.fromkeys(("region", "zone", "default_labels"), elsewhere)
                settings["default_tags"] = [{"tags": elsewhere}]
                self._configs[key] = ProviderConfig(local.partition(".")[0], settings, where.path)
        return self._provider_keys[module.path, local]

    def _add_providers(self, module: Module) -> None:
        for local, block in module.code.providers.items():
            key = f"{module.path}:{local}" if module.path else local
            expressions = self._expressions(block, module, frozenset({"alias", "version"}))
            for setting in ("region", "zone", "default_labels"):
                if setting in block.attributes:
                    expressions[setting] = self._told(block.attributes[setting], module)
            if written := default_tags_attribute(block):
                expressions["default_tags"] = [{"tags": self._told(written, module)}]
            self._defaults[key] = default_tags(block, module.scope)
            self._configs[key] = ProviderConfig(block.labels[0], expressions, module.path)
            self.origins[f"provider.{key}"] = self._origin(module, block)

    def _told(self, attribute: Attribute, module: Module) -> dict[str, Any]:
        """A setting as a constant, when the code tells it."""
        value, hidden = unmarked(attribute.expression.value(module.scope))
        if not hidden and not unknown_in(value):
            return {} if value is None else {"constant_value": plain(value)}
        return {"references": attribute.expression.references or ["an expression"]}

    # The configuration

    def _module(self, module: Module) -> ModuleOfPlan:
        self._add_providers(module)
        code = module.code
        prefix = f"{module.path}." if module.path else ""
        made = ModuleOfPlan()
        made.resources = []
        for mode, blocks in (("managed", code.resources), ("data", code.data)):
            for (type, name), block in blocks.items():
                key = self._provider_key(module, meant_by(block, type))
                expressions = self._expressions(block, module, _META)
                made.resources.append(Expressions(type, name, mode, key, expressions))
                self.origins[f"{prefix}{'data.' if mode == 'data' else ''}{type}.{name}"] = self._origin(module, block)
        for name, block in code.variables.items():
            default = block.attributes.get("default")
            value = unmarked(default.expression.value(self._nowhere))[0] if default else None
            made.variables[name] = Variable(
                None if unknown_in(value) else plain(value), bool(module.is_sensitive(block)), self._file(module, name)
            )
            self.origins[f"{prefix}var.{name}"] = self._origin(module, block)
        for name, attribute in code.locals.items():
            made.locals[name] = self._written(attribute, module)
            self.origins[f"{prefix}local.{name}"] = self._place(module, attribute.file.shown, attribute.line)
        for name, block in code.outputs.items():
            expression = self._written(block.attributes["value"], module) if "value" in block.attributes else None
            made.outputs[name] = Output(expression, bool(module.is_sensitive(block)))
            self.origins[f"{prefix}output.{name}"] = self._origin(module, block)
        for name, block in code.calls.items():
            self.origins[f"{prefix}module.{name}"] = self._origin(module, block)
            child = self._samples.get(f"{prefix}module.{name}") or module.any_child(name)
            inside = self._module(child) if child else ModuleOfPlan()
            made.module_calls[name] = ModuleCall(inside, self._expressions(block, module, _OF_CALLS))
        return made

    def _file(self, module: Module, name: str) -> dict[str, Any]:
        """What a file of values gives to a variable of the root."""
        given = self._given.get(name) if module.parent is None else None
        if given is None or given.origin is None or unknown_in(given.value):
            return {}
        return {f"{given.origin.file}:{given.origin.line}": plain(given.value)}

    def _expressions(self, block: Block, module: Module, leave_out: frozenset[str]) -> dict[str, Any]:
        """What a block writes, in the words of a plan's configuration."""
        found: dict[str, Any] = {
            name: self._written(attribute, module)
            for name, attribute in block.attributes.items()
            if name not in leave_out
        }
        for inner in block.blocks:
            type, body = inner.type, inner
            if type in _META_BLOCKS:
                continue
            if type == "dynamic":
                content = next((b for b in inner.blocks if b.type == "content"), None)
                if content is None or not inner.labels:
                    continue
                type, body = inner.labels[0], content
            if isinstance(written := found.setdefault(type, []), list):
                written.append(self._expressions(body, module, frozenset()))
        return found

    def _written(self, attribute: Attribute, module: Module) -> dict[str, Any]:
        expression = attribute.expression
        found: dict[str, Any] = {}
        if expression.references:
            found["references"] = _through_locals(expression.references, module)
        else:
            value = expression.value(self._nowhere)
            if not unmarked(value)[1] and not unknown_in(value):
                return {"constant_value": plain(value)}
        if self._with_texts and expression.texts:
            found["texts"] = expression.texts
        return found

    def _origin(self, module: Module, block: Block) -> Origin:
        return self._place(module, block.file.shown, block.line)

    def _place(self, module: Module, file: str, line: int) -> Origin:
        outermost = module
        if module.parent is None:
            return Origin(file, line)
        while outermost.parent and outermost.parent.parent:
            outermost = outermost.parent
        assert outermost.parent is not None
        call = outermost.parent.code.calls[outermost.call]
        return Origin(file, line, f"{call.file.shown}:{call.line}")


def _has_labels(type: str) -> bool:
    """Whether the default labels of the Google provider come to what the resource writes itself."""
    shape = SHAPES.get(type)
    return shape is not None and shape.provider == "gcp" and not shape.tags and taggable(type) is not False


def _through_locals(references: list[str], module: Module) -> list[str]:
    """References, and those of the locals among them: a plan does not follow locals, but here they are at hand."""
    found = dict.fromkeys(references)
    waiting = list(references)
    while waiting:
        head, _, rest = without_indexes(waiting.pop()).partition(".")
        if head == "local" and (written := module.code.locals.get(rest.partition(".")[0])):
            new = [name for name in written.expression.references if name not in found]
            found.update(dict.fromkeys(new))
            waiting.extend(new)
    return list(found)


class _Body:
    """What a block will be: known values, and trees that mark what is unknown or sensitive."""

    def __init__(self) -> None:
        self.after: dict[str, Any] = {}
        self.unknown: dict[str, Any] = {}
        self.marks: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}
        """Path → why it is unknown, where it is not Terraform that will know it after apply."""

    def put(self, name: str, value: Any, path: str) -> None:
        known, unknown, marks = self._split(value, f"{path}{name}")
        if known is not _ABSENT:
            self.after[name] = known
        if unknown:
            self.unknown[name] = unknown
        if marks:
            self.marks[name] = marks

    def fill(self, block: Block, scope: Scope, path: str, leave_out: frozenset[str] = frozenset()) -> None:
        """Take in a block's arguments and the blocks in it."""
        for name, attribute in block.attributes.items():
            if name in leave_out or name.endswith("_wo"):
                continue  # what is only written is not in a plan either
            value = attribute.expression.value(scope)
            if value == "true" or value == "false":
                value = value == "true"  # an argument, unlike an element of a map, has a type of its own
            self.put(name, value, path)
        for inner in block.blocks:
            if inner.type == "dynamic" and inner.labels:
                self._generate(inner, scope, path)
            elif inner.type not in _META_BLOCKS:
                self._append(inner.type, inner, scope, path)

    def _append(self, type: str, block: Block, scope: Scope, path: str) -> None:
        if self.unknown.get(type) is True:
            return
        written = self.after.setdefault(type, [])
        if not isinstance(written, list):
            return
        inner = _Body()
        inner.fill(block, scope, f"{path}{type}.{len(written)}.")
        written.append(inner.after)
        for mine, its in ((self.unknown, inner.unknown), (self.marks, inner.marks)):
            if its or type in mine:
                trees = mine.setdefault(type, [])
                if trees is not True:
                    trees.extend({} for _ in range(len(written) - 1 - len(trees)))
                    trees.append(its)
        self.reasons.update(inner.reasons)

    def _generate(self, dynamic: Block, scope: Scope, path: str) -> None:
        """A `dynamic` block: its content once for each element."""
        type = dynamic.labels[0]
        content = next((b for b in dynamic.blocks if b.type == "content"), None)
        written = dynamic.attributes.get("for_each")
        value = written.expression.value(scope) if content and written else Unknown("it lacks for_each or content")
        hidden = isinstance(value, Sensitive)
        value = unmarked_top(value)
        if isinstance(value, Set):
            value = unknown_in(value) or value
        try:
            scope.work.spend(_COST_OF_BLOCK * size_of(value))
        except Fault as fault:
            value = Unknown(f"{fault}")
        if content is None or not isinstance(value, (list, dict)):
            self.after.pop(type, None)
            self.unknown[type] = True
            self.reasons[f"{path}{type}"] = value.why if isinstance(value, Unknown) else AFTER_APPLY
            return
        iterator = dynamic.attributes["iterator"].text if "iterator" in dynamic.attributes else type
        for key, element in pairs(value):
            self._append(type, content, scope.with_names({iterator: {"key": key, "value": element}}), path)
        if hidden and type in self.after:
            self.marks[type] = True

    def _split(self, value: Any, path: str) -> tuple[Any, Any, Any]:
        """(what is known, tree of what is unknown, tree of what is sensitive)."""
        if isinstance(value, (Unknown, Lazy)):
            why = value.why if isinstance(value, Unknown) else AFTER_APPLY
            if why != AFTER_APPLY:
                self.reasons[path] = why
            return _ABSENT, True, False
        if isinstance(value, Sensitive):
            known, unknown, _ = self._split(value.value, path)
            return known, unknown, True
        if isinstance(value, dict):
            parts = {key: self._split(part, f"{path}.{key}") for key, part in value.items()}
            return (
                {key: known for key, (known, _, _) in parts.items() if known is not _ABSENT},
                {key: unknown for key, (_, unknown, _) in parts.items() if unknown},
                {key: marks for key, (_, _, marks) in parts.items() if marks},
            )
        if isinstance(value, list):
            found = [self._split(part, f"{path}.{position}") for position, part in enumerate(value)]
            unknown = [tree or False for _, tree, _ in found]
            marks = [tree or False for _, _, tree in found]
            return (
                [None if known is _ABSENT else known for known, _, _ in found],
                unknown if any(unknown) else None,
                marks if any(marks) else None,
            )
        return plain(value), None, None
