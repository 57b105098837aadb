"""What runs in, resources and gaps out: every answer of AWS that is missing is a gap, and never an absent tag."""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from decimal import Decimal

import pytest

import fault_proxy
import made_up_keys
from fake_aws import ACCOUNT, COMPLETE, Cloud, refused, refused_by_s3, tag_list
from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Accelerator, Gap, Inventory, Resource
from governor.sources import aws
from governor.sources.aws import ec2
from governor.sources.aws.clients import Clients
from governor.sources.aws.reads import is_read


def scan(*services: str, regions: tuple[str, ...] = ("us-east-1",), **scope: object) -> Inventory:
    named = {"accounts": [ACCOUNT], "regions": regions, "services": services, **scope}
    return aws.scan(aws.Scope(**named), PriceBook.shipped())  # type: ignore[arg-type]


def by_name(inventory: Inventory) -> dict[str, Resource]:
    return {resource.id.rpartition("/")[2].rpartition(":")[2]: resource for resource in inventory.resources}


def test_an_instance_is_told_with_accelerator_price_and_tags(cloud: Cloud) -> None:
    (trainer,) = cloud.start("p4d.24xlarge", **COMPLETE)
    (web,) = cloud.start("m5.large")
    (gone,) = cloud.start("m5.large")
    cloud.client("ec2").terminate_instances(InstanceIds=[gone])

    found = by_name(scan("instances"))

    assert found.keys() == {trainer, web}
    one = found[trainer]
    assert one.id == f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{trainer}"
    assert (one.kind, one.type, one.account, one.region) == ("compute_instance", "aws_instance", ACCOUNT, "us-east-1")
    assert one.accelerator is not None
    assert (one.accelerator.model, one.accelerator.count) == ("A100", 8)
    assert one.price is not None
    assert one.hourly_usd == one.price.usd_per_hour > 0
    assert (one.tags, one.state, one.attributes["root_device"]) == (COMPLETE, "running", "ebs")
    assert (found[web].tags, found[web].accelerator, found[web].unknown) == ({}, None, {})


def test_what_is_stopped_costs_nothing_and_spot_is_told(cloud: Cloud) -> None:
    (stopped,) = cloud.start("p4d.24xlarge")
    client = cloud.client("ec2")
    client.stop_instances(InstanceIds=[stopped])
    image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    market = {"MarketType": "spot"}
    spot = client.run_instances(
        ImageId=image, InstanceType="p4d.24xlarge", MinCount=1, MaxCount=1, InstanceMarketOptions=market
    )["Instances"][0]["InstanceId"]

    found = by_name(scan("instances"))

    assert (found[stopped].state, found[stopped].hourly_usd, found[stopped].unknown) == ("stopped", Decimal(0), {})
    assert found[spot].purchase == "spot"


def test_a_type_that_the_catalogue_lacks_is_asked_for(cloud: Cloud) -> None:
    (newer,) = cloud.start("f2.6xlarge")
    answer = b"""<DescribeInstanceTypesResponse><instanceTypeSet><item><instanceType>f2.6xlarge</instanceType>
        <gpuInfo><gpus><item><name>H100</name><count>2</count><memoryInfo><sizeInMiB>81920</sizeInMiB></memoryInfo>
        </item></gpus></gpuInfo></item></instanceTypeSet></DescribeInstanceTypesResponse>"""
    cloud.spoil(lambda request: "DescribeInstanceTypes" in request, fault_proxy.Reply(200, answer))

    found = by_name(scan("instances"))[newer]

    assert found.accelerator == Accelerator("H100", 2, 80)
    assert found.unknown.keys() == {"hourly_usd"}


def test_a_type_that_nobody_tells_of_is_unknown_and_a_gap(cloud: Cloud) -> None:
    (newer,) = cloud.start("f2.6xlarge")
    cloud.spoil(lambda request: "DescribeInstanceTypes" in request, refused(403, "UnauthorizedOperation"))

    inventory = scan("instances")

    reason = "DescribeInstanceTypes: UnauthorizedOperation"
    assert by_name(inventory)[newer].unknown["accelerator"] == reason
    (gap,) = inventory.gaps
    assert gap == Gap(f"{ACCOUNT}/us-east-1/instances", f"instance types f2.6xlarge not read: {reason}")


def test_a_group_is_paid_by_its_instances_and_its_template_may_hold_a_key(cloud: Cloud) -> None:
    client, scaling = cloud.client("ec2"), cloud.client("autoscaling")
    image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    script = b64encode(f"export OPENAI_API_KEY={made_up_keys.openai()}".encode()).decode()
    data = {"ImageId": image, "InstanceType": "p4d.24xlarge", "UserData": script}
    made = client.create_launch_template(LaunchTemplateName="train", LaunchTemplateData=data)
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="trainers",
        LaunchTemplate={"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "$Latest"},
        MinSize=0, MaxSize=4, DesiredCapacity=2, AvailabilityZones=["us-east-1a"],
        Tags=[{**tag, "PropagateAtLaunch": False} for tag in tag_list(COMPLETE)],
    )  # fmt: skip

    inventory = scan("groups", "instances")

    (group,) = (r for r in inventory.resources if r.kind == "compute_group")
    machines = [r for r in inventory.resources if r.kind == "compute_instance"]
    assert (group.tags, group.count, group.max_count, group.hourly_usd) == (COMPLETE, 2, 4, Decimal(0))
    assert group.attributes == {"instance_type": "p4d.24xlarge"}
    assert [machine.controller for machine in machines] == ["autoscaling group trainers"] * 2
    assert [machine.tags for machine in machines] == [{}] * 2
    (template,) = (r for r in inventory.resources if r.kind == "launch_template")
    (key,) = template.attributes["ai_keys"]
    assert key["provider"] == "openai"
    assert made_up_keys.openai() not in str(inventory)
    assert inventory.gaps == ()


def test_any_type_of_a_group_may_be_the_one_that_computes(cloud: Cloud) -> None:
    template = cloud.client("ec2").create_launch_template(
        LaunchTemplateName="mixed", LaunchTemplateData={"InstanceType": "m5.large"}
    )["LaunchTemplate"]
    named = {"LaunchTemplateId": template["LaunchTemplateId"], "Version": "$Latest"}
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="mixed", MinSize=0, MaxSize=4, DesiredCapacity=0, AvailabilityZones=["us-east-1a"],
        MixedInstancesPolicy={"LaunchTemplate": {
            "LaunchTemplateSpecification": named,
            "Overrides": [{"InstanceType": "m5.large"}, {"InstanceType": "p4d.24xlarge"}],
        }},
    )  # fmt: skip

    (group,) = (r for r in scan("groups").resources if r.kind == "compute_group")

    assert group.attributes == {"instance_types": ["m5.large", "p4d.24xlarge"]}
    assert group.accelerator is not None
    assert (group.accelerator.model, group.count, group.max_count) == ("A100", 0, 4)


def test_a_template_that_may_not_be_read_may_hold_a_key(cloud: Cloud) -> None:
    template = cloud.client("ec2").create_launch_template(
        LaunchTemplateName="closed", LaunchTemplateData={"InstanceType": "m5.large"}
    )["LaunchTemplate"]
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="closed", MinSize=0, MaxSize=1, AvailabilityZones=["us-east-1a"],
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "$Latest"},
    )  # fmt: skip
    cloud.spoil(
        lambda request: "Action=DescribeLaunchTemplateVersions" in request, refused(403, "UnauthorizedOperation")
    )

    (found,) = (r for r in scan("groups").resources if r.kind == "launch_template")

    assert found.unknown["attributes.ai_keys"] == "DescribeLaunchTemplateVersions: UnauthorizedOperation"


def test_buckets_are_told_with_their_region(cloud: Cloud) -> None:
    cloud.bucket("bare")
    cloud.bucket("tagged", "eu-west-1", **COMPLETE)

    found = by_name(scan("buckets"))

    assert (found["bare"].region, found["bare"].tags, found["bare"].unknown) == ("us-east-1", {}, {})
    assert (found["tagged"].region, found["tagged"].tags) == ("eu-west-1", COMPLETE)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused_by_s3(403, "AccessDenied"), "GetBucketTagging: AccessDenied"),
        (refused_by_s3(404, "NoSuchBucket"), "GetBucketTagging: NoSuchBucket"),
        (refused_by_s3(403, "RequestTimeTooSkewed"), "GetBucketTagging: RequestTimeTooSkewed"),
        (fault_proxy.Reply(200, b"<Tagging><TagSet><Tag><Key>pro"), "GetBucketTagging: 500"),
    ],
)
def test_tags_that_cannot_be_read_are_unknown_and_never_absent(
    cloud: Cloud, reply: fault_proxy.Reply, reason: str
) -> None:
    cloud.bucket("closed", **COMPLETE)
    cloud.bucket("open")
    cloud.spoil(lambda request: request.startswith("GET /closed?tagging"), reply)

    inventory = scan("buckets")

    found = by_name(inventory)
    assert found["closed"].unknown == {"tags": reason}
    assert found["open"].unknown == {}
    assert inventory.gaps == (Gap(f"{ACCOUNT}/every region/buckets", f"tags not read: {reason}"),)


def test_a_broken_page_keeps_what_came_before_and_makes_its_shard_incomplete(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ec2, "INSTANCES_AT_ONCE", 5)
    for _ in range(12):  # moto counts what was started together as one
        cloud.start("m5.large")
    cloud.start("m5.large", 2, "eu-west-1")
    pages: list[str] = []

    def second_page(request: str) -> bool:
        if "Action=DescribeInstances&" in request and "NextToken" in request:
            pages.append(request)
        return bool(pages) and request == pages[0]

    cloud.spoil(second_page, refused(403, "UnauthorizedOperation"))

    inventory = scan("instances", regions=("us-east-1", "eu-west-1"))

    assert len(inventory.resources) == 5 + 2
    assert inventory.gaps == (
        Gap(
            f"{ACCOUNT}/us-east-1/instances",
            "incomplete after 5 resources: DescribeInstances: UnauthorizedOperation",
        ),
    )


def test_a_body_that_breaks_off_is_asked_for_again_then_a_gap(cloud: Cloud) -> None:
    cloud.start("m5.large", region="eu-west-1")
    cut = fault_proxy.Reply(200, b"<DescribeVolumesResponse><volumeSet>", length=4000)
    cloud.spoil(lambda request: "DescribeVolumes" in request, cut)

    inventory = scan("volumes", "instances", regions=("eu-west-1",))

    (gap,) = inventory.gaps
    assert gap.place == f"{ACCOUNT}/eu-west-1/volumes"
    assert gap.reason.startswith("not read: the answer cannot be read (")


def test_throttled_requests_are_sent_again(cloud: Cloud) -> None:
    cloud.start("m5.large", 3)
    for number in range(10):
        cloud.bucket(f"data-{number}", **COMPLETE)
    count, lock = [0], threading.Lock()

    def each_third(request: str) -> bool:
        with lock:
            count[0] += 1
            return count[0] % 3 == 0 and "tagging" in request

    cloud.spoil(each_third, refused_by_s3(503, "SlowDown"))

    inventory = scan("instances", "buckets")

    assert len(inventory.resources) == 13
    assert {r.kind: r.unknown for r in inventory.resources} == {"compute_instance": {}, "bucket": {}}
    assert inventory.gaps == ()


def test_where_nothing_can_be_read_nothing_is_judged(cloud: Cloud) -> None:
    cloud.spoil(lambda request: "DescribeInstances" in request, refused(403, "UnauthorizedOperation"))

    with pytest.raises(Refusal, match="nothing could be read: not read: DescribeInstances") as refusal:
        scan("instances")

    assert refusal.value.code == CANNOT_JUDGE


def test_credentials_of_another_account_are_refused(cloud: Cloud) -> None:
    with pytest.raises(Refusal, match=f"these credentials are of account {ACCOUNT}"):
        scan("instances", accounts=["210987654321"])

    assert not [request for request in cloud.proxy.requests if "Action=Describe" in request]


def test_a_role_that_leads_elsewhere_is_refused(cloud: Cloud) -> None:
    other = b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::999999999999:role/a</Arn>"
    other += b"<Account>999999999999</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    asked: list[str] = []

    def of_the_role(request: str) -> bool:
        asked.extend([request] * ("GetCallerIdentity" in request))
        return "GetCallerIdentity" in request and len(asked) > 1

    cloud.spoil(of_the_role, fault_proxy.Reply(200, other))

    with pytest.raises(Refusal, match="led into account 999999999999: nothing was read"):
        scan("instances", accounts=["210987654321"], role="governor-scan")

    assert not [request for request in cloud.proxy.requests if "Action=Describe" in request]


def test_accounts_are_read_through_their_roles_and_one_that_is_closed_is_a_gap(cloud: Cloud) -> None:
    cloud.start("m5.large")
    cloud.spoil(lambda request: "333333333333" in request, refused(403, "AccessDenied"))

    inventory = scan("instances", accounts=["222222222222", ACCOUNT, "333333333333"], role="governor-scan")

    assert [resource.account for resource in inventory.resources] == [ACCOUNT]
    assert inventory.gaps == (Gap("333333333333", "not read: AssumeRole: AccessDenied"),)


def test_without_regions_those_that_are_enabled_are_read(cloud: Cloud) -> None:
    cloud.start("m5.large", region="sa-east-1", **COMPLETE)

    inventory = scan("instances", regions=())

    assert [resource.region for resource in inventory.resources] == ["sa-east-1"]


def test_a_region_that_lacks_a_service_is_no_gap(cloud: Cloud) -> None:
    """botocore knows of no Bedrock in ap-east-1."""
    cloud.start("m5.large", region="ap-east-1")

    inventory = scan("instances", "bedrock", regions=("ap-east-1", "us-east-1"))

    (note,) = inventory.notes
    assert re.fullmatch(r"not asked, as botocore \S+ knows of no such service there: bedrock in ap-east-1", note)
    assert (len(inventory.resources), inventory.gaps) == (1, ())
    assert len([request for request in cloud.proxy.requests if "/inference-profiles" in request]) == 1


def test_a_region_that_botocore_does_not_know_may_have_every_service() -> None:
    clients = Clients()

    assert clients.offers("bedrock", "aws", "xx-new-1")
    assert not clients.offers("bedrock", "aws", "ap-east-1")
    assert clients.offers("ec2", "aws-cn", "cn-north-1")


def test_a_scan_sends_reads_only(cloud: Cloud) -> None:
    cloud.start("m5.large")
    cloud.bucket("data")

    scan("instances", "groups", "volumes", "snapshots", "buckets")

    actions = {request.partition("Action=")[2].partition("&")[0] for request in cloud.proxy.requests} - {""}
    assert "DescribeSnapshots" in actions
    assert [a for a in actions if not any(is_read(s, a) for s in ("ec2", "autoscaling", "sts"))] == []
    assert {request[:4] for request in cloud.proxy.requests if "Action=" not in request} == {"GET "}
