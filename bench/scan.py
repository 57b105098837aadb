"""How long a scan of 2,000 instances and 500 buckets takes, 60 ms a request, and whether it finds what is there.

    python bench/scan.py
    C7N=/path/to/custodian python bench/scan.py

A moto server holds them, 590 and 245 without one of four mandatory tags, and a proxy in front waits, counts, and
repeats what moto said the first time: what is measured is the client. Cloud Custodian, where `custodian` is installed,
is asked the same in the same run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from bench import GOVERNOR, ROOT, once

sys.path.insert(0, str(ROOT / "tests"))

import fault_proxy
from real_terraform import moto_server

LATENCY = 0.06
ACCOUNT = "123456789012"
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1")
TYPES = ("p5.48xlarge", "p4d.24xlarge", "g5.xlarge", "g6.12xlarge", "inf2.xlarge", "trn1.32xlarge", "m5.large")
TAGS = ("owner", "cost-center", "project", "expires-at")
INSTANCES, BUCKETS = 2_000, 500
ALIKE = 10
"""Instances that are started together, with the same tags."""
SHORT = {"aws_instance": 590, "aws_s3_bucket": 245}
"""How many lack a tag."""
AT_MOST = {"seconds": 7.0, "MiB": 200.0, "requests": 1_010}

SETTINGS = f"""\
policies: [builtin, policies]
levels:
  - {{policies: "*", level: "off"}}
  - {{policies: TAG001, level: deny}}
scan:
  accounts: ["{ACCOUNT}"]
  regions: [{", ".join(REGIONS)}]
  services: [instances, buckets]
"""
OTHERS = (
    "compute",
    "accelerated_clusters",
    "models",
    "accelerated_models",
    "experiments",
    "accelerated_experiments",
    "data",
)
"""Sets of mandatory tags that the shipped taxonomy has beside `paid`."""
TAXONOMY = {
    "tags": {tag: {"description": tag} for tag in TAGS if tag != "project"},
    "mandatory": {"paid": {"tags": TAGS}, **dict.fromkeys(OTHERS)},
}
PEER = {
    "policies": [
        {
            "name": kind,
            "resource": f"aws.{kind}",
            "filters": [{"or": [{f"tag:{tag}": "absent"} for tag in TAGS]}],
            **more,
        }
        for kind, more in (
            ("ec2", {}),
            ("s3", {"query": [{"augment-keys": "none"}]}),  # else a dozen requests a bucket
        )
    ]
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, moto_server() as moto, fault_proxy.before(moto) as proxy:
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGIONS[0],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": f"{folder}/none",
            "AWS_SHARED_CREDENTIALS_FILE": f"{folder}/none",
        }
        seed(moto)
        os.environ["AWS_ENDPOINT_URL"] = proxy.url
        proxy.spoil = recording(LATENCY)
        os.chdir(folder)
        Path("policies/tagging").mkdir(parents=True)
        Path("governor.yaml").write_text(SETTINGS, "utf-8")
        Path("policies/tagging/data.yaml").write_text(json.dumps(TAXONOMY), "utf-8")
        Path("peer.json").write_text(json.dumps(PEER), "utf-8")

        ours = measured("governor scan", proxy, [[*GOVERNOR, "scan", "-f", "json=report.json", "-q"]], found_by_us)
        wrong = [f"{name}: {ours[name]:,.1f} > {most:,}" for name, most in AT_MOST.items() if ours[name] > most]
        custodian = os.environ.get("C7N") or shutil.which("custodian")
        if custodian:
            run = [custodian, "run", "--cache-period=0", "-s", "peer", "peer.json"]
            everywhere = [f"--region={region}" for region in REGIONS]
            commands = [[*run, "-p", "ec2", *everywhere], [*run, "-p", "s3", f"--region={REGIONS[0]}"]]
            peer = measured("Cloud Custodian, two runs", proxy, commands, found_by_the_peer)
            print(f"\nCloud Custodian takes {peer['seconds'] / ours['seconds']:.1f} times as long")
        else:
            print("\nCloud Custodian is not installed: its half needs `custodian` on PATH, or C7N=/path/to/custodian")
        if wrong:
            sys.exit(f"beyond what is allowed: {'; '.join(wrong)}")


def measured(
    name: str, proxy: fault_proxy.Proxy, commands: list[list[str]], found: Callable[[], Counter[str]]
) -> dict[str, float]:
    """The second time of two: what moto says is known by then."""
    for _ in range(2):
        proxy.requests.clear()
        runs = [quietly(command) for command in commands]
    figures = {
        "seconds": sum(seconds for seconds, _ in runs),
        "MiB": max(memory for _, memory in runs),
        "requests": len(proxy.requests),
    }
    if (told := found()) != SHORT:
        sys.exit(f"{name} found {dict(told)}, and there are {SHORT}")
    shown = f"{figures['seconds']:6.2f} s {figures['MiB']:6.0f} MiB {figures['requests']:6,} requests"
    print(f"{name:26} {shown}   found {' + '.join(map(str, told.values()))}", flush=True)
    return figures


def quietly(command: list[str]) -> tuple[float, float]:
    """`once`, with what it tells on stderr in a file."""
    kept = os.dup(2)
    with open("stderr.txt", "w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 2)
    try:
        return once(command)
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def found_by_us() -> Counter[str]:
    report = json.loads(Path("report.json").read_text("utf-8"))
    kinds = {"compute_instance": "aws_instance", "bucket": "aws_s3_bucket"}
    return Counter(dict(sorted({f["resource"]: kinds[f["kind"]] for f in report["findings"]}.items())).values())


def found_by_the_peer() -> Counter[str]:
    names = {"ec2": "aws_instance", "s3": "aws_s3_bucket"}
    return Counter(
        names[file.parent.name] for file in Path("peer").rglob("resources.json") for _ in json.loads(file.read_text())
    )


def recording(latency: float) -> Callable[[str, Callable[[], fault_proxy.Reply]], fault_proxy.Reply]:
    """Answers after a while, and each request as the first time."""
    kept: dict[str, fault_proxy.Reply] = {}

    def answer(request: str, forward: Callable[[], fault_proxy.Reply]) -> fault_proxy.Reply:
        time.sleep(latency)
        if request not in kept:
            kept[request] = forward()
        return kept[request]

    return answer


def seed(moto: str) -> None:
    """The same every time: each group of instances and each bucket is whole, lacks some tags, or all."""

    def client(service: str, region: str) -> Any:
        return boto3.client(service, region, endpoint_url=moto)

    def instances(region: str) -> None:
        ec2 = client("ec2", region)
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        groups = INSTANCES // ALIKE
        for number in range(REGIONS.index(region), groups, len(REGIONS)):
            tags = tags_of(number, SHORT["aws_instance"] // ALIKE, groups)
            marks = {"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]} if tags else {}
            type = TYPES[number % len(TYPES)]
            ec2.run_instances(ImageId=image, InstanceType=type, MinCount=ALIKE, MaxCount=ALIKE, **marks)

    def buckets(region: str) -> None:
        s3 = client("s3", region)
        place = {} if region == REGIONS[0] else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        for number in range(REGIONS.index(region), BUCKETS, len(REGIONS)):
            name = f"data-{number:05}"
            s3.create_bucket(Bucket=name, **place)
            if tags := tags_of(number, SHORT["aws_s3_bucket"], BUCKETS):
                s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(instances, REGIONS))
        list(pool.map(buckets, REGIONS))


def tags_of(number: int, short: int, of: int) -> list[dict[str, str]]:
    """`short` of `of` numbers lack tags: 59 and 200, 245 and 500 spread them evenly."""
    order = number * short // of != (number + 1) * short // of
    kept = TAGS[: number % len(TAGS)] if order else TAGS
    return [{"Key": tag, "Value": f"{tag}-{number % 37}"} for tag in kept]


if __name__ == "__main__":
    main()
