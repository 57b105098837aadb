package residency_test

import data.residency

_regions := {"aws": {
	"eu-central-1": {"country": "DE", "jurisdiction": "EU", "location": "Frankfurt"},
	"eu-west-1": {"country": "IE", "jurisdiction": "EU", "location": "Ireland"},
	"eu-west-2": {"country": "GB", "jurisdiction": "UK", "location": "London"},
	"us-east-1": {"country": "US", "jurisdiction": "US", "location": "N. Virginia"},
}}

_config := {
	"classes": {
		"free": {"any": true},
		"eu": {"jurisdictions": ["EU"]},
		"one": {"jurisdictions": ["EU"], "same_region": true},
	},
	"datasets": {"tickets": "eu", "patients": "one", "wiki": "free"},
	"projects": {"atlas": {"jurisdictions": ["US"]}},
	"default_class": "free",
	"unknown_region": "undetermined",
	"ai_endpoints": {"forbid_global": true, "home_jurisdictions": []},
	"regions": {"acme": {"berlin": "EU"}},
}

_resource(facts) := object.union({"id": "r", "kind": "bucket", "provider": "aws", "region": "eu-central-1"}, facts)

_region(facts) := {found.attribute |
	some found in residency.deny_region with input.resources as [_resource(facts)]
		with data.config.residency as _config
		with data.catalog.regions as _regions
}

test_region[name] := ok if {
	some name, [facts, expected] in {
		"inside": [{"tags": {"dataset": "tickets"}}, set()],
		"outside": [{"region": "eu-west-2", "tags": {"dataset": "tickets"}}, {"region"}],
		"by project": [{"tags": {"project": "atlas"}}, {"region"}],
		"free": [{"region": "us-east-1", "tags": {"dataset": "wiki"}}, set()],
		"own region": [{"provider": "acme", "region": "berlin", "tags": {"dataset": "tickets"}}, set()],
		"hidden": [{"region": "us-east-1", "unknown": {"tags.dataset": "later"}}, {"tags.dataset"}],
		"hidden and fine": [{"unknown": {"tags.dataset": "later"}}, set()],
	}
	found := _region(facts)
	ok := found == expected
}

_copies(facts) := {found.attribute |
	some found in residency.deny_copies with input.resources as [_resource(facts)]
		with data.config.residency as _config
		with data.catalog.regions as _regions
}

test_copies[name] := ok if {
	some name, [facts, expected] in {
		"none": [{"tags": {"dataset": "tickets"}}, set()],
		"inside": [{"tags": {"dataset": "tickets"}, "attributes": {"copies_to": ["eu-west-1"]}}, set()],
		"outside": [
			{"tags": {"dataset": "tickets"}, "attributes": {"copies_to": ["eu-west-2"]}},
			{"attributes.copies_to"},
		],
		"same region": [
			{"tags": {"dataset": "patients"}, "attributes": {"copies_to": ["eu-west-1"]}},
			{"attributes.copies_to"},
		],
		"not known": [
			{"tags": {"dataset": "tickets"}, "unknown": {"attributes.copies_to": "later"}},
			{"attributes.copies_to"},
		],
	}
	found := _copies(facts)
	ok := found == expected
}

_processing(facts) := {found.attribute |
	some found in residency.deny_processing with input.resources as [_resource(object.union(
		{"kind": "model_deployment"},
		facts,
	))]
		with data.config.residency as _config
		with data.catalog.regions as _regions
}

_leaves(region, jurisdiction) := {"processing": {
	"selector": "x.",
	"scope": "somewhere",
	"leaves_region": region,
	"leaves_jurisdiction": jurisdiction,
}}

test_processing[name] := ok if {
	some name, [facts, expected] in {
		"stays": [{"attributes": _leaves("no", "no")}, set()],
		"leaves": [{"attributes": _leaves("yes", "yes")}, {"attributes.processing"}],
		"may leave": [{"attributes": _leaves("check", "check")}, {"attributes.processing"}],
		"leaves the region": [{"attributes": _leaves("yes", "no"), "tags": {"dataset": "tickets"}}, set()],
		"must not leave the region": [
			{"attributes": _leaves("yes", "no"), "tags": {"dataset": "patients"}},
			{"attributes.processing"},
		],
		"not known": [{"unknown": {"attributes.processing": "later"}}, {"attributes.processing"}],
	}
	found := _processing(facts)
	ok := found == expected
}

_unknown_region(facts, config) := {found.attribute |
	some found in residency.deny_unknown_region with input.resources as [_resource(facts)]
		with data.config.residency as object.union(_config, config)
		with data.catalog.regions as _regions
}

test_unknown_region[name] := ok if {
	some name, [facts, config, expected] in {
		"known": [{"tags": {"dataset": "tickets"}}, {}, set()],
		"not listed": [{"region": "mars-1", "tags": {"dataset": "tickets"}}, {}, {"region"}],
		"not restricted": [{"region": "mars-1"}, {}, set()],
		"deny": [{"region": "mars-1", "tags": {"dataset": "tickets"}}, {"unknown_region": "deny"}, {"residency"}],
	}
	found := _unknown_region(facts, config)
	ok := found == expected
}
