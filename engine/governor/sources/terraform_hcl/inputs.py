"""What a run gives to the code from outside: values of variables, and the workspace.

Values come from where Terraform takes them, the later one winning: `terraform.tfvars`, `terraform.tfvars.json`,
`*.auto.tfvars` and `*.auto.tfvars.json` by name, `--var-file` in order, `--var`. `TF_VAR_…` is not read: the same code
gives the same findings on every machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Origin
from governor.sources.terraform_hcl.expressions import nowhere
from governor.sources.terraform_hcl.modules import shown
from governor.sources.terraform_hcl.syntax import Block, File
from governor.sources.terraform_hcl.types import is_primitive
from governor.sources.terraform_hcl.values import of_json, unknown_in


class Given(Struct):
    """The value of a root variable, and where it is written."""

    value: Any
    origin: Origin | None = None
    """None for one of the command line."""


def values(
    root: Path, variables: Mapping[str, Block], files: Sequence[Path], written: Sequence[str]
) -> tuple[dict[str, Given], bytes]:
    """Values by name, and the text of the files they are from. Raises Refusal."""
    found: dict[str, Given] = {}
    texts = []
    for file in (*_automatic(root), *files):
        text, given = _read(file)
        texts.append(text)
        found.update({name: value for name, value in given.items() if name in variables})
    for option in written:
        name, equals, value = option.partition("=")
        if not equals:
            raise Refusal(f"--var {name} gives no value: write NAME=VALUE")
        if name not in variables:
            raise Refusal(f"--var {name}: the code has no variable of that name")
        found[name] = Given(_parsed(name, value, variables[name]))
    return found, b"\n".join(texts)


def _automatic(root: Path) -> list[Path]:
    named = [root / "terraform.tfvars", root / "terraform.tfvars.json"]
    auto = [file for file in root.iterdir() if file.name.endswith((".auto.tfvars", ".auto.tfvars.json"))]
    return [file for file in named if file.is_file()] + sorted(auto, key=lambda file: file.name)


def _read(path: Path) -> tuple[bytes, dict[str, Given]]:
    name = shown(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Refusal(f"cannot be read ({error.strerror}): name a file of values", place=str(path)) from None
    if path.suffix == ".json":
        try:
            document = of_json(text)
        except (ValueError, RecursionError) as error:
            line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            raise Refusal("this is not JSON: mend it", place=f"{name}{line}", code=CANNOT_JUDGE) from None
        if not isinstance(document, dict):
            raise Refusal("values are an object: name to value", place=name, code=CANNOT_JUDGE)
        return text, {key: Given(value, Origin(name, 1)) for key, value in document.items()}
    body = File(name, text).body()
    return text, {
        attribute.name: Given(attribute.expression.value(nowhere()), Origin(name, attribute.line))
        for attribute in body.attributes.values()
    }


def _parsed(name: str, text: str, variable: Block) -> Any:
    """As Terraform reads the command line: text for a primitive type, an expression for any other."""
    if is_primitive(variable.attributes.get("type")):
        return text
    place = f"--var {name}"
    attribute = File(place, f"value = {text}\n".encode()).body().attributes["value"]
    value = attribute.expression.value(nowhere())
    if unknown_in(value):
        raise Refusal('its value is no literal: write it as in a file of values, ["a"] or {a = 1}', place=place)
    return value


def workspace(root: Path, named: str | None) -> str:
    """The workspace: the one that is named, TF_WORKSPACE, the one `terraform workspace select` chose, `default`."""
    if found := named or os.environ.get("TF_WORKSPACE"):
        return found
    try:
        return (root / ".terraform/environment").read_text("utf-8").strip() or "default"
    except (OSError, UnicodeDecodeError):
        return "default"
