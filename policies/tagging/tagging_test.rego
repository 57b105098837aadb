package tagging_test

import data.tagging

_config := {
	"tags": {
		"project": {"description": "x", "aliases": ["proj"]},
		"stage": {"description": "x", "values": ["fine-tuning", "inference"]},
		"experiment-id": {"description": "x"},
		"gpus": {"description": "x", "minimum": 1, "maximum": 8},
		"ends": {"description": "x", "date": true},
		"limit": {"description": "x", "pattern": "[0-9]+", "shape": "digits"},
	},
	"mandatory": {
		"paid": {"kinds": ["compute_instance"], "tags": ["project"]},
		"experiments": {
			"kinds": ["compute_instance"],
			"tags": ["experiment-id"],
			"accelerated": true,
			"except_stages": ["inference"],
		},
	},
	"projects": {},
	"datasets": {},
}

_resource(facts) := object.union({"id": "r", "kind": "compute_instance"}, facts)

_missing(facts) := {found.attribute |
	some found in tagging.deny_missing_tag with input.resources as [_resource(facts)]
		with data.config.tagging as _config
}

test_missing[name] := ok if {
	some name, [facts, expected] in {
		"nothing": [{}, {"tags.project"}],
		"carried": [{"tags": {"project": "atlas"}}, set()],
		"blank": [{"tags": {"project": " \t"}}, {"tags.project"}],
		"blank outside ASCII": [{"tags": {"project": "\u00a0\u3000"}}, {"tags.project"}],
		"takes no tags": [{"taggable": false}, set()],
		"another kind": [{"kind": "api_key"}, set()],
		"accelerated": [{"accelerator": {"model": "L4"}}, {"tags.project", "tags.experiment-id"}],
		"inference": [{"accelerator": {"model": "L4"}, "tags": {"stage": "inference"}}, {"tags.project"}],
		"accelerator not known": [{"unknown": {"accelerator": "later"}}, {"tags.project", "accelerator"}],
		"stage not known": [
			{"accelerator": {"model": "L4"}, "tags": {"project": "a"}, "unknown": {"tags.stage": "later"}},
			{"tags.stage"},
		],
	}
	found := _missing(facts)
	ok := found == expected
}

_refused(tags) := {found.attribute |
	some found in tagging.deny_tag_value with input.resources as [_resource({"tags": tags})]
		with data.config.tagging as _config
}

test_value[name] := ok if {
	some name, [tags, expected] in {
		"listed": [{"stage": "inference"}, set()],
		"not listed": [{"stage": "Inference"}, {"tags.stage"}],
		"within": [{"gpus": "8"}, set()],
		"above": [{"gpus": "8.5"}, {"tags.gpus"}],
		"below": [{"gpus": "-1"}, {"tags.gpus"}],
		"no number": [{"gpus": "1e9"}, {"tags.gpus"}],
		"leading zero": [{"gpus": "007"}, {"tags.gpus"}],
		"a day": [{"ends": "2028-02-29"}, set()],
		"no such day": [{"ends": "2026-02-29"}, {"tags.ends"}],
		"whole value": [{"limit": "50 or so"}, {"tags.limit"}],
		"blank": [{"limit": " "}, set()],
	}
	found := _refused(tags)
	ok := found == expected
}

_near(tags) := {[found.attribute, found.details.keys] |
	some found in tagging.deny_near_miss with input.resources as [_resource({"tags": tags})]
		with data.config.tagging as _config
}

test_near_miss[name] := ok if {
	some name, [tags, expected] in {
		"case": [{"Project": "a"}, {["tags.project", ["Project"]]}],
		"blank": [{" project ": "a"}, {["tags.project", [" project "]]}],
		"alias": [{"PROJ": "a"}, {["tags.project", ["PROJ"]]}],
		"underscore": [{"experiment_id": "a"}, {["tags.experiment-id", ["experiment_id"]]}],
		"right tag beside it": [{"Project": "a", "project": "a"}, set()],
		"something else": [{"Name": "a"}, set()],
	}
	found := _near(tags)
	ok := found == expected
}

test_message_begins_with_the_resource if {
	found := tagging.deny_missing_tag with input.resources as [_resource({})] with data.config.tagging as _config
	{violation.msg | some violation in found} == {`r lacks the tag "project"`}
}

test_an_empty_inventory_is_clean if {
	found := tagging.deny_missing_tag with input.resources as [] with data.config.tagging as _config
	count(found) == 0
}
