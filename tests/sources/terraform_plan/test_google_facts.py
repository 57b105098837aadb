"""Facts of Google's and the model providers' types, each from a small plan."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sources.terraform_plan.plans import const, only, plan_of, rc, ref, resources

GOOGLE = {"google": {"name": "google", "expressions": {"region": const("europe-west4")}}}


@pytest.mark.parametrize(
    ("after", "unknown", "tags"),
    [
        ({"labels": {"a": "b"}, "effective_labels": {"a": "b", "goog-terraform-provisioned": "true"}}, {}, {"a": "b"}),
        (
            {
                "labels": {"a": "b"},
                "terraform_labels": {"a": "b", "d": "e"},
                "effective_labels": {"a": "b", "d": "e", "x": "y"},
            },
            {},
            {"a": "b", "d": "e", "x": "y"},
        ),
        ({"labels": {"a": "b"}}, {}, {"a": "b"}),
        ({"user_labels": {"a": "b"}}, {}, {"a": "b"}),
        ({"labels": None}, {"effective_labels": True, "terraform_labels": True}, {"default": "label"}),
        (
            {"labels": {"a": "b"}},
            {"effective_labels": True, "labels": {"c": True}},
            {"a": "b", "c": "(known after apply)", "default": "label"},
        ),
        ({"tags": ["network"]}, {}, {}),
    ],
)
def test_labels(after: dict[str, Any], unknown: dict[str, Any], tags: dict[str, str]) -> None:
    providers = {"google": {"name": "google", "expressions": {"default_labels": const({"default": "label"})}}}
    instance = only(plan_of(rc("google_compute_instance.i", after, unknown=unknown), providers=providers))
    assert instance.tags == tags
    assert {path for path in instance.unknown if path.startswith("tags")} == {
        f"tags.{key}" for key, value in tags.items() if value == "(known after apply)"
    }


def test_labels_that_are_not_known() -> None:
    change = rc(
        "google_compute_instance.i",
        {},
        unknown={"labels": True, "effective_labels": True},
        expressions={"labels": ref("local.labels")},
    )
    assert only(plan_of(change)).unknown["tags"] == "known after apply"


@pytest.mark.parametrize(
    ("scheduling", "purchase"),
    [
        ([{"provisioning_model": "SPOT"}], "spot"),
        ([{"preemptible": True}], "spot"),
        ([{"provisioning_model": "STANDARD"}], "on_demand"),
    ],
)
def test_machines_of_google(scheduling: Any, purchase: str) -> None:
    after = {"machine_type": "a2-highgpu-1g", "zone": "europe-west4-a", "scheduling": scheduling}
    machine = only(plan_of(rc("google_compute_instance.i", after)))
    assert (machine.purchase, machine.region) == (purchase, "europe-west4")
    assert machine.accelerator is not None
    assert machine.accelerator.model == "A100"
    assert machine.hourly_usd is not None


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("nvidia-tesla-t4", "T4"),
        ("NVIDIA_TESLA_T4", "T4"),
        ("https://x/acceleratorTypes/nvidia-l4", "L4"),
        ("nvidia-h100-80gb", "H100"),
    ],
)
def test_cards_on_a_general_machine(kind: str, model: str) -> None:
    after = {
        "machine_type": "n1-standard-8",
        "zone": "europe-west4-a",
        "guest_accelerator": [{"type": kind, "count": 2}],
    }
    machine = only(plan_of(rc("google_compute_instance.i", after)))
    assert machine.accelerator is not None
    assert (machine.accelerator.model, machine.accelerator.count) == (model, 2)
    assert "general machine" in machine.unknown["hourly_usd"]


@pytest.mark.parametrize("job", [False, True])
def test_gpus_of_cloud_run(job: bool) -> None:
    address = "google_cloud_run_v2_job.r" if job else "google_cloud_run_v2_service.r"

    def nested(value: Any) -> dict[str, Any]:
        inner = [{"node_selector": [{"accelerator": value}]}]
        return {"template": [{"template": inner}] if job else inner}

    run = only(plan_of(rc(address, {"location": "europe-west4", **nested("nvidia-l4")})))
    assert run.accelerator is not None
    assert (run.accelerator.model, run.accelerator.count) == ("L4", 1)
    assert run.unknown["hourly_usd"] == "the price book has no prices of Cloud Run"
    unknown = only(plan_of(rc(address, {"location": "europe-west4"}, unknown=nested(True))))
    assert {"accelerator", "hourly_usd"} <= unknown.unknown.keys()


CARDS = [{"type": "nvidia-tesla-t4"}]
CARDS_UNKNOWN = [{"count": True}]


def test_how_many_cards_is_not_known() -> None:
    after = {"machine_type": "n1-standard-8", "guest_accelerator": CARDS}
    machine = only(plan_of(rc("google_compute_instance.i", after, unknown={"guest_accelerator": CARDS_UNKNOWN})))
    assert machine.unknown["accelerator"] == "count of its accelerators is not known before apply"
    assert {"hourly_usd"} <= machine.unknown.keys()
    assert machine.accelerator is None


def test_how_many_cards_a_template_hangs_on_is_not_known() -> None:
    after = {"machine_type": "n1-standard-8", "guest_accelerator": CARDS}
    changes = [
        rc("google_compute_instance_template.t", after, unknown={"guest_accelerator": CARDS_UNKNOWN}),
        rc(
            "google_compute_instance_group_manager.g",
            {"zone": "europe-west4-a", "target_size": 1},
            expressions={"version": [{"instance_template": ref("google_compute_instance_template.t.id")}]},
        ),
    ]
    group = resources(plan_of(*changes))["google_compute_instance_group_manager.g"]
    assert {"accelerator", "hourly_usd"} <= group.unknown.keys()


@pytest.mark.parametrize(
    "prefix",
    ["", "zones/z/machineTypes/", "https://www.googleapis.com/compute/v1/projects/p/zones/z/machineTypes/"],
)
@pytest.mark.parametrize(
    ("type", "before", "after"),
    [
        ("google_compute_instance", '{"machine_type": ', "}"),
        ("google_compute_reservation", '{"specific_reservation": [{"instance_properties": [{"machine_type": ', "}]}]}"),
        ("google_workbench_instance", '{"gce_setup": [{"machine_type": ', "}]}"),
        ("google_notebooks_instance", '{"machine_type": ', "}"),
        ("google_container_node_pool", '{"node_config": [{"machine_type": ', "}]}"),
    ],
)
def test_machine_types_written_as_urls(prefix: str, type: str, before: str, after: str) -> None:
    written = json.loads(f'{before}"{prefix}g2-standard-48"{after}')
    machine = only(plan_of(rc(f"{type}.a", {"zone": "europe-west4-a", **written})))
    assert machine.attributes["instance_type"] == "g2-standard-48"
    assert machine.accelerator is not None
    assert machine.accelerator.model == "L4"


def test_machine_types_of_templates_written_as_urls() -> None:
    changes = [
        rc("google_compute_instance_template.t", {"machine_type": "zones/z/machineTypes/a2-highgpu-1g"}),
        rc(
            "google_compute_instance_group_manager.g",
            {"zone": "europe-west4-a", "target_size": 1},
            expressions={"version": [{"instance_template": ref("google_compute_instance_template.t.id")}]},
        ),
    ]
    found = resources(plan_of(*changes))
    for address in ("google_compute_instance_template.t", "google_compute_instance_group_manager.g"):
        assert found[address].attributes["instance_type"] == "a2-highgpu-1g"


def test_messages_name_cards_without_their_url() -> None:
    card = {"type": "https://www.googleapis.com/compute/v1/projects/p/zones/z/acceleratorTypes/nvidia-tesla-v100"}
    after = {"machine_type": "n1-standard-8", "guest_accelerator": [{**card, "count": 1}]}
    why = only(plan_of(rc("google_compute_instance.i", after))).unknown["hourly_usd"]
    assert why == "the price book has no price for nvidia-tesla-v100 on a general machine"


POOL = {"node_config": [{"machine_type": "a2-highgpu-1g", "resource_labels": {"a": "b"}}]}


@pytest.mark.parametrize(
    ("cluster", "pool", "count", "most"),
    [
        ({"location": "europe-west4"}, {"node_count": 2}, 6, None),
        ({"location": "europe-west4", "node_locations": ["a", "b"]}, {"node_count": 2}, 4, None),
        ({"location": "europe-west4-a"}, {"node_count": 2}, 2, None),
        ({"location": "europe-west4-a", "node_locations": ["europe-west4-b"]}, {"node_count": 2}, 4, None),
        ({"location": "europe-west4"}, {"node_count": 2, "node_locations": ["europe-west4-a"]}, 2, None),
        ({"location": "europe-west4"}, {"initial_node_count": 1, "autoscaling": [{"max_node_count": 3}]}, 3, 9),
        ({"location": "europe-west4"}, {"autoscaling": [{"total_min_node_count": 1, "total_max_node_count": 7}]}, 1, 7),
    ],
)
def test_nodes_are_counted_in_each_zone(
    cluster: dict[str, Any], pool: dict[str, Any], count: int, most: int | None
) -> None:
    changes = [
        rc("google_container_cluster.c", {"remove_default_node_pool": True, **cluster}),
        rc(
            "google_container_node_pool.p",
            {**POOL, **pool},
            unknown={"node_count": "node_count" not in pool},
            expressions={"cluster": ref("google_container_cluster.c.name")},
        ),
    ]
    nodes = resources(plan_of(*changes, providers=GOOGLE))["google_container_node_pool.p"]
    assert (nodes.count, nodes.max_count) == (count, most)
    assert nodes.price is not None
    assert nodes.hourly_usd == nodes.price.usd_per_hour * count
    assert nodes.tags == nodes.attributes["delivered_tags"] == {"a": "b"}


def test_nodes_of_a_regional_cluster_elsewhere_have_no_count() -> None:
    nodes = only(plan_of(rc("google_container_node_pool.p", {**POOL, "location": "europe-west4", "node_count": 2})))
    assert {"count", "hourly_usd"} <= nodes.unknown.keys()


def test_a_cluster_with_its_default_pool() -> None:
    after = {"location": "europe-west4", "initial_node_count": 1, **POOL}
    assert only(plan_of(rc("google_container_cluster.c", after))).count == 3
    assert only(plan_of(rc("google_container_cluster.c", {**after, "enable_autopilot": True}))).count is None


def test_a_cluster_with_a_machine_type_that_is_not_known() -> None:
    change = rc(
        "google_container_cluster.c",
        {"location": "europe-west4", "initial_node_count": 1, "node_config": [{}]},
        unknown={"node_config": [{"machine_type": True}], "node_pool": True},
        expressions={"node_config": [{"machine_type": ref("var.machine")}]},
    )
    cluster = only(plan_of(change))
    assert {"accelerator", "hourly_usd"} <= cluster.unknown.keys()


def test_a_machine_type_that_is_not_written_is_the_default() -> None:
    change = rc(
        "google_container_cluster.c",
        {"location": "europe-west4", "initial_node_count": 1, "node_config": [{"spot": True}]},
        unknown={"node_config": [{"machine_type": True}], "node_pool": True},
        expressions={"node_config": [{"spot": const(True)}]},
    )
    cluster = only(plan_of(change))
    assert (cluster.attributes["instance_type"], cluster.count) == ("e2-medium", 3)
    assert "accelerator" not in cluster.unknown


def inline(machine_type: str, **more: Any) -> dict[str, Any]:
    config = {"machine_type": machine_type, **more.pop("config", {})}
    return {"node_config": [config], **more}


def test_inline_pools_of_a_cluster() -> None:
    pools = [
        inline("e2-medium", name="system", node_count=1),
        inline("a2-highgpu-1g", name="a", node_count=2, autoscaling=[{"max_node_count": 3}]),
        inline("a2-highgpu-1g", name="b", node_count=1, node_locations=["europe-west4-a"]),
    ]
    after = {"location": "europe-west4", "node_pool": pools, "node_config": []}
    cluster = only(plan_of(rc("google_container_cluster.c", after)))
    assert cluster.accelerator is not None
    assert cluster.accelerator.model == "A100"
    assert (cluster.count, cluster.max_count) == (3 + 6 + 1, 3 + 9 + 1)
    assert cluster.price is not None
    assert cluster.hourly_usd == cluster.price.usd_per_hour * 7
    assert cluster.max_hourly_usd == cluster.price.usd_per_hour * 10


def test_cards_of_an_inline_pool_beside_a_machine_that_brings_its_own() -> None:
    cards = {"guest_accelerator": [{"type": "nvidia-tesla-t4", "count": 1}]}
    pools = [inline("a2-highgpu-1g", node_count=1), inline("n1-standard-8", node_count=1, config=cards)]
    cluster = only(plan_of(rc("google_container_cluster.c", {"location": "europe-west4-a", "node_pool": pools})))
    assert cluster.accelerator is not None
    assert cluster.accelerator.model == "A100"
    assert "general machine" in cluster.unknown["hourly_usd"]
    alone = only(plan_of(rc("google_container_cluster.c", {"location": "europe-west4-a", "node_pool": pools[1:]})))
    assert alone.accelerator is not None
    assert alone.accelerator.model == "T4"


@pytest.mark.parametrize(
    ("spot", "purchase"), [((True, True), "spot"), ((True, False), "on_demand"), ((False, True), "on_demand")]
)
def test_inline_pools_are_spot_if_all_are(spot: tuple[bool, bool], purchase: str) -> None:
    pools = [inline("a2-highgpu-1g", node_count=1, config={"spot": each}) for each in spot]
    cluster = only(plan_of(rc("google_container_cluster.c", {"location": "europe-west4-a", "node_pool": pools})))
    assert cluster.purchase == purchase


def test_an_inline_pool_with_a_machine_type_that_is_not_known() -> None:
    after = {"location": "europe-west4-a", "node_pool": [{"node_count": 1, "node_config": [{}]}]}
    unknown = {"node_pool": [{"node_config": [{"machine_type": True}]}]}
    cluster = only(plan_of(rc("google_container_cluster.c", after, unknown=unknown)))
    assert {"accelerator", "hourly_usd"} <= cluster.unknown.keys()


def test_pools_that_are_resources_of_their_own_do_not_count_twice() -> None:
    pool = inline("a2-highgpu-1g", name="p", node_count=1)
    state = {"location": "europe-west4-a", "remove_default_node_pool": True, "node_pool": [pool]}
    changes = [
        rc("google_container_cluster.c", state, actions=("no-op",), before=state),
        rc("google_container_node_pool.p", pool, actions=("no-op",), before=pool),
    ]
    assert resources(plan_of(*changes))["google_container_cluster.c"].accelerator is None
    alone = rc("google_container_cluster.c", state, actions=("no-op",), before=state)
    assert only(plan_of(alone)).accelerator is not None


@pytest.mark.parametrize("scaler", [None, "google_compute_autoscaler", "google_compute_region_autoscaler"])
def test_instance_groups(scaler: str | None) -> None:
    labels = {"labels": {"a": "b"}, "effective_labels": {"a": "b"}}
    changes = [
        rc("google_compute_instance_template.t", {"machine_type": "a2-highgpu-1g", **labels}),
        rc("google_compute_instance_template.old", {"machine_type": "n1-standard-1", "labels": {"a": "b", "c": "d"}}),
        rc(
            "google_compute_instance_group_manager.g",
            {"zone": "europe-west4-a", **({} if scaler else {"target_size": 2})},
            expressions={
                "version": [
                    {"instance_template": ref("google_compute_instance_template.t.id")},
                    {"instance_template": ref("google_compute_instance_template.old.id")},
                ]
            },
        ),
    ]
    if scaler:
        policy = [{"min_replicas": 1, "max_replicas": 5}]
        changes.append(
            rc(
                f"{scaler}.s",
                {"autoscaling_policy": policy},
                expressions={"target": ref("google_compute_instance_group_manager.g.id")},
            )
        )
    group = resources(plan_of(*changes, providers=GOOGLE))["google_compute_instance_group_manager.g"]
    assert (group.count, group.max_count) == ((1, 5) if scaler else (2, None))
    assert group.attributes["instance_type"] == "a2-highgpu-1g"
    assert group.tags == group.attributes["delivered_tags"] == {"a": "b"}


@pytest.mark.parametrize(
    ("type", "after"),
    [
        (
            "google_compute_reservation",
            {
                "specific_reservation": [
                    {
                        "count": 2,
                        "instance_properties": [
                            {
                                "machine_type": "n1-standard-1",
                                "guest_accelerators": [{"accelerator_type": "nvidia-tesla-t4", "accelerator_count": 1}],
                            }
                        ],
                    }
                ]
            },
        ),
        (
            "google_workbench_instance",
            {
                "gce_setup": [
                    {
                        "machine_type": "n1-standard-1",
                        "accelerator_configs": [{"type": "NVIDIA_TESLA_T4", "core_count": "1"}],
                    }
                ]
            },
        ),
        (
            "google_notebooks_instance",
            {"machine_type": "n1-standard-1", "accelerator_config": [{"type": "NVIDIA_TESLA_T4", "core_count": 1}]},
        ),
        (
            "google_notebooks_runtime",
            {
                "virtual_machine": [
                    {
                        "virtual_machine_config": [
                            {
                                "machine_type": "n1-standard-1",
                                "accelerator_config": [{"type": "NVIDIA_TESLA_T4", "core_count": 1}],
                            }
                        ]
                    }
                ]
            },
        ),
        (
            "google_vertex_ai_deployment_resource_pool",
            {
                "dedicated_resources": [
                    {
                        "min_replica_count": 1,
                        "machine_spec": [
                            {
                                "machine_type": "n1-standard-1",
                                "accelerator_type": "NVIDIA_TESLA_T4",
                                "accelerator_count": 1,
                            }
                        ],
                    }
                ]
            },
        ),
    ],
)
def test_other_machines_of_google(type: str, after: dict[str, Any]) -> None:
    machine = only(plan_of(rc(f"{type}.a", after), providers=GOOGLE))
    assert machine.attributes["instance_type"] == "n1-standard-1"
    assert machine.accelerator is not None
    assert (machine.accelerator.model, machine.accelerator.count) == ("T4", 1)


def test_tpus() -> None:
    tpu = only(plan_of(rc("google_tpu_v2_vm.t", {"accelerator_type": "v5litepod-8", "zone": "europe-west4-a"})))
    assert tpu.accelerator is not None
    assert (tpu.accelerator.model, tpu.accelerator.count) == ("tpu-v5e", 8)
    assert "per chip" in tpu.unknown["hourly_usd"]


@pytest.mark.parametrize(
    ("type", "topology", "model", "chips"),
    [("V4", "2x2x4", "tpu-v4", 16), ("V5LITE_POD", "2x4", "tpu-v5e", 8), ("V5P", "2x2x1", "tpu-v5p", 4)],
)
def test_tpus_by_topology(type: str, topology: str, model: str, chips: int) -> None:
    after = {"accelerator_config": [{"type": type, "topology": topology}], "zone": "us-central2-b"}
    tpu = only(plan_of(rc("google_tpu_v2_vm.t", after, unknown={"accelerator_type": True})))
    assert tpu.accelerator is not None
    assert (tpu.accelerator.model, tpu.accelerator.count) == (model, chips)
    assert "accelerator" not in tpu.unknown
    assert topology in tpu.unknown["hourly_usd"]


def test_tpus_of_a_topology_that_is_not_known() -> None:
    change = rc(
        "google_tpu_v2_vm.t",
        {"accelerator_config": [{"type": "V4"}]},
        unknown={"accelerator_config": [{"topology": True}]},
        expressions={"accelerator_config": [{"type": const("V4"), "topology": ref("var.topology")}]},
    )
    assert only(plan_of(change)).unknown["accelerator"] == "accelerator_config.0.topology is known after apply"


@pytest.mark.parametrize(
    ("type", "takes_labels"),
    [
        ("google_compute_reservation", False),
        ("google_storage_transfer_job", False),
        ("google_vertex_ai_deployment_resource_pool", False),
        ("google_vertex_ai_endpoint_with_model_garden_deployment", False),
        ("google_compute_instance_group_manager", True),
        ("google_compute_region_instance_group_manager", True),
        ("google_compute_instance", True),
        ("google_container_cluster", True),
    ],
)
def test_what_takes_labels(type: str, takes_labels: bool) -> None:
    assert only(plan_of(rc(f"{type}.a", {"location": "europe-west4"}))).taggable is takes_labels


def test_copies_of_google() -> None:
    buckets = [rc(f"google_storage_bucket.{n}", {"location": n, "name": n, "labels": {"of": n}}) for n in ("EU", "US")]
    spec = [{"gcs_data_source": [{"bucket_name": "EU"}], "gcs_data_sink": [{"bucket_name": "US"}]}]
    dual = rc(
        "google_storage_bucket.d", {"location": "EU", "custom_placement_config": [{"data_locations": ["A", "B"]}]}
    )
    found = resources(plan_of(*buckets, dual, rc("google_storage_transfer_job.j", {"transfer_spec": spec})))
    job = found["google_storage_transfer_job.j"]
    assert (job.region, job.tags, job.attributes["copies_to"]) == ("eu", {"of": "EU"}, ["us"])
    assert found["google_storage_bucket.d"].attributes["copies_to"] == ["a", "b"]


@pytest.mark.parametrize(("location", "leaves"), [("europe-west4", "no"), ("global", "yes")])
def test_endpoints_of_vertex(location: str, leaves: str) -> None:
    endpoint = only(plan_of(rc("google_vertex_ai_endpoint.e", {"location": location})))
    assert endpoint.attributes["processing"]["leaves_jurisdiction"] == leaves


@pytest.mark.parametrize(
    ("address", "after", "key"),
    [
        ("google_apikeys_key.k", {"name": "k", "project": "p"}, {"provider": "gcp", "name": "k", "container": "p"}),
        ("google_service_account_key.k", {"service_account_id": "s"}, {"provider": "gcp", "owner": "s"}),
        (
            "openai_project_api_key.k",
            {"name": "k", "project_id": "p"},
            {"provider": "openai", "name": "k", "container": "p"},
        ),
        (
            "litellm_key.k",
            {"key_alias": "k", "user_id": "u", "team_id": "t"},
            {"provider": "litellm", "name": "k", "owner": "u", "container": "t"},
        ),
        (
            "databricks_obo_token.k",
            {"application_id": "a", "comment": "c"},
            {"provider": "databricks", "name": "c", "owner": "a"},
        ),
    ],
)
def test_keys(address: str, after: dict[str, Any], key: dict[str, str]) -> None:
    resource = only(plan_of(rc(address, after)))
    assert (resource.kind, resource.attributes["key"]) == ("api_key", key)
