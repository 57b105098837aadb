"""Shards read by workers: what is found is what one process finds, and a lost shard is a gap."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from importlib.util import find_spec

import pytest

from fake_aws import ACCOUNT, Cloud
from governor.catalog.prices import PriceBook
from governor.errors import Refusal
from governor.model import Inventory
from governor.sources import aws
from governor.sources.aws import distant
from governor.workers.pool import LOST, Pool, Result, Task
from governor.workers.processes import Processes

SCOPE = aws.Scope(accounts=[ACCOUNT], regions=["us-east-1", "eu-west-1"], services=["volumes", "buckets", "eks"])


def scanned(pool: Pool | None, scope: aws.Scope = SCOPE) -> Inventory:
    return aws.scan(scope, PriceBook.shipped(), pool=pool)


def seed(cloud: Cloud) -> None:
    for region, size in (("us-east-1", 10), ("eu-west-1", 20)):
        cloud.client("ec2", region).create_volume(AvailabilityZone=f"{region}a", Size=size)
    cloud.client("s3").create_bucket(Bucket="weights")


def test_processes_find_what_threads_find(cloud: Cloud) -> None:
    seed(cloud)

    alone, together = scanned(None), scanned(Processes(2))

    assert len(alone.resources) == 3
    assert (together.resources, together.gaps, together.shards) == (alone.resources, alone.gaps, alone.shards)


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'ray[client]'")
def test_ray_finds_what_threads_find(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    from governor.workers.ray import Ray

    monkeypatch.setenv("HOME", str(tmp_path))  # Ray writes there
    seed(cloud)

    alone, together = scanned(None), scanned(Ray("", 2))

    assert (together.resources, together.gaps, together.shards) == (alone.resources, alone.gaps, alone.shards)


class Losing:
    """A pool whose workers are all lost with the shard of one region."""

    def __init__(self, lost: str) -> None:
        self._lost = lost.encode()

    def map(self, task: Task, items: Iterable[bytes]) -> Iterator[Result]:
        for number, item in enumerate(items):
            yield number, None if self._lost in item else task(item)


def test_a_shard_that_workers_are_lost_with_is_a_gap_and_never_empty(cloud: Cloud) -> None:
    seed(cloud)

    found = scanned(Losing("eu-west-1"))

    assert [resource.region for resource in found.resources if resource.kind == "volume"] == ["us-east-1"]
    lost = {f"{ACCOUNT}/eu-west-1/{service}" for service in ("volumes", "eks")}
    assert {gap.place for gap in found.gaps if gap.reason == LOST} == lost
    assert {shard.place for shard in found.shards if shard.standing == "incomplete"} == lost


def test_a_worker_with_credentials_of_another_account_reads_nothing(cloud: Cloud) -> None:
    task = pickle.loads(pickle.dumps(distant.Shards(aws.Scope(accounts=["210987654321"]), PriceBook.shipped())))

    with pytest.raises(Refusal, match=f"these credentials are of account {ACCOUNT}"):
        task(distant.encoded(distant.Shard("210987654321", "us-east-1", "volumes")))


def test_a_worker_with_another_governor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pickled = pickle.dumps(distant.Shards(SCOPE, PriceBook.shipped()))
    monkeypatch.setattr(distant, "__version__", "0.0.1")

    with pytest.raises(Refusal, match=r"a worker has governor 0\.0\.1"):
        pickle.loads(pickled)
