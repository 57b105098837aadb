"""A fake AWS on loopback (moto), behind a proxy that spoils what it is told to; and what runs there."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import fake_services
import fault_proxy

ACCOUNT = "123456789012"
"""The account that moto takes its callers for."""

COMPLETE = {"project": "atlas", "owner-team": "nlp"}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Cloud:
    """What is seeded past the proxy, and read through it."""

    def __init__(self, endpoint: str, proxy: fault_proxy.Proxy) -> None:
        self.endpoint, self.proxy = endpoint, proxy
        self._images: dict[str, str] = {}
        self.services = fake_services.Services()
        """What moto lacks."""
        proxy.stand_in = self.services.answer

    def client(self, service: str, region: str = "us-east-1") -> Any:
        import boto3

        return boto3.client(
            service, region, endpoint_url=self.endpoint, aws_access_key_id="testing", aws_secret_access_key="testing"
        )

    def start(self, type: str, count: int = 1, region: str = "us-east-1", **tags: str) -> list[str]:
        """Ids of instances."""
        ec2 = self.client("ec2", region)
        if region not in self._images:  # moto takes its time for the list
            self._images[region] = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        image = self._images[region]
        marks = {"TagSpecifications": [{"ResourceType": "instance", "Tags": tag_list(tags)}]} if tags else {}
        run = ec2.run_instances(ImageId=image, InstanceType=type, MinCount=count, MaxCount=count, **marks)
        return [each["InstanceId"] for each in run["Instances"]]

    def bucket(self, name: str, region: str = "us-east-1", **tags: str) -> str:
        """The ARN of a bucket."""
        s3 = self.client("s3", region)
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **place)
        if tags:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})
        return f"arn:aws:s3:::{name}"

    def spoil(self, hit: Callable[[str], bool], reply: fault_proxy.Reply) -> None:
        """Answer every request that is hit with something else."""
        self.proxy.spoil = lambda request, forward: reply if hit(request) else forward()


def refused(status: int, code: str) -> fault_proxy.Reply:
    """An error as EC2 writes it."""
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>"
    return fault_proxy.Reply(status, body.encode())


def refused_by_s3(status: int, code: str) -> fault_proxy.Reply:
    return fault_proxy.Reply(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())


@contextmanager
def empty(moto: str) -> Iterator[Cloud]:
    """A fake AWS in which nothing runs."""
    urllib.request.urlopen(urllib.request.Request(f"{moto}/moto-api/reset", method="POST"), timeout=30).close()
    with fault_proxy.before(moto) as proxy:
        yield Cloud(moto, proxy)
