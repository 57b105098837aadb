"""`governor check` on manifests: which inputs go together, and what ends how."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from commands.conftest import Governor, plan_of
from core.policy_folders import rego, write

JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: %s}
spec: {template: {spec: {containers: [{image: x}]}}}
"""
HELM = "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Release.Name }}}\n"


@pytest.fixture
def jobs(mine: Path) -> Path:
    """The repository of `mine` with two manifests, a chart and a broken file."""
    write(
        mine,
        {
            "jobs/long.yaml": JOB % "long",
            "jobs/short.yaml": JOB % "short",
            "chart/templates/pod.yaml": HELM,
            "chart/values.yaml": "replicas: 1\n",
            "broken.yaml": "a: [\n",
            "prod.tfvars": "a = 1\n",
            "code/notes.txt": "none",
        },
    )
    return mine


def test_files_are_one_inventory(governor: Governor, jobs: Path) -> None:
    run = governor("check", "jobs/short.yaml", "jobs/long.yaml")

    assert run.code == 1
    assert "manifests jobs/short.yaml, jobs/long.yaml, stage commit" in run.out
    assert "Job/long" in run.out
    assert run.out.endswith("1 open, 0 exempt, 0 undetermined – 2 resources, 1 policy, 0 gaps\n")


def test_a_file_that_is_named_twice_is_read_once(governor: Governor, jobs: Path) -> None:
    assert "1 resource," in governor("check", "jobs/long.yaml", "jobs/long.yaml").out


def test_standard_input_is_a_plan_or_manifests(governor: Governor, jobs: Path) -> None:
    manifests = f"{JOB % 'short'}---\n{JOB % 'long'}"
    plan = json.dumps(plan_of(long={}))

    assert "manifests standard input, stage commit" in governor("check", "-", stdin=manifests.encode()).out
    assert (
        "terraform plan standard input (Terraform 1.11.4), stage plan"
        in governor("check", "-", stdin=plan.encode()).out
    )


def test_each_plan_and_all_manifests_are_judged_in_turn(governor: Governor, jobs: Path) -> None:
    shutil.copy(jobs / "plan.json", jobs / "other.json")

    run = governor("check", "plan.json", "jobs/long.yaml", "jobs/short.yaml", "other.json")

    titles = [line for line in run.out.splitlines() if ", stage " in line]
    assert titles == [
        "terraform plan plan.json (Terraform 1.11.4), stage plan",
        "terraform plan other.json (Terraform 1.11.4), stage plan",
        "manifests jobs/long.yaml, jobs/short.yaml, stage commit",
    ]
    assert run.code == 1, "the worst of three"


MODULE = 'resource "aws_instance" "gpu" {\n  instance_type = "g5.xlarge"\n}\n'


@pytest.fixture
def platform(jobs: Path) -> Path:
    """`jobs`, with two root modules, of which one calls a module, and no code at the top."""
    (jobs / "broken.yaml").unlink()
    write(
        jobs,
        {
            "infra/prod/main.tf": 'module "gpu" {\n  source = "../gpu"\n}\n',
            "infra/gpu/main.tf": MODULE,
            "infra/web/main.tofu": MODULE,
            "infra/web/.terraform/modules/x/main.tf": MODULE,
            "node_modules/x/main.tf": MODULE,
            "node_modules/x/job.yaml": JOB % "installed",
        },
    )
    return jobs


def test_a_folder_without_code_stands_for_all_that_lies_below(governor: Governor, platform: Path) -> None:
    """What `check .` says at the top of a repository: nothing below is passed by, and nothing is judged twice."""
    run = governor("check", ".")

    sources = [line.split(", stage")[0] for line in run.out.splitlines() if ", stage " in line]
    assert sources[:2] == ["terraform code infra/prod", "terraform code infra/web"]
    assert sources[2].startswith("manifests ")
    assert "node_modules" not in run.out
    assert len(sources) == 3
    assert "\n\nterraform code infra/web" in run.out

    lines = governor("check", ".", "--quiet").out.splitlines()
    assert [line.split(":")[0] for line in lines] == sources
    assert governor("check", "infra", "--quiet").out.count("terraform code") == 2


def test_what_cannot_be_judged_does_not_hide_the_rest(governor: Governor, platform: Path) -> None:
    write(platform, {"infra/prod/bad.tf": 'resource "aws_instance" "x" {\n'})

    run = governor("check", "infra", "jobs", "--quiet")

    assert run.code == 3
    assert run.err.startswith("governor: infra/prod/bad.tf:2: } is missing")
    assert [line.split(":")[0] for line in run.out.splitlines()] == [
        "terraform code infra/web",
        "manifests jobs/long.yaml, jobs/short.yaml",
    ]


def test_a_judgement_of_no_policy_hides_no_failure(governor: Governor, platform: Path) -> None:
    """3 beats 4, and 4 beats 1: also between what a run judges."""
    write(
        platform,
        {
            "governor.yaml": 'policies: [policies]\nlevels:\n  - {policies: "*", level: "off", stages: [plan]}\n',
            "infra/prod/bad.tf": "{",
        },
    )

    assert governor("check", "plan.json", "--quiet").code == 4
    assert governor("check", "plan.json", "jobs", "--quiet").code == 4
    assert governor("check", "plan.json", "infra", "--quiet").code == 3


def test_what_is_no_part_of_a_root_module_is_named(governor: Governor, platform: Path) -> None:
    write(platform, {"main.tf": 'module "gpu" {\n  source = "./infra/gpu"\n}\n'})

    run = governor("check", ".")
    assert "terraform code ., stage commit" in run.out
    notes = [line for line in run.out.splitlines() if line.startswith("note:")]
    assert notes == [
        "note: root modules below . are not judged with it (infra/prod and 1 more): name them, too",
        "note: manifests in . are not judged with the code: name them, too",
    ]
    assert "note:" not in governor("check", ".", "infra/prod", "infra/web", "jobs").out
    assert "note:" not in governor("check", "main.tf").out, "a hook names what changed"


def test_a_report_in_a_file_is_of_one_judgement(governor: Governor, jobs: Path) -> None:
    run = governor("check", "plan.json", "jobs", "-f", "json=report.json")

    assert (run.code, run.out) == (2, "")
    assert run.err == (
        "governor: these are 2 judgements, and -f wants one: check each of plan.json, the manifests in jobs by itself\n"
    )
    assert not Path("report.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["broken.yaml"], 3, "broken.yaml:2:1: this is not YAML: did not find expected node content"),
        (["nope.yaml"], 2, "nope.yaml: no such file or folder"),
        (["prod.tfvars"], 2, "prod.tfvars: values are no code: give the root module, and its values with --var-file"),
        (["code"], 2, "code: no Terraform code (*.tf) and no manifest (*.yaml) lies in this folder or below"),
        (["jobs", "--with", "checkov"], 2, "--with checkov judges plans"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    governor: Governor, jobs: Path, arguments: list[str], code: int, message: str
) -> None:
    run = governor("check", *arguments)

    assert (run.code, run.out) == (code, "")
    assert run.err.startswith(f"governor: {message}")
    assert run.err.count("\n") == 1


def test_a_chart_that_is_not_rendered_is_no_pass(governor: Governor, jobs: Path) -> None:
    run = governor("check", "chart")

    assert (run.code, governor("check", "chart", "--strict").code) == (0, 3)
    assert "chart/templates/pod.yaml:3" in run.out
    assert "a Helm template: render it first" in run.out


def test_levels_are_those_of_the_stage(governor: Governor, jobs: Path) -> None:
    write(
        jobs, {"governor.yaml": "policies: [policies]\nlevels: [{policies: NAM001, stages: [commit], level: warn}]\n"}
    )

    assert governor("check", "jobs").code == 0
    assert governor("check", "jobs", "--stage", "plan").code == 1


def test_raw_policies_read_plans_only(governor: Governor, jobs: Path) -> None:
    write(jobs, {"raw/p.rego": 'package main\nimport rego.v1\ndeny contains "no" if input.resource_changes\n'})

    run = governor("check", "jobs/short.yaml", "--raw-policies", "raw")
    assert run.code == 0
    assert "1 folder of raw policies not asked: they read plans only" in run.out


def test_what_a_policy_of_ones_own_sees(governor: Governor, jobs: Path) -> None:
    write(
        jobs,
        {"policies/names/names.rego": rego(body='resource.type == "batch/Job"; resource.provider == "kubernetes"')},
    )

    assert governor("check", "jobs", "--quiet").out.startswith("2 open")


def test_a_verdict_on_a_manifest_is_explained(governor: Governor, jobs: Path) -> None:
    run = governor("explain", "NAM001", "--on", "jobs")

    assert (run.code, run.err) == (0, "")
    assert run.out.startswith("NAM001  Names are short  high\nJob/long  workload\n")


def test_a_resource_that_no_manifest_holds(governor: Governor, jobs: Path) -> None:
    run = governor("explain", "NAM001", "--on", "jobs", "--resource", "Job/lang")

    assert run.code == 2
    assert "no resource of this input has the address Job/lang: did you mean Job/long?" in run.err
