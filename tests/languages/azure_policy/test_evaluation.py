"""What policies say of resources, from export and estate to results."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from governor.azure_model import (
    ArmResource,
    Estate,
    Initiative,
    Member,
    Message,
    Override,
    PolicyExemption,
    ResourceSelector,
    Selector,
    Unknown,
)
from governor.languages.azure_policy.evaluation import Evaluation, Policies
from languages.azure_policy.worlds import (
    ALIASES,
    GROUP,
    NOW,
    SUBSCRIPTION,
    VM,
    assignment,
    definition,
    evaluation,
    export,
    group,
    resource,
    results,
    single,
    state,
    vm,
)

IS_VM = {"field": "type", "equals": VM}
NO_PROJECT = {"allOf": [IS_VM, {"field": "tags['project']", "exists": "false"}]}
GROUPS = "/providers/Microsoft.Management/managementGroups"


def test_a_tag_that_is_missing_is_denied_and_a_tag_that_is_there_complies() -> None:
    policy = definition("tag", NO_PROJECT)
    use = assignment(policy, messages=(Message("Every VM belongs to a project."),))
    bare, tagged, disk = vm("bare"), vm("tagged", tags={"Project": "atlas"}), resource("Microsoft.Compute/disks", "d")
    found = results(export([use], [policy]), bare, tagged, disk)
    assert [(one.resource, one.state, one.would_block, one.message) for one in found] == [
        (bare.id, "NonCompliant", True, "Every VM belongs to a project."),
        (tagged.id, "Compliant", False, ""),
    ]


def test_do_not_enforce_is_evaluated_and_blocks_nothing() -> None:
    policy = definition("tag", NO_PROJECT)
    (found,) = results(export([assignment(policy, enforced=False)], [policy]), vm())
    assert (found.state, found.would_block) == ("NonCompliant", False)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # An array that is missing is empty, and everything holds of all its elements.
        ({"field": f"{VM}/dataDisks[*].name", "equals": "a"}, "NonCompliant"),
        ({"count": {"field": f"{VM}/dataDisks[*]"}, "equals": 0}, "NonCompliant"),
        ({"value": f"[field('{VM}/dataDisks')]", "equals": ""}, "NonCompliant"),
        ({"value": f"[length(field('{VM}/dataDisks[*]'))]", "equals": 0}, "NonCompliant"),
        ({"field": f"{VM}/sku.name", "notEquals": "x"}, "NonCompliant"),
        ({"field": f"{VM}/sku.name", "equals": "x"}, "Compliant"),
        # By the documentation these fail, and what fails is refused.
        ({"field": f"{VM}/sku.name", "greater": 5}, "Error"),
        ({"value": "[substring(field('name'), 0, 90)]", "equals": "x"}, "Error"),
        ({"field": "location", "equals": "West Europe"}, "NonCompliant"),
        ({"field": "location", "in": ["East US", "West Europe"]}, "NonCompliant"),
        ({"field": f"{VM}/nobody.knows", "equals": "x"}, "Unknown"),
        ({"field": "Microsoft.Storage/storageAccounts/x", "exists": "false"}, "NonCompliant"),
        ({"value": "[requestContext().identity.appid]", "equals": "x"}, "Unknown"),
        ({"value": "[resourceGroup().location]", "equals": "westeurope"}, "Unknown"),
        ({"value": "[subscription().subscriptionId]", "equals": SUBSCRIPTION.rpartition("/")[2]}, "NonCompliant"),
        ({"value": "[resourceGroup().name]", "equals": "ML"}, "NonCompliant"),
        ({"allOf": []}, "NonCompliant"),
        ({"anyOf": []}, ""),
    ],
)
def test_what_one_condition_makes_of_a_bare_machine(condition: Any, expected: str) -> None:
    assert state({"allOf": [IS_VM, condition]}, vm()) == expected


def test_an_error_blocks_and_says_why() -> None:
    found = single({"allOf": [IS_VM, {"field": f"{VM}/sku.name", "less": 5}]}, vm(), effect="audit")
    assert found is not None
    assert (found.state, found.would_block) == ("Error", True)
    assert found.reason == "what is missing is compared by order with a number"


def test_what_a_plan_does_not_know_is_unknown_where_it_matters_and_only_there() -> None:
    unknown = Unknown("known after apply")
    no_tag = {"field": "tags['project']", "exists": "false"}
    not_here = {"field": "location", "notIn": ["westeurope"]}
    machine = vm(tags=unknown)
    assert state({"allOf": [IS_VM, no_tag]}, machine) == "Unknown"
    assert state({"anyOf": [no_tag, {"not": not_here}]}, machine) == "NonCompliant"
    assert state({"allOf": [no_tag, not_here]}, machine) == "Compliant"
    assert state({"allOf": [IS_VM, no_tag]}, vm(tags={"project": unknown})) == "Unknown"
    assert state({"allOf": [IS_VM, no_tag]}, vm(tags={"other": unknown})) == "NonCompliant"


def test_one_member_is_looked_at_at_a_time() -> None:
    disks = [{"name": "a", "managedDisk": {"id": "1"}}, {"name": "b"}]
    machine = vm(properties={"storageProfile": {"dataDisks": disks}})
    where = {
        "allOf": [
            {"field": f"{VM}/dataDisks[*].name", "equals": "b"},
            {"field": f"{VM}/dataDisks[*].managedDisk.id", "exists": "false"},
            {"value": f"[first(field('{VM}/dataDisks[*].name'))]", "equals": "b"},
            {"value": f"[current('{VM}/dataDisks[*].name')]", "equals": "b"},
            {"field": "name", "equals": "trainer"},
        ]
    }
    count = {"count": {"field": f"{VM}/dataDisks[*]", "where": where}, "equals": 1}
    assert state({"allOf": [IS_VM, count]}, machine) == "NonCompliant"
    named = {"field": f"{VM}/dataDisks[*].name", "equals": "[current('wanted')]"}
    has_one = {"count": {"field": f"{VM}/dataDisks[*]", "where": named}, "greater": 0}
    twice = {"count": {"value": ["b", "c"], "name": "wanted", "where": has_one}, "equals": 1}
    assert state({"allOf": [IS_VM, twice]}, machine) == "NonCompliant"


def test_the_function_tells_of_those_that_have_it_and_a_condition_asks_all() -> None:
    machine = vm(properties={"storageProfile": {"dataDisks": [{"managedDisk": {"id": "1"}}, {}]}})
    told = {"value": f"[length(field('{VM}/dataDisks[*].managedDisk.id'))]", "equals": 1}
    missing = {"not": {"field": f"{VM}/dataDisks[*].managedDisk.id", "exists": "true"}}
    assert state({"allOf": [IS_VM, told, missing]}, machine) == "NonCompliant"


class TestWhetherAPolicyApplies:
    def test_mode_indexed_passes_by_what_has_no_tags(self) -> None:
        lock = resource("Microsoft.Authorization/locks", "keep")
        ours = group()
        missing = {"field": "tags['project']", "exists": "false"}
        assert state(missing, lock) == ""
        assert state(missing, lock, mode="All") == "NonCompliant"
        assert state(missing, ours) == ""
        assert state(missing, ours, mode="All") == "NonCompliant"

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"allOf": [{"field": "type", "equals": "Microsoft.Compute/disks"}, NO_PROJECT]}, ""),
            ({"allOf": [{"field": "name", "like": "web-*"}, {"field": "tags.a", "exists": True}]}, ""),
            ({"field": "name", "like": "web-*"}, "Compliant"),
            ({"field": "kind", "equals": "web"}, "Compliant"),
            ({"allOf": [IS_VM, {"field": "kind", "equals": "web"}]}, "Compliant"),
            ({"allOf": [IS_VM, {"field": "kind", "equals": "web"}, {"field": "tags.a", "exists": True}]}, ""),
            ({"not": {"anyOf": [{"not": IS_VM}, {"field": "tags.a", "exists": False}]}}, "Compliant"),
            ({"not": IS_VM}, ""),
        ],
    )
    def test_it_goes_by_type_name_and_kind(self, condition: Any, expected: str) -> None:
        assert state(condition, vm()) == expected

    def test_a_condition_on_the_location_passes_by_subscriptions(self) -> None:
        kind = "Microsoft.Resources/subscriptions"
        ours = ArmResource(id=SUBSCRIPTION, type=kind, body={"name": "x"})
        assert state({"field": "location", "notEquals": "westeurope"}, ours, mode="All") == ""
        assert state({"field": "tags.a", "exists": False}, ours, mode="All") == "NonCompliant"

    def test_deployments_are_never_evaluated(self) -> None:
        assert (
            state({"field": "name", "exists": True}, resource("Microsoft.Resources/deployments", "d"), mode="All") == ""
        )

    def test_disabled_is_silent(self) -> None:
        assert state(NO_PROJECT, vm(), effect="Disabled") == ""


class TestScopes:
    def test_whole_segments_count_and_excluded_scopes_are_left_alone(self) -> None:
        policy = definition("tag", NO_PROJECT)
        use = assignment(policy, not_scopes=(f"{SUBSCRIPTION}/resourcegroups/ML-sandbox",))
        machines = [vm(group=f"{SUBSCRIPTION}/resourceGroups/{name}") for name in ("ml", "ml-sandbox", "ml-sandbox-2")]
        other = vm(group="/subscriptions/2/resourceGroups/ml")
        found = results(export([use], [policy]), *machines, other)
        assert [one.resource for one in found] == [machines[0].id, machines[2].id]

    def test_an_assignment_reaches_one_resource(self) -> None:
        policy = definition("tag", NO_PROJECT)
        machines = [vm("a"), vm("b")]
        found = results(export([assignment(policy, scope=machines[1].id.upper())], [policy]), *machines)
        assert [one.resource for one in found] == [machines[1].id]

    def test_management_groups_reach_what_lies_below_them(self) -> None:
        policy = definition("tag", NO_PROJECT)
        use = assignment(policy, scope=f"{GROUPS}/Platform")
        known = {SUBSCRIPTION: ("ml", "platform", "root")}
        assert [one.state for one in results(export([use], [policy]), vm(), ancestors=known)] == ["NonCompliant"]
        assert results(export([use], [policy]), vm(), ancestors={SUBSCRIPTION: ("ml", "root")}) == []

    def test_who_tells_of_no_management_groups_gets_no_verdict(self) -> None:
        policy = definition("tag", NO_PROJECT)
        (found,) = results(export([assignment(policy, scope=f"{GROUPS}/Platform")], [policy]), vm())
        assert (found.state, found.reason) == ("Unknown", "which management groups it lies in is not told")

    def test_resource_selectors_choose(self) -> None:
        policy = definition("tag", NO_PROJECT)
        here = ResourceSelector(selectors=(Selector(kind="resourceLocation", within=("West Europe",)),))
        disks = ResourceSelector(selectors=(Selector(kind="resourceType", within=("Microsoft.Compute/disks",)),))
        machines = [vm("a"), vm("b", location="eastus")]
        found = results(export([assignment(policy, selectors=(here, disks))], [policy]), *machines)
        assert [one.resource for one in found] == [machines[0].id]

    def test_a_location_that_is_not_known_may_be_anywhere(self) -> None:
        policy = definition("tag", NO_PROJECT)
        here = ResourceSelector(selectors=(Selector(kind="resourceLocation", within=("westeurope",)),))
        machine = vm(location=Unknown("known after apply"))
        (found,) = results(export([assignment(policy, selectors=(here,))], [policy]), machine)
        assert (found.state, found.reason) == ("Unknown", "whether a resource selector takes it is not known")


class TestAssignments:
    def test_parameters_come_from_the_assignment_then_the_initiative_then_the_default(self) -> None:
        policy = definition(
            "sizes",
            {"allOf": [IS_VM, {"not": {"field": f"{VM}/sku.name", "in": "[parameters('sizes')]"}}]},
            "[parameters('effect')]",
            parameters={
                "sizes": {"type": "Array"},
                "effect": {"type": "String", "defaultValue": "Deny", "allowedValues": ["Audit", "Deny", "Disabled"]},
            },
        )
        initiative = Initiative(
            id=f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policySetDefinitions/gpu",
            name="gpu",
            parameters={"allowed": {"type": "Array", "defaultValue": ["Standard_B1s"]}},
            members=(
                Member(definition=policy.id.upper(), reference="strict", parameters={"sizes": ["Standard_B1s"]}),
                Member(
                    definition=policy.id,
                    reference="loose",
                    parameters={"sizes": "[parameters('allowed')]", "effect": "Audit"},
                ),
            ),
        )
        use = assignment(
            initiative,
            parameters={"Allowed": ["standard_nd96isr_h100_v5"]},
            messages=(Message("Ask FinOps."), Message("Only small ones.", "strict")),
        )
        machine = vm(properties={"hardwareProfile": {"vmSize": "Standard_ND96isr_H100_v5"}})
        found = results(export([use], [policy], [initiative]), machine)
        assert [(one.reference, one.effect, one.state, one.message) for one in found] == [
            ("strict", "deny", "NonCompliant", "Only small ones."),
            ("loose", "audit", "Compliant", ""),
        ]

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({}, "no value for the parameter `sizes`, which has no default"),
            ({"sizes": "Standard_B1s"}, "the parameter `sizes` is of type array, and is given another"),
            ({"sizes": ["x"], "effect": "deny"}, "`deny` is not allowed for the parameter `effect`: Audit, Deny"),
            ({"sizes": ["x"], "colour": "red"}, "no parameter is called `colour`"),
        ],
    )
    def test_an_assignment_that_is_not_valid_is_a_problem_and_no_verdict(self, given: Any, reason: str) -> None:
        policy = definition(
            "sizes",
            {"field": f"{VM}/sku.name", "in": "[parameters('sizes')]"},
            "[parameters('effect')]",
            parameters={
                "sizes": {"type": "Array"},
                "effect": {"type": "String", "defaultValue": "Deny", "allowedValues": ["Audit", "Deny"]},
            },
        )
        policies = Policies(export([assignment(policy, parameters=given)], [policy]), ALIASES, NOW)
        assert [(one.reason, one.error) for one in policies.problems] == [(reason, True)]
        assert policies.assigned == []

    @pytest.mark.parametrize(
        ("condition", "effect", "mode", "reason", "error"),
        [
            ({"field": "a"}, "deny", "All", "a condition without an operator", True),
            ({"value": "[list('a')]", "equals": 1}, "deny", "All", "no function is called `list` in a policy", True),
            ({"value": "[length()]", "equals": 1}, "deny", "All", "`length` does not take 0 arguments", True),
            (IS_VM, "[parameters('effect')]", "All", "the effect is not told: parameters('effect')", True),
            (
                IS_VM, "deny", "Microsoft.Kubernetes.Data",
                "policies of mode Microsoft.Kubernetes.Data are evaluated within the service, not by Resource Manager",
                False,
            ),
        ],
    )  # fmt: skip
    def test_a_definition_that_cannot_be_evaluated_is_a_problem(
        self, condition: Any, effect: str, mode: str, reason: str, error: bool
    ) -> None:
        policy = definition("odd", condition, effect, mode=mode)
        policies = Policies(export([assignment(policy)], [policy]), ALIASES, NOW)
        assert [(one.reason, one.error) for one in policies.problems] == [(reason, error)]

    def test_a_version_is_chosen_by_its_pattern(self) -> None:
        versions = [
            definition("tag", {"allOf": [IS_VM, {"field": "tags.a", "exists": False}]}, version="2.1.0"),
            definition("tag", {"allOf": [IS_VM, {"field": "tags.b", "exists": False}]}, version="1.4.2"),
        ]
        machine = vm(tags={"a": "x"})

        def asked(wanted: str) -> list[str]:
            written = export([assignment(versions[0], version=wanted)], versions)
            return [one.state for one in results(written, machine)]

        assert (asked(""), asked("2.*.*"), asked("1.*.*")) == (["Compliant"], ["Compliant"], ["NonCompliant"])

    def test_a_parameter_that_is_not_known_is_unknown_where_it_matters(self) -> None:
        policy = definition(
            "sizes",
            {"allOf": [IS_VM, {"field": "name", "in": "[parameters('names')]"}]},
            parameters={"names": {"type": "Array", "allowedValues": ["a"]}},
        )
        given = {"names": ["a", Unknown("the template does not tell")]}
        found = results(export([assignment(policy, parameters=given)], [policy]), vm(), resource("Microsoft.A/b", "x"))
        assert [(one.state, one.reason) for one in found] == [("Unknown", "the template does not tell")]

    def test_what_the_export_does_not_hold_is_a_problem(self) -> None:
        policy = definition("tag", NO_PROJECT)
        policies = Policies(export([assignment(policy)], []), ALIASES, NOW)
        assert [one.reason for one in policies.problems] == ["the export does not hold what it assigns"]

    def test_overrides_change_effects_by_member_and_by_location(self) -> None:
        policy = definition("tag", NO_PROJECT, "deny")
        initiative = Initiative(
            id=f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policySetDefinitions/tags",
            name="tags",
            members=(Member(definition=policy.id, reference="one"), Member(definition=policy.id, reference="No 2")),
        )
        off = Override(
            kind="policyEffect",
            value="disabled",
            selectors=(Selector(kind="policyDefinitionReferenceId", within=("NO 2",)),),
        )
        lenient = Override(
            kind="policyEffect",
            value="Audit",
            selectors=(
                Selector(kind="policyDefinitionReferenceId", within=("one",)),
                Selector(kind="resourceLocation", within=("East US",)),
            ),
        )
        use = assignment(initiative, overrides=(off, lenient))
        found = results(export([use], [policy], [initiative]), vm("a"), vm("b", location="eastus"))
        assert [(one.resource.rpartition("/")[2], one.reference, one.effect) for one in found] == [
            ("a", "one", "deny"),
            ("b", "one", "audit"),
        ]


class TestExemptions:
    def exempt(self, **more: Any) -> str:
        policy = definition("tag", NO_PROJECT)
        use = assignment(policy)
        fields = {"id": f"{GROUP}/providers/Microsoft.Authorization/policyExemptions/x", "scope": GROUP, **more}
        exemption = PolicyExemption(name="x", assignment=use.id.upper(), **fields)
        (found,) = results(export([use], [policy], exemptions=[exemption]), vm())
        assert found.would_block is (found.state != "Exempt")
        return found.state

    def test_it_holds_below_its_scope(self) -> None:
        assert self.exempt() == "Exempt"
        assert self.exempt(scope=f"{SUBSCRIPTION}/resourceGroups/other") == "NonCompliant"
        assert self.exempt(scope=f"{GROUPS}/ml") == "NonCompliant"
        assert self.exempt(scope="") == "NonCompliant"

    def test_it_ends(self) -> None:
        assert self.exempt(expires_on="2026-11-24T12:00:01Z") == "Exempt"
        assert self.exempt(expires_on="2026-11-24T12:00:00Z") == "NonCompliant"
        assert self.exempt(expires_on="2026-11-24T13:00:00+02:00") == "NonCompliant"
        assert self.exempt(expires_on="next week") == "NonCompliant"

    def test_it_is_for_members_and_for_what_selectors_take(self) -> None:
        assert self.exempt(references=("other",)) == "NonCompliant"
        far = ResourceSelector(selectors=(Selector(kind="resourceLocation", without=("westeurope",)),))
        assert self.exempt(selectors=(far,)) == "NonCompliant"


class TestRelatedResources:
    AGENT = f"{VM}/extensions"

    def asked(self, *others: Any, listed: Any = (), details: Any = None) -> str:
        monitor = {"field": "properties.publisher", "equals": "Microsoft.Azure.Monitor"}
        by_publisher = {"type": self.AGENT, "existenceCondition": monitor}
        policy = definition("agent", IS_VM, "auditIfNotExists", details=details or by_publisher)
        written = export([assignment(policy)], [policy])
        machine = vm()
        found = [r for r in results(written, machine, *others, listed=listed) if r.resource == machine.id]
        return found[0].state if found else ""

    def agent(self, name: str, publisher: str) -> Any:
        return resource(self.AGENT, name, properties={"publisher": publisher})

    def test_any_that_meets_the_condition_is_enough(self) -> None:
        wrong, right = self.agent("trainer/a", "Acme"), self.agent("trainer/b", "microsoft.azure.monitor")
        assert self.asked(wrong, right) == "Compliant"
        assert self.asked(wrong, listed=[self.AGENT]) == "NonCompliant"

    def test_that_of_another_machine_does_not_count(self) -> None:
        assert self.asked(self.agent("other/b", "Microsoft.Azure.Monitor"), listed=[self.AGENT]) == "NonCompliant"

    def test_what_nobody_listed_is_not_missing(self) -> None:
        assert self.asked() == "Unknown"
        assert self.asked(listed=[self.AGENT]) == "NonCompliant"

    def test_an_extension_resource_belongs_to_what_it_extends(self) -> None:
        kind = "Microsoft.Insights/diagnosticSettings"
        mine, other = vm(), vm("other")
        settings = [
            resource(kind, "s", group=one.id, properties={"logs": []}) for one in (mine, other)
        ]  # fmt: skip
        assert self.asked(settings[0], details={"type": kind}) == "Compliant"
        assert self.asked(settings[1], details={"type": kind}, listed=[kind]) == "NonCompliant"

    def test_the_group_the_subscription_and_the_name_narrow_the_search(self) -> None:
        kind = "Microsoft.Network/networkWatchers"
        elsewhere = resource(kind, "watch", group=f"{SUBSCRIPTION}/resourceGroups/net")
        assert self.asked(elsewhere, details={"type": kind}, listed=[kind]) == "NonCompliant"
        assert self.asked(elsewhere, details={"type": kind, "existenceScope": "Subscription"}) == "Compliant"
        assert self.asked(elsewhere, details={"type": kind, "resourceGroupName": "NET"}) == "Compliant"
        named = {"type": kind, "resourceGroupName": "net", "name": "[concat('wa', 'tch')]"}
        assert self.asked(elsewhere, details=named) == "Compliant"
        assert self.asked(elsewhere, details={**named, "name": "other"}, listed=[kind]) == "NonCompliant"

    def test_the_function_reads_the_resource_and_fields_read_the_related_one(self) -> None:
        same = {"field": "properties.of", "equals": "[field('name')]"}
        details = {"type": self.AGENT, "existenceCondition": same}
        agent = resource(self.AGENT, "trainer/a", properties={"of": "trainer"})
        assert self.asked(agent, details=details) == "Compliant"


def test_a_tag_is_inherited_from_the_group_where_the_group_has_it() -> None:
    inherited = {
        "allOf": [
            {"field": "tags['project']", "notEquals": "[resourceGroup().tags['project']]"},
            {"value": "[resourceGroup().tags['project']]", "notEquals": ""},
        ]
    }
    operations = [
        {"operation": "addOrReplace", "field": "tags['project']", "value": "[resourceGroup().tags['project']]"}
    ]
    policy = definition("inherit", inherited, "modify", details={"roleDefinitionIds": [], "operations": operations})
    written = export([assignment(policy)], [policy])
    tagged, bare = group(tags={"Project": "atlas"}), group("bare")
    machines = [vm("a"), vm("b", tags={"project": "ATLAS"}), vm("c", group=bare.id), vm("d", tags={"PROJECT": "x"})]
    asked = evaluation(written, tagged, bare, *machines)
    states = {one.id.rpartition("/")[2]: [r.state for _, r in found] for one, found in asked.results() if found}
    assert states == {"a": ["NonCompliant"], "b": ["Compliant"], "c": ["Compliant"], "d": ["NonCompliant"]}

    after, changes = asked.after()
    assert [(one.field, one.before, one.after, one.conflict) for one in changes] == [
        ("tags['project']", "", '"atlas"', ""),
        ("tags['project']", '"x"', '"atlas"', ""),
    ]
    tags = {one.id.rpartition("/")[2]: one.body.get("tags") for one in after.resources}
    assert (tags["a"], tags["d"]) == ({"project": "atlas"}, {"PROJECT": "atlas"})
    assert machines[3].body["tags"] == {"PROJECT": "x"}, "what was given is left as it was"

    again = Evaluation(Policies(written, ALIASES, NOW), after)
    assert {r.state for _, found in again.results() for _, r in found} == {"Compliant"}
    assert again.after()[1] == [], "a second time changes nothing"


@pytest.mark.parametrize(
    ("effect", "details", "body", "blocks", "after"),
    [
        ("append", [{"field": "tags['a']", "value": "1"}], {}, False, {"a": "1"}),
        ("append", [{"field": "tags['a']", "value": "1"}], {"tags": {"a": "2"}}, True, {"a": "2"}),
        (
            "modify", {"operations": [{"operation": "add", "field": "tags['a']", "value": "1"}]},
            {"tags": {"A": "2"}}, False, {"A": "2"},
        ),
        (
            "modify", {"operations": [{"operation": "remove", "field": "tags['a']"}]},
            {"tags": {"A": "2", "b": "3"}}, False, {"b": "3"},
        ),
        (
            "modify",
            {"operations": [
                {"operation": "addOrReplace", "field": "tags['a']", "value": "1", "condition": "[equals('x', 'y')]"}
            ]},
            {}, False, None,
        ),
        (
            "modify",
            {"operations": [{"operation": "addOrReplace", "field": f"{VM}/vmId", "value": "1"}]},
            {}, True, None,
        ),
        (
            "modify",
            {
                "conflictEffect": "audit",
                "operations": [{"operation": "addOrReplace", "field": f"{VM}/vmId", "value": "1"}],
            },
            {}, False, None,
        ),
    ],
)  # fmt: skip
def test_what_append_and_modify_do(effect: str, details: Any, body: Any, blocks: bool, after: Any) -> None:
    policy = definition("change", IS_VM, effect, details=details)
    asked = evaluation(export([assignment(policy)], [policy]), vm(**body))
    ((_, [(_, result)]),) = list(asked.results())
    changed, _ = asked.after()
    assert (result.state, result.would_block) == ("NonCompliant", blocks)
    assert changed.resources[0].body.get("tags") == after


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"operation": "add", "field": f"{VM}/dataDisks[*]", "value": {"name": "b"}}, [{"name": "a"}, {"name": "b"}]),
        ({"operation": "addOrReplace", "field": f"{VM}/dataDisks[*]", "value": {"name": "b"}}, [{"name": "b"}]),
        ({"operation": "addOrReplace", "field": f"{VM}/dataDisks[*].name", "value": "b"}, [{"name": "b"}]),
        ({"operation": "addOrReplace", "field": f"{VM}/dataDisks", "value": []}, []),
    ],
)
def test_arrays_are_changed_as_a_whole_or_by_element(operation: Any, expected: Any) -> None:
    policy = definition("disks", IS_VM, "modify", details={"operations": [operation]})
    machine = vm(properties={"storageProfile": {"dataDisks": [{"name": "a"}]}})
    after, _ = evaluation(export([assignment(policy)], [policy]), machine).after()
    assert after.resources[0].body["properties"]["storageProfile"]["dataDisks"] == expected


def test_a_trace_tells_every_condition_and_which_one_decided() -> None:
    policy = definition("tag", {"allOf": [IS_VM, {"not": {"field": "tags['project']", "in": ["atlas", "borealis"]}}]})
    asked = evaluation(export([assignment(policy)], [policy]), vm(tags={"project": "test"}))
    ((machine, [(one, _)]),) = list(asked.results())
    told = [(step.depth, step.said, step.held, step.value) for step in asked.trace(one, machine)]
    assert told == [
        (0, "all of", True, ""),
        (1, f'type equals "{VM}"', True, f'"{VM}"'),
        (1, "not", True, ""),
        (2, 'tags[\'project\'] in ["atlas", "borealis"]', False, '"test"'),
    ]
    decided = asked.decisive(one, machine)
    assert decided is not None
    assert (decided.path, decided.expected, decided.actual) == (
        "tags['project']", 'in ["atlas", "borealis"]', '"test"',
    )  # fmt: skip


def test_a_trace_reads_as_a_person_writes() -> None:
    where = {"allOf": [{"field": f"{VM}/dataDisks[*].name", "like": "a*"}, {"not": {"field": "name", "equals": "x"}}]}
    condition = {
        "anyOf": [
            {"value": "[toLower(resourceGroup().tags['it''s'])]", "equals": "a"},
            {"count": {"field": f"{VM}/dataDisks[*]", "where": where}, "greater": "[length(field('name'))]"},
        ]
    }
    policy = definition("odd", condition)
    asked = evaluation(export([assignment(policy)], [policy]), group(), vm())
    machine, [(one, _)] = list(asked.results())[1]
    named = f'({VM}/dataDisks[*].name like "a*" and not name equals "x")'
    assert [step.said for step in asked.trace(one, machine)] == [
        "any of",
        "[toLower(resourceGroup().tags['it''s'])] equals \"a\"",
        f"count of {VM}/dataDisks[*] where {named} greater [length(field('name'))]",
    ]


def test_manual_and_deny_action_are_no_findings() -> None:
    assert state(IS_VM, vm(), effect="manual") == "Unknown"
    assert state(IS_VM, vm(), effect="denyAction", details={"actionNames": ["delete"]}) == "Compliant"


def test_a_field_and_the_function_that_reads_it_differ_beside_each_other() -> None:
    """To the function what is missing is the empty string, which exists."""
    field = definition("field", {"allOf": [IS_VM, {"field": "tags[x]", "exists": "false"}]})
    value = definition("value", {"allOf": [IS_VM, {"value": "[field('tags[x]')]", "exists": "false"}]})
    for order in ([field, value], [value, field]):
        found = results(export([assignment(policy) for policy in order], order), vm())
        assert {one.definition: one.state for one in found} == {field.id: "NonCompliant", value.id: "Compliant"}


def test_a_parameter_that_the_resource_names_is_the_one_of_its_own_assignment() -> None:
    condition = {"allOf": [IS_VM, {"field": "name", "equals": "[parameters(field('location'))]"}]}
    policy = definition("named", condition, parameters={"westeurope": {"type": "String"}})
    uses = [assignment(policy, name=name, parameters={"westeurope": name}) for name in ("other", "trainer")]
    for order in (uses, uses[::-1]):
        found = results(export(order, [policy]), vm())
        assert {one.assignment: one.state for one in found} == {uses[0].id: "Compliant", uses[1].id: "NonCompliant"}


@pytest.mark.parametrize(
    ("subject", "kind", "there", "details"),
    [
        (SUBSCRIPTION, "Microsoft.Security/pricings", f"{SUBSCRIPTION}/providers/Microsoft.Security/pricings/AI", {}),
        (
            SUBSCRIPTION, "Microsoft.Security/pricings", f"{SUBSCRIPTION}/providers/Microsoft.Security/pricings/AI",
            {"name": "AI", "existenceScope": "subscription"},
        ),
        (GROUP, "Microsoft.Authorization/locks", f"{GROUP}/providers/Microsoft.Authorization/locks/keep", {}),
        (GROUP, "Microsoft.KeyVault/vaults", f"{GROUP}/providers/Microsoft.KeyVault/vaults/safe", {}),
    ],
)  # fmt: skip
def test_what_a_group_or_a_subscription_holds_is_related_to_it(
    subject: str, kind: str, there: str, details: dict[str, str]
) -> None:
    type = "Microsoft.Resources/subscriptions" + ("/resourceGroups" if subject == GROUP else "")
    container = ArmResource(id=subject, type=type, body={"name": "one"})
    related = ArmResource(id=there, type=kind, body={"name": there.rpartition("/")[2]})
    policy = definition(
        "has", {"field": "type", "equals": type}, "auditIfNotExists", details={"type": kind, **details}, mode="All"
    )
    written = export([assignment(policy)], [policy])
    assert [one.state for one in results(written, container, related, listed=[kind])] == ["Compliant"]
    assert [one.state for one in results(written, container, listed=[kind])] == ["NonCompliant"]
    deeper = replace(related, id=related.id.replace("/providers/", f"/providers/{VM}/vm/providers/"))
    assert [one.state for one in results(written, container, deeper, listed=[kind])] == ["NonCompliant"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "zones", "contains": "1"}, "NonCompliant"),
        ({"field": "zones", "contains": "2"}, "Unknown"),
        ({"field": "zones", "notContains": "1"}, "Compliant"),
        ({"field": "zones", "notContains": "2"}, "Unknown"),
        ({"field": "zones", "equals": ["1", "2"]}, "Unknown"),
        ({"field": "zones", "exists": "true"}, "NonCompliant"),
        ({"value": "[field('zones')]", "contains": "2"}, "Unknown"),
        ({"value": "1", "in": "[field('zones')]"}, "NonCompliant"),
        ({"value": "2", "in": "[field('zones')]"}, "Unknown"),
        ({"value": "2", "notIn": "[field('zones')]"}, "Unknown"),
        ({"value": "[createArray('1', '2')]", "equals": "[field('zones')]"}, "Unknown"),
        ({"field": "tags", "containsKey": "y"}, "Compliant"),
    ],
)
def test_what_is_sought_among_members_that_are_not_all_known(condition: Any, expected: str) -> None:
    later = Unknown("known after apply")
    assert state({"allOf": [IS_VM, condition]}, vm(zones=["1", later], tags={"x": later})) == expected


def test_an_effect_that_hangs_on_a_location_nobody_knows_yet_is_not_settled() -> None:
    policy = definition("named", {"allOf": [IS_VM, {"field": "name", "exists": "true"}]}, "disabled")
    east = Selector(kind="resourceLocation", within=("eastus",))
    use = assignment(policy, overrides=(Override(kind="policyEffect", value="deny", selectors=(east,)),))
    written, later = export([use], [policy]), Unknown("known after apply")
    (found,) = results(written, vm(location=later))
    assert (found.state, found.would_block) == ("Unknown", False)
    assert found.reason == "its location is not known, and the effect depends on that"
    assert [one.effect for one in results(written, vm(location="East US"))] == ["deny"]
    assert results(written, vm(location="West US")) == []


def test_an_override_that_governor_does_not_know_is_told_of() -> None:
    policy = definition("named", {"allOf": [IS_VM, {"field": "name", "exists": "true"}]})
    someone = Selector(kind="userPrincipalId", within=("1",))
    use = assignment(policy, overrides=(Override(kind="policyEffect", value="disabled", selectors=(someone,)),))
    older = assignment(policy, name="older", overrides=(Override(kind="policyVersion", value="1.0.0"),))
    problems = Policies(export([use, older], [policy]), ALIASES, NOW).problems
    assert [one.reason for one in problems] == [
        "an override that selects by `userprincipalid` is not evaluated",
        "an override of the kind `policyVersion` is not evaluated",
    ]


def test_a_count_in_an_existence_condition_binds_the_function_to_its_member() -> None:
    disks = f"{VM}/dataDisks[*]"
    mirror = {"value": f"[first(field('{disks}.name'))]", "equals": "[concat('of-', field('name'))]"}
    details = {"type": VM, "name": "b", "existenceCondition": {"count": {"field": disks, "where": mirror}, "equals": 1}}
    policy = definition("mirrored", {"field": "name", "equals": "a"}, "auditIfNotExists", details=details)
    written = export([assignment(policy)], [policy])
    for disk, expected in (("of-a", "Compliant"), ("of-b", "NonCompliant")):
        other = vm("b", properties={"storageProfile": {"dataDisks": [{"name": disk}]}})
        assert [one.state for one in results(written, vm("a"), other, listed=[VM])] == [expected]


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "id", "contains": "/resourceGroups/prod/"},
        {"value": "[split(field('id'), '/')[4]]", "equals": "prod"},
        {"value": "[resourceGroup().id]", "contains": "prod"},
        {"value": "[resourceGroup().name]", "equals": "prod"},
    ],
)
def test_an_id_is_not_known_before_all_of_it_is(condition: Any) -> None:
    planned = vm(group=f"{SUBSCRIPTION}/resourceGroups/(unknown)")
    assert state({"allOf": [IS_VM, condition]}, planned) == "Unknown"


def test_groups_whose_names_are_not_known_are_not_one() -> None:
    condition = {"allOf": [IS_VM, {"value": "[resourceGroup().tags['project']]", "equals": "atlas"}]}
    policy = definition("tagged", condition)
    written, somewhere = export([assignment(policy)], [policy]), f"{SUBSCRIPTION}/resourceGroups/(unknown)"
    found = results(written, vm(group=somewhere), group("(unknown)", tags={"project": "atlas"}))
    assert [one.state for one in found] == ["Unknown"]


def test_a_subscription_whose_properties_an_export_leaves_out_has_an_unknown_name() -> None:
    untold = Unknown("the export does not tell its properties")
    row = ArmResource(id=SUBSCRIPTION, type="Microsoft.Resources/subscriptions", body={"properties": untold})
    policy = definition("named", {"allOf": [IS_VM, {"value": "[subscription().displayName]", "equals": "prod"}]})
    found = results(export([assignment(policy)], [policy]), vm(), row)
    assert [(one.state, one.reason) for one in found] == [("Unknown", untold.reason)]


@pytest.mark.parametrize("scope", [SUBSCRIPTION, GROUP, f"{GROUPS}/corp"])
def test_a_scope_with_a_slash_at_its_end_is_the_same_scope(scope: str) -> None:
    policy = definition("named", {"field": "name", "exists": "true"}, mode="All")
    for written in (scope, f"{scope}/"):
        whole = export([assignment(policy, scope=written)], [policy], ancestors={SUBSCRIPTION: ("corp",)})
        assert [one.state for one in results(whole, vm(), group())] == ["NonCompliant"] * 2
        left_out = export([assignment(policy, not_scopes=(written,))], [policy], ancestors={SUBSCRIPTION: ("corp",)})
        assert results(left_out, vm(), group()) == []


@pytest.mark.parametrize(
    "scope", ["", f"{GROUPS}/(unknown)", "/subscriptions/(unknown)", f"{SUBSCRIPTION}/resourceGroups/(unknown)"]
)
def test_an_assignment_whose_scope_is_not_told_may_be_about_anything(scope: str) -> None:
    policy = definition("named", {"field": "name", "exists": "true"}, mode="All")
    found = results(export([assignment(policy, scope=scope)], [policy], ancestors={SUBSCRIPTION: ("corp",)}), vm())
    assert [(one.state, one.reason) for one in found] == [("Unknown", "the scope of the assignment is not told")]


@pytest.mark.parametrize("above", [f"{SUBSCRIPTION}/(unknown)", "(unknown)"])
def test_what_extends_something_unknown_may_lie_in_any_group(above: str) -> None:
    kind = "Microsoft.Insights/diagnosticSettings"
    setting = ArmResource(id=f"{above}/providers/{kind}/logs", type=kind, body={"name": "logs"})
    policy = definition("named", {"field": "name", "exists": "true"}, mode="All")
    for scope in (GROUP, f"{GROUP}/providers/{VM}/trainer"):
        found = results(export([assignment(policy, scope=scope)], [policy]), setting)
        assert [one.state for one in found] == ["Unknown"]
    elsewhere = "/subscriptions/22222222-2222-2222-2222-222222222222"
    found = results(export([assignment(policy, scope=elsewhere)], [policy]), setting)
    assert [one.state for one in found] == ([] if above.startswith(SUBSCRIPTION) else ["Unknown"])


@pytest.mark.parametrize("blanks", [" " * 20_000, "a " * 20_000, f"a{' ' * 20_000}"])
def test_a_field_that_is_no_path_is_refused_however_long_it_is(blanks: str) -> None:
    policy = definition("long", {"field": f"x[{blanks}", "exists": "true"})
    (problem,) = Policies(export([assignment(policy)], [policy]), ALIASES, NOW).problems
    assert "is no path" in problem.reason


def test_a_location_is_the_same_in_all_its_spellings_wherever_it_comes_from() -> None:
    condition = {"allOf": [IS_VM, {"field": "location", "notEquals": "[resourceGroup().location]"}]}
    policy = definition("beside", condition)
    for written, expected in (("West Europe", "Compliant"), ("East US", "NonCompliant")):
        found = results(export([assignment(policy)], [policy]), vm(), group(location=written))
        assert [one.state for one in found] == [expected]


def test_what_belongs_to_one_of_two_machines_without_known_names_is_not_told() -> None:
    details = {"type": f"{VM}/extensions", "name": "agent"}
    policy = definition("agent", IS_VM, "auditIfNotExists", details=details)
    written, extensions = export([assignment(policy)], [policy]), f"{VM}/extensions"
    agent = resource(extensions, "(unknown)/agent")
    one, two = vm("(unknown)"), vm("(unknown)", location="eastus")
    assert [one.state for one in results(written, one, agent)] == ["Compliant"]
    assert [one.state for one in results(written, one, two, agent)] == ["Unknown"] * 2
    found = results(written, one, resource(extensions, "trainer/other"), listed=[extensions])
    assert [(one.state, one.reason) for one in found] == [
        ("Unknown", f"which {extensions} belong to it is not known before its id is")
    ]


LATER = Unknown("known after apply")


@pytest.mark.parametrize(
    ("operation", "body", "told"),
    [
        ({"operation": "add", "value": "b"}, {}, [("", '"b"', "")]),
        ({"operation": "add", "value": "b"}, {"X": "a"}, []),
        ({"operation": "addOrReplace", "value": "b"}, {"X": "a"}, [('"a"', '"b"', "")]),
        ({"operation": "addOrReplace", "value": "b"}, {"X": "b"}, []),
        ({"operation": "remove"}, {"y": "a"}, []),
        ({"operation": "add", "value": "b"}, {"x": LATER}, [("", '"b"', LATER.reason)]),
        ({"operation": "add", "value": "b"}, LATER, [("", '"b"', LATER.reason)]),
    ],
)
def test_what_modify_leaves_as_it_is_is_no_change(operation: Any, body: Any, told: Any) -> None:
    details = {"operations": [{**operation, "field": "tags['x']"}]}
    policy = definition("change", IS_VM, "modify", details=details)
    _, changes = evaluation(export([assignment(policy)], [policy]), vm(tags=body)).after()
    assert [(one.before, one.after, one.conflict) for one in changes] == told


def test_utc_now_is_the_moment_that_is_given() -> None:
    assert state({"value": "[utcNow()]", "equals": "2026-11-24T12:00:00.0000000Z"}, vm()) == "NonCompliant"


def test_an_estate_of_nothing_says_nothing() -> None:
    policy = definition("tag", NO_PROJECT)
    policies = Policies(export([assignment(policy)], [policy]), ALIASES, NOW)
    assert list(Evaluation(policies, Estate(resources=())).results()) == []
