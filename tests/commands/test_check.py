"""`governor check`: a plan in; reports, complaints and an exit code out."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from commands.conftest import EXAMPLE, ROOT, Governor, plan_of
from core.policy_folders import python, rego, write
from governor.reports import REPORTS

FOOTER = "1 open, 0 exempt, 0 undetermined – 2 resources, 1 policy, 0 gaps\n"
CLEAN = "0 open, 0 exempt, 0 undetermined – 2 resources, 1 policy, 0 gaps\n"


def test_the_example_plan_is_judged_by_the_shipped_library(governor: Governor, tmp_path: Path) -> None:
    run = governor("check", EXAMPLE, "--today", "2026-08-01", "-f", "table", "-f", "json=report.json")

    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (run.code, run.err) == (1, "")
    assert run.out.startswith(f"terraform plan {EXAMPLE} (Terraform 1.11.4), stage plan\n")
    total = report["summary"]
    assert run.out.endswith(
        f"{total['open']} open, 0 exempt, {total['undetermined']} undetermined –"
        f" {total['resources']} resources, {total['policies']} policies, 0 gaps\n"
    )
    assert (report["run"]["exit_code"], report["run"]["today"]) == (1, "2026-08-01")
    assert {"TAG001", "BUD001"} <= {finding["policy"] for finding in report["findings"]}


def test_a_repository_with_policies_of_its_own(governor: Governor, mine: Path) -> None:
    run = governor("check", "plan.json")

    assert (run.code, run.err) == (1, "")
    assert "aws_instance.long" in run.out
    assert "aws_instance.short" not in run.out
    assert run.out.endswith(FOOTER)


@pytest.mark.parametrize("arguments", [["-"], ["-", "--source", "."]])
def test_a_plan_from_standard_input_gzipped_or_not(governor: Governor, mine: Path, arguments: list[str]) -> None:
    plan = (mine / "plan.json").read_bytes()

    plain = governor("check", *arguments, stdin=plan)
    zipped = governor("check", *arguments, stdin=gzip.compress(plan))

    assert plain == zipped
    assert (plain.code, plain.err) == (1, "")
    assert "terraform plan standard input" in plain.out


def test_quiet_is_the_footer_and_verbose_is_all(governor: Governor, mine: Path) -> None:
    assert governor("check", "plan.json", "-q").out == FOOTER
    assert len(governor("check", "plan.json", "-v").out) >= len(governor("check", "plan.json").out)


def test_reports_go_to_files_and_one_to_the_terminal(governor: Governor, mine: Path) -> None:
    run = governor("check", "plan.json", "-f", "json=-", "-f", "sarif=out.sarif", "-f", "markdown=out=1.md")

    assert json.loads(run.out)["summary"]["open"] == 1
    assert json.loads((mine / "out.sarif").read_text("utf-8"))["version"] == "2.1.0"
    assert FOOTER.strip() in (mine / "out=1.md").read_text("utf-8")
    assert governor("check", "plan.json", "-f", "json=only.json")[:2] == (1, "")


def test_cost_by_project_and_the_name_of_the_environment(governor: Governor, tmp_path: Path) -> None:
    """The example's own budgets reach the comment and the page."""
    settings = EXAMPLE.with_name("governor.yaml")
    arguments = ["--config", settings, "--today", "2026-08-01", "--environment", "prod"]

    run = governor("check", EXAMPLE, *arguments, "-f", "comment", "-f", "html=page.html")

    assert (run.code, run.err) == (1, "")
    assert run.out.startswith("<!-- governor:prod ")
    assert "\n| speech-notes | $0 | $4,141 | +$4,141 | ❌ 207 % of $2,000 |\n" in run.out
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "over: 207 % of $2,000" in page
    assert "<strong>governor</strong> · prod · 2026-08-01" in page


def test_every_format_of_the_documentation_is_one(governor: Governor) -> None:
    """And the help lists them all."""
    documented = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", (ROOT / "docs/reports.md").read_text("utf-8"), re.M)
    assert set(REPORTS) <= set(documented)
    help_text = governor("check", "--help").out
    assert [name for name in REPORTS if not re.search(rf"\b{name}\b", help_text)] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nope.json"], "nope.json: no such file or folder: make one with: terraform show -json"),
        (
            ["policies"],
            "policies: no Terraform code (*.tf) and no manifest (*.yaml) lies in this folder or below: give another",
        ),
        (["plan.json", "-f", "xml"], "no report is called 'xml': there are table, json, sarif, markdown"),
        (["plan.json", "-f", "json="], "json= names no file: write json=FILE, or json alone for standard output"),
        (["plan.json", "-f", "json", "-f", "sarif"], "only one report can go to standard output: write the others as"),
        (["plan.json", "-f", "json=a", "-f", "sarif=policies/../a"], "two reports go to one file: give each its own"),
        (["plan.json", "-f", "json=no/dir"], "no/dir: cannot be written (No such file or directory): choose another"),
        (["plan.json", "-f", "json=policies"], "policies: cannot be written (Is a directory): choose another file"),
        (["plan.json", "--source", "nope"], "nope: --source wants the folder that holds the HCL"),
        (["plan.json", "--policies", "nope"], "nope: no such folder of policies"),
        (["plan.json", "--config", "nope.yaml"], "nope.yaml: no such file of settings: name a governor.yaml with"),
        (["plan.json", "--config", "policies"], "policies: no such file of settings: name a governor.yaml with"),
    ],
)
def test_a_mistake_is_told_in_a_line(governor: Governor, mine: Path, arguments: list[str], told: str) -> None:
    run = governor("check", *arguments)

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"governor: {told}")
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing argument 'INPUT...'"),
        (["plan.json", "--today", "31.12.2026"], "'31.12.2026' is not a day: write YYYY-MM-DD"),
        (["plan.json", "--today", "2026-02-30"], "'2026-02-30' is not a day: write YYYY-MM-DD"),
        (["plan.json", "--stage", "prod"], "'prod' is not one of 'commit', 'plan', 'live', 'azure'"),
        (["plan.json", "--nope"], "No such option"),
    ],
)
def test_a_wrong_command_line_points_at_the_help(
    governor: Governor, mine: Path, arguments: list[str], told: str
) -> None:
    run = governor("check", *arguments)

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("Usage: governor check [OPTIONS] INPUT...\nTry 'governor check --help' for help.\n")
    assert told in run.err


def test_a_run_that_fails_writes_nothing(governor: Governor, mine: Path) -> None:
    (mine / "old.json").write_text("yesterday's")

    run = governor("check", "nope.json", "-f", "json=old.json", "-f", "sarif=new.sarif")

    assert run.code == 2
    assert (mine / "old.json").read_text() == "yesterday's"
    assert not (mine / "new.sarif").exists()


def test_the_terminal_shows_a_report_only_when_the_files_are_written(governor: Governor, mine: Path) -> None:
    run = governor("check", "plan.json", "-f", "table", "-f", "json=no/such/folder.json")

    assert (run.code, run.out) == (2, "")


def test_something_that_is_no_plan_could_not_be_judged(governor: Governor, mine: Path) -> None:
    run = governor("check", "policies/names/names.rego")

    assert (run.code, run.out) == (3, "")
    assert run.err.startswith("governor: policies/names/names.rego: this is not JSON")


# Exit codes


def test_exit_zero_forgives_open_findings_only(governor: Governor, mine: Path) -> None:
    assert governor("check", "plan.json", "--exit-zero").code == 0
    assert governor("check", "nope.json", "--exit-zero").code == 2
    assert governor("check", "policies/names/names.rego", "--exit-zero").code == 3
    write(mine, {"policies/own/own.py": python("raise ValueError('no')")})
    assert governor("check", "plan.json", "--exit-zero").code == 3
    write(mine, {"governor.yaml": "policies: []\n"})
    assert governor("check", "plan.json", "--exit-zero").code == 4


def test_a_policy_that_fails_is_told_and_the_others_are_heard(governor: Governor, mine: Path) -> None:
    write(mine, {"policies/names/more.rego": rego(id="NAM002", rule="deny_x", body="lower(resource.tags.owner) == 5")})
    write(mine, {"plan.json": json.dumps(plan_of(long={"owner": 5}, short={}))})  # type: ignore[dict-item]
    write(mine, {"policies/own/own.py": python('for r in inventory.resources:\n    r.tags["x"]\nreturn []')})

    run = governor("check", "plan.json", "-v")

    assert run.code == 3
    assert "PYT001" in run.out
    assert "own.py:8: KeyError: 'x'" in run.out
    assert "aws_instance.short" in run.out
    assert "NAM001" in run.out
    assert "Traceback" not in run.out + run.err
    assert "backtrace" not in run.out + run.err


@pytest.mark.parametrize(
    ("settings", "arguments", "note"),
    [
        ("policies: []\n", [], "the settings name no policies: add `builtin` or a folder of your own to `policies`"),
        ('policies: [policies]\nlevels: [{policies: "*", level: off}]\n', [],
         "each of 1 policies is off, or for another stage than plan: see `levels`"),
        ('policies: [policies]\nlevels: [{policies: "*", level: off, stages: [live]}]\n', ["--stage", "live"],
         "each of 1 policies is off, or for another stage than live: see `levels`"),
    ],
)  # fmt: skip
def test_nothing_asked_is_never_green(
    governor: Governor, mine: Path, settings: str, arguments: list[str], note: str
) -> None:
    write(mine, {"governor.yaml": settings})

    run = governor("check", "plan.json", "-f", "json", *arguments)

    assert run.code == 4
    assert note in json.loads(run.out)["notes"]


def test_a_policy_of_another_stage_is_not_asked(governor: Governor, mine: Path) -> None:
    card = rego(body='input.stage == "live"').replace("severity: high", "severity: high\n#   stages: [live]")
    write(mine, {"policies/names/names.rego": card})

    assert governor("check", "plan.json", "-q").code == 4
    assert governor("check", "plan.json", "--stage", "live", "-q").out.startswith("2 open")


def test_levels_fail_level_and_strict(governor: Governor, mine: Path) -> None:
    def code(settings: str, *arguments: str) -> int:
        write(mine, {"governor.yaml": f"policies: [policies]\n{settings}"})
        return governor("check", "plan.json", *arguments).code

    assert code("levels: [{policies: NAM001, level: warn}]\n") == 0
    assert code("levels: [{policies: NAM001, level: warn}]\nfail_level: warn\n") == 1
    assert code("levels: [{policies: NAM001, level: off}, {policies: NAM*, level: deny, stages: [plan]}]\n") == 1

    write(mine, {"plan.json": json.dumps({**plan_of(short={}), "complete": False})})
    assert code("") == 0
    write(mine, {"plan.json": json.dumps(plan_of(short={}))})
    assert code("strict: true\n") == 0

    unknown = plan_of(long={})
    unknown["resource_changes"][0]["change"]["after_unknown"] = {"tags": True, "tags_all": True}
    write(mine, {"plan.json": json.dumps(unknown)})
    write(mine, {"policies/names/names.rego": rego().replace('"attribute": "id"', '"attribute": "tags.owner"')})
    assert code("") == 0
    assert code("strict: true\n") == 3
    assert code("strict: true\n", "--no-strict") == 0
    assert code("", "--strict") == 3


EXEMPTION = """\
exemptions:
  - {policy: NAM001, resource: "*.lo*", category: waiver, reason: r, owner: o, approved_by: a, expires: 2026-08-01}
"""


def test_an_exemption_holds_until_its_day_has_passed(governor: Governor, mine: Path) -> None:
    write(mine, {"governor.yaml": "policies: [policies]\nexemptions: ours.yaml\n", "ours.yaml": EXEMPTION})

    last = governor("check", "plan.json", "-q", "--today", "2026-08-01")
    after = governor("check", "plan.json", "-q", "--today", "2026-08-02")

    assert (last.code, last.out[:16]) == (0, "0 open, 1 exempt")
    assert (after.code, after.out[:16]) == (1, "1 open, 0 exempt")


def test_a_rule_of_levels_that_fits_no_policy_is_noted(governor: Governor, mine: Path) -> None:
    write(mine, {"governor.yaml": "policies: [policies]\nlevels: [{policies: NAM01, level: off}]\n"})

    run = governor("check", "plan.json")

    assert run.code == 1
    assert "levels: no policy has an id like NAM01; `governor policies` lists them" in run.out


# Settings


def test_settings_above_the_folder_are_found_and_their_paths_start_there(
    governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = mine / "envs" / "prod"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)

    assert governor("check", "../../plan.json", "-q").out == FOOTER


def test_a_link_to_settings_means_the_paths_of_the_settings(
    governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = write(mine / "elsewhere" / "stack", {"readme": ""})
    (stack / "governor.yaml").symlink_to(mine / "governor.yaml")
    monkeypatch.chdir(stack)

    assert governor("check", "../../plan.json", "-q").out == FOOTER


def test_a_folder_named_twice_is_read_once(governor: Governor, mine: Path) -> None:
    run = governor("check", "plan.json", "-q", "--policies", "policies", "--policies", f"{mine}/policies")

    assert (run.out, run.err) == (FOOTER, "")


def test_a_folder_of_the_command_line_lies_over_the_settings(governor: Governor, mine: Path) -> None:
    write(mine, {"more/names/more.rego": rego(id="NAM002", rule="deny_more")})

    assert governor("check", "plan.json", "-q", "--policies", "more").out.startswith("3 open")


def test_the_settings_of_another_file(governor: Governor, mine: Path) -> None:
    write(mine, {"ci/strict.yaml": "policies: [../policies]\nlevels: [{policies: NAM001, level: note}]\n"})

    run = governor("check", "plan.json", "-q", "--config", "ci/strict.yaml")

    assert (run.code, run.out) == (0, FOOTER)


PRICES = """\
provider,region,instance_type,on_demand_usd_hour,as_of,source
aws,us-east-1,t3.micro,0.01,{as_of},our contract
"""


def test_old_prices_are_noted(governor: Governor, mine: Path) -> None:
    plan = plan_of(long={}, short={})
    plan["configuration"] = {
        "provider_config": {"aws": {"name": "aws", "expressions": {"region": {"constant_value": "us-east-1"}}}},
        "root_module": {
            "resources": [
                {"address": f"aws_instance.{name}", "mode": "managed", "type": "aws_instance", "name": name,
                 "provider_config_key": "aws", "expressions": {}}
                for name in ("long", "short")
            ]
        },
    }  # fmt: skip
    write(mine, {"plan.json": json.dumps(plan), "prices.csv": PRICES.format(as_of="2026-01-01")})
    write(mine, {"governor.yaml": "policies: [policies]\nprices: [prices.csv]\nmax_price_age_days: 30\n"})

    old = json.loads(governor("check", "plan.json", "-f", "json", "--today", "2026-03-01").out)
    fresh = json.loads(governor("check", "plan.json", "-f", "json", "--today", "2026-01-20").out)

    (note,) = [note for note in old["notes"] if "prices are older" in note]
    assert note == (
        "1 of 1 prices are older than 30 days, the oldest as of 2026-01-01 (t3.micro in us-east-1):"
        " update governor, or give your own with `prices`"
    )
    assert not [note for note in fresh["notes"] if "prices are older" in note]


# Terminals


def test_colour_is_for_terminals_unless_it_is_forced_or_refused(
    governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b[" not in governor("check", "plan.json").out

    monkeypatch.setenv("FORCE_COLOR", "1")
    forced = governor("check", "plan.json", "-f", "table", "-f", "markdown=a.md")
    assert "\x1b[" in forced.out
    assert "\x1b[" not in governor("check", "plan.json", "-f", "table=a.txt").out + (mine / "a.txt").read_text("utf-8")

    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in governor("check", "plan.json").out


def test_a_table_is_as_wide_as_it_is_told(governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = governor("check", "plan.json").out.splitlines()
    monkeypatch.setenv("COLUMNS", "50")
    narrow = governor("check", "plan.json").out.splitlines()

    assert 50 < max(map(len, wide[:-1])) <= 120
    assert max(map(len, narrow[:-1])) <= 50


def process(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "governor", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, **options,  # type: ignore[call-overload]
    )  # fmt: skip


@pytest.mark.parametrize("resources", [1, 3000], ids=["in one piece", "more than a pipe holds"])
def test_a_reader_that_leaves_early_is_left_in_peace(mine: Path, resources: int) -> None:
    many = {f"n{number}_long": {} for number in range(resources)}
    write(mine, {"plan.json": json.dumps(plan_of(**many))})

    run = process("check", "plan.json", "-f", "json", cwd=mine)
    assert run.stdout
    assert run.stderr
    assert run.stdin
    run.stdout.close()
    run.stdin.close()

    assert run.stderr.read() == b""
    assert run.wait() == 141


def test_the_module_is_the_command_and_writes_utf_8_wherever_it_runs(mine: Path) -> None:
    write(mine, {"plan.json": json.dumps(plan_of(long={}, short={"Größe": "×"}))})

    run = process("check", "plan.json", "-q", cwd=mine, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    out, err = run.communicate()

    assert (run.returncode, out.decode(), err.decode()) == (1, FOOTER, "")
