"""Checks of Python policies, and those that Python and Rego share.

Each docstring is the check's documentation in docs/lint.md.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from governor.languages.rego_tree import text
from governor.lint.cards import dotted
from governor.lint.folders import Folders
from governor.lint.functions import functions
from governor.lint.remark import Remark

_OUTSIDE = (
    "aiohttp", "boto3", "botocore", "http.client", "httpx", "os.environ", "os.getenv", "os.urandom", "random",
    "requests", "secrets", "socket", "ssl", "subprocess", "urllib.request", "urllib3", "uuid.uuid1", "uuid.uuid4",
)  # fmt: skip
_CLOCKS = (
    "datetime.date.today", "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow", "time.ctime",
    "time.gmtime", "time.localtime", "time.monotonic", "time.perf_counter", "time.time", "time.time_ns",
)  # fmt: skip
_VIOLATION = ("governor.policy.Violation", "governor.model.Violation")
_GIVEN_CLOCK = "use input.today", "take the parameter `today`"
_GIVEN_FACTS = "have a source collect it, or write it into data.yaml"


def outside_world(folders: Folders) -> Iterator[Remark]:
    """A policy that asks a clock, the network, the environment or a random number.

    The same plan must give the same answer tomorrow and on another machine. The day is `input.today` in Rego and the
    parameter `today` in Python. `http.send` is undefined in the embedded engine, without an error.
    """
    for module, rule in folders.rules():
        for call in rule.calls:
            builtin = functions().get(call.name)
            if builtin and builtin.varies and builtin.in_engine:
                clock = call.name == "time.now_ns"
                message = f"{call.name} asks {'a clock' if clock else 'what lies outside the input'}"
                yield Remark(module.place(call.start), message, _GIVEN_CLOCK[0] if clock else _GIVEN_FACTS)
    for script in folders.scripts:
        names = script.imported()
        for node in ast.walk(script.tree):
            match node:
                case ast.Import():
                    used = [name.name for name in node.names]
                case ast.ImportFrom():
                    used = [f"{node.module}.{name.name}" for name in node.names]
                case ast.Attribute() | ast.Call(func=ast.Name()):
                    used = [dotted(node.func if isinstance(node, ast.Call) else node, names)]
                case _:
                    continue
            imports = isinstance(node, (ast.Import, ast.ImportFrom))
            for name in used:
                if name in _CLOCKS and not imports:
                    yield Remark(script.place(node), f"{name} asks a clock", _GIVEN_CLOCK[1])
                elif any(f"{name}.".startswith(f"{there}.") if imports else name == there for there in _OUTSIDE):
                    yield Remark(script.place(node), f"{name} asks what lies outside the inventory", _GIVEN_FACTS)


def print_call(folders: Folders) -> Iterator[Remark]:
    """A `print`, or Rego's `trace`, that was left behind.

    What a policy prints lands among the messages of every run, on standard error.
    """
    for module, rule in folders.rules():
        for call in rule.calls:
            if call.name in ("print", "trace"):
                yield Remark(module.place(call.start), f"a {call.name} was left behind", "remove it")
    for script in folders.scripts:
        for node in ast.walk(script.tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("print", "breakpoint")
            ):
                yield Remark(script.place(node), f"a {node.func.id} was left behind", "remove it")


def missing_attribute(folders: Folders) -> Iterator[Remark]:
    """A violation that does not say which `attribute` of the resource it judged.

    Without one it cannot become undetermined where the value is not known, an exemption cannot be told from another,
    and reports cannot put several findings on a resource into one line.
    """
    fix = 'name the path that was judged: "tags.owner", "region", "attributes.model"'
    for module, rule in folders.rules():
        for kind, node in rule.nodes if module.concern and not module.is_test else ():
            if kind != "Object":
                continue
            keys = {text(key) for _, key, _ in node["fields"]}
            if {"resource", "msg"} <= keys and "attribute" not in keys:
                yield Remark(module.place_of_object(node), "this violation has no attribute", fix)
    for script in folders.scripts:
        names = script.imported()
        for call in ast.walk(script.tree):
            if not isinstance(call, ast.Call) or dotted(call.func, names) not in _VIOLATION:
                continue
            spread = any(isinstance(argument, ast.Starred) for argument in call.args)
            named = {keyword.arg for keyword in call.keywords}
            if len(call.args) < 3 and not spread and not named & {"attribute", None}:
                yield Remark(script.place(call), "this violation has no attribute", fix)
