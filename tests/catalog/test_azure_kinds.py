"""The kinds of Azure's types agree with the aliases, with Terraform's types and with what has an accelerator."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from governor.catalog import azure_aliases, tables
from governor.catalog.accelerators import accelerator_of
from governor.catalog.azure_kinds import AZURE_KINDS, GPU_SIZES, AzureKind
from governor.catalog.kinds import KINDS, SHAPES
from governor.sources.azure.estate.azurerm import TYPES


@pytest.mark.parametrize("kind", AZURE_KINDS, ids=lambda kind: f"{kind.type}-{kind.kind}")
def test_each_is_as_the_aliases_have_it(kind: AzureKind) -> None:
    shipped = azure_aliases.shipped()
    known = shipped.type(kind.type)

    assert kind.kind in KINDS
    if known and known.tracked is not None:
        assert (kind.tracked and kind.indexed) is known.tracked
    fields = [field for field, _, _ in kind.only if field != "kind"]
    for alias in (*fields, kind.size, kind.gpu, kind.own[0] if kind.own else ""):
        assert not alias or shipped.find(kind.type, alias)


@pytest.mark.parametrize(
    ("type", "kind"),
    [(TYPES[name].type, shape.kind) for name, shape in SHAPES.items() if name in TYPES],
)
def test_what_terraform_makes_is_of_the_same_kind(type: str, kind: str) -> None:
    assert (type.lower(), kind) in {(one.type.lower(), one.kind) for one in AZURE_KINDS}


def test_sizes_with_an_accelerator_are_those_of_the_pattern() -> None:
    priced = {row[2] for row in tables.records("gpu_prices.csv") if row[0] == "azure"}
    others = {
        "Standard_D4s_v5",
        "Standard_NV6",
        "Standard_ND96isr_H100_v5",
        "Standard_Nnew_v9",
        "Basic_A1",
        "Standard_M8",
    }

    for size in {*priced, *others, *map(str.lower, priced)}:
        assert (accelerator_of("azure", size) is not None) == fnmatch(size.lower(), GPU_SIZES.lower())
