"""No type of instances that AWS has passes for one without an accelerator unless it is one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import moto
import pytest
from botocore import session

from fake_aws import ACCOUNT, Cloud
from governor.catalog.accelerators import accelerator_of
from governor.model import Gap
from governor.sources.aws.machines import is_told

from .test_scan import by_name, scan

TYPES: dict[str, dict[str, Any]] = json.loads(
    gzip.decompress((Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz").read_bytes())
)
"""What DescribeInstanceTypes answered once."""

ACCELERATED = ("GpuInfo", "NeuronInfo", "InferenceAcceleratorInfo", "MediaAcceleratorInfo")
NEITHER = {"f1", "f2", "cc1", "cc2", "cg1", "cr1", "hi1", "hs1"}
"""Families of which neither the catalogue nor the name tells: EC2 is asked."""


def test_what_has_an_accelerator_is_told_by_the_catalogue() -> None:
    accelerated = {name for name, facts in TYPES.items() if any(word in facts for word in ACCELERATED)}

    assert len(accelerated) > 80
    assert {name for name in accelerated if accelerator_of("aws", name) is None} == set()


@pytest.mark.parametrize(
    ("service", "shapes"),
    [
        ("ec2", ["InstanceType"]),
        ("sagemaker", ["AppInstanceType", "ClusterInstanceType", "InstanceType", "ProcessingInstanceType",
                       "ProductionVariantInstanceType", "TrainingInstanceType", "TransformInstanceType"]),
    ],
)  # fmt: skip
def test_every_type_of_aws_is_told_or_asked_for(service: str, shapes: list[str]) -> None:
    model = session.get_session().get_service_model(service)
    names = {name for shape in shapes for name in model.shape_for(shape).enum} | set(TYPES)  # type: ignore[attr-defined]

    asked = {name.removeprefix("ml.").partition(".")[0] for name in names if not is_told(name)}

    assert asked <= NEITHER | {"geospatial", "system"}


def test_a_type_that_neither_aws_nor_the_catalogue_knows_is_a_gap(cloud: Cloud) -> None:
    (newer,) = cloud.start("f2.6xlarge")
    cloud.services.add("ec2", "DescribeInstanceTypes", {"InstanceTypes": []})

    inventory = scan("instances")

    why = "neither AWS nor the catalogue knows f2.6xlarge"
    found = by_name(inventory)[newer]
    assert (found.accelerator, found.unknown) == (None, {"accelerator": why, "hourly_usd": why})
    assert inventory.gaps == (Gap(f"{ACCOUNT}/us-east-1/instances", why),)
