"""YAML that people write: a path in, plain data out, and the line of any place in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from governor.errors import Refusal


def read(path: Path) -> Any:
    """The document of a file. What is no YAML, repeats a key or cannot be opened is a Refusal."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise Refusal("this file is not UTF-8 text", place=str(path)) from None
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror}", place=str(path)) from None
    try:
        loader = yaml.CSafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_repeated_keys(node, path)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise Refusal(f"this is not YAML: {error.problem or error.context}", place=place) from None
    except (yaml.YAMLError, ValueError) as error:
        raise Refusal(f"this is not YAML: {str(error).splitlines()[0]}", place=str(path)) from None


def place(path: Path, location: Sequence[str | int]) -> str:
    """`file:line` of a key or item of the document, or of the nearest thing above it that exists."""
    node = yaml.compose(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
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


def _refuse_repeated_keys(node: yaml.Node, path: Path) -> None:
    """YAML keeps the last of two equal keys in silence; a person meant both."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.value != "<<":
                    raise Refusal(f"the key {key.value!r} stands twice", place=f"{path}:{key.start_mark.line + 1}")
                seen.add(key.value)
            _refuse_repeated_keys(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item, path)
