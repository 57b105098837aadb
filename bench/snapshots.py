"""Write a snapshot of synthetic resources: `python bench/snapshots.py N OUT`.

A mix as large accounts have it, the same each time: half volumes and snapshots of them, a third instances, some with
accelerators; buckets, notebooks, endpoints. Three in a hundred carry no tag, five in a hundred lack one, one in a
hundred has a value that the taxonomy does not take. Nothing of it is kept in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from governor.catalog.prices import PriceBook
from governor.model import Accelerator, Resource
from governor.sources.snapshot import Header, Writer

SEED = 7
_KINDS = (
    ("compute_instance", "aws_instance", "ec2", "instance/i-", 33),
    ("volume", "aws_ebs_volume", "ec2", "volume/vol-", 30),
    ("snapshot", "aws_ebs_snapshot", "ec2", "snapshot/snap-", 20),
    ("bucket", "aws_s3_bucket", "s3", "", 13),
    ("notebook", "aws_sagemaker_notebook_instance", "sagemaker", "notebook-instance/", 2),
    ("model_endpoint", "aws_sagemaker_endpoint", "sagemaker", "endpoint/", 2),
)
_REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
_COMPUTES = ("compute_instance", "notebook", "model_endpoint")
_ACCELERATED = (("p4d.24xlarge", "A100", 8), ("g5.xlarge", "A10G", 1), ("p5.48xlarge", "H100", 8))


def resources(size: int, seed: int = SEED) -> Iterator[Resource]:
    """So many, one after the other."""
    random, book = Random(seed), PriceBook.shipped()
    accounts = [f"{number:012}" for number in random.sample(range(10**11, 10**12), 40)]
    projects = [f"project-{number}" for number in range(200)]
    weights = [weight for *_, weight in _KINDS]
    for number in range(size):
        kind, type_, service, before, _ = random.choices(_KINDS, weights)[0]
        account, region = random.choice(accounts), random.choice(_REGIONS)
        name = f"{before}{random.getrandbits(68):017x}"
        place = "::" if service == "s3" else f":{region}:{account}:"
        facts: dict[str, Any] = {"attributes": {"size_gib": random.choice((8, 100, 500))}} if "s" in service else {}
        accelerated = kind in _COMPUTES and random.random() < 0.2
        if accelerated:
            instance_type, model, count = random.choice(_ACCELERATED)
            price = book.price("aws", region, instance_type, "on_demand")
            facts = {
                "accelerator": Accelerator(model, count),
                "count": 1,
                "price": price,
                "hourly_usd": price.usd_per_hour if price else None,
                "attributes": {"instance_type": instance_type},
            }
        yield Resource(
            id=f"arn:aws:{service}{place}{name}",
            kind=kind,
            type=type_,
            provider="aws",
            account=account,
            region=region,
            tags=_tags(random, projects, number, computes=kind in _COMPUTES),
            created_at=f"2026-{random.randint(1, 9):02}-{random.randint(1, 28):02}T00:00:00Z",
            **facts,
        )


def _tags(random: Random, projects: list[str], number: int, *, computes: bool) -> dict[str, str]:
    luck = random.random()
    if luck < 0.03:
        return {}
    project = random.choice(projects)
    tags = {"Name": f"{project}-{number}", "project": project, "owner-team": f"team-{project.rpartition('-')[2][-1:]}"}
    tags |= {"model": "llama-3-70b", "experiment-id": f"exp-{number % 5000}", "dataset": f"dataset-{number % 300}"}
    if computes:
        tags |= {"stage": random.choice(("fine-tuning", "inference")), "cost-budget-limit": "500000"}
    if luck < 0.08:
        del tags[random.choice(("project", "owner-team"))]
    elif luck < 0.09:
        tags["stage"] = "playground"
    return tags


def main() -> None:
    size, target = int(sys.argv[1]), Path(sys.argv[2])
    header = Header(taken_at="2026-10-01T00:00:00+00:00", stage="live", source=f"{size} synthetic resources")
    with Writer(target, header) as file:
        for resource in resources(size):
            file.resource(resource)
        file.end(not_covered={}, notes=(), clean=0, unit="resource", allowed={})


if __name__ == "__main__":
    main()
