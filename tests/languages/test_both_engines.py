"""The embedded engine and a real OPA say the same of thousands of inventories that nobody wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
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
EXAMPLES, TOGETHER = 300, 8
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
                    "match": {"address": "r[[]*", "container": "*"},
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

texts = st.text(max_size=6)
words = st.one_of(
    st.sampled_from(["atlas", "borealis", "nlp", "vision", "tickets", "patients", "wiki", "typo", "baseline", "exp-7"]),
    st.sampled_from(
        ["fine-tuning", "inference", "Evaluation", "3", "9", "-1.5", "2026-02-29", "2024-02-29", "", " \t"]
    ),
    texts,
)
places = st.one_of(
    st.sampled_from(["mars-1", "eu", "us", "global", "berlin", "", "EU-WEST-1"]),
    *(st.sampled_from(names) for names in REGIONS.values()),
)


def spelt(key: str) -> st.SearchStrategy[str]:
    """A key of the taxonomy, or what reads like it."""
    aliases = TAGS[key].get("aliases", [])
    return st.sampled_from([key, key, key, *aliases, key.upper(), key.replace("-", "_"), f" {key}"])


def value(key: str) -> st.SearchStrategy[str]:
    fitting = {
        "project": ["atlas", "borealis"],
        "dataset": ["tickets", "patients", "wiki"],
        "owner-team": ["nlp", "vision"],
        "experiment-id": ["baseline", "exp-1"],
        "stage": ["fine-tuning", "inference"],
        "cost-budget-limit": ["5000", "12.5/hour"],
        "ends": ["2026-12-31"],
        "gpus": ["4"],
    }.get(key, ["m"])
    return st.one_of(st.sampled_from(fitting), st.sampled_from(fitting), words)


@st.composite
def tags(draw: st.DrawFn) -> dict[str, str]:
    keys = draw(st.lists(st.sampled_from(sorted(TAGS)), unique=True))
    found = {draw(spelt(key)): draw(value(key)) for key in keys}
    return found | draw(st.dictionaries(texts, words, max_size=1))


UNKNOWN = [
    "tags", "tags.*", "region", "accelerator", "hourly_usd", *(f"tags.{key}" for key in sorted(TAGS)),
    *(f"attributes.{name}" for name in ("delivered_tags", "copies_to", "processing", "local_auth", "key", "ai_keys")),
    *(f"attributes.key.{name}" for name in ("name", "owner", "container")),
]  # fmt: skip

answers = st.sampled_from(["yes", "no", "check"])
attributes = st.fixed_dictionaries(
    {},
    optional={
        "delivered_tags": tags(),
        "copies_to": st.lists(places, max_size=3),
        "processing": st.fixed_dictionaries(
            {"leaves_region": answers, "leaves_jurisdiction": answers},
            optional={"selector": st.sampled_from(["global.", "eu", "DataZoneStandard"]), "scope": texts},
        ),
        "local_auth": st.booleans(),
        "key": st.fixed_dictionaries(
            {},
            optional={
                "provider": st.sampled_from(["openai", "aws", "gcp"]),
                "name": st.sampled_from(["ci-nightly", "my-ci-1", "ci-"]) | texts,
                "owner": st.sampled_from(["a", "b"]) | texts,
                "container": texts,
                "key_id": texts,
            },
        ),
        "ai_keys": st.lists(
            st.fixed_dictionaries(
                {
                    "place": st.sampled_from(["user_data", "environment.KEY"]),
                    "provider": st.sampled_from(["openai", "aws"]),
                },
                optional={"rule": texts},
            ),
            max_size=2,
        ),
        "instance_type": st.sampled_from(["p5.48xlarge", "m7i.large"]),
        "size_gib": st.integers(0, 10**6) | st.floats(0, 1e6),
    },
)
money = st.decimals(0, 10_000, places=4)
prices = st.builds(
    Price,
    usd_per_hour=money,
    instance_type=st.just("p5.48xlarge"),
    region=places,
    source=texts,
    as_of=st.just("2026-07-01"),
)


@st.composite
def inventories(draw: st.DrawFn) -> tuple[Inventory, date]:
    resources = st.builds(
        Resource,
        id=st.sampled_from(["r", 'r["a"]', "module.x.r", "r[0]"]) | texts,
        kind=st.sampled_from(sorted(KINDS)),
        type=st.just("t"),
        provider=st.sampled_from([*sorted(REGIONS), "openai", "acme"]),
        account=st.none() | texts,
        region=st.none() | places,
        tags=tags(),
        taggable=st.sampled_from([True, True, True, False]),
        accelerator=st.none()
        | st.builds(Accelerator, model=st.sampled_from(["H100", "L4", "unknown"]), count=st.sampled_from([1, 8, 0.5])),
        count=st.none() | st.integers(0, 10),
        price=st.none() | prices,
        hourly_usd=st.none() | money,
        change=st.sampled_from(["create", "update", "replace", "none"]),
        attributes=attributes,
        unknown=st.dictionaries(st.sampled_from(UNKNOWN), st.sampled_from(["known after apply", "later"]), max_size=3),
    )
    stage = draw(st.sampled_from(["plan", "commit", "live"]))
    today = TODAY + timedelta(days=draw(st.integers(-60, 200)))
    return Inventory(stage=stage, resources=tuple(draw(st.lists(resources, max_size=3)))), today


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
    @given(st.sampled_from([0, 1]), st.lists(inventories(), min_size=TOGETHER, max_size=TOGETHER))
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
