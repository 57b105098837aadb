"""What assignments demand, found by asking them: exports in, facts of scopes and findings out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azure.assigned import (
    ALLOWED_LOCATIONS,
    ALLOWED_SIZES,
    BELOW_CORP,
    CORP,
    INHERIT_TAG,
    LAB,
    NO_LOCAL_AUTH,
    NOT_ALLOWED_TYPES,
    ONE,
    REQUIRE_TAG,
    REQUIRE_TAG_AND_VALUE,
    TODAY,
    TURN_LOCAL_AUTH_OFF,
    TWO,
    assigned,
    built_in,
    by_id,
    collected,
    data,
    definition,
    exempted,
    found,
    initiative,
    needs_built_in,
    no,
    of_ours,
    open_in,
    scope,
    tags,
)
from governor import azure_generated, library
from governor.azure_model import (
    ArmResource,
    Definition,
    Estate,
    Export,
    Member,
    Override,
    PolicyState,
    ResourceSelector,
    Selector,
)
from governor.catalog.attributes import ATTRIBUTES
from governor.model import Exemption, Resource

NOTHING = definition("nothing", no("project"), "disabled")


def export(*objects: Any, ancestors: Any = BELOW_CORP, **facts: Any) -> Export:
    """Definitions and assignments, told apart."""
    return Export(
        definitions=tuple(one for one in objects if isinstance(one, Definition)),
        assignments=tuple(one for one in objects if not isinstance(one, Definition)),
        ancestors=ancestors,
        **facts,
    )


# Microsoft's own policies


@needs_built_in
def test_allowed_locations_hold_for_what_lies_below() -> None:
    policy = built_in(ALLOWED_LOCATIONS)
    allowed = {"listOfAllowedLocations": ["West Europe", "northeurope"]}

    inventory = collected(export(policy, assigned("places", policy, CORP, parameters=allowed)))

    kinds = ("virtualMachines", "accounts", "storageAccounts")
    assert [len(open_in(inventory, ONE, kind)) for kind in kinds] == [2, 2, 2]
    assert open_in(inventory, TWO, "accounts") == {"westeurope", "northeurope"}
    assert scope(inventory, ONE)["locations"]["accounts"]["eastus"] == "deny"
    assert open_in(inventory, CORP, "accounts") == {"westeurope", "northeurope"}


@needs_built_in
def test_allowed_sizes_know_virtual_machines_only() -> None:
    policy = built_in(ALLOWED_SIZES)
    sizes = assigned(
        "sizes", policy, ONE, parameters={"listOfAllowedSKUs": ["Standard_D2s_v3", "Standard_NC4as_T4_v3"]}
    )

    inventory = collected(export(policy, sizes))

    assert scope(inventory, ONE)["gpu"] == {
        "virtualMachines": "deny",
        "virtualMachineScaleSets": "",
        "agentPools": "",
        "managedClusters": "",
        "computes": "",
    }
    assert set(scope(inventory, TWO)["gpu"].values()) == {""}
    nothing = "nothing stops sizes with GPUs of AKS node pools, ML computes, AKS clusters"
    assert found(inventory, "AZP005") == [
        ("AZP005", ONE, f"{nothing}, scale sets", True),
        ("AZP005", TWO, f"{nothing}, scale sets, virtual machines", True),
    ]


@needs_built_in
def test_a_tag_that_is_required_with_a_value_of_its_own_or_inherited() -> None:
    require, valued, inherit = built_in(REQUIRE_TAG), built_in(REQUIRE_TAG_AND_VALUE), built_in(INHERIT_TAG)

    inventory = collected(
        export(
            require, valued, inherit,
            assigned("a", require, ONE, parameters={"tagName": "project"}),
            assigned("b", valued, ONE, parameters={"tagName": "stage", "tagValue": "anything but what we allow"}),
            assigned("c", inherit, ONE, parameters={"tagName": "owner-team"}),
            assigned("d", require, TWO, parameters={"tagName": "Name"}),
        )
    )  # fmt: skip

    assert tags(inventory, ONE) == {"project": "deny", "stage": "deny", "owner-team": "modify"}
    assert tags(inventory, TWO) == {}
    assert scope(inventory, ONE)["requires_tags"]["project"]["assignment"].endswith("/policyAssignments/a")


@needs_built_in
def test_keys_that_are_denied_or_turned_off() -> None:
    deny, mend = built_in(NO_LOCAL_AUTH), built_in(TURN_LOCAL_AUTH_OFF)

    inventory = collected(
        export(deny, mend, assigned("a", deny, ONE, parameters={"effect": "Deny"}), assigned("b", mend, TWO))
    )

    assert scope(inventory, ONE)["local_auth"] == {"accounts": "deny", "searchServices": "deny", "storageAccounts": ""}
    assert scope(inventory, TWO)["local_auth"]["accounts"] == "deployifnotexists"
    assert found(inventory, "AZP007")[0] == ("AZP007", ONE, "nothing stops keys of storage accounts", True)


@needs_built_in
def test_a_type_that_is_not_allowed_is_stopped_in_every_respect_but_for_tags() -> None:
    policy = built_in(NOT_ALLOWED_TYPES)
    banned = ["Microsoft.CognitiveServices/accounts", "Microsoft.CognitiveServices/accounts/deployments"]

    inventory = collected(
        export(policy, assigned("a", policy, ONE, parameters={"listOfResourceTypesNotAllowed": banned}))
    )

    facts = scope(inventory, ONE)
    assert set(facts["global_processing"].values()) == {"deny"}
    assert facts["local_auth"] == {"accounts": "deny", "searchServices": "", "storageAccounts": ""}
    assert open_in(inventory, ONE, "accounts") == set()
    assert open_in(inventory, ONE, "virtualMachines")
    assert tags(inventory, ONE) == {}


# Where and how a policy is assigned


def test_one_finding_for_what_a_management_group_lacks_and_one_where_a_group_is_left_out() -> None:
    policy = definition("tags", no("project"))

    inventory = collected(export(policy, assigned("tags", policy, CORP, not_scopes=(LAB, TWO))))

    lacks = 'no policy asks for the tag "project" of virtual machines, AI accounts, storage accounts'
    assert found(inventory, "AZP001", tags=["project"]) == [("AZP001", LAB, lacks, True), ("AZP001", TWO, lacks, True)]
    assert found(inventory, "AZP001", tags=["project"], scopes=[CORP]) == []
    assert scope(inventory, LAB)["above"] == [ONE, CORP]


@pytest.mark.parametrize(
    ("facts", "asked", "said"),
    [
        ({}, {"project": "deny"}, []),
        (
            {"enforced": False},
            {"project": "deny (not enforced)"},
            [("AZP001", ONE, 'the policy that asks for the tag "project" is in DoNotEnforce'),
             ("AZP003", f"{ONE}/providers/Microsoft.Authorization/policyAssignments/tags",
              "(tags) is in DoNotEnforce: it is evaluated, and nothing is done")],
        ),
        (
            {"overrides": (Override(kind="policyEffect", value="Disabled"),)},
            {},
            [("AZP001", ONE, 'no policy asks for the tag "project" of virtual machines, AI accounts, storage accounts'),
             ("AZP003", f"{ONE}/providers/Microsoft.Authorization/policyAssignments/tags",
              "(tags) is overridden from deny to disabled")],
        ),
        (
            {"overrides": (Override(kind="policyEffect", value="audit"),)},
            {"project": "audit"},
            [("AZP003", f"{ONE}/providers/Microsoft.Authorization/policyAssignments/tags",
              "(tags) is overridden from deny to audit")],
        ),
        (
            {"selectors": (ResourceSelector(selectors=(Selector(
                kind="resourceType", within=("Microsoft.Storage/storageAccounts",)),)),)},
            {},
            [("AZP001", ONE, 'no policy asks for the tag "project" of virtual machines, AI accounts')],
        ),
    ],
    ids=["in force", "not enforced", "overridden away", "overridden to audit", "for one type"],
)  # fmt: skip
def test_how_a_policy_is_assigned_counts(facts: dict[str, Any], asked: dict[str, str], said: list[Any]) -> None:
    policy = definition("tags", no("project"))

    inventory = collected(export(policy, assigned("tags", policy, ONE, **facts), ancestors={ONE: ()}))

    assert tags(inventory, ONE) == asked
    assert [finding[:3] for finding in found(inventory, "AZP001", "AZP003", tags=["project"])] == said


def test_members_of_an_initiative_are_asked_with_its_parameters() -> None:
    policy = definition(
        "tag", {"field": "[concat('tags[', parameters('name'), ']')]", "exists": "false"}, "[parameters('effect')]",
        parameters={"name": {"type": "String"}, "effect": {"type": "String", "defaultValue": "deny"}},
    )  # fmt: skip
    whole = initiative(
        "tags",
        Member(definition=policy.id, reference="project", parameters={"name": "project"}),
        Member(
            definition=policy.id, reference="team", parameters={"name": "owner-team", "effect": "[parameters('e')]"}
        ),
        Member(definition=policy.id, reference="off", parameters={"name": "dataset", "effect": "disabled"}),
        parameters={"e": {"type": "String", "defaultValue": "audit"}},
    )
    one = assigned("tags", whole, ONE, line=7, parameters={"e": "disabled"}, display_name="Our tags")

    inventory = collected(
        export(policy, one, assigned("tags", whole, TWO), initiatives=(whole,)), wanted=of_ours()
    )  # fmt: skip

    assert tags(inventory, ONE) == {"project": "deny"}
    assert tags(inventory, TWO) == {"project": "deny", "owner-team": "audit"}
    resources = by_id(inventory)
    effects = {id: found.attributes.get("effect") for id, found in resources.items() if id.startswith(one.id)}
    members = {f"{one.id}#project": "deny", f"{one.id}#team": "disabled", f"{one.id}#off": "disabled"}
    assert effects == {one.id: None, **members}
    assert resources[f"{one.id}#team"].attributes["decided_by"] == "assignment"
    assert resources[f"{one.id}#off"].attributes["decided_by"] == "initiative"
    by_default = f"{TWO}/providers/Microsoft.Authorization/policyAssignments/tags#team"
    assert resources[by_default].attributes["decided_by"] == "default"
    assert (resources[one.id].origin.file, resources[one.id].origin.line) == ("assignments.json", 7)  # type: ignore[union-attr]


def test_an_exemption_of_a_whole_scope_counts_until_it_ends() -> None:
    policy = definition("tags", no("project"))
    tagging = assigned("tags", policy, CORP)
    until = exempted(tagging, ONE, expires_on="2026-08-02T00:00:00Z", display_name="Migration")
    ended = exempted(tagging, TWO, expires_on="2026-07-31T00:00:00Z")
    ours = Exemption(
        policy="TAG001", resource=f"{ONE.upper()}/*", category="waiver", reason="r", owner="o", approved_by="a",
        expires=TODAY,
    )  # fmt: skip

    inventory = collected(export(policy, tagging, exemptions=(until, ended)), exemptions=[ours])

    assert (tags(inventory, ONE), tags(inventory, TWO)) == ({}, {"project": "deny"})
    assert found(inventory, "AZP004") == [("AZP004", ended.id, "(one) ended on 2026-07-31, and is still there", True)]
    assert by_id(inventory)[until.id].attributes["exempted_by_us"] is True
    assert [text for _, _, text, _ in found(collected(export(policy, tagging, exemptions=(until,))), "AZP004")] == [
        "(Migration) has no exemption of governor beside it"
    ]


def test_a_denial_that_is_not_enforced_stops_nothing() -> None:
    policy = definition("places", {"field": "location", "notIn": ["westeurope"]})

    inventory = collected(export(policy, assigned("places", policy, ONE, enforced=False)))

    assert set(scope(inventory, ONE)["locations"]["accounts"].values()) == {""}


def test_a_policy_that_looks_at_its_subscription_is_asked_in_each() -> None:
    only_one = {"allOf": [no("project"), {"value": "[subscription().subscriptionId]", "like": "*1"}]}
    policy = definition("tags", only_one)

    inventory = collected(export(policy, assigned("tags", policy, CORP), assigned("x", NOTHING, TWO), NOTHING))

    assert (tags(inventory, ONE), tags(inventory, TWO)) == ({"project": "deny"}, {})


# What is asked, and with what


def test_several_tags_in_one_rule_with_values_of_their_own() -> None:
    both = {"anyOf": [
        {"field": "tags['project']", "notMatchInsensitively": "prj-##"},
        {"field": "tags['owner-team']", "notLike": "team-*"},
        {"field": "tags['cost-center']", "notIn": ["cc1", "cc2"]},
    ]}  # fmt: skip

    inventory = collected(export(policy := definition("tags", both), assigned("tags", policy, ONE)))

    assert tags(inventory, ONE) == {"project": "deny", "owner-team": "deny"}


def test_a_rule_that_names_a_tag_beside_something_else_is_not_taken_for_one() -> None:
    closed = {"allOf": [no("project"), {"field": "location", "equals": "eastus"}]}
    always = {"anyOf": [no("project"), {"field": "Microsoft.Compute/virtualMachines/imageOffer", "exists": "false"}]}
    policies = [definition("a", closed), definition("b", always)]

    inventory = collected(export(*policies, *(assigned(one.name, one, ONE) for one in policies)))

    assert tags(inventory, ONE) == {}


def test_global_deployments_that_a_list_leaves_out() -> None:
    sku = "Microsoft.CognitiveServices/accounts/deployments/sku.name"
    type = {"field": "type", "equals": "Microsoft.CognitiveServices/accounts/deployments"}
    policy = definition("skus", {"allOf": [type, {"field": sku, "notIn": ["ProvisionedManaged", "DataZoneStandard"]}]})

    inventory = collected(export(policy, assigned("skus", policy, ONE), ancestors={ONE: ()}))

    facts = scope(inventory, ONE)["global_processing"]
    assert {name for name, effect in facts.items() if not effect} == {"DataZoneStandard"}
    assert found(inventory, "AZP006") == [
        ("AZP006", ONE, "nothing denies deployments that process outside their region: DataZoneStandard", True)
    ]


def test_a_size_that_is_stopped_of_one_type_and_open_of_another() -> None:
    machines = {"allOf": [
        {"field": "type", "equals": "Microsoft.Compute/virtualMachines"},
        {"field": "Microsoft.Compute/virtualMachines/sku.name", "like": "Standard_N*"},
    ]}  # fmt: skip
    sets = {"allOf": [
        {"field": "type", "equals": "Microsoft.Compute/virtualMachineScaleSets"},
        {"field": "Microsoft.Compute/virtualMachineScaleSets/sku.name", "like": "Standard_ND*"},
    ]}  # fmt: skip
    policies = [definition("machines", machines), definition("sets", sets)]

    inventory = collected(export(*policies, *(assigned(one.name, one, ONE) for one in policies)))

    gpu = scope(inventory, ONE)["gpu"]
    assert (gpu["virtualMachines"], gpu["virtualMachineScaleSets"]) == ("deny", "")


def test_locations_beside_the_residency_data() -> None:
    policy = definition("places", {"field": "location", "notIn": ["westeurope", "eastus"]})

    inventory = collected(
        export(policy, assigned("places", policy, ONE), ancestors={ONE: ()}),
        wanted=of_ours(default_class="personal-eu"),
    )

    assert [text for _, _, text, _ in found(inventory, "AZP002")] == [
        f"lets {what} lie in 1 regions that the residency data does not allow: eastus"
        for what in ("AI accounts", "storage accounts", "virtual machines")
    ]
    assert [note.partition(":")[0] for note in inventory.notes] == [
        f"the residency data allows {kind} in regions that Azure denies at every scope"
        for kind in ("virtualMachines", "accounts", "storageAccounts")
    ]


# What is not known


def test_what_the_export_does_not_hold_is_unknown_and_a_gap_never_an_absence() -> None:
    missing = assigned("built-in", built_in_unknown := definition("gone", no("project")), ONE)

    inventory = collected(Export(assignments=(missing,), ancestors={ONE: ()}))

    assert [gap.place for gap in inventory.gaps] == [missing.id]
    assert set(by_id(inventory)[ONE].unknown) >= {"attributes.requires_tags.project", "attributes.gpu.computes"}
    assert {certain for _, _, _, certain in found(inventory)} == {False}
    assert built_in_unknown.id in by_id(inventory)[ONE].unknown["attributes.requires_tags.project"]


def test_a_condition_nobody_can_answer_hides_what_it_is_about_and_no_more() -> None:
    odd = {"allOf": [{"field": "Microsoft.Storage/storageAccounts/noSuchThing", "equals": "x"}, no("project")]}
    policy = definition("odd", odd)

    inventory = collected(export(policy, assigned("odd", policy, ONE), ancestors={ONE: ()}))

    unknown = by_id(inventory)[ONE].unknown
    assert not [path for path in unknown if not path.startswith("attributes.requires_tags.")]


def test_a_subscription_whose_management_groups_nobody_told() -> None:
    policy = definition("tags", no("project"))

    inventory = collected(
        export(policy, assigned("tags", policy, CORP), assigned("x", NOTHING, ONE), NOTHING, ancestors={})
    )

    assert found(inventory, "AZP001", tags=["project"]) == [
        ("AZP001", ONE, 'whether a policy asks for the tag "project" is not known', False)
    ]
    assert "not told" in by_id(inventory)[ONE].unknown["attributes.requires_tags.project"]


def test_a_rule_that_fails_is_no_pass() -> None:
    policy = definition("bad", {"value": "[substring(field('tags.project'), 0, 100)]", "equals": "x"})

    inventory = collected(export(policy, assigned("bad", policy, ONE), ancestors={ONE: ()}))

    assert "attributes.requires_tags.project" in by_id(inventory)[ONE].unknown


# Records


def test_records_are_one_resource_with_owner_and_money_that_counts_once() -> None:
    machine = f"{LAB}/providers/Microsoft.Compute/virtualMachines/trainer"
    policy = definition("tags", no("project"), display_name="Require project")
    states = [
        PolicyState(resource=machine.lower(), assignment=f"{ONE}/a/{name}", definition=policy.id.lower(),
                    state="NonCompliant", effect="Deny", at="2026-08-01T00:00:00Z", reference=reference)
        for name, reference in (("tags", "r1"), ("tags", "r2"), ("other", ""))
    ]  # fmt: skip
    fine = PolicyState(resource=f"{machine}2", assignment="a", definition="d", state="Compliant")
    estate = Estate(
        resources=(
            ArmResource(
                id=machine,
                type="Microsoft.Compute/virtualMachines",
                body={"location": "westeurope", "tags": {"owner-team": "lab"}},
            ),
        )
    )
    ours = Resource(
        id=machine, kind="compute_instance", type="azurerm_linux_virtual_machine", provider="azure",
        region="westeurope", tags={"owner-team": "vision"}, hourly_usd=Decimal("3.67"),
    )  # fmt: skip
    given = Export(definitions=(policy,), states=(*states, fine))

    alone = by_id(collected(given))[machine.lower()]
    listed = by_id(collected(given, estate=estate))[machine]
    priced = by_id(collected(given, estate=estate, known={machine.lower(): ours}))[machine]

    assert alone.unknown == {"tags": "the resource itself was not given"}
    assert (listed.tags, listed.region, listed.hourly_usd) == ({"owner-team": "lab"}, "westeurope", None)
    assert (priced.tags, priced.hourly_usd) == ({"owner-team": "vision"}, Decimal("3.67"))
    assert set(priced.attributes["records"]) == {"tags/r1", "tags/r2", "other"}
    assert [text for _, _, text, _ in found(collected(given, estate=estate), "AZP008")] == [
        'does not comply with "Require project" (deny)'
    ] * 3


# What must always hold


def test_what_governor_generates_passes_its_own_policies() -> None:
    loaded = library.load([library.builtin()])
    configs = {"tagging": data("tagging"), "residency": data("residency", default_class="personal-eu")}
    made = azure_generated.generate(
        configs,
        {policy.id: policy for policy in loaded.policies},
        azure_generated.Options(scope=ONE, effect="Deny", location="westeurope"),
    ).export

    inventory = collected(made, wanted=of_ours(default_class="personal-eu"))

    assert found(inventory, "AZP001", "AZP002", "AZP003", "AZP006") == []


def test_every_attribute_is_in_the_table() -> None:
    policy = definition("tags", no("project"))
    tagging = assigned("tags", policy, ONE, overrides=(Override(kind="policyEffect", value="audit"),))
    whole = initiative("all", Member(definition=policy.id, reference="r"))
    state = PolicyState(resource=f"{ONE}/x", assignment="a", definition="d", state="NonCompliant")

    inventory = collected(
        export(
            policy, tagging, assigned("all", whole, ONE), initiatives=(whole,), states=(state,),
            exemptions=(exempted(tagging, ONE, expires_on="2026-12-31T00:00:00Z"),),
        )
    )  # fmt: skip

    named = {(kind, name) for name, kinds in ATTRIBUTES.items() for kind in kinds if kind.startswith("azure_")}
    assert {(one.kind, name) for one in inventory.resources for name in one.attributes} == named


PIECES = [
    definition("project", no("project")),
    definition("team", {"field": "tags['owner-team']", "notEquals": "red"}, "audit"),
    definition("places", {"field": "location", "notIn": ["westeurope"]}),
    definition("here", {"allOf": [no("dataset"), {"value": "[subscription().subscriptionId]", "like": "*1"}]}),
    definition("named", {"allOf": [no("model"), {"field": "id", "contains": "00000002"}]}),
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([CORP, ONE, TWO, LAB]), st.booleans()), max_size=6))
def test_scopes_that_share_an_answer_would_each_give_it(chosen: list[tuple[Definition, str, bool]]) -> None:
    assignments = [
        assigned(f"{number}", policy, where, enforced=enforced)
        for number, (policy, where, enforced) in enumerate(chosen)
    ]
    whole = collected(export(*PIECES, *assignments))

    for id, ancestors in BELOW_CORP.items():
        alone = collected(export(*PIECES, *assignments, ancestors={id: ancestors}))
        assert scope(whole, id) == scope(alone, id)
        assert by_id(whole)[id].unknown == by_id(alone)[id].unknown
