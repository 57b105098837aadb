package keys_test

import data.keys

_config := {"approved": [
	{"id": "ci", "provider": "openai", "match": {"name": "ci-*"}, "owner": "dana", "expires_at": "2026-12-31"},
	{
		"id": "both",
		"provider": "aws",
		"match": {"owner": "b", "address": "module.x[*].k"},
		"owner": "kim",
		"expires_at": "2026-06-30",
		"ticket": "SEC-1",
	},
]}

_key(provider, facts) := {
	"id": `module.x["a"].k`,
	"kind": "api_key",
	"provider": provider,
	"attributes": {"key": object.union({"provider": provider}, facts)},
}

_unregistered(resource) := {found.attribute |
	some found in keys.deny_unregistered with input.resources as [resource] with data.config.keys as _config
}

test_unregistered[name] := ok if {
	some name, [resource, expected] in {
		"covered": [_key("openai", {"name": "ci-nightly"}), set()],
		"another name": [_key("openai", {"name": "my-ci-nightly"}), {"approval"}],
		"another provider": [_key("gcp", {"name": "ci-nightly"}), {"approval"}],
		"no name": [_key("openai", {}), {"approval"}],
		"name not known": [
			object.union(_key("openai", {}), {"unknown": {"attributes.key.name": "later"}}),
			{"attributes.key.name"},
		],
		"both fields": [_key("aws", {"owner": "b"}), set()],
		"one field": [_key("aws", {"owner": "c"}), {"approval"}],
	}
	found := _unregistered(resource)
	ok := found == expected
}

_expired(today) := {found.msg |
	some found in keys.deny_expired with input.resources as [_key("aws", {"owner": "b"})]
		with input.today as today
		with data.config.keys as _config
}

test_expiry[day] := ok if {
	some day, expected in {
		"2026-06-30": set(),
		"2026-07-01": {`module.x["a"].k was approved as "both" until 2026-06-30; its owner is kim (SEC-1)`},
	}
	found := _expired(day)
	ok := found == expected
}

test_a_literal_key_is_named_by_its_place if {
	resource := {"id": "r", "kind": "other", "attributes": {"ai_keys": [{"place": "user_data", "provider": "openai"}]}}
	found := keys.deny_literal_key with input.resources as [resource]
	{violation.attribute | some violation in found} == {"attributes.ai_keys.user_data"}
}

_local_auth(facts) := count(found) if {
	found := keys.deny_local_auth with input.resources as [object.union({"id": "r", "kind": "ai_account"}, facts)]
}

test_local_auth[name] := ok if {
	some name, [facts, expected] in {
		"accepted": [{"attributes": {"local_auth": true}}, 1],
		"refused": [{"attributes": {"local_auth": false}}, 0],
		"silent": [{}, 1],
		"silent store": [{"kind": "bucket"}, 0],
	}
	found := _local_auth(facts)
	ok := found == expected
}
