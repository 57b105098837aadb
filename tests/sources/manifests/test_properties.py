"""What always holds, whatever people write."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from governor.catalog.prices import PriceBook
from governor.errors import Refusal
from governor.model import Inventory
from governor.sources import manifests
from governor.sources.manifests.workloads import KINDS
from sources.manifests.manifest import findings
from sources.manifests.test_kinds import OBJECTS, written

TAGS = {
    "project": "atlas", "stage": "inference", "model": "llama", "owner-team": "nlp", "cost-budget-limit": "90000",
    "experiment-id": "exp-1", "dataset": "tickets",
}  # fmt: skip


def collected(*texts: str | bytes) -> Inventory:
    inputs = [("a.yaml", text.encode() if isinstance(text, str) else text) for text in texts]
    return manifests.collect(inputs, prices=PriceBook.shipped())


@given(st.permutations([written(name) for name in OBJECTS]))
@settings(max_examples=20, deadline=None)
def test_the_order_of_documents_says_nothing(texts: list[str]) -> None:
    def facts(found: Inventory) -> dict[str, Any]:
        return {r.id: (r.tags, r.count, r.accelerator, r.hourly_usd, r.unknown) for r in found.resources}

    assert facts(collected("\n---\n".join(texts))) == facts(collected(*texts[::-1]))


@given(st.sampled_from(OBJECTS), st.sampled_from([*TAGS]), st.sets(st.sampled_from([*TAGS])))
@settings(deadline=None)
def test_one_label_more_is_never_one_missing_tag_more(name: str, added: str, labels: set[str]) -> None:
    def missing(keys: set[str]) -> set[str]:
        document = json.loads(written(name))
        document["metadata"]["labels"] = {key: TAGS[key] for key in keys}
        # A stage that is told may ask for more than one that is not: it is told in both.
        document["metadata"]["labels"]["stage"] = TAGS["stage"]
        return {f.attribute for f in findings(collected(json.dumps(document))) if f.policy == "TAG001"}

    assert missing(labels | {added}) <= missing(labels)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["1", "x", "${X}", "{{x}}", "nvidia.com/gpu", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["spec", "a", "resources"]), inner),
    max_leaves=4,
)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """An object of a kind, with anything in one of its places."""
    document = json.loads(written(draw(st.sampled_from(OBJECTS))))
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in pairs:
            places.append((value, key))
            walk(inner)

    walk(document["spec"])
    holder, key = draw(st.sampled_from(places))
    holder[key] = draw(VALUES)
    return json.dumps(document)


@given(spoilt())
@settings(max_examples=300, deadline=None)
def test_what_is_spoilt_is_never_taken_for_free(text: str) -> None:
    """Each kind takes GPUs and selects no node, so it has no price. It may lose its GPUs, and then it has no cost."""
    (found,) = collected(text).resources

    assert found.hourly_usd is None
    if found.accelerator:
        assert "hourly_usd" in found.unknown


@given(st.sampled_from(OBJECTS), st.sampled_from(["${N}", "{{n}}", "many", "1.5", "-1", "[1]"]))
@settings(deadline=None)
def test_a_number_of_gpus_that_cannot_be_read_is_unknown(name: str, amount: str) -> None:
    text = written(name).replace('"nvidia.com/gpu": 2', f'"nvidia.com/gpu": {json.dumps(amount)}')
    (found,) = collected(text).resources

    assert "accelerator" in found.unknown or found.accelerator


@given(st.binary(max_size=200) | st.text("{}[]:,-&*!|>'\"%@#? \n\tab<1", max_size=60).map(str.encode))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(Refusal):
        assert collected(data).stage == "commit"


@given(VALUES, st.sampled_from(sorted(KINDS)))
@settings(deadline=None)
def test_any_document_of_a_known_kind_is_one_resource(value: Any, type: str) -> None:
    group, _, kind = type.rpartition("/")
    document = {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": value, "spec": value}

    assert len(collected(json.dumps(document)).resources) == 1
