"""Modules: a folder of files in, the tree of its instances out, with what every name in them means.

A module that is called with `for_each` is there once for each key, like Terraform makes it. What cannot be told to
exist (an unknown `count`, a module that is not on disk) is a gap: nothing in it is judged, and that is said.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap
from governor.sources.terraform_hcl import providers
from governor.sources.terraform_hcl.expressions import Scope, Work
from governor.sources.terraform_hcl.syntax import Attribute, Block, File
from governor.sources.terraform_hcl.types import conversion
from governor.sources.terraform_hcl.values import (
    AFTER_APPLY,
    Fault,
    Lazy,
    Sensitive,
    Set,
    Unknown,
    as_index,
    marked,
    size_of,
    unknown_in,
    unmarked,
    unmarked_top,
)

ENDINGS = (".tf", ".tofu")
_DEEPEST = 20
"""Modules within modules: more is a module that calls itself."""
_MOST_INSTANCES = 20_000
_MOST_MODULES = 2_000
_LARGEST_FILE = 1_000_000

_CREDENTIALS = re.compile(r"(?<=//)[^/@]*@|\?.*")
"""What may be secret in the source of a module."""

Key = str | int | None


class Code(Struct, eq=False):
    """One folder of files, as it is written: blocks by their name."""

    folder: Path
    variables: dict[str, Block] = {}
    locals: dict[str, Attribute] = {}
    outputs: dict[str, Block] = {}
    resources: dict[tuple[str, str], Block] = {}
    data: dict[tuple[str, str], Block] = {}
    calls: dict[str, Block] = {}
    providers: dict[str, Block] = {}
    """By the name the module gives them: `aws`, `aws.west`."""
    moves: list[tuple[str, str]] = []
    """(former address, address) of `moved` blocks, as they are written: from this module."""
    is_whole: bool = True
    """Whether all of it was read."""


class Reader:
    """Reads folders, each once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.repository = _repository(root.resolve())
        self._codes: dict[Path, Code] = {}
        self._installed = _installed(root)
        self.sources: list[bytes] = []
        """The text of every file that was read."""
        self.gaps: list[Gap] = []
        self.modules = 0
        """Instances of modules that were made of the code."""
        self.instances = 0
        """Instances of resources that were made of the code."""
        self.work = Work()

    def code(self, folder: Path) -> Code:
        """The code in a folder. Raises Refusal for a file that does not parse, or cannot be read."""
        if folder not in self._codes:
            code = self._codes[folder] = Code(folder)
            for file in _in_order(folder):
                self._read(code, file)
            for file in sorted(folder.glob("*.tf.json")):
                code.is_whole = False
                self.gaps.append(Gap(shown(file), "code in JSON syntax is not read, so nothing in it was judged"))
        return self._codes[folder]

    def folder_of(self, path: str, above: Path, source: str) -> Path | None:
        """Where the module of a call lies: `path` is `a.b`, the names of the calls that lead to it."""
        if source.startswith(("./", "../")):
            local = above / source
            return local if local.is_dir() else None
        return self._installed.get(path)

    def _read(self, code: Code, path: Path) -> None:
        source = _bytes(path)
        self.sources.append(source)
        file = File(shown(path), source)
        override = path.stem == "override" or path.stem.endswith("_override")
        for block in file.body().blocks:
            if block.type == "locals":
                code.locals.update(block.attributes)
            elif block.type == "moved" and {"from", "to"} <= block.attributes.keys():
                code.moves.append(
                    (_written_address(block.attributes["from"]), _written_address(block.attributes["to"]))
                )
            elif (kept := _register(code, block)) is not None:
                blocks, name = kept
                if name not in blocks:
                    blocks[name] = block
                elif override:
                    blocks[name].overridden_by(block)
                else:
                    self._gap(block, "it stands twice, and Terraform refuses that: only the first was judged")
            elif block.type in _LABELS:
                self._gap(block, f"Terraform wants {_LABELS[block.type]} labels here, so it was not judged")

    def _gap(self, block: Block, reason: str) -> None:
        self.gaps.append(Gap(f"{block.file.shown}:{block.line}", reason))


def _written_address(attribute: Attribute) -> str:
    """`module.a["x"].aws_instance.b`, without the blanks that it may be written with."""
    return re.sub(r'"[^"]*"|\s+', lambda found: found[0].strip() and found[0], attribute.text)


def _register(code: Code, block: Block) -> tuple[dict[Any, Block], Any] | None:
    if len(block.labels) != _LABELS.get(block.type):
        return None
    if block.type == "provider":
        return code.providers, providers.local_name(block)
    kept: dict[str, dict[Any, Block]] = {
        "variable": code.variables, "output": code.outputs, "module": code.calls,
        "resource": code.resources, "data": code.data,
    }  # fmt: skip
    return kept[block.type], block.labels[0] if len(block.labels) == 1 else tuple(block.labels)


_LABELS = {"variable": 1, "output": 1, "module": 1, "provider": 1, "resource": 2, "data": 2}


def _in_order(folder: Path) -> list[Path]:
    """Files in the order Terraform reads them: overrides last."""
    files = sorted(f for f in folder.iterdir() if f.suffix in ENDINGS and f.is_file() and not f.name.startswith("."))
    return sorted(files, key=lambda f: f.stem == "override" or f.stem.endswith("_override"))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"cannot be read ({error.strerror})", place=shown(path), code=CANNOT_JUDGE) from None


def shown(path: Path) -> str:
    """The path as the caller would write it: relative to the working directory, where it lies below."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return path.as_posix()


def _repository(root: Path) -> Path:
    """What code may read files of: of nothing else on this machine, since what it reads may be shown."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def _installed(root: Path) -> dict[str, Path]:
    """Modules that `terraform init` installed: `a.b` → folder."""
    try:
        manifest = json.loads((root / ".terraform/modules/modules.json").read_text("utf-8"))
        modules = {str(m["Key"]): root / str(m["Dir"]) for m in manifest["Modules"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {key: folder for key, folder in modules.items() if key and folder.is_dir()}


class Instance(Struct, eq=False):
    """One instance of a resource block."""

    module: Module
    block: Block
    type: str
    name: str
    key: Key
    scope: Scope
    address: str


class Module:
    """One instance of a module."""

    def __init__(
        self,
        reader: Reader,
        code: Code,
        *,
        workspace: str,
        given: Callable[[str], Any],
        parent: Module | None = None,
        call: str = "",
        key: Key = None,
    ) -> None:
        self.reader = reader
        self.code = code
        self.parent = parent
        self.call = call
        self._workspace = workspace
        self._given = given
        """The value that is given to a variable; KeyError when none is."""
        step = f"module.{call}"
        self.path: str = _join(parent.path, step) if parent else ""
        """Its address without keys."""
        self.address: str = _join(parent.address, f"{step}{_index(key)}") if parent else ""
        self.depth: int = parent.depth + 1 if parent else 0
        self._memory: dict[tuple[str, str, str], Any] = {}
        self._instances: dict[tuple[str, str], dict[Key, Instance] | Unknown] = {}
        self._children: dict[str, dict[Key, Module] | Unknown] = {}
        self.scope = Scope(self, {}, reader.work)

    # What names mean

    def named(self, root: str, first: str, second: str) -> Any:
        """The value of `root.first`. Raises Fault where nothing is called so."""
        name = (root, first, second)
        if name not in self._memory:
            self._memory[name] = Unknown(f"{root}.{first} refers to itself")
            self._memory[name] = _bounded(self._find(root, first, second), f"{root}.{first}")
        return self._memory[name]

    def _find(self, root: str, first: str, second: str) -> Any:
        if root == "var":
            return self.variable(first)
        if root == "local":
            if first not in self.code.locals:
                raise Fault(f"there is no local.{first}")
            return self.code.locals[first].expression.value(self.scope)
        if root == "module":
            return self._module(first)
        if root == "data":
            return self._data(first, second)
        if root == "terraform" and first == "workspace":
            return self._workspace
        if root == "path" and first in ("module", "root"):
            return "." if first == "root" else self._relative()
        if root in ("path", "terraform", "self", "ephemeral"):
            return Unknown(f"{root}.{first} is told by Terraform only")
        return self._resource(root, first)

    def variable(self, name: str) -> Any:
        """The value of a variable: what it is given, else its default."""
        block = self.code.variables.get(name)
        if block is None:
            raise Fault(f"there is no var.{name}")
        default = block.attributes.get("default")
        try:
            value = self._given(name)
        except KeyError:
            if default is None:
                value = Unknown(f"var.{name} has no value (--var, --var-file)")
            else:
                value = default.expression.value(self.scope)
        if value is None and default is not None and self._says(block, "nullable", True) is False:
            value = default.expression.value(self.scope)
        if kind := block.attributes.get("type"):
            value = conversion(kind)(value)
        return marked(value) if self.is_sensitive(block) else value

    def is_sensitive(self, block: Block) -> bool:
        """Whether a variable or output is marked so; where that cannot be told, it is."""
        return self._says(block, "sensitive", False) is not False or self._says(block, "ephemeral", False) is not False

    def _says(self, block: Block, name: str, default: bool) -> Any:
        written = block.attributes.get(name)
        return default if written is None else written.expression.value(self.scope)

    def output(self, name: str) -> Any:
        """The value of an output, as the caller of this module sees it."""
        block = self.code.outputs.get(name)
        if block is None:
            raise Fault(f"{self.path} has no output {name}")
        key = ("output", name, "")
        if key not in self._memory:
            self._memory[key] = Unknown(f"output.{name} refers to itself")
            written = block.attributes.get("value")
            value = written.expression.value(self.scope) if written else None
            value = _bounded(value, f"output.{name}")
            self._memory[key] = marked(value) if self.is_sensitive(block) else value
        return self._memory[key]

    def _module(self, name: str) -> Any:
        if name not in self.code.calls:
            raise Fault(f"there is no module.{name}")
        children = self.children(name)
        if isinstance(children, Unknown):
            return children
        return _by_key({key: Lazy(f"module.{name}", child.output) for key, child in children.items()})

    def _resource(self, type: str, name: str) -> Any:
        if (type, name) not in self.code.resources:
            raise Fault(f"nothing is called {type}.{name}")
        instances = self.instances(type, name)
        if isinstance(instances, Unknown):
            return instances
        return _by_key({key: Lazy(f"{type}.{name}", _written(found)) for key, found in instances.items()})

    def _data(self, type: str, name: str) -> Any:
        block = self.code.data.get((type, name))
        if block is not None and block.attributes.keys() <= {"provider"}:
            _, module, provider = self.provider(providers.meant_by(block, type))
            if provider and (told := providers.told_by_data(type, provider, module.scope)):
                return Lazy(f"data.{type}.{name}", lambda attribute: told.get(attribute, Unknown(AFTER_APPLY)))
        return Unknown(f"data.{type}.{name} is read by Terraform only")

    def provider(self, local: str) -> tuple[str, Module, Block | None]:
        """What a name means here: through `providers` of calls, or inherited, up to the block that is meant.

        (the key that plans give it, the module it stands in, the block: None where nobody writes one).
        """
        module, name = self, local
        while True:
            key = f"{module.path}:{name}" if module.path else name
            if name in module.code.providers:
                return key, module, module.code.providers[name]
            if module.parent is None:
                return key, module, None
            given = providers.passed(module.parent.code.calls[module.call])
            if name not in given and "." in name:
                return key, module, None  # nobody passes that alias
            module, name = module.parent, given.get(name, name)

    def _relative(self) -> str:
        return Path(os.path.relpath(self.code.folder, self._root())).as_posix()

    def _root(self) -> Path:
        return self.parent._root() if self.parent else self.code.folder

    def file(self, path: str) -> str | None:
        """The text of a file that the configuration reads; None when it is not at hand."""
        try:
            found = (self._root() / path).resolve()
            within = found.relative_to(self.reader.repository)
            if ".git" not in within.parts and found.is_file() and found.stat().st_size < _LARGEST_FILE:
                return found.read_bytes().decode()
        except (OSError, ValueError, RuntimeError):
            return None
        return None

    def former(self, address: str) -> str | None:
        """What an instance of this module was called before the last `moved` block that names it, here or above."""
        module: Module | None = self
        while module:
            for before, now in module.code.moves:
                whole = _join(module.address, now)
                rest = address.removeprefix(whole)
                if address.startswith(whole) and rest[:1] in ("", ".", "["):
                    return f"{_join(module.address, before)}{rest}"
            module = module.parent
        return None

    # What there is of each block

    def instances(self, type: str, name: str) -> dict[Key, Instance] | Unknown:
        """The instances of a resource block by their key, or why it is not known how many there are."""
        if (type, name) not in self._instances:
            self._instances[type, name] = Unknown(f"{type}.{name} refers to itself")
            block = self.code.resources[type, name]
            keys = self._keys(block)
            self.reader.instances += 0 if isinstance(keys, Unknown) else len(keys)
            if self.reader.instances > _MOST_INSTANCES:
                keys = Unknown(f"there are more than {_MOST_INSTANCES} resources")
            if not isinstance(keys, Unknown):
                local = _join(self.address, f"{type}.{name}")
                self._instances[type, name] = {
                    key: Instance(self, block, type, name, key, self.scope.with_names(bound), f"{local}{_index(key)}")
                    for key, bound in keys
                }
            else:
                self._instances[type, name] = keys
        return self._instances[type, name]

    def children(self, name: str) -> dict[Key, Module] | Unknown:
        """The instances of a module call by their key, or why there are none to be had."""
        if name not in self._children:
            self._children[name] = Unknown(f"module.{name} refers to itself")
            self._children[name] = self._called(name, self.code.calls[name])
        return self._children[name]

    def _called(self, name: str, block: Block) -> dict[Key, Module] | Unknown:
        code = self.code_of(name)
        if isinstance(code, Unknown):
            return code
        keys = self._keys(block)
        if isinstance(keys, Unknown):
            return keys
        self.reader.modules += len(keys)
        if self.reader.modules > _MOST_MODULES:
            return Unknown(f"there are more than {_MOST_MODULES} modules")
        return {key: self._child(name, block, code, key, self.scope.with_names(bound)) for key, bound in keys}

    def _child(self, name: str, block: Block, code: Code, key: Key, scope: Scope) -> Module:
        def given(variable: str) -> Any:
            return block.attributes[variable].expression.value(scope)

        return Module(self.reader, code, workspace=self._workspace, given=given, parent=self, call=name, key=key)

    def any_child(self, name: str) -> Module | None:
        """An instance to ask for what all instances share, if there is none for certain: its keys are not known."""
        code = self.code_of(name)
        if isinstance(code, Unknown):
            return None
        unknown = Unknown("it hangs on its key")
        bound = {"each": {"key": unknown, "value": unknown}, "count": {"index": unknown}}
        return self._child(name, self.code.calls[name], code, None, self.scope.with_names(bound))

    def code_of(self, name: str) -> Code | Unknown:
        """The code behind a call, or why there is none."""
        block = self.code.calls[name]
        if self.depth >= _DEEPEST:
            return Unknown(f"modules lie more than {_DEEPEST} deep in one another")
        written = block.attributes.get("source")
        source = unmarked(written.expression.value(self.scope))[0] if written else None
        if not isinstance(source, str):
            return Unknown("its source is not known")
        path = ".".join(_join(self.path, f"module.{name}").split(".")[1::2])
        folder = self.reader.folder_of(path, self.code.folder, source)
        if folder is None:
            what = "there is no such folder" if source.startswith(".") else "run terraform init"
            return Unknown(f"its source {_CREDENTIALS.sub('', source)} is not on this disk ({what})")
        return self.reader.code(folder)

    def _keys(self, block: Block) -> list[tuple[Key, Mapping[str, Any]]] | Unknown:
        """Each key and what it binds: `each`, or `count`."""
        if written := block.attributes.get("count"):
            value = unmarked(written.expression.value(self.scope))[0]
            if unknown := unknown_in(value):
                return Unknown(f"its count is {_told(unknown)}")
            try:
                count = as_index(value)
            except Fault:
                return Unknown("its count is no whole number")
            if count > _MOST_INSTANCES:
                return Unknown(f"its count is more than {_MOST_INSTANCES}")
            return [(index, {"count": {"index": index}}) for index in range(count)]
        if written := block.attributes.get("for_each"):
            value = written.expression.value(self.scope)
            if isinstance(value, Sensitive):
                return Unknown("its for_each is sensitive, which Terraform refuses")
            if isinstance(value, (Unknown, Lazy)):
                return Unknown(f"its for_each is {_told(unknown_in(value))}")
            if isinstance(value, Set):
                if unknown := unknown_in(value):
                    return Unknown(f"its for_each is {_told(unknown)}")
                value = {key: key for key in value}
            if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
                return Unknown("its for_each is neither a map nor a set of strings")
            return [(key, {"each": {"key": key, "value": value[key]}}) for key in sorted(value)]
        if switch := next((b for b in block.blocks if b.type == "lifecycle" and "enabled" in b.attributes), None):
            enabled = unmarked_top(switch.attributes["enabled"].expression.value(self.scope))
            if enabled is not True:
                return [] if enabled is False else Unknown("whether it is enabled is not known")
        return [(None, {})]

    def everything(self) -> Iterator[Module]:
        """This module and all instances below it, callers first. What is missing becomes a gap."""
        yield self
        for name in self.code.calls:
            children = self.children(name)
            if isinstance(children, Unknown):
                why = children.why
                self.reader.gaps.append(
                    Gap(_join(self.address, f"module.{name}"), f"{why}, so nothing in it was judged")
                )
                continue
            for child in children.values():
                yield from child.everything()


def _bounded(value: Any, name: str) -> Any:
    try:
        size_of(value)
    except Fault as fault:
        return Unknown(f"{name} is not known: {fault}")
    return value


def _told(unknown: Unknown | None) -> str:
    return AFTER_APPLY if unknown is None or unknown.why == AFTER_APPLY else f"not known: {unknown.why}"


def _by_key(found: dict[Key, Lazy]) -> Any:
    """What the name of a block means: the one, the list, or the map of its instances."""
    if list(found) == [None]:
        return found[None]
    if all(isinstance(key, str) for key in found) and found:
        return {str(key): value for key, value in found.items()}
    return list(found.values())


def _written(instance: Instance) -> Callable[[str], Any]:
    """What another expression may take from a resource: an argument that its block writes out.

    Whatever else a resource has, its provider sets. A provider may also write an argument in its own way, but not a
    plain word.
    """

    def attribute(name: str) -> Any:
        written = instance.block.attributes.get(name)
        if written is None or name in _META:
            return Unknown(AFTER_APPLY)
        value = written.expression.value(instance.scope)
        bare = unmarked(value)[0]
        if bare is None or unknown_in(bare):
            return Unknown(AFTER_APPLY) if bare is None else value
        if isinstance(bare, str):
            if instance.type.startswith("azurerm_") and name == "location":
                lowered = bare.lower().replace(" ", "")
                return marked(lowered) if isinstance(value, Sensitive) else lowered
            if not _PLAIN.issuperset(bare):
                return Unknown(AFTER_APPLY)
        return value

    return attribute


_META = frozenset({"count", "for_each", "provider", "depends_on", "user_data", "policy", "id", "arn"})
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./: ")


def _join(module: str, address: str) -> str:
    return f"{module}.{address}" if module else address


def _index(key: Key) -> str:
    """`[0]`, `["a.b"]`: as Terraform writes keys in addresses."""
    if key is None:
        return ""
    if isinstance(key, int):
        return f"[{key}]"
    text = "".join(_ESCAPES.get(c) or (c if c.isprintable() else _coded(c)) for c in key)
    return f'["{text.replace("${", "$${").replace("%{", "%%{")}"]'


_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def _coded(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
