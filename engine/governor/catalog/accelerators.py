"""Instance types in, accelerators out, whether or not the price book has a row for them."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cache

from msgspec import Struct

from governor.catalog import tables
from governor.catalog.prices import PriceBook
from governor.model import Accelerator

_WORDS = re.compile(r"[^A-Z0-9]+")
_MEMORY = re.compile(r"[0-9]+GB")
_NUMBER = re.compile(r"-(\d+)[a-z]*$")

_CHIPS_PER_NUMBER = {"suffix": 1.0, "chips": 1.0, "cores": 0.5}
"""How a family reads its count from the end of the name: GPUs or chips, chips, TensorCores (two a chip)."""


class AcceleratorFacts(Struct, frozen=True, gc=False):
    """What is published of one accelerator model."""

    model: str
    manufacturer: str
    memory_gib: float | None
    """Memory of one, as its vendor states it (decimal GB under the name GiB)."""
    tdp_watts: float | None
    """Thermal design power of one, watts; None when not published."""
    note: str
    as_of: str
    source: str


class _Family(Struct, frozen=True):
    provider: str
    pattern: re.Pattern[str]
    accelerator: str
    count: str


@cache
def accelerator_of(provider: str, instance_type: str) -> Accelerator | None:
    """What computes inside one instance of this type; None when it certainly has no accelerator.

    `provider` is aws, azure, gcp or another provider of the price book. A SageMaker type (`ml.`) has the accelerator of
    the EC2 type it names. A type outside the price book is recognised by its family; its model is "unknown" where the
    family does not fix it, and its count 1 where neither family nor name says. Names of attachable accelerators
    (`nvidia-tesla-t4`) and TPU types (`v5litepod-8`) of Google Cloud are recognised, too.
    """
    if provider == "aws":
        instance_type = instance_type.removeprefix("ml.")
    row = PriceBook.shipped().of_type(provider, instance_type)
    if row is not None:
        return Accelerator(row.accelerator, _whole(row.accelerator_count), row.accelerator_memory_gib)
    name = instance_type.lower()
    for family in _families():
        if family.provider == provider and family.pattern.match(name):
            known = facts(family.accelerator)
            memory = known.memory_gib if known else None
            return Accelerator(family.accelerator, _whole(_count(family.count, name)), memory)
    return None


@cache
def model_named(name: str) -> str:
    """The model that a product is called after: `NVIDIA-A100-SXM4-80GB` is A100-80GB; "" for a name that is not known.

    A name without its memory, such as Karpenter's `a100`, is the model that has no memory in its name.
    """
    words = [word for word in _WORDS.split(name.upper()) if word]
    if "ADA" in words:
        return ""  # an RTX 6000 Ada is no RTX 6000
    memory = next((word for word in words if _MEMORY.fullmatch(word)), "")
    by_name = _by_folded_name()
    for length in (3, 2, 1):
        for start in range(len(words) - length + 1):
            model = by_name.get("".join(words[start : start + length]))
            if model is not None:
                return by_name.get(f"{model.upper()}{memory}", model) if memory else model
    return ""


@cache
def facts(model: str) -> AcceleratorFacts | None:
    """Manufacturer, memory and power of a model, as the price book writes its name; None when not known."""
    return _facts().get(model)


def _count(count: str, name: str) -> float | None:
    if count not in _CHIPS_PER_NUMBER:
        return tables.number(count)
    number = _NUMBER.search(name)
    return float(number[1]) * _CHIPS_PER_NUMBER[count] if number else None


def _whole(count: float | None) -> float:
    """1 where the count is not known. Whole numbers as integers, so that reports read `8`, not `8.0`."""
    if not count:
        return 1
    return int(count) if count.is_integer() else count


@cache
def _by_folded_name() -> dict[str, str]:
    return {_WORDS.sub("", model.upper()): model for model in _facts()}


@cache
def _families() -> tuple[_Family, ...]:
    return tuple(
        _Family(provider, re.compile(translate(pattern.lower())), accelerator, count)
        for provider, pattern, accelerator, count, *_ in tables.records("instance_families.csv")
    )


@cache
def _facts() -> dict[str, AcceleratorFacts]:
    return {
        model: AcceleratorFacts(model, maker, tables.number(memory), tables.number(watts), note, as_of, source)
        for model, maker, memory, watts, note, as_of, source in tables.records("accelerators.csv")
    }
