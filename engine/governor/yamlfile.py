"""YAML that people write: a path in, plain data out, and the line of any place in it.

Scalars are read as YAML 1.2 and JSON have them. YAML 1.1 would make booleans of `level: off` and of Norway's `no`, and
a date of a day; one that is not in the calendar would be an error without a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from governor.errors import Refusal


class Loader(yaml.CSafeLoader):
    """Booleans are `true` and `false`; days are text."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def read_text(path: Path) -> str:
    """The text of a file that people write. One that cannot be opened, or is not UTF-8, is a Refusal."""
    try:
        # Some editors put a byte order mark in front.
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal("this file is not UTF-8 text: save it as UTF-8", place=str(path)) from None
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror}", place=str(path)) from None


def read(path: Path) -> Any:
    """The document of a file; None when it is empty. What is no YAML or repeats a key is a Refusal with its line."""
    text = read_text(path)
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_repeated_keys(node, path)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        advice = " (indent with blanks, not with tabs)" if mark and text[mark.index : mark.index + 1] == "\t" else ""
        raise Refusal(f"this is not YAML: {error.problem or error.context}{advice}", place=place) from None
    except (yaml.YAMLError, ValueError) as error:
        raise Refusal(f"this is not YAML: {str(error).splitlines()[0]}", place=str(path)) from None
    except RecursionError:
        raise Refusal("this YAML is nested too deeply, or contains itself", place=str(path)) from None


def place(path: Path, location: Sequence[str | int]) -> str:
    """`file:line` of a key or item of the document, or of the nearest thing above it that exists."""
    node = _tree(read_text(path))
    line = node.start_mark.line if node else 0
    for step in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
        else:
            break
    return f"{path}:{line + 1}"


@lru_cache(maxsize=1)
def _tree(text: str) -> yaml.Node | None:
    """Whoever asks for one place of a file asks for many."""
    return yaml.compose(text, Loader=Loader)


def _refuse_repeated_keys(node: yaml.Node, path: Path) -> None:
    """YAML keeps the last of two equal keys in silence; a person meant both."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.value != "<<":
                    raise Refusal(
                        f"the key {key.value!r} stands twice: keep one", place=f"{path}:{key.start_mark.line + 1}"
                    )
                seen.add(key.value)
            _refuse_repeated_keys(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item, path)
