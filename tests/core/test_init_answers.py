"""Whatever is answered: either a refusal of one line, or a configuration that loads and says what was answered."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.policy_folders import write
from governor import config, library, yamlfile
from governor.catalog import ai_keys
from governor.errors import Refusal
from governor.scaffold import answers, setup
from governor.scaffold.answers import Answers
from governor.scaffold.found import Found

ODD = st.text(max_size=12) | st.sampled_from(
    [
        "Norway",
        "~",
        "a: b",
        "#x",
        "'",
        '"',
        "- a",
        "&a",
        "*a",
        "!!str",
        "${{ x }}",
        "\N{LINE SEPARATOR}",
        "eu",
        "any",
        "a=b",
    ]
)
"""What somebody may type by mistake."""
WORDS = st.sampled_from(["yes", "no", "Null", "true", "on", "y", "n", "x1", "Site", "p.q", "a-", "b_"])
STAGE = WORDS | st.sampled_from(["1e3", "0x1F", "007", "1_0", "2026-01-01", "5"])
TAG = st.sampled_from(list(answers.taxonomy()["tags"])) | WORDS | st.sampled_from(["a:b", "cost/code", "x@y"])
USD = st.floats(0, 1e9).map(lambda usd: round(usd, 2)) | st.integers(0, 10**12).map(float)
ACCOUNT = st.emails() | WORDS | st.sampled_from(["'", '"', "#a", "{b}", "a:", "\\n", "ä"])


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["tags", "stages", "budget", "jurisdictions", "keys", "key_owner", "repository"]),
    st.lists(ODD | ACCOUNT | st.floats().map(str), max_size=3).map(",".join)
    | st.lists(st.tuples(ODD | STAGE, ODD | st.floats().map(str)).map("=".join), max_size=3).map(",".join),
)
def test_any_text_is_an_answer_or_refused_in_one_line(name: str, written: str) -> None:
    told = ""
    try:
        answers.read(name, written)
    except Refusal as refusal:
        told = str(refusal)
    assert len(told.splitlines()) <= 1
    assert told.isprintable()


@settings(max_examples=100, deadline=None)
@given(
    tags=st.lists(TAG, min_size=1, max_size=9, unique_by=lambda tag: tag.lower().replace("-", "").replace("_", "")),
    stages=st.lists(STAGE, min_size=1, max_size=4, unique=True),
    budgets=st.dictionaries(STAGE, USD, max_size=3),
    places=st.lists(st.sampled_from(["EU", "EEA", "US", "US-GOV", "CN"]), max_size=3, unique=True),
    keys=st.lists(st.tuples(st.sampled_from([*ai_keys.PROVIDERS, "aws"]), ACCOUNT), max_size=3, unique=True),
    owner=ACCOUNT,
    level=st.sampled_from(["warn", "deny"]),
    folders=st.lists(st.text(st.characters(exclude_characters="/"), min_size=1, max_size=8), max_size=3, unique=True),
)
def test_what_is_answered_loads_and_says_so(
    tags: list[str],
    stages: list[str],
    budgets: dict[str, float],
    places: list[str],
    keys: list[tuple[str, str]],
    owner: str,
    level: answers.Level,
    folders: list[str],
) -> None:
    assume(all("*" not in account and "=" not in account and "," not in account for _, account in keys))
    there = Found(roots=tuple(folders), manifests=tuple(folders), clouds=("aws", "azure", "gcp"))
    try:
        setup.refuse_odd_names(there)
    except Refusal:
        assume(False)
    decided = Answers(
        tags=answers.read("tags", ",".join(tags)),
        stages=answers.read("stages", ",".join(stages)),
        budgets=answers.read("budget", ",".join(f"{project}={usd}" for project, usd in budgets.items())),
        jurisdictions=answers.read("jurisdictions", ",".join(places)),
        keys=answers.read("keys", ",".join("=".join(key) for key in keys)),
        key_owner=answers.read("key_owner", owner),
        level=level,
        ci="github",
        pre_commit=True,
        repository=answers.read("repository", "https://git.example.com/platform/governor"),
    )
    assert (list(decided.tags), list(decided.stages), decided.budgets) == (tags, stages, budgets)
    overlays = setup.overlays(decided, date(2028, 2, 29))
    with tempfile.TemporaryDirectory() as place:
        folder = write(
            Path(place),
            {
                "governor.yaml": setup.settings(decided, "policies", overlays),
                "hooks.yaml": setup.pre_commit(decided, there, overlaid=True),
                "github.yml": setup.github(decided, there),
                "gitlab.yml": setup.gitlab(decided, there),
                **{f"policies/{concern}/data.yaml": text for concern, text in overlays.items()},
            },
        )
        config.load(folder / "governor.yaml")
        own = [folder / "policies"] if overlays else []
        concerns = library.read_concerns([library.builtin(), *own])
        hooks, github, gitlab = (yamlfile.read(folder / name) for name in ("hooks.yaml", "github.yml", "gitlab.yml"))
    tagging = concerns["tagging"].config
    assert tagging["tags"]["stage"]["values"] == stages
    assert {tag for demand in tagging["mandatory"].values() for tag in demand["tags"]} == set(tags)
    assert set(tags) <= set(tagging["tags"])
    assert {name: row["monthly_usd"] for name, row in concerns["budgets"].config["projects"].items()} == budgets
    assert concerns["residency"].config["ai_endpoints"]["home_jurisdictions"] == places
    approved = concerns["keys"].config["approved"]
    assert [(row["provider"], row["match"]["owner"]) for row in approved] == keys
    assert {row["owner"] for row in approved} <= {owner}
    assert hooks["repos"][0]["rev"].startswith("v")
    assert yaml.safe_load(setup.settings(decided, "policies", overlays))["policies"][0] == "builtin"
    if folders:
        assert github["jobs"]["gate"]["strategy"]["matrix"]["root"] == folders
        assert [entry["inputs"]["directory"] for entry in gitlab["include"]] == folders
