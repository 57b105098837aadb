"""The embedded engine and a real OPA say the same of thousands of inventories that nobody wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import real_opa
from governor import library
from governor.catalog import regions
from governor.catalog.kinds import KINDS
from governor.languages import rego
from governor.languages.nested import ASK, Nested, nest
from governor.languages.opa_server import Server
from governor.model import Accelerator, Inventory, Policy, Price, Resource, Violation

TODAY = date(2026, 8, 1)
EXAMPLES, TOGETHER = 260, 8
"""Requests, and inventories in each: above 2,000 in all."""

REGISTERS: Mapping[str, Mapping[str, Any]] = {
    "tagging": {
        "tags": {
            "ends": {"description": "d", "date": True, "aliases": ["end"]},
            "gpus": {"description": "d", "minimum": 1, "maximum": 8},
        },
        "projects": {
            "atlas": {"owner_team": "nlp", "experiments": ["baseline"], "experiment_pattern": "exp-[0-9]+"},
            "borealis": {"owner_team": "vision"},
        },
        "datasets": {"tickets": {"projects": ["atlas"]}, "patients": {}},
    },
    "residency": {
        "datasets": {"tickets": "personal-eu", "patients": "sovereign-eu", "wiki": "public", "typo": "personal-ue"},
        "projects": {"atlas": {"class": "internal"}, "borealis": {"jurisdictions": ["US"]}},
        "regions": {"acme": {"berlin": "EU"}},
    },
    "keys": {
        "approved": [
            approval | {"approved_by": "s", "team": "t", "purpose": "p", "approved_at": "2026-01-01"}
            for approval in (
                {"id": "ci", "provider": "openai", "match": {"name": "ci-*"}, "owner": "d", "expires_at": "2026-12-31"},
                {"id": "old", "provider": "aws", "match": {"owner": "b"}, "owner": "k", "expires_at": "2026-06-30"},
                {
                    "id": "two",
                    "provider": "aws",
                    "match": {"address": "r[*", "container": "*"},
                    "owner": "k",
                    "expires_at": "2026-07-31",
                    "ticket": "SEC-1",
                },
            )
        ]
    },
}
STRICT: Mapping[str, Mapping[str, Any]] = {
    **REGISTERS,
    "residency": {
        **REGISTERS["residency"],
        "default_class": "internal",
        "unknown_region": "deny",
        "ai_endpoints": {"forbid_global": False, "home_jurisdictions": ["EU", "EEA"]},
    },
}


class Asked:
    """One library in both engines."""

    def __init__(self, server: real_opa.Server, overlay: Mapping[str, Mapping[str, Any]]) -> None:
        known: list[Policy] = []
        loaded = library.load([library.builtin()], overlay=overlay, keep=lambda p: known.append(p) or True)
        config = {name: concern.config for name, concern in loaded.concerns.items()}
        sources = [s for concern in loaded.concerns.values() for s in concern.sources if s.path.suffix == ".rego"]
        (self.embedded,) = [e for e in loaded.evaluators if isinstance(e, rego.RegoPolicies)]
        self.ids = [policy.id for policy in self.embedded.policies]
        self.nested: Nested = nest(sources, [p for p in known if p.language == "rego"], config)
        self.url = server.url
        Server(server.url, seconds=30).put(self.nested)

    def ours(self, inventory: Inventory, today: date) -> dict[str, list[bytes]]:
        answers = list(self.embedded.evaluate(inventory, today))
        assert [failure for answer in answers for failure in answer.failures] == []
        return {a.policy.id: sorted(map(msgspec.json.encode, a.violations)) for a in answers if a.violations}

    def theirs(self, inventories: Sequence[tuple[Inventory, date]]) -> list[dict[str, list[bytes]]]:
        """One request for all of them."""
        # Bound first: an `input` inside of `with input as` sends OPA round in a circle until its stack overflows.
        query = f"x := [a | some i in input; a := data.{self.nested.root}.{ASK}.answer with input as i]"
        given = [
            {"asked": self.ids, "inventory": json.loads(rego.document(inventory, today))}
            for inventory, today in inventories
        ]
        body = {"query": query, "input": given}
        answer = requests.post(f"{self.url}/v1/query?strict-builtin-errors=true", json=body, timeout=60).json()
        found = [item["violations"] for item in answer["result"][0]["x"]]
        return [
            {
                id: sorted(msgspec.json.encode(v) for v in msgspec.convert(said, list[Violation]))
                for id, said in violations.items()
                if said
            }
            for violations in found
        ]


CONFIG = {
    name: concern.config for name, concern in library.load([library.builtin()], overlay=REGISTERS).concerns.items()
}
TAGS = CONFIG["tagging"]["tags"]
REGIONS = {provider: sorted(listed) for provider, listed in regions.document().items()}

ODD = [
    "",
    " \t",
    "\u00a0",
    "\u200b",
    "İ",
    "ẞ-ß",
    '"quoted"',
    "a\\nb",
    "%s%d",
    "<&>\u2028",
    "𝄞",
    "null",
    "-0",
    "1e3",
    "x" * 70,
]
FITTING = {
    "project": ["atlas", "borealis", "other"],
    "dataset": ["tickets", "patients", "wiki", "typo", "other"],
    "owner-team": ["nlp", "vision"],
    "experiment-id": ["baseline", "exp-1", "exp-x"],
    "stage": ["fine-tuning", "inference", "Inference"],
    "cost-budget-limit": ["5000", "12.5/hour", "12,5"],
    "ends": ["2026-12-31", "2026-02-29", "2024-02-29", "2026-9-1", "٢٠٢٦-12-31"],
    "gpus": ["4", "0", "9", "4.5", "1e1", "007", "٣"],
    "model": ["llama"],
}
RIGHT = [(key, value) for key, values in FITTING.items() for value in values]
MISSPELT = [
    (spelt, FITTING[key][0])
    for key in FITTING
    for spelt in (
        *TAGS[key].get("aliases", []),
        key.upper(),
        key.replace("-", "_"),
        key.replace("-", "\u00a0"),
        f" {key}\u3000",
    )
]
# What Unicode has had for long: `%q` spells out what the tables of an engine do not know yet.
texts = st.text(st.characters(max_codepoint=0x5FF, exclude_categories=["Cn", "Cs"]), max_size=6)
tags = st.lists(
    st.sampled_from(RIGHT)
    | st.sampled_from(MISSPELT)
    | st.tuples(st.sampled_from(sorted(FITTING)), st.sampled_from(ODD) | texts)
    | st.tuples(texts, st.sampled_from(ODD)),
    max_size=9,
).map(dict)

PLACES = [(provider, region) for provider, names in REGIONS.items() for region in names]
LOST = [
    (provider, region)
    for provider in (*REGIONS, "openai", "acme")
    for region in (None, "mars-1", "eu", "us", "global", "berlin", "EU-WEST-1")
]
places = st.sampled_from(PLACES) | st.sampled_from(LOST)

UNKNOWN = [
    "tags", "tags.*", "region", "accelerator", "hourly_usd", *(f"tags.{key}" for key in FITTING),
    *(f"attributes.{name}" for name in ("delivered_tags", "copies_to", "processing", "local_auth", "key", "ai_keys")),
    *(f"attributes.key.{name}" for name in ("name", "owner", "container")),
]  # fmt: skip
unknown = st.lists(st.sampled_from(UNKNOWN), max_size=3).map(lambda paths: dict.fromkeys(paths, "known after apply"))

MONEY = [
    {},
    {"hourly_usd": Decimal("98.3200"), "max_hourly_usd": Decimal("1e2"), "count": 8},
    {
        "price": Price(Decimal("0.1"), "p5.48xlarge", "us-east-1", "a list", "2026-07-01"),
        "hourly_usd": Decimal("0.30000000000000004"),
        "previous_hourly_usd": Decimal(0),
        "count": 3,
        "max_count": 12,
    },
]
ACCELERATORS = [None, None, Accelerator("H100", 8, 80.0), Accelerator("L4", 0.5), Accelerator("unknown")]
LEAVES = ["yes", "no", "check"]
PROCESSING = [
    {"leaves_region": region, "leaves_jurisdiction": jurisdiction, **more}
    for region in LEAVES
    for jurisdiction in LEAVES
    for more in ({}, {"selector": "global.", "scope": "anywhere"})
]
KEYS = [
    {**provider, **facts}
    for provider in ({}, {"provider": "openai"}, {"provider": "aws"})
    for facts in (
        {},
        {"name": "ci-nightly"},
        {"name": "my-ci-1"},
        {"owner": "b", "container": "c"},
        {"key_id": "[^$.*"},
    )
]
KEYS += [{"provider": "aws", "owner": "b"}] * 5
OFTEN = [*sorted(KINDS), *["api_key"] * 4]
FOUND = [[], [{"place": "user_data", "provider": "openai"}], [{"place": p, "provider": "aws", "rule": p} for p in ODD]]
copies = st.lists(places, max_size=3).map(lambda found: [region for _, region in found if region is not None])
attributes = st.lists(
    st.one_of(
        st.tuples(st.just("delivered_tags"), tags),
        st.tuples(st.just("copies_to"), copies),
        st.tuples(st.just("processing"), st.sampled_from(PROCESSING)),
        st.tuples(st.just("local_auth"), st.booleans()),
        st.tuples(st.just("key"), st.sampled_from(KEYS)),
        st.tuples(st.just("ai_keys"), st.sampled_from(FOUND)),
        st.tuples(st.just("size_gib"), st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
    ),
    max_size=5,
).map(dict)


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    provider, region = draw(places)
    return Resource(
        id=draw(st.sampled_from(["r", 'r["a"]', "module.x.r", "r[0]", "é", *ODD])),
        kind=draw(st.sampled_from(OFTEN)),
        type="t",
        provider=provider,
        region=region,
        tags=draw(tags),
        taggable=draw(st.sampled_from([True, True, True, False])),
        accelerator=draw(st.sampled_from(ACCELERATORS)),
        attributes=draw(attributes),
        unknown=draw(unknown),
        **draw(st.sampled_from(MONEY)),
    )


EFFECTS = st.sampled_from(["", "deny", "audit", "modify", "disabled"])
ASKED = {
    "gpu": st.dictionaries(st.sampled_from(["virtualMachines", "computes"]), EFFECTS),
    "global_processing": st.dictionaries(st.sampled_from(["GlobalStandard", *ODD]), EFFECTS),
    "local_auth": st.dictionaries(st.sampled_from(["accounts", "searchServices"]), EFFECTS),
    "locations": st.dictionaries(
        st.sampled_from(["accounts", "storageAccounts"]),
        st.dictionaries(st.sampled_from(["westeurope", "eastus", "a", "b", "c", "d"]), EFFECTS),
    ),
    "requires_tags": st.dictionaries(
        st.sampled_from(["project", "model", *ODD]),
        st.fixed_dictionaries(
            {
                "effect": EFFECTS,
                "enforced": st.booleans(),
                "assignment": st.just("a"),
                "not_on": st.just(["accounts"]),
            }
        ),
    ),
}
SCOPES = ["/providers/Microsoft.Management/managementGroups/a", "/subscriptions/1", "/subscriptions/1/resourceGroups/x"]
LEVELS = ["management_group", "subscription", "resource_group"]
HIDDEN = ["gpu.computes", "locations.accounts.eastus", "requires_tags.project", "local_auth.accounts"]


@st.composite
def of_azure(draw: st.DrawFn) -> list[Resource]:
    """Some of the scopes of a tenant, an assignment, an exemption and a record."""

    def one(id: str, kind: str, facts: dict[str, Any], **more: Any) -> Resource:
        return Resource(id=id, kind=kind, type="t", provider="azure", attributes=facts, **more)

    there = sorted(draw(st.sets(st.integers(0, 2))))
    hidden = st.dictionaries(st.sampled_from([f"attributes.{path}" for path in HIDDEN]), st.just("later"), max_size=2)
    found = [
        one(
            SCOPES[number],
            "azure_scope",
            {
                "level": LEVELS[number],
                "above": [SCOPES[other] for other in reversed(there) if other < number],
                "allowed_locations": {"accounts": ["westeurope"]},
                **draw(st.fixed_dictionaries(ASKED)),
            },
            unknown=draw(hidden),
        )
        for number in there
    ]
    named = {"display_name": draw(st.sampled_from(ODD))}
    decided = {"reference": "r", "decided_by": draw(st.sampled_from(["assignment", "default"]))}
    assignment = {"enforced": draw(st.booleans()), "effect": draw(EFFECTS), **draw(st.sampled_from([{}, decided]))}
    overridden = draw(st.sampled_from([{}, {"overridden": {"from": "deny", "to": "audit"}}]))
    ends = draw(st.sampled_from([{"expired": False}, {"expired": True, "expires_on": "2026-07-31T00:00:00Z"}]))
    record = {"policy": "p", "effect": "deny", "assignment": "a", "definition": "d", "at": ""}
    return [
        *found,
        one("assignment", "azure_assignment", {**named, **assignment, **overridden}),
        one("exemption", "azure_exemption", {**named, **ends, "exempted_by_us": draw(st.booleans())}),
        one("record", "azure_record", {"records": draw(st.dictionaries(st.sampled_from(ODD), st.just(record)))}),
    ]


inventories = st.tuples(
    st.tuples(st.lists(resources(), max_size=2), st.just([]) | of_azure()).map(
        lambda found: Inventory(stage="plan", resources=(*found[0], *found[1]))
    ),
    st.integers(-60, 200).map(lambda days: TODAY + timedelta(days=days)),
)


@pytest.fixture(scope="module")
def libraries(opa_server: real_opa.Server) -> list[Asked]:
    return [Asked(opa_server, overlay) for overlay in (REGISTERS, STRICT)]


def test_no_inventory_is_judged_differently(libraries: list[Asked]) -> None:
    fired: Counter[str] = Counter()
    asked = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from([0, 1]), st.lists(inventories, min_size=TOGETHER, max_size=TOGETHER))
    def differ(which: int, together: list[tuple[Inventory, date]]) -> None:
        nonlocal asked
        both = libraries[which]
        ours = [both.ours(inventory, today) for inventory, today in together]
        assert ours == both.theirs(together)
        asked += len(together)
        fired.update(id for answer in ours for id in answer)

    differ()

    assert asked >= 2_000
    assert set(fired) == set(libraries[0].ids), fired
