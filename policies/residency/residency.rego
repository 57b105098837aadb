package residency

# METADATA
# title: Data lies where its class allows
# description: |
#   The region of a resource lies in a jurisdiction that the class of its dataset, or its project, allows. What is kept
#   or computed elsewhere has left the law that was promised for it.
# entrypoint: true
# custom:
#   id: RES001
#   severity: critical
#   each: resource
#   kinds:
#     - compute_instance
#     - compute_group
#     - cluster
#     - node_pool
#     - notebook
#     - training_job
#     - workload
#     - model_endpoint
#     - model_deployment
#     - provisioned_throughput
#     - ai_account
#     - volume
#     - snapshot
#     - file_system
#     - bucket
#     - replication
#   remediation: Use a region in a jurisdiction that the message names, or correct the dataset or project tag.
#   references:
#     - https://eur-lex.europa.eu/eli/reg/2016/679/oj
deny_region contains _elsewhere(resource, here) if {
	count(_dataset_bounds) > 0
	some resource in input.resources
	bound := _dataset_bounds[resource.tags.dataset]
	here := _jurisdiction(resource.provider, resource.region)
	allowed := bound.jurisdictions
	not here in allowed
}

deny_region contains _elsewhere(resource, here) if {
	count(_project_bounds) > 0
	some resource in input.resources
	bound := _project_bounds[resource.tags.project]
	here := _jurisdiction(resource.provider, resource.region)
	allowed := bound.jurisdictions
	not here in allowed
}

deny_region contains _elsewhere(resource, here) if {
	some bound in _default_bounds
	some resource in input.resources
	regions := _jurisdictions[resource.provider]
	here := regions[resource.region]
	allowed := bound.jurisdictions
	not here in allowed
	not _listed(resource)
}

deny_region contains {
	"resource": resource.id,
	"attribute": path,
	"msg": sprintf("%s lies in %s (%s), and its %s is not known: %s", [resource.id, resource.region, here, tag, says]),
} if {
	_restricts
	some resource in input.resources
	resource.unknown
	here := _jurisdiction(resource.provider, resource.region)
	some tag, path in _binding_tags
	_hidden(resource, tag)
	says := _may_be_bound(tag, here)
}

# METADATA
# title: Copies stay where the data may lie
# description: |
#   Replication, backups and snapshots carry data out of its jurisdiction as surely as a move does. Every region that a
#   resource copies to is judged like its own.
# entrypoint: true
# custom:
#   id: RES002
#   severity: critical
#   each: resource
#   kinds: [bucket, file_system, volume, snapshot, replication]
#   remediation: Copy to a region in a jurisdiction that the message names, or drop the rule for this data.
#   references:
#     - https://eur-lex.europa.eu/eli/reg/2016/679/oj
deny_copies contains {
	"resource": resource.id,
	"attribute": _copies_attribute(resource),
	"msg": sprintf("%s copies to %s; %s", [resource.id, concat(", ", outside), concat("; ", says)]),
	"details": {"regions": outside},
} if {
	_restricts
	some resource in input.resources
	resource.attributes.copies_to
	broken := {[_place(resource.provider, region), bound.says] |
		some bound in _bounds(resource)
		some region in resource.attributes.copies_to
		_outside(bound, resource, region)
	}
	outside := sort({place | some [place, _] in broken})
	says := sort({text | some [_, text] in broken})
	count(outside) > 0
}

deny_copies contains {
	"resource": resource.id,
	"attribute": "attributes.copies_to",
	"msg": sprintf("%s copies to a region that is not known; %s", [resource.id, concat("; ", says)]),
} if {
	_restricts
	some resource in input.resources
	resource.unknown["attributes.copies_to"]
	says := [bound.says | some bound in _bounds(resource)]
	count(says) > 0
}

deny_copies contains {
	"resource": resource.id,
	"attribute": "attributes.copies_to",
	"msg": sprintf("%s copies to a region that is not known; %s", [resource.id, concat("; ", says)]),
} if {
	_restricts
	some resource in input.resources
	resource.kind == "replication"
	not resource.attributes.copies_to
	says := [bound.says | some bound in _bounds(resource)]
	count(says) > 0
}

deny_copies contains {
	"resource": resource.id,
	"attribute": path,
	"msg": sprintf("%s copies to %s, and its %s is not known: %s", [resource.id, concat(", ", outside), tag, says]),
} if {
	_restricts
	some resource in input.resources
	resource.unknown
	some tag, path in _binding_tags
	_hidden(resource, tag)
	broken := {[_place(resource.provider, region), bound.says] |
		some bound in _possible[tag]
		some region in resource.attributes.copies_to
		_outside(bound, resource, region)
	}
	outside := sort({place | some [place, _] in broken})
	says := min({text | some [_, text] in broken})
}

# METADATA
# title: AI endpoints process where they lie
# description: |
#   A global or geographic inference profile, a GlobalStandard or DataZone deployment and a global location send prompts
#   to wherever there is room. Whether that leaves the jurisdiction follows from the name, so it can be told before the
#   endpoint exists.
# entrypoint: true
# custom:
#   id: RES003
#   severity: critical
#   each: resource
#   kinds: [model_deployment, model_endpoint, provisioned_throughput]
#   remediation: |
#     Use the model's regional form: a model id without a prefix, a Standard or ProvisionedManaged deployment, or a
#     location that is a region. ai_endpoints in data.yaml says what holds for all endpoints.
#   references:
#     - https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html
#     - https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/deployment-types
#     - https://cloud.google.com/vertex-ai/generative-ai/docs/learn/data-residency
deny_processing contains {
	"resource": resource.id,
	"attribute": "attributes.processing",
	"msg": sprintf("%s %s (%s); %s", [resource.id, concat(" and ", hows), _route(processing), concat("; ", says)]),
	"details": {"selector": object.get(processing, "selector", "")},
} if {
	some resource in input.resources
	processing := resource.attributes.processing
	_may_leave(processing)
	broken := {[_leaves(bound, processing), bound.says] |
		some bound in array.concat(_home_bounds, _bounds(resource))
	}
	hows := sort({how | some [how, _] in broken})
	says := sort({text | some [_, text] in broken})
	count(hows) > 0
}

deny_processing contains {
	"resource": resource.id,
	"attribute": "attributes.processing",
	"msg": sprintf("%s does not say where it processes requests; %s", [resource.id, concat("; ", says)]),
} if {
	some resource in input.resources
	resource.unknown["attributes.processing"]
	not resource.attributes.processing
	says := [bound.says | some bound in array.concat(_home_bounds, _bounds(resource))]
	count(says) > 0
}

deny_processing contains {
	"resource": resource.id,
	"attribute": "attributes.processing",
	"msg": sprintf("%s does not say where it processes requests; %s", [resource.id, concat("; ", says)]),
} if {
	_restricts
	some resource in input.resources
	_processing_kinds[resource.kind]
	not resource.attributes.processing
	not resource.unknown["attributes.processing"]
	says := [bound.says | some bound in _bounds(resource)]
	count(says) > 0
}

deny_processing contains {
	"resource": resource.id,
	"attribute": path,
	"msg": sprintf("%s %s (%s), and its %s is not known: %s", [resource.id, how, _route(processing), tag, says]),
} if {
	_restricts
	some resource in input.resources
	resource.unknown
	processing := resource.attributes.processing
	_may_leave(processing)
	not _leaves_home(processing)
	some tag, path in _binding_tags
	_hidden(resource, tag)
	broken := {[_leaves(bound, processing), bound.says] | some bound in _possible[tag]}
	[how, says] := min(broken)
}

deny_processing contains {
	"resource": resource.id,
	"attribute": "region",
	"msg": sprintf("%s lies in %s; AI endpoints may lie in %s", [resource.id, _where(resource), concat(", ", home)]),
} if {
	home := data.config.residency.ai_endpoints.home_jurisdictions
	count(home) > 0
	some resource in input.resources
	resource.kind in {"model_deployment", "model_endpoint", "provisioned_throughput"}
	not object.get(_jurisdictions, [resource.provider, object.get(resource, "region", "")], "not known") in home
}

# METADATA
# title: Restricted data lies in a region that is known
# description: |
#   A region that is absent or not in the catalogue cannot be compared with what the class of the data allows, so it
#   must not pass for an allowed one.
# entrypoint: true
# custom:
#   id: RES004
#   severity: high
#   each: resource
#   kinds:
#     - compute_instance
#     - compute_group
#     - cluster
#     - node_pool
#     - notebook
#     - training_job
#     - workload
#     - model_endpoint
#     - model_deployment
#     - provisioned_throughput
#     - ai_account
#     - volume
#     - snapshot
#     - file_system
#     - bucket
#     - replication
#   remediation: Write the region into the provider block, or add the place to `regions` in data.yaml.
#   references:
#     - https://eur-lex.europa.eu/eli/reg/2016/679/oj
deny_unknown_region contains {
	"resource": resource.id,
	"attribute": _region_attribute[data.config.residency.unknown_region],
	"msg": sprintf("%s lies in %s; %s", [resource.id, where, concat("; ", says)]),
} if {
	_restricts
	some resource in input.resources
	regions := object.get(_jurisdictions, resource.provider, {}) # in two steps: ten times as fast as in one
	region := object.get(resource, "region", "")
	not regions[region]
	where := _nowhere(resource)
	says := [bound.says | some bound in _bounds(resource)]
	count(says) > 0
}

deny_unknown_region contains {
	"resource": resource.id,
	"attribute": path,
	"msg": sprintf("%s lies in %s, and its %s is not known: %s", [resource.id, where, tag, says]),
} if {
	_restricts
	some resource in input.resources
	resource.unknown
	regions := object.get(_jurisdictions, resource.provider, {}) # in two steps: ten times as fast as in one
	region := object.get(resource, "region", "")
	not regions[region]
	where := _nowhere(resource)
	some tag, path in _binding_tags
	_hidden(resource, tag)
	says := _may_be_bound(tag, "not known")
}

# Under `deny` the finding must not be softened by the region being unknown: it is about the restriction.
_region_attribute := {"undetermined": "region", "deny": "residency"}

_binding_tags := {"dataset": "tags.dataset", "project": "tags.project"}

_jurisdictions[provider] := object.union(own, listed) if {
	some provider in (object.keys(data.catalog.regions) | object.keys(data.config.residency.regions))
	own := object.get(data.config.residency.regions, provider, {})
	regions := object.get(data.catalog.regions, provider, {})
	listed := {region: facts.jurisdiction | some region, facts in regions}
}

_jurisdiction(provider, region) := jurisdiction if {
	regions := _jurisdictions[provider]
	jurisdiction := regions[region]
}

_elsewhere(resource, here) := {
	"resource": resource.id,
	"attribute": "region",
	"msg": sprintf("%s lies in %s (%s); %s", [resource.id, resource.region, here, concat("; ", broken)]),
	"details": {"jurisdiction": here},
} if {
	broken := [bound.says |
		some bound in _bounds(resource)
		allowed := bound.jurisdictions
		not here in allowed
	]
}

_nowhere(resource) := "a region that is not known" if {
	not resource.region
} else := sprintf("%s, which is not in the region catalogue", [resource.region]) if {
	not _jurisdiction(resource.provider, resource.region)
}

_where(resource) := _nowhere(resource)

_where(resource) := _place(resource.provider, resource.region) if {
	_jurisdiction(resource.provider, resource.region)
}

_place(provider, region) := sprintf("%s (%s)", [
	region,
	object.get(_jurisdictions, [provider, region], "not in the region catalogue"),
])

# What restricts: by dataset, by project, and by default. A class that does not exist allows nothing, so that a misspelt
# class is found and not taken for freedom.
_dataset_bounds[dataset] := _bound(class, sprintf("dataset %q, class %s,", [dataset, name])) if {
	some dataset, name in data.config.residency.datasets
	class := _class(name)
	not class.any
}

_project_bounds[project] := _bound(class, sprintf("project %q, class %s,", [project, entry.class])) if {
	some project, entry in data.config.residency.projects
	class := _class(entry.class)
	not class.any
	not entry.jurisdictions
}

_project_bounds[project] := _bound(entry, sprintf("project %q", [project])) if {
	some project, entry in data.config.residency.projects
	entry.jurisdictions
}

_default_bounds := [_bound(class, sprintf("what is not listed, class %s,", [name])) |
	name := data.config.residency.default_class
	class := _class(name)
	not class.any
]

_home_bounds := [{"jurisdictions": set(), "same_region": false, "says": "AI endpoints process where they lie"} |
	data.config.residency.ai_endpoints.forbid_global
]

_class(name) := object.get(data.config.residency.classes, name, {"jurisdictions": []})

_bound(class, who) := {
	"jurisdictions": {jurisdiction | some jurisdiction in class.jurisdictions},
	"same_region": object.get(class, "same_region", false),
	"says": sprintf("%s allows %s%s", [who, _listing(class.jurisdictions), _own_region(class)]),
}

_listing(jurisdictions) := concat(", ", jurisdictions) if count(jurisdictions) > 0

_listing(jurisdictions) := "nothing, for there is no such class" if count(jurisdictions) == 0

_own_region(class) := " and the region of the resource only" if class.same_region

_own_region(class) := "" if not class.same_region

_restricts if (count(_dataset_bounds) + count(_project_bounds)) + count(_default_bounds) > 0

_bounds(resource) := array.concat(
	array.concat(
		[bound | bound := _dataset_bounds[resource.tags.dataset]],
		[bound | bound := _project_bounds[resource.tags.project]],
	),
	[bound | some bound in _default_bounds; not _listed(resource)],
)

_listed(resource) if data.config.residency.datasets[resource.tags.dataset]

_listed(resource) if data.config.residency.projects[resource.tags.project]

# What a hidden tag may say is not known, so neither is whether the default holds.
_listed(resource) if {
	resource.unknown
	some tag, _ in _binding_tags
	_hidden(resource, tag)
}

_hidden(resource, tag) if resource.unknown[_binding_tags[tag]]

_hidden(resource, _) if resource.unknown.tags

_hidden(resource, tag) if {
	resource.unknown["tags.*"]
	not resource.tags[tag]
}

# The bounds that a tag may bring, were it known.
_possible := {
	"dataset": {bound | some bound in _dataset_bounds} | {bound | some bound in _default_bounds},
	"project": {bound | some bound in _project_bounds} | {bound | some bound in _default_bounds},
}

_may_be_bound(tag, here) := min({bound.says |
	some bound in _possible[tag]
	allowed := bound.jurisdictions
	not here in allowed
})

_outside(bound, resource, region) if {
	allowed := bound.jurisdictions
	not object.get(_jurisdictions, [resource.provider, region], "not known") in allowed
}

_outside(bound, resource, region) if {
	bound.same_region
	region != resource.region
}

# A region that is known to be outside stays a violation when others are not known.
_copies_attribute(resource) := "copies_to" if {
	resource.unknown["attributes.copies_to"]
} else := "attributes.copies_to"

# Kinds that process requests by themselves, and so have to say where.
_processing_kinds := {"model_deployment": true, "provisioned_throughput": true}

_may_leave_jurisdiction(processing) if processing.leaves_jurisdiction in {"yes", "check"}

_may_leave(processing) if _may_leave_jurisdiction(processing)

_may_leave(processing) if processing.leaves_region in {"yes", "check"}

_leaves(_, processing) := "processes requests outside its jurisdiction" if {
	processing.leaves_jurisdiction == "yes"
} else := "may process requests outside its jurisdiction" if {
	processing.leaves_jurisdiction == "check"
}

_leaves(bound, processing) := "processes requests outside its region" if {
	bound.same_region
	not _may_leave_jurisdiction(processing)
	processing.leaves_region == "yes"
}

_leaves(bound, processing) := "may process requests outside its region" if {
	bound.same_region
	not _may_leave_jurisdiction(processing)
	processing.leaves_region == "check"
}

_leaves_home(processing) if {
	some bound in _home_bounds
	_leaves(bound, processing)
}

_route(processing) := sprintf("%s, %s", [
	object.get(processing, "selector", "no selector"),
	object.get(processing, "scope", "no scope"),
])
