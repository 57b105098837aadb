package tagging

# METADATA
# title: Paid resources carry every mandatory tag
# description: A resource without its taxonomy cannot be charged to a project, a model or an experiment.
# entrypoint: true
# custom:
#   id: TAG001
#   severity: high
#   each: resource
#   kinds:
#     - compute_instance
#     - compute_group
#     - node_pool
#     - cluster
#     - notebook
#     - training_job
#     - workload
#     - model_endpoint
#     - model_deployment
#     - provisioned_throughput
#     - capacity_reservation
#     - ai_account
#     - volume
#     - snapshot
#     - file_system
#     - bucket
#   remediation: Add the tag to the resource, or to the provider's default_tags. data.yaml says who must carry what.
#   references:
#     - https://www.finops.org/framework/capabilities/allocation/
#   together: "lacks {count} tags: {names}"
deny_missing_tag contains {
	"resource": resource.id,
	"attribute": _attribute[tag],
	"msg": concat("", [resource.id, _lacks[tag]]),
} if {
	some resource in _incomplete
	some tag in (_due[_profile(resource)] - object.keys(object.get(resource, "tags", {})))
}

deny_missing_tag contains {
	"resource": resource.id,
	"attribute": _attribute[tag],
	"msg": concat("", [resource.id, _blank_in[tag]]),
} if {
	some resource in input.resources
	some tag, value in resource.tags
	value < "!" # cheaper than trimming each: a blank of ASCII sorts before the first mark that is no blank
	trim_space(value) == ""
	tag in _due[_profile(resource)]
	not resource.taggable == false
}

deny_missing_tag contains {
	"resource": resource.id,
	"attribute": _attribute[tag],
	"msg": concat("", [resource.id, _blank_in[tag]]),
} if {
	some resource in input.resources
	some tag, value in resource.tags
	value > "~" # the other blanks sort after the last mark of ASCII
	trim_space(value) == ""
	tag in _due[_profile(resource)]
	not resource.taggable == false
}

# Whether these tags are mandatory hangs on a fact that is not known, so the finding names that fact.
deny_missing_tag contains {
	"resource": resource.id,
	"attribute": "tags.stage",
	"msg": sprintf("%s lacks %s, mandatory unless its stage excuses it", [resource.id, concat(", ", tags)]),
	"details": {"tags": tags},
} if {
	some resource in input.resources
	resource.unknown["tags.stage"]
	not _lacks_stage(resource)
	tags := [tag |
		some demand in data.config.tagging.mandatory
		resource.kind in demand.kinds
		count(demand.except_stages) > 0
		_asks_of(demand, object.get(resource, ["accelerator", "model"], "") != "")
		some tag in demand.tags
		not _carries(tag, resource)
	]
	count(tags) > 0
	not resource.taggable == false
}

deny_missing_tag contains {
	"resource": resource.id,
	"attribute": "accelerator",
	"msg": sprintf("%s lacks %s, mandatory if it has an accelerator", [resource.id, concat(", ", tags)]),
	"details": {"tags": tags},
} if {
	some resource in input.resources
	resource.unknown.accelerator
	not resource.accelerator
	not resource.unknown["tags.stage"]
	tags := [tag |
		some demand in data.config.tagging.mandatory
		resource.kind in demand.kinds
		demand.accelerated
		not object.get(resource, ["tags", "stage"], "") in object.get(demand, "except_stages", [])
		some tag in demand.tags
		not _carries(tag, resource)
	]
	count(tags) > 0
	not resource.taggable == false
}

# METADATA
# title: Tags have an allowed value
# description: |
#   A stage or a limit that nothing can read is as good as none. data.yaml sets what each tag may say: a list of values,
#   a pattern, a range of numbers or a day.
# entrypoint: true
# custom:
#   id: TAG002
#   severity: medium
#   each: resource
#   remediation: Use a value that the message allows, or add the value to the tag in data.yaml.
#   references:
#     - https://www.finops.org/framework/capabilities/allocation/
#   together: "has {count} tags with a value that is not allowed: {names}"
deny_tag_value contains {
	"resource": resource.id,
	"attribute": _attribute[tag],
	"msg": sprintf("%s has the value %q in its tag %q: %s", [resource.id, value, tag, allowed]),
	"details": {"value": value},
} if {
	some tag, refused in _refused
	some resource in _tagged
	value := resource.tags[tag]
	allowed := refused[value]
}

# METADATA
# title: Tags are written as the taxonomy writes them
# description: |
#   A key in another case, with a blank in it or under another name is invisible to chargeback. The message says which
#   tag was meant.
# entrypoint: true
# custom:
#   id: TAG003
#   severity: low
#   each: resource
#   remediation: Rename the key to the one the message names. Aliases are listed in data.yaml.
#   references:
#     - https://www.finops.org/framework/capabilities/allocation/
#   together: "has {count} tags under another name: {names}"
deny_near_miss contains {
	"resource": resource.id,
	"attribute": _attribute[tag],
	"msg": sprintf("%s has %s, that reads like the tag %q", [resource.id, concat(" and ", quoted), tag]),
	"details": {"keys": keys},
} if {
	some tag, similar in _similar
	some resource in _tagged
	not resource.tags[tag]
	keys := [key | some key in similar; resource.tags[key]]
	count(keys) > 0
	quoted := [sprintf("%q", [key]) | some key in keys]
}

# METADATA
# title: Experiments, datasets and teams belong to their project
# description: |
#   A tag that contradicts the register charges the spend to the wrong place. An empty register is not judged.
# entrypoint: true
# custom:
#   id: TAG004
#   severity: medium
#   each: resource
#   remediation: Correct the tag, or add the project, experiment or dataset to the register in data.yaml.
#   references:
#     - https://www.finops.org/framework/capabilities/allocation/
#   together: "has {count} tags that contradict the register: {names}"
deny_outside_register contains {
	"resource": resource.id,
	"attribute": "tags.project",
	"msg": sprintf("%s names the project %q, which is not in the register", [resource.id, project]),
} if {
	count(data.config.tagging.projects) > 0
	some resource in _tagged
	project := resource.tags.project
	trim_space(project) != ""
	not data.config.tagging.projects[project]
}

deny_outside_register contains {
	"resource": resource.id,
	"attribute": "tags.experiment-id",
	"msg": sprintf("%s names the experiment %q, which is not one of project %q", [resource.id, experiment, project]),
} if {
	some project, entry in data.config.tagging.projects
	_lists_experiments(entry)
	some resource in _tagged
	resource.tags.project == project
	experiment := resource.tags["experiment-id"]
	trim_space(experiment) != ""
	not _has_experiment(entry, experiment)
}

deny_outside_register contains {
	"resource": resource.id,
	"attribute": "tags.owner-team",
	"msg": sprintf("%s names the team %q; project %q belongs to %q", [resource.id, team, project, entry.owner_team]),
} if {
	some project, entry in data.config.tagging.projects
	entry.owner_team
	some resource in _tagged
	resource.tags.project == project
	team := resource.tags["owner-team"]
	trim_space(team) != ""
	team != entry.owner_team
}

deny_outside_register contains {
	"resource": resource.id,
	"attribute": "tags.dataset",
	"msg": sprintf("%s names the dataset %q, which is not in the register", [resource.id, dataset]),
} if {
	count(data.config.tagging.datasets) > 0
	some resource in _tagged
	dataset := resource.tags.dataset
	trim_space(dataset) != ""
	not data.config.tagging.datasets[dataset]
}

deny_outside_register contains {
	"resource": resource.id,
	"attribute": _blamed(resource),
	"msg": sprintf("%s names the dataset %q, which project %q may not use", [resource.id, dataset, project]),
} if {
	some dataset, entry in data.config.tagging.datasets
	entry.projects
	some resource in _tagged
	resource.tags.dataset == dataset
	project := resource.tags.project
	trim_space(project) != ""
	not project in entry.projects
}

# METADATA
# title: Tags reach the instances that are launched
# description: |
#   A group, a template or a spot request can carry every tag and launch instances without any: the bill then shows
#   instances that belong to nobody.
# entrypoint: true
# custom:
#   id: TAG005
#   severity: high
#   each: resource
#   kinds:
#     - compute_instance
#     - compute_group
#     - launch_template
#     - node_pool
#     - cluster
#     - notebook
#     - training_job
#     - workload
#     - model_endpoint
#   remediation: Set propagate_at_launch on the group's tags, or repeat the tags in the template of what is launched.
#   references:
#     - https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
deny_undelivered_tags contains {
	"resource": resource.id,
	"attribute": "attributes.delivered_tags",
	"msg": sprintf("%s carries tags that do not reach what it launches: %s", [resource.id, concat(", ", lost)]),
	"details": {"tags": lost},
} if {
	some resource in input.resources
	delivered := resource.attributes.delivered_tags
	lost := [tag | some tag in (_taxonomy & (object.keys(resource.tags) - object.keys(delivered)))]
	count(lost) > 0
}

deny_undelivered_tags contains {
	"resource": resource.id,
	"attribute": "attributes.delivered_tags",
	"msg": sprintf("%s does not say yet which tags reach what it launches", [resource.id]),
} if {
	some resource in input.resources
	resource.unknown["attributes.delivered_tags"]
	not resource.attributes.delivered_tags
}

_taxonomy := object.keys(data.config.tagging.tags)

# A rule about another resource shows that one's tags, and they are judged there.
_tagged := [resource |
	some resource in input.resources
	resource.tags
	not resource.taggable == false
]

_attribute[tag] := concat("", ["tags.", tag]) if some tag, _ in data.config.tagging.tags

_lacks[tag] := sprintf(" lacks the tag %q", [tag]) if some tag, _ in data.config.tagging.tags

_blank_in[tag] := sprintf(" has no value in the tag %q", [tag]) if some tag, _ in data.config.tagging.tags

# Which tags are due hangs on these facts alone, so it is worked out once for all resources that share them.
_profile(resource) := [
	resource.kind,
	object.get(resource, ["accelerator", "model"], "") != "",
	object.get(resource, ["tags", "stage"], ""),
	object.get(resource, ["unknown", "tags.stage"], "") != "",
]

_profiles := {_profile(resource) | some resource in input.resources}

# Most resources carry every tag that any of their kind may owe: those are done with at once.
_incomplete := [resource |
	some resource in input.resources
	count(_ever_due[resource.kind] - object.keys(object.get(resource, "tags", {}))) > 0
	not resource.taggable == false
]

_ever_due[kind] contains tag if {
	some demand in data.config.tagging.mandatory
	some kind in demand.kinds
	some tag in demand.tags
}

_due := {profile: tags |
	some profile in _profiles
	[kind, accelerated, stage, stage_is_unknown] := profile
	tags := {tag |
		some demand in data.config.tagging.mandatory
		kind in demand.kinds
		_asks_of(demand, accelerated)
		not stage in object.get(demand, "except_stages", [])
		not _stage_decides(demand, stage_is_unknown)
		some tag in demand.tags
		data.config.tagging.tags[tag]
	}
}

_asks_of(demand, _) if not demand.accelerated

_asks_of(_, accelerated) if accelerated

_stage_decides(demand, stage_is_unknown) if {
	stage_is_unknown
	count(demand.except_stages) > 0
}

_lacks_stage(resource) if {
	"stage" in _due[_profile(resource)]
	not resource.tags.stage
}

_carries(tag, resource) if trim_space(resource.tags[tag]) != ""

# Each value is judged once, however many resources carry it.
_carried[tag] := values if {
	some tag, rule in data.config.tagging.tags
	count(object.keys(rule) - {"description", "aliases"}) > 0
	values := {resource.tags[tag] | some resource in _tagged}
}

_refused[tag][value] := allowed if {
	some tag, values in _carried
	some value in values
	trim_space(value) != ""
	allowed := _allowed_instead(data.config.tagging.tags[tag], value)
}

_allowed_instead(rule, value) := sprintf("allowed is %s", [concat(", ", rule.values)]) if {
	rule.values
	not value in rule.values
} else := sprintf("it takes %s", [rule.shape]) if {
	rule.pattern
	not regex.match(sprintf("^(?:%s)$", [rule.pattern]), value)
} else := "it takes a day, YYYY-MM-DD" if {
	rule.date
	not _is_day(value)
} else := "it takes a number" if {
	_is_numeric(rule)
	not regex.match(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$`, value)
} else := sprintf("the least is %v", [rule.minimum]) if {
	is_number(rule.minimum)
	to_number(value) < rule.minimum
} else := sprintf("the most is %v", [rule.maximum]) if {
	is_number(rule.maximum)
	to_number(value) > rule.maximum
}

_is_numeric(rule) if is_number(rule.minimum)

_is_numeric(rule) if is_number(rule.maximum)

# By pattern, because parsing a day that does not exist ends the evaluation in one of the two engines.
_is_day(value) if regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$`, value)

_is_day(value) if regex.match(`^[0-9]{4}-(0[13-9]|1[0-2])-(29|30)$`, value)

_is_day(value) if regex.match(`^[0-9]{4}-(0[13578]|1[02])-31$`, value)

_is_day(value) if regex.match(`^([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29$`, value)

# Not `\s` and `\d`: one engine takes them for ASCII, the other for all of Unicode.
_folded(key) := lower(regex.replace(key, `[\t\n\r\p{Z}_-]+`, ""))

_meaning[folded] contains tag if {
	some tag, _ in data.config.tagging.tags
	folded := _folded(tag)
}

_meaning[folded] contains tag if {
	some tag, rule in data.config.tagging.tags
	some alias in rule.aliases
	folded := _folded(alias)
}

_keys := union({object.keys(resource.tags) | some resource in _tagged})

_similar[tag] contains key if {
	some key in _keys
	not data.config.tagging.tags[key]
	some tag in _meaning[_folded(key)]
}

_lists_experiments(entry) if entry.experiments

_lists_experiments(entry) if entry.experiment_pattern

_has_experiment(entry, experiment) if experiment in entry.experiments

_has_experiment(entry, experiment) if regex.match(sprintf("^(?:%s)$", [entry.experiment_pattern]), experiment)

# A project that is not known is to blame for what depends on it, not the dataset that is.
_blamed(resource) := "tags.project" if {
	resource.unknown["tags.project"]
} else := "tags.dataset"
