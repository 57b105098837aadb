package keys

# METADATA
# title: Keys stand in the register
# description: |
#   A key that nobody approved has no owner, no budget and no end. Whoever finds it can spend, and nobody misses it.
# entrypoint: true
# custom:
#   id: KEY001
#   severity: critical
#   each: resource
#   kinds: [api_key]
#   remediation: Have the key approved and add it to policies/keys/data.yaml, or use an identity without a key.
#   references:
#     - https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
deny_unregistered contains {
	"resource": key.id,
	"attribute": "approval",
	"msg": sprintf("%s is a key for %s that is not in the register of approved keys", [key.id, key.provider]),
} if {
	some key in _keys
	count(_covering(key)) == 0
	count(_possible(key)) == 0
}

deny_unregistered contains {
	"resource": key.id,
	"attribute": min(open),
	"msg": sprintf("%s may be approved as %s, which depends on its %s", [
		key.id,
		concat(" or ", sort({approval.id | some approval in candidates})),
		concat(", ", sort({field | some field, _ in key.unknown})),
	]),
} if {
	some key in _keys
	count(_covering(key)) == 0
	candidates := _possible(key)
	count(candidates) > 0
	open := {path | some path in key.unknown}
}

# METADATA
# title: Approvals of keys have not expired
# description: |
#   An approval holds until a day, so that somebody looks again at who needs the key. It still holds on that day.
# entrypoint: true
# custom:
#   id: KEY002
#   severity: high
#   each: resource
#   kinds: [api_key]
#   remediation: Renew the approval in policies/keys/data.yaml, or remove the key.
#   references:
#     - https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
deny_expired contains {
	"resource": key.id,
	"attribute": "approval",
	"msg": sprintf("%s was approved as %q until %s; its owner is %s%s", [
		key.id,
		last.id,
		last.expires_at,
		last.owner,
		_on_record(last),
	]),
	"details": {"approval": last.id, "expires_at": last.expires_at},
} if {
	some key in _keys
	covering := _covering(key)
	count(covering) > 0
	latest := max({approval.expires_at | some approval in covering})
	latest < input.today
	last := min({approval | some approval in covering; approval.expires_at == latest})
}

# METADATA
# title: No AI key stands in code
# description: |
#   A key in a plan, a variable or a file is in the history of the repository and in the state. It has to be revoked,
#   not only removed. The finding names the place and never the value.
# entrypoint: true
# custom:
#   id: KEY003
#   severity: critical
#   each: resource
#   remediation: Revoke the key, then read its successor from a secret store or use an identity without a key.
#   references:
#     - https://developer.hashicorp.com/terraform/language/state/sensitive-data
#   together: "holds AI keys in {count} places: {names}"
deny_literal_key contains {
	"resource": resource.id,
	"attribute": concat("", ["attributes.ai_keys.", found.place]),
	"msg": sprintf("%s holds a key for %s in %s%s", [resource.id, found.provider, found.place, _told_by(found)]),
	"details": {"provider": found.provider, "rule": object.get(found, "rule", "")},
} if {
	some resource in input.resources
	some found in resource.attributes.ai_keys
}

# What tells one key from another without showing it.
_told_by(found) := sprintf(": %s", [found.hint]) if {
	found.hint
} else := ""

deny_literal_key contains {
	"resource": resource.id,
	"attribute": "attributes.ai_keys",
	"msg": sprintf("%s could not be searched for keys", [resource.id]),
} if {
	some resource in input.resources
	resource.unknown["attributes.ai_keys"]
	not resource.attributes.ai_keys
}

# METADATA
# title: Accounts take identities, not keys
# description: |
#   Where keys are accepted beside identities, every key is one more secret that can leak, belongs to nobody and
#   outlives the person who copied it.
# entrypoint: true
# custom:
#   id: KEY004
#   severity: medium
#   each: resource
#   kinds: [ai_account, bucket]
#   remediation: Set local_auth_enabled (or shared_access_key_enabled) to false and give the workload a role.
#   references:
#     - https://learn.microsoft.com/azure/ai-services/disable-local-auth
deny_local_auth contains {
	"resource": resource.id,
	"attribute": "attributes.local_auth",
	"msg": concat("", [resource.id, " accepts keys where an identity would do"]),
} if {
	some resource in input.resources
	resource.attributes.local_auth
}

deny_local_auth contains {
	"resource": resource.id,
	"attribute": "attributes.local_auth",
	"msg": concat("", [resource.id, " does not say whether it accepts keys"]),
} if {
	some resource in input.resources
	resource.kind == "ai_account"
	not _says_whether(resource)
}

deny_local_auth contains {
	"resource": resource.id,
	"attribute": "attributes.local_auth",
	"msg": concat("", [resource.id, " does not say whether it accepts keys"]),
} if {
	some resource in input.resources
	resource.unknown["attributes.local_auth"]
	not _says_whether(resource)
}

_says_whether(resource) if is_boolean(resource.attributes.local_auth)

_on_record(approval) := sprintf(" (%s)", [approval.ticket]) if {
	approval.ticket != ""
} else := ""

# A key by the fields that approvals match; `unknown` holds the fields that are not known, and the path that hides each.
_keys contains {
	"id": resource.id,
	"provider": object.get(facts, "provider", resource.provider),
	"fields": object.union(
		{"address": resource.id, "key_id": resource.id},
		object.filter(facts, ["name", "owner", "container", "key_id"]),
	),
	"unknown": unknown,
} if {
	some resource in input.resources
	resource.kind == "api_key"
	attributes := object.get(resource, "attributes", {})
	facts := object.get(attributes, "key", {})
	unknown := {field: path |
		some field in ["name", "owner", "container"]
		not facts[field]
		path := _hidden_by(resource, field)
	}
}

# The whole key hides each of its fields.
_hidden_by(resource, field) := "attributes.key" if {
	resource.unknown["attributes.key"]
} else := path if {
	path := concat("", ["attributes.key.", field])
	resource.unknown[path]
}

_approvals contains {
	"id": approval.id,
	"provider": approval.provider,
	"owner": approval.owner,
	"ticket": object.get(approval, "ticket", ""),
	"expires_at": approval.expires_at,
	"patterns": patterns,
} if {
	some approval in data.config.keys.approved
	patterns := {field: _pattern(glob) | some field, glob in approval.match}
}

_pattern(glob) := concat("", ["^", replace(regex.replace(glob, `[\\.+?()\[\]{}|^$]`, `\$0`), "*", ".*"), "$"])

_covering(key) := {approval |
	some approval in _approvals
	approval.provider == key.provider
	every field, pattern in approval.patterns {
		regex.match(pattern, key.fields[field])
	}
}

# Approvals that would cover the key, were its unknown fields to fit.
_possible(key) := {approval |
	count(key.unknown) > 0
	some approval in _approvals
	approval.provider == key.provider
	every field, pattern in approval.patterns {
		_fits(key, field, pattern)
	}
}

_fits(key, field, _) if key.unknown[field]

_fits(key, field, pattern) if regex.match(pattern, key.fields[field])
