package azure

# METADATA
# title: Azure asks for every mandatory tag
# description: |
#   A tag that the taxonomy makes mandatory is asked for by a policy of Azure that is enforced, on every scope where
#   resources are made. Elsewhere only those keep the rule who check their plans.
# entrypoint: true
# custom:
#   id: AZP001
#   severity: high
#   stages: [azure]
#   kinds: [azure_scope]
#   together: "no enforced policy asks for {count} tags: {names}"
#   remediation: |
#     Write the policies with `governor azure generate --only tagging --scope ID` and deploy them, or set
#     enforcementMode to Default.
#   references:
#     - https://learn.microsoft.com/azure/governance/policy/tutorials/govern-tags
deny_tag_not_asked_for contains {
	"resource": resource.id,
	"attribute": concat(".", ["attributes.requires_tags", tag]),
	"msg": sprintf("%s: %s", [resource.id, _of_tag(tag, answer)]),
	"details": {"effect": answer.effect, "assignment": answer.assignment},
} if {
	some resource in _judged
	some tag, answer in resource.attributes.requires_tags
	_is_wanted(tag)
	not _asks(answer)
	not _told_above(resource, "requires_tags", tag)
}

deny_tag_not_asked_for contains {
	"resource": resource.id,
	"attribute": concat(".", ["attributes.requires_tags", tag]),
	"msg": sprintf("%s: whether a policy asks for the tag %q is not known", [resource.id, tag]),
} if {
	some resource in _judged
	some tag in _doubtful(resource, "requires_tags")
	_is_wanted(tag)
}

# METADATA
# title: Azure allows no location that the residency data does not
# description: |
#   Where the residency data binds whatever has no class of its own, the locations that Azure Policy lets resources lie
#   in are among those it allows. A region that Azure allows and nobody promised is one click away.
# entrypoint: true
# custom:
#   id: AZP002
#   severity: high
#   stages: [azure]
#   kinds: [azure_scope]
#   remediation: |
#     Write the policies with `governor azure generate --only residency --scope ID`, or give the built-in "Allowed
#     locations" the regions of the residency data.
#   references:
#     - https://learn.microsoft.com/azure/governance/policy/samples/built-in-policies#general
deny_location contains {
	"resource": resource.id,
	"attribute": concat(".", ["attributes.locations", kind]),
	"msg": sprintf("%s lets %s lie in %d regions that the residency data does not allow: %s", [
		resource.id,
		_words[kind],
		count(outside),
		_listing(outside),
	]),
	"details": {"regions": outside},
} if {
	some resource in _judged
	some kind, allowed in resource.attributes.allowed_locations
	outside := sort([region |
		some region, effect in resource.attributes.locations[kind]
		not effect in data.config.azure.suffices.locations
		not region in allowed
	])
	count(outside) > 0
	not _told_above(resource, "locations", kind)
}

deny_location contains {
	"resource": resource.id,
	"attribute": concat(".", ["attributes.locations", kind, first]),
	"msg": sprintf("%s: whether %s may lie in %s is not known, and the residency data does not allow it", [
		resource.id,
		_words[kind],
		_listing(outside),
	]),
} if {
	some resource in _judged
	some kind, allowed in resource.attributes.allowed_locations
	outside := sort([region |
		some region in _doubtful(resource, sprintf("locations.%s", [kind]))
		not region in allowed
	])
	first := outside[0]
}

# METADATA
# title: Assignments are in force
# description: |
#   An assignment in DoNotEnforce, with the effect Disabled, or whose effect an override weakens, reads as if something
#   were seen to, and nothing is.
# entrypoint: true
# custom:
#   id: AZP003
#   severity: medium
#   each: resource
#   stages: [azure]
#   kinds: [azure_assignment]
#   remediation: |
#     Enforce it, or remove the assignment; what governs tags and locations can be written anew with `governor azure
#     generate`.
#   references:
#     - https://learn.microsoft.com/azure/governance/policy/concepts/assignment-structure#enforcement-mode
deny_not_in_force contains {
	"resource": resource.id,
	"attribute": "attributes.enforced",
	"msg": sprintf("%s (%s) is in DoNotEnforce: it is evaluated, and nothing is done", [resource.id, name]),
} if {
	some resource in input.resources
	resource.kind == "azure_assignment"
	name := resource.attributes.display_name
	resource.attributes.enforced == false
	not resource.attributes.reference
}

deny_not_in_force contains {
	"resource": resource.id,
	"attribute": "attributes.effect",
	"msg": sprintf("%s (%s) has the effect Disabled: it is not evaluated", [resource.id, name]),
} if {
	some resource in input.resources
	resource.kind == "azure_assignment"
	name := resource.attributes.display_name
	resource.attributes.effect == "disabled"
	not resource.attributes.overridden
	_is_chosen(resource)
}

deny_not_in_force contains {
	"resource": resource.id,
	"attribute": "attributes.effect",
	"msg": sprintf("%s (%s): its effect is not known", [resource.id, name]),
} if {
	some resource in input.resources
	resource.kind == "azure_assignment"
	name := resource.attributes.display_name
	resource.unknown["attributes.effect"]
}

deny_not_in_force contains {
	"resource": resource.id,
	"attribute": "attributes.overridden",
	"msg": sprintf("%s (%s) is overridden from %s to %s", [
		resource.id,
		name,
		overridden.from,
		overridden.to,
	]),
} if {
	some resource in input.resources
	resource.kind == "azure_assignment"
	name := resource.attributes.display_name
	overridden := resource.attributes.overridden
	object.get(_strength, overridden.to, 0) < object.get(_strength, overridden.from, 0)
}

# METADATA
# title: Exemptions of Azure end, and are known here
# description: |
#   An exemption of Azure has a day on which it ends, is removed once that has come, and one of governor stands beside
#   it, with a reason and somebody who answers. Otherwise what is waived there is waived for ever, by nobody.
# entrypoint: true
# custom:
#   id: AZP004
#   severity: medium
#   each: resource
#   stages: [azure]
#   kinds: [azure_exemption]
#   remediation: |
#     Give it an expiresOn, remove it once it has expired, and write an entry into exemptions.yaml whose `resource` is
#     its id or its scope. What is waived because a policy does not fit may fit once `governor azure generate` wrote it.
#   references:
#     - https://learn.microsoft.com/azure/governance/policy/concepts/exemption-structure
deny_exemption contains {
	"resource": resource.id,
	"attribute": "attributes.expires_on",
	"msg": sprintf("%s (%s) has no end", [resource.id, name]),
} if {
	some resource in input.resources
	resource.kind == "azure_exemption"
	name := resource.attributes.display_name
	not resource.attributes.expires_on
}

deny_exemption contains {
	"resource": resource.id,
	"attribute": "attributes.expired",
	"msg": sprintf("%s (%s) ended on %s, and is still there", [
		resource.id,
		name,
		end,
	]),
} if {
	some resource in input.resources
	resource.kind == "azure_exemption"
	name := resource.attributes.display_name
	resource.attributes.expired
	end := substring(resource.attributes.expires_on, 0, 10)
}

deny_exemption contains {
	"resource": resource.id,
	"attribute": "attributes.exempted_by_us",
	"msg": sprintf("%s (%s) has no exemption of governor beside it", [resource.id, name]),
} if {
	some resource in input.resources
	resource.kind == "azure_exemption"
	name := resource.attributes.display_name
	resource.attributes.exempted_by_us == false
	not resource.attributes.expired
}

# METADATA
# title: GPU sizes are stopped wherever they can be had
# description: |
#   The built-in "Allowed virtual machine size SKUs" knows virtual machines only. The same sizes come as scale sets, as
#   node pools of AKS and as computes of Machine Learning, and cost as much there.
# entrypoint: true
# custom:
#   id: AZP005
#   severity: medium
#   stages: [azure]
#   kinds: [azure_scope]
#   remediation: |
#     Assign policies of your own that name the size of each type; `governor azure generate` writes those that have GPU
#     machines carry their tags.
#   references:
#     - https://learn.microsoft.com/azure/governance/policy/samples/built-in-policies#compute
deny_gpu_open contains {
	"resource": resource.id,
	"attribute": "attributes.gpu",
	"msg": sprintf("%s: nothing stops sizes with GPUs of %s", [resource.id, _of_kinds(open)]),
	"details": {"types": open},
} if {
	some resource in _judged
	open := _open(resource, "gpu")
	count(open) > 0
}

deny_gpu_open contains {
	"resource": resource.id,
	"attribute": concat(".", ["attributes.gpu", kind]),
	"msg": sprintf("%s: whether sizes with GPUs of %s are stopped is not known", [resource.id, _words[kind]]),
} if {
	some resource in _judged
	some kind in _doubtful(resource, "gpu")
}

# METADATA
# title: AI deployments that process anywhere are stopped
# description: |
#   A Global or DataZone deployment of Azure OpenAI sends prompts to wherever there is room, whatever region it lies in.
#   A policy of Azure denies those SKUs.
# entrypoint: true
# custom:
#   id: AZP006
#   severity: high
#   stages: [azure]
#   kinds: [azure_scope]
#   remediation: |
#     Write the policies with `governor azure generate --only residency --effect Deny --scope ID`: they deny the SKUs
#     that leave the jurisdiction.
#   references:
#     - https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/deployment-types
deny_global_processing contains {
	"resource": resource.id,
	"attribute": "attributes.global_processing",
	"msg": sprintf("%s: nothing denies deployments that process outside their region: %s", [
		resource.id,
		concat(", ", open),
	]),
	"details": {"skus": open},
} if {
	some resource in _judged
	open := _open(resource, "global_processing")
	count(open) > 0
}

deny_global_processing contains {
	"resource": resource.id,
	"attribute": concat(".", ["attributes.global_processing", sku]),
	"msg": sprintf("%s: whether deployments of the SKU %s are denied is not known", [resource.id, sku]),
} if {
	some resource in _judged
	some sku in _doubtful(resource, "global_processing")
}

# METADATA
# title: Accounts cannot be made with keys
# description: |
#   An account that takes keys can be used by whoever has one, from anywhere, and nobody sees who it was. A policy of
#   Azure denies such accounts, or turns the keys off.
# entrypoint: true
# custom:
#   id: AZP007
#   severity: medium
#   stages: [azure]
#   kinds: [azure_scope]
#   remediation: |
#     Assign the built-in "Azure AI Services resources should have key access disabled" with the effect Deny, and its
#     likes for search services and storage. `governor azure generate` writes no policy for it.
#   references:
#     - https://learn.microsoft.com/azure/ai-services/disable-local-auth
deny_local_auth contains {
	"resource": resource.id,
	"attribute": "attributes.local_auth",
	"msg": sprintf("%s: nothing stops keys of %s", [resource.id, _of_kinds(open)]),
	"details": {"types": open},
} if {
	some resource in _judged
	open := _open(resource, "local_auth")
	count(open) > 0
}

deny_local_auth contains {
	"resource": resource.id,
	"attribute": concat(".", ["attributes.local_auth", kind]),
	"msg": sprintf("%s: whether keys of %s are stopped is not known", [resource.id, _words[kind]]),
} if {
	some resource in _judged
	some kind in _doubtful(resource, "local_auth")
}

# METADATA
# title: What Azure records as not compliant is somebody's
# description: |
#   Each record of Azure that a resource does not comply with a policy is a finding, with the team that owns the
#   resource and what it costs: a percentage on a dashboard has neither.
# entrypoint: true
# custom:
#   id: AZP008
#   severity: medium
#   each: resource
#   stages: [azure]
#   kinds: [azure_record]
#   together: "does not comply with {count} policies of Azure: {names}"
#   remediation: |
#     Mend the resource, or remediate the assignment; `governor azure generate` writes policies that add inherited tags.
#   references:
#     - https://learn.microsoft.com/azure/governance/policy/how-to/get-compliance-data
deny_not_compliant contains {
	"resource": resource.id,
	"attribute": concat(".", ["attributes.records", name]),
	"msg": sprintf("%s does not comply with %q (%s)", [resource.id, record.policy, record.effect]),
	"details": {"assignment": record.assignment, "definition": record.definition, "at": record.at},
} if {
	some resource in input.resources
	resource.kind == "azure_record"
	some name, record in resource.attributes.records
}

_words := {
	"virtualMachines": "virtual machines",
	"virtualMachineScaleSets": "scale sets",
	"managedClusters": "AKS clusters",
	"agentPools": "AKS node pools",
	"computes": "ML computes",
	"accounts": "AI accounts",
	"searchServices": "search services",
	"storageAccounts": "storage accounts",
}

_of_kinds(kinds) := concat(", ", [_words[kind] | some kind in kinds])

_listing(names) := concat(", ", names) if count(names) <= 5

_listing(names) := sprintf("%s and %d more", [concat(", ", array.slice(names, 0, 5)), count(names) - 5]) if {
	count(names) > 5
}

_of_tag(tag, answer) := sprintf("no policy asks for the tag %q of %s", [tag, _of_kinds(answer.not_on)]) if {
	answer.effect == ""
} else := sprintf("the policy that asks for the tag %q is in DoNotEnforce", [tag]) if {
	not answer.enforced
} else := sprintf("the policy that asks for the tag %q has the effect %s", [tag, answer.effect])

_asks(answer) if {
	answer.enforced
	answer.effect in data.config.azure.suffices.requires_tags
}

_is_wanted(_) if count(data.config.azure.tags) == 0

_is_wanted(tag) if tag in data.config.azure.tags

# A member of an initiative that its author turned off by default is nobody's decision here.
_is_chosen(resource) if not resource.attributes.reference

_is_chosen(resource) if resource.attributes.decided_by in {"assignment", "initiative"}

_strength := {
	"audit": 1,
	"auditifnotexists": 1,
	"append": 2,
	"modify": 2,
	"deployifnotexists": 2,
	"denyaction": 3,
	"deny": 3,
}

# What of a question nothing stops, and no scope above says already.
_open(resource, question) := sort([item |
	suffices := data.config.azure.suffices[question]
	some item, effect in resource.attributes[question]
	not effect in suffices
	not _told_above(resource, question, item)
])

_doubtful(resource, question) := {item |
	prefix := sprintf("attributes.%s.", [question])
	some path, _ in resource.unknown
	startswith(path, prefix)
	not _doubted_above(resource, path)
	item := trim_prefix(path, prefix)
}

# A management group's assignments are seen in each subscription below it: what is the same is told once, on top.
_told_above(resource, question, item) if {
	some id in resource.attributes.above
	_judged[id].attributes[question][item] == resource.attributes[question][item]
}

_doubted_above(resource, path) if {
	some id in resource.attributes.above
	_judged[id].unknown[path]
}

_judged[resource.id] := resource if {
	some resource in input.resources
	resource.kind == "azure_scope"
	_is_asked_for(resource)
	not _is_excepted(resource)
}

_is_asked_for(resource) if {
	some pattern in data.config.azure.scopes
	_is_like(resource.id, pattern)
}

_is_asked_for(resource) if {
	count(data.config.azure.scopes) == 0
	resource.attributes.level in {"subscription", "resource_group"}
	_has_subscriptions
}

_is_asked_for(resource) if {
	count(data.config.azure.scopes) == 0
	not _has_subscriptions
	count(resource.attributes.above) == 0
}

_has_subscriptions if {
	some resource in input.resources
	resource.kind == "azure_scope"
	resource.attributes.level == "subscription"
}

_is_excepted(resource) if {
	some pattern in data.config.azure.except
	_is_like(resource.id, pattern)
}

_is_like(id, pattern) if regex.match(_pattern(lower(pattern)), lower(id))

_pattern(glob) := concat("", ["^", replace(regex.replace(glob, `[\\.+?()\[\]{}|^$]`, `\$0`), "*", ".*"), "$"])
