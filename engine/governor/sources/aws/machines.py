"""Instance types that run in, accelerators and cost out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct

from governor.catalog.accelerators import accelerator_of, model_named
from governor.catalog.prices import PriceBook
from governor.model import Accelerator, Price, Purchase
from governor.sources.aws.shards import Reader

_PLAIN = re.compile(r"(?:ml\.)?(?:(?:a|c|d|h|hpc|i|im|is|m|mac|r|t|u|x|z)-?[0-9]|mac-m)")
"""Families without accelerators, by AWS' way of naming instance types:
https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html."""

_ANY_FAMILY = frozenset({"optimal", "default_x86_64", "default_arm64"})
"""What Batch calls families of its own choice, none of them with accelerators:
https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeResource.html."""

_SAGEMAKER = "ml."

_AT_ONCE = 100
"""Instance types that DescribeInstanceTypes is asked for at once."""


class Types:
    """What computes in instance types: by the catalogue, or, where it does not know a family, by what AWS says."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._told: dict[str, Accelerator | None] = {}
        self._unknown: dict[str, str] = {}

    def learn(self, types: Iterable[str]) -> None:
        """Ask AWS for those that neither the catalogue nor their name tells of."""
        asked = sorted({t for t in types if not is_told(t)} - self._told.keys() - self._unknown.keys())
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            found, why = self._reader.attempt(partial(self._ask, some), f"instance types {', '.join(some)}")
            self._told.update(found or {})
            for type in some:
                if type not in self._told:
                    self._unknown[type] = why or f"neither AWS nor the catalogue knows {type}"
                    if not why:
                        self._reader.missing(self._unknown[type])

    def accelerator(self, type: str) -> tuple[Accelerator | None, str]:
        """(what computes in it, ""), or (None, why that is not known)."""
        if type in self._unknown:
            return None, self._unknown[type]
        if type in self._told:
            return self._told[type], ""
        return accelerator_of("aws", type), ""

    def accelerated(self, family: str) -> str:
        """Why it is not known what computes in instances of a family, such as `p5`; "" when no accelerator does."""
        if family in _ANY_FAMILY:
            return ""
        if accelerator_of("aws", f"{family}.xlarge"):
            return f"any size of {family} may run"
        if is_told(f"{family}.xlarge"):
            return ""
        why = f"the catalogue does not know the family {family}"
        self._reader.missing(why)
        return why

    def _ask(self, types: list[str]) -> dict[str, Accelerator | None]:
        """EC2 knows SageMaker's types by the name they have there."""
        by_name = {type.removeprefix(_SAGEMAKER): type for type in types}
        answers = self._reader.list("ec2", "describe_instance_types", "InstanceTypes", InstanceTypes=[*by_name])
        return {by_name[answer["InstanceType"]]: _accelerator(answer) for answer in answers}


def is_told(type: str) -> bool:
    """Whether the catalogue or the name of a type says what computes in it."""
    return accelerator_of("aws", type) is not None or _PLAIN.match(type) is not None


def _accelerator(answer: dict[str, Any]) -> Accelerator | None:
    for info, items in (
        ("GpuInfo", "Gpus"),
        ("NeuronInfo", "NeuronDevices"),
        ("InferenceAcceleratorInfo", "Accelerators"),
        ("MediaAcceleratorInfo", "Accelerators"),
    ):
        for chip in answer.get(info, {}).get(items, ()):
            name = chip.get("Name", "")
            memory = chip.get("MemoryInfo", {}).get("SizeInMiB")
            return Accelerator(
                model_named(name) or name or "unknown", chip.get("Count", 1), memory / 1024 if memory else None
            )
    return None


class Line(Struct, frozen=True):
    """Instances of one type."""

    type: str
    count: int
    max_count: int | None = None


class Cost(Struct, frozen=True):
    """What instances are and cost, as fields of a resource."""

    facts: dict[str, Any]
    unknown: dict[str, str]


def cost(
    types: Types, prices: PriceBook, region: str, lines: list[Line], purchase: Purchase = "on_demand", *,
    runs: bool = True, paid_by_others: bool = False,
) -> Cost:  # fmt: skip
    """Price times count over all lines.

    What does not run costs nothing, nor does what is `paid_by_others`: instances that are listed themselves.
    Types without an accelerator have no price here; an accelerator without one makes the whole unknown.
    """
    unknown: dict[str, str] = {}
    accelerator: Accelerator | None = None
    dearest: Price | None = None
    total = most = Decimal(0)
    for line in lines:
        found, why = types.accelerator(line.type)
        if why:
            unknown["accelerator"] = unknown["hourly_usd"] = why
        price = prices.price("aws", region, line.type, purchase)
        if price is None and found is not None:
            unknown.setdefault("hourly_usd", prices.why_no_price("aws", region, line.type, purchase))
        dearer = price is not None and (dearest is None or price.usd_per_hour > dearest.usd_per_hour)
        if found is not None and (accelerator is None or dearer):
            accelerator = found
        if price is not None:
            dearest = price if dearer else dearest
            total += price.usd_per_hour * line.count
            most += price.usd_per_hour * max(line.count, line.max_count or 0)
    facts: dict[str, Any] = {
        "accelerator": accelerator,
        "purchase": purchase,
        "count": sum(line.count for line in lines),
        "max_count": sum(max(line.count, line.max_count or 0) for line in lines),
    }
    if paid_by_others or not runs:
        unknown.pop("hourly_usd", None)
        facts |= {"hourly_usd": Decimal(0), "max_hourly_usd": most - total if paid_by_others else Decimal(0)}
    elif dearest is not None and "hourly_usd" not in unknown:
        facts |= {"price": dearest, "hourly_usd": total, "max_hourly_usd": most}
    return Cost(facts, unknown)


def hidden(why: str) -> dict[str, str]:
    """Facts that are not known of what could not be described, each with the reason."""
    return dict.fromkeys(("accelerator", "hourly_usd", "attributes.instance_type"), why)
