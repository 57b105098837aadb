"""Provider blocks: the names by which code means them, and the settings that facts hang on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tree_sitter import Node

from governor.sources.terraform_hcl.expressions import Scope
from governor.sources.terraform_hcl.syntax import Attribute, Block
from governor.sources.terraform_hcl.values import AFTER_APPLY, Lazy, Unknown, unknown_in, unmarked_top


def local_name(provider: Block) -> str:
    """What its module calls a provider block: `aws`, `aws.west`."""
    alias = provider.attributes.get("alias")
    return f"{provider.labels[0]}.{_bare(alias.text)}" if alias else provider.labels[0]


def meant_by(block: Block, type: str) -> str:
    """The local name of the provider that a resource or data block uses."""
    written = block.attributes.get("provider")
    return _bare(written.text) if written else type.partition("_")[0]


def passed(call: Block) -> dict[str, str]:
    """`providers = { aws.backup = aws.dr }` of a module call: name inside → name outside."""
    found = {}
    if written := call.attributes.get("providers"):
        for element in _elements(written.node):
            key, value = [written.file.text(child) for child in element.children if child.type == "expression"][:2]
            found[_bare(key)] = _bare(value)
    return found


def default_tags(provider: Block, scope: Scope) -> Any:
    """The tags that the provider puts on everything: a map, which may be marked or hold unknown values, or unknown."""
    blocks = [b for b in provider.blocks if "default_tags" in (b.type, *b.labels)]
    if not blocks:
        return {}
    if blocks[0].type == "dynamic":
        return Unknown("its default_tags are a dynamic block")
    written = blocks[0].attributes.get("tags")
    value = written.expression.value(scope) if written else None
    if value is None:
        return {}
    bare = unmarked_top(value)
    if isinstance(bare, Lazy):
        return Unknown(AFTER_APPLY)
    return value if isinstance(bare, (dict, Unknown)) else Unknown("its default_tags are no map")


def told_by_data(type: str, provider: Block, scope: Scope) -> Any:
    """What a data source gives that only repeats its provider's settings; None for any other."""
    if type == "aws_default_tags":
        return {"tags": default_tags(provider, scope)}
    if type == "aws_region" and (written := provider.attributes.get("region")):
        region = written.expression.value(scope)
        return None if unknown_in(region) or unmarked_top(region) is None else {"name": region, "id": region}
    return None


def default_tags_attribute(provider: Block) -> Attribute | None:
    """Where the default tags are written."""
    block = next((b for b in provider.blocks if b.type == "default_tags"), None)
    return block.attributes.get("tags") if block else None


def _bare(text: str) -> str:
    return text.strip('"()').replace(" ", "")


def _elements(node: Node) -> Iterator[Node]:
    if node.type == "object_elem":
        yield node
    else:
        for child in node.children:
            yield from _elements(child)
