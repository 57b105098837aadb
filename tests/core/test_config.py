"""What people write in governor.yaml and in exemption files; what they are told when it is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor import config, written, yamlfile
from governor.config import LevelRule, Settings
from governor.errors import USAGE, Refusal
from governor.model import Exemption, Level, Policy, Stage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "governor.yaml"


def refusal(file: Path, text: str | bytes, load: object = config.load) -> str:
    """What the user reads, without the folder."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Refusal) as caught:
        load(file)  # type: ignore[operator]
    assert caught.value.code == USAGE
    return str(caught.value).replace(f"{file.parent}/", "")


def test_every_setting_of_a_full_file(file: Path) -> None:
    file.write_text("""\
policies: [builtin, policies]
levels:
  - {policies: "BUD*", level: warn}
  - policies: TAG003
    level: off
    stages: [commit, plan]
fail_level: warn
strict: true
exemptions: exemptions.yaml
prices: [prices.csv]
max_price_age_days: 30
engine: opa
opa: {url: "https://opa", token_env: OPA_TOKEN, ca: ca.pem, timeout: 9.5, bundle: governor}
""")

    assert config.load(file) == Settings(
        policies=("builtin", "policies"),
        levels=(
            LevelRule(policies="BUD*", level="warn"),
            LevelRule(policies="TAG003", level="off", stages=("commit", "plan")),
        ),
        fail_level="warn",
        strict=True,
        exemptions="exemptions.yaml",
        prices=("prices.csv",),
        max_price_age_days=30,
        engine="opa",
        opa=config.Opa(url="https://opa", token_env="OPA_TOKEN", ca="ca.pem", timeout=9.5, bundle="governor"),
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}\n", "\ufeff{}\n"])
def test_an_empty_file_is_the_defaults(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")

    assert config.load(file) == config.load(None) == Settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("policies: [builtin]\nlevelz: []\n", "governor.yaml:2: levelz: no such setting: `governor schema` lists them"),
        ("\nstrict: yes\n", "governor.yaml:2: strict: takes true or false"),
        ("strict: 1\n", "governor.yaml:1: strict: takes true or false"),
        ("policies: builtin\n", "governor.yaml:1: policies: takes a list"),
        ("policies:\n", "governor.yaml:1: policies: takes a list"),
        ("policies:\n- builtin\n- 2026\n", "governor.yaml:3: policies.1: takes text: put quotes around it"),
        ("policies:\n- builtin\n- ' '\n", "governor.yaml:3: policies.1: is empty: fill it in"),
        ("max_price_age_days: '30'\n", "governor.yaml:1: max_price_age_days: takes a whole number"),
        ("max_price_age_days: 0\n", "governor.yaml:1: max_price_age_days: input should be greater than 0"),
        ("fail_level: off\n", "governor.yaml:1: fail_level: input should be 'note', 'warn' or 'deny'"),
        (
            "levels:\n- {policies: A, level: note}\n- policies: B\n  level: deney\n",
            "governor.yaml:4: levels.1.level: input should be 'off', 'note', 'warn' or 'deny'",
        ),
        (
            "levels:\n- policies: A\n  level: deny\n  stages:\n  - plan\n  - prod\n",
            "governor.yaml:6: levels.0.stages.1: input should be 'commit', 'plan', 'live' or 'azure'",
        ),
        ("levels:\n- level: deny\n", "governor.yaml:2: levels.0.policies: is missing: add it"),
        ("levels:\n- TAG001: deny\n  x: 1\n", "governor.yaml:2: levels.0.policies: is missing: add it (and 3 more)"),
        ("levels:\n- TAG001\n", "governor.yaml:2: levels.0: takes settings, `name: value` each"),
        ("- policies\n", "governor.yaml:1: the file: takes settings, `name: value` each"),
        ("just words\n", "governor.yaml:1: the file: takes settings, `name: value` each"),
        ("1: 2\n", "governor.yaml:1: 1: no such setting: `governor schema` lists them"),
        ("strict: true\npolicies: []\nstrict: true\n", "governor.yaml:3: the key 'strict' stands twice: keep one"),
        ("levels:\n- {level: note, level: deny}\n", "governor.yaml:2: the key 'level' stands twice: keep one"),
        (
            "levels:\n\t- a\n",
            (
                "governor.yaml:2:1: this is not YAML: found character that cannot start any token"
                " (indent with blanks, not with tabs)"
            ),
        ),
        ("policies: [a\n", "governor.yaml:2:1: this is not YAML: did not find expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", "governor.yaml:2:1: this is not YAML: but found another document"),
        ("a: !Ref b\n", "governor.yaml:1:4: this is not YAML: could not determine a constructor for the tag '!Ref'"),
        (
            "a: \x01\n",
            "governor.yaml: this is not YAML: unacceptable character #x0001: control characters are not allowed",
        ),
        ("a: &a [*a]\n", "governor.yaml: this YAML is nested too deeply, or contains itself"),
        ("strict: trüe\n".encode("latin-1"), "governor.yaml: this file is not UTF-8 text: save it as UTF-8"),
    ],
)
def test_a_mistake_is_named_with_its_line(file: Path, text: str | bytes, told: str) -> None:
    assert refusal(file, text) == told


@pytest.mark.parametrize(
    ("location", "line"),
    [
        ((), 2), (("a",), 2), (("a", 1), 4), (("a", 1, "b"), 5), (("a", 1, "c"), 4), (("a", 7), 2), (("a", "b"), 2),
        (("d", "e", "f"), 6), (("g",), 2),
    ],
)  # fmt: skip
def test_a_place_is_the_nearest_thing_that_exists(file: Path, location: tuple[str | int, ...], line: int) -> None:
    file.write_text("# a comment\na:\n- 1\n- x: 1\n  b: 2\nd: {e: 1}\n")

    assert yamlfile.place(file, location) == f"{file}:{line}"


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"no\.yaml: cannot be read: No such file or directory"):
        config.load(tmp_path / "no.yaml")


EXEMPTION = """\
exemptions:
  - policy: TAG*
    resource: 'module.team["vis.1"].*'
    category: waiver
    reason: moved in the autumn
    owner: nlp
    approved_by: finops
"""


@pytest.mark.parametrize("day", ["2026-12-31", "'2026-12-31'", '"2026-12-31"', "!!timestamp 2026-12-31"])
def test_an_exemption_names_its_last_day(file: Path, day: str) -> None:
    file.write_text(f"{EXEMPTION}    expires: {day}\n    ticket: FIN-7\n")

    assert config.load_exemptions(file) == [
        Exemption(
            policy="TAG*",
            resource='module.team["vis.1"].*',
            category="waiver",
            reason="moved in the autumn",
            owner="nlp",
            approved_by="finops",
            expires=date(2026, 12, 31),
            ticket="FIN-7",
        )
    ]


@pytest.mark.parametrize(
    "day",
    [
        "20261231",  # a unix time, to a lenient reader
        "2026-12-31 10:00:00", "2026-12-31T00:00:00Z", "2026-02-30", "2026-1-2", "31.12.2026", "soon", "never", "true",
        "", "~", "1.5", "[2026-12-31]", "'20261231'",
    ],
)  # fmt: skip
def test_an_expiry_that_is_no_day_refuses_the_file(file: Path, day: str) -> None:
    told = refusal(file, f"{EXEMPTION}    expires: {day}\n", config.load_exemptions)

    assert told == "governor.yaml:8: exemptions.0.expires: takes a day: write YYYY-MM-DD"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (EXEMPTION, "governor.yaml:2: exemptions.0.expires: is missing: add it"),
        (
            f"{EXEMPTION}    expires: 2026-12-31\n".replace("nlp", "'  '"),
            "governor.yaml:6: exemptions.0.owner: is empty: fill it in",
        ),
        (
            f"{EXEMPTION}    expires: 2026-12-31\n    until: 2027\n",
            "governor.yaml:9: exemptions.0.until: no such setting: `governor schema exemptions` lists them",
        ),
        (
            f"{EXEMPTION}    expires: 2026-12-31\n".replace("waiver", "ignore"),
            "governor.yaml:4: exemptions.0.category: input should be 'waiver' or 'mitigated'",
        ),
        (EXEMPTION.split("\n", 1)[1], "governor.yaml:1: the file: takes settings, `name: value` each"),
    ],
)
def test_a_mistake_in_an_exemption_is_named_with_its_line(file: Path, text: str, told: str) -> None:
    assert refusal(file, text, config.load_exemptions) == told


def test_an_empty_file_of_exemptions_exempts_nothing(file: Path) -> None:
    file.write_text("")

    assert config.load_exemptions(file) == []


HIGH = Policy(id="TAG001", title="t", severity="high")


@pytest.mark.parametrize(
    ("rules", "level"),
    [
        ([], "deny"),
        ([("TAG*", "note", ())], "note"),
        ([("TAG*", "note", ()), ("TAG001", "warn", ())], "warn"),
        ([("TAG001", "warn", ()), ("*", "off", ())], "off"),
        ([("BUD*", "off", ()), ("TAG00", "off", ()), ("tag001", "off", ())], "deny"),
        ([("TAG00?", "warn", ("live",))], "deny"),
        ([("TAG001", "warn", ("live", "plan"))], "warn"),
        ([("TAG001", "off", ("live",)), ("TAG001", "note", ()), ("*", "warn", ("commit",))], "note"),
    ],
)
def test_the_last_rule_that_fits_decides(rules: list[tuple[str, Level, tuple[Stage, ...]]], level: Level) -> None:
    settings = Settings(levels=tuple(LevelRule(policies=p, level=lv, stages=s) for p, lv, s in rules))

    assert settings.level(HIGH, "plan") == level


def test_without_a_rule_the_severity_decides() -> None:
    levels = {s: Settings().level(Policy(id="X", title="x", severity=s), "live") for s in config.DEFAULT_LEVELS}  # type: ignore[arg-type]

    assert levels == {"critical": "deny", "high": "deny", "medium": "warn", "low": "note"}


@given(
    st.lists(
        st.builds(
            LevelRule,
            policies=st.sampled_from(["*", "TAG*", "TAG001", "BUD*"]),
            level=st.sampled_from(["off", "note", "warn", "deny"]),
            stages=st.sampled_from([(), ("plan",), ("live",)]),
        ),
        max_size=5,
    )
)
def test_a_catch_all_at_the_end_is_all_that_counts(rules: list[LevelRule]) -> None:
    settings = Settings(levels=(*rules, LevelRule(policies="*", level="warn")))

    assert settings.level(HIGH, "plan") == settings.level(HIGH, "live") == "warn"


def test_the_nearest_file_is_found_but_not_above_the_repository(tmp_path: Path) -> None:
    outside = tmp_path / "governor.yaml"
    repository = tmp_path / "repository"
    folder = repository / "envs" / "prod"
    folder.mkdir(parents=True)
    outside.write_text("")

    assert config.find(folder) == outside

    # A worktree has a file named .git, a clone a folder.
    (repository / ".git").write_text("gitdir: elsewhere")
    assert config.find(folder) is None

    (repository / "governor.yaml").write_text("")
    assert config.find(folder) == repository / "governor.yaml"

    (folder / "governor.yaml").mkdir()
    assert config.find(folder) == repository / "governor.yaml"


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "policies": st.lists(st.sampled_from(["builtin", "policies", "", " ", 3, None]), max_size=2)
        | st.just("builtin"),
        "levels": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "policies": st.sampled_from(["TAG*", "", 1]),
                    "level": st.sampled_from(["off", "deny", "no", 0]),
                    "stages": st.lists(st.sampled_from(["plan", "later"]), max_size=1),
                    "extra": st.just(1),
                },
            ),
            max_size=2,
        ),
        "fail_level": st.sampled_from(["note", "off", "deny", None]),
        "strict": st.sampled_from([True, False, "yes", 1]),
        "exemptions": st.sampled_from(["e.yaml", "", None, []]),
        "prices": st.lists(st.text("ab ", max_size=2), max_size=1),
        "max_price_age_days": st.sampled_from([1, 0, -1, True, "3", 2.5]),
        "checkov": st.fixed_dictionaries(
            {},
            optional={
                "program": st.sampled_from(["checkov", "", 1]),
                "skip": st.sampled_from([[], ["CKV_AWS_8"], [""], "CKV_AWS_8"]),
                "timeout": st.sampled_from([1, 0, 2.5, None]),
                "extra": st.just(1),
            },
        ),
        "engine": st.sampled_from(["opa", "embedded", "rego", None]),
        "opa": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "url": st.sampled_from(["http://opa", "", 3]),
                "token_env": st.sampled_from(["OPA_TOKEN", " "]),
                "token_file": st.sampled_from(["token", None]),
                "token": st.just("hunter2"),
                "ca": st.sampled_from(["ca.pem", []]),
                "timeout": st.sampled_from([1, 0.5, 0, -1, "9", True, None]),
                "request_mb": st.sampled_from([8, 0.5, 0, "8"]),
                "bundle": st.sampled_from(["governor", ""]),
            },
        ),
        "scan": st.fixed_dictionaries(
            {},
            optional={
                "accounts": st.sampled_from([["123456789012"], [123456789012], [""], "123456789012"]),
                "organization": st.sampled_from([True, "yes"]),
                "exclude": st.sampled_from([[], ["210987654321"], [1]]),
                "role": st.sampled_from(["governor-scan", "", None]),
                "external_id": st.just("hunter2"),
                "external_id_env": st.sampled_from(["GOVERNOR_EXTERNAL_ID", 1]),
                "services": st.sampled_from([["instances"], [None]]),
                "quarantine": st.none()
                | st.fixed_dictionaries(
                    {},
                    optional={
                        "tags_lost": st.sampled_from([0, 0.3, 1, 1.5, -1, "1", None]),
                        "population_fall": st.sampled_from([0.5, 2, True]),
                        "at_least": st.sampled_from([1, 0, 2.5]),
                    },
                ),
            },
        ),
        "history": st.fixed_dictionaries({}, optional={"keep_days": st.sampled_from([1, 0, None, 1.5, True, "400"])}),
        "unheard_of": st.just("x"),
    },
)


@given(SETTINGS | st.lists(st.integers(), max_size=1) | st.text("ab ", max_size=3))
def test_settings_that_are_refused_are_explained_and_no_others(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(json.dumps(document))
    explained = written.explain(file, document, written.SettingsFile)
    try:
        msgspec.convert(document, Settings)
    except msgspec.ValidationError:
        assert explained is not None
    else:
        assert explained is None


def test_the_settings_and_their_description_have_the_same_fields_and_defaults() -> None:
    described = {name: field.get_default() for name, field in written.SettingsFile.model_fields.items()}
    parts = ("checkov", "spend", "scan", "history")
    described |= {name: described[name].model_dump() for name in parts}
    nested = {name: msgspec.to_builtins(getattr(Settings(), name)) for name in parts}
    assert described == msgspec.structs.asdict(Settings()) | nested
    described = {name: field.get_default() for name, field in written.Opa.model_fields.items() if name != "url"}
    assert {"url": "x", **described} == msgspec.structs.asdict(config.Opa(url="x"))


def test_a_token_in_the_settings_is_refused_and_not_repeated(file: Path) -> None:
    told = refusal(file, "engine: opa\nopa:\n  url: https://opa\n  token: hunter2\n")
    assert told == "governor.yaml:4: opa.token: no such setting: `governor schema` lists them"


def test_pydantic_waits_for_a_mistake(tmp_path: Path) -> None:
    """It takes longer to import than a small plan takes to judge."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("strict: true\n")
    bad.write_text("strict: maybe\n")
    script = (
        "import sys\nfrom pathlib import Path\nfrom governor import config\nfrom governor.errors import Refusal\n"
        f"config.load(Path({str(good)!r}))\nassert 'pydantic' not in sys.modules\n"
        f"try:\n    config.load(Path({str(bad)!r}))\nexcept Refusal as refusal:\n    print(refusal)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{bad}:1: strict: takes true or false\n"
