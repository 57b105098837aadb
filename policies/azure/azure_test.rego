package azure_test

import data.azure

_config := {
	"scopes": [],
	"except": [],
	"tags": [],
	"suffices": {
		"requires_tags": ["deny"],
		"locations": ["deny"],
		"gpu": ["deny"],
		"global_processing": ["deny"],
		"local_auth": ["deny"],
	},
}

_scope(id, level, above, gpu) := {
	"id": id,
	"kind": "azure_scope",
	"attributes": {"level": level, "above": above, "gpu": gpu},
}

_open := {"virtualMachines": ""}

_top := _scope("/providers/Microsoft.Management/managementGroups/a", "management_group", [], _open)

_sub := _scope("/subscriptions/1", "subscription", [_top.id], _open)

_group := _scope("/subscriptions/1/resourceGroups/x", "resource_group", [_sub.id, _top.id], _open)

_found(resources, config) := {found.resource |
	some found in azure.deny_gpu_open with input.resources as resources
		with data.config.azure as object.union(_config, config)
}

test_judged[name] := ok if {
	some name, [resources, config, expected] in {
		"subscriptions, not what is above": [[_top, _sub], {}, {_sub.id}],
		"a group like its subscription": [[_top, _sub, _group], {}, {_sub.id}],
		"without subscriptions the topmost": [[_top], {}, {_top.id}],
		"named, and told once on top": [[_top, _sub], {"scopes": ["*"]}, {_top.id}],
		"brackets are literal": [[_sub], {"scopes": ["/subscriptions/[1]"]}, set()],
		"excepted": [[_sub], {"except": ["/Subscriptions/*"]}, set()],
		"a group below an excepted subscription": [[_sub, _group], {"except": ["/subscriptions/1"]}, {_group.id}],
	}
	found := _found(resources, config)
	ok := found == expected
}

_assignment(facts) := {
	"id": "a",
	"kind": "azure_assignment",
	"attributes": object.union({"display_name": "A", "enforced": true}, facts),
}

_not_in_force(facts) := {found.attribute |
	some found in azure.deny_not_in_force with input.resources as [_assignment(facts)]
}

test_in_force[name] := ok if {
	some name, [facts, expected] in {
		"in force": [{"effect": "deny"}, set()],
		"not enforced": [{"enforced": false}, {"attributes.enforced"}],
		"a member says nothing of enforcement": [{"enforced": false, "reference": "r"}, set()],
		"disabled": [{"effect": "disabled"}, {"attributes.effect"}],
		"off by default in an initiative": [
			{"effect": "disabled", "reference": "r", "decided_by": "default"},
			set(),
		],
		"off by the initiative": [
			{"effect": "disabled", "reference": "r", "decided_by": "initiative"},
			{"attributes.effect"},
		],
		"weakened": [{"effect": "audit", "overridden": {"from": "deny", "to": "audit"}}, {"attributes.overridden"}],
		"strengthened": [{"effect": "deny", "overridden": {"from": "audit", "to": "deny"}}, set()],
	}
	found := _not_in_force(facts)
	ok := found == expected
}

test_long_lists_are_cut if {
	scope := {
		"id": "/subscriptions/1",
		"kind": "azure_scope",
		"attributes": {
			"level": "subscription",
			"above": [],
			"allowed_locations": {"accounts": []},
			"locations": {"accounts": {"a": "", "b": "", "c": "", "d": "", "e": "", "f": ""}},
		},
	}
	found := azure.deny_location with input.resources as [scope] with data.config.azure as _config
	{violation.msg | some violation in found} == {concat(" ", [
		"/subscriptions/1 lets AI accounts lie in 6 regions that the residency data does not allow:",
		"a, b, c, d, e and 1 more",
	])}
}
