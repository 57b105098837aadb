"""Whichever screen a scan has, it finds the same keys."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.test_ai_keys import IN_CODE, KEYS, SAMPLES
from governor.catalog import ai_keys
from governor.sources.code.screens import WORTH_IT, fast_screen, screen_for

pytest.importorskip("hyperscan", reason="the extra fast-keys is not installed")

FAST = fast_screen()
ALL = ["".join(key) for key in (*KEYS.values(), *IN_CODE.values())]


def found(text: str, screen) -> list[ai_keys.Sighting]:
    rules = screen(text.encode())
    return ai_keys.find(text, code=True, rules=rules) if rules else []


def test_it_takes_over_where_there_are_many_files() -> None:
    assert screen_for(1) is ai_keys.rules_for
    assert screen_for(WORTH_IT - 1) is ai_keys.rules_for
    assert screen_for(WORTH_IT) is not ai_keys.rules_for


@given(st.lists(st.sampled_from(ALL) | st.text(alphabet="ab \n=\"'/._-AZURE", max_size=20), max_size=6))
def test_both_find_the_same(parts: list[str]) -> None:
    text = " ".join(parts)

    assert found(text, FAST) == found(text, ai_keys.rules_for) == ai_keys.find(text, code=True)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the labelled texts (../shared/samples/keys) are not here")
def test_both_find_the_same_in_labelled_texts() -> None:
    texts = [b64decode(json.loads(line)["text_b64"]).decode("utf-8", "replace") for line in SAMPLES.open("rb")]
    results = [(found(text, FAST), found(text, ai_keys.rules_for)) for text in texts]

    assert [fast for fast, _ in results] == [plain for _, plain in results]
    assert sum(bool(fast) for fast, _ in results) > 150


def test_both_find_the_same_in_this_project() -> None:
    root = Path(__file__).parents[3]
    texts = [file.read_text("utf-8", "replace") for file in sorted(root.glob("*/**/*.py"))]

    assert len(texts) > 100
    assert [found(text, FAST) for text in texts] == [found(text, ai_keys.rules_for) for text in texts]
