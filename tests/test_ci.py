"""The action for GitHub and the component for GitLab: well formed, run as the platforms run them, and as documented."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import platforms
from commands.conftest import plan_of
from core.policy_folders import rego, write
from governor.reports import REPORTS
from platforms import TOKEN, Platform
from real_terraform import PROJECT

ACTION = yaml.safe_load((PROJECT / "action.yml").read_text("utf-8"))
INSTALL, GATE = ACTION["runs"]["steps"]
COMPONENT = (PROJECT / "templates" / "governor-gate.yml").read_text("utf-8")
SPEC, JOBS = yaml.safe_load_all(COMPONENT)
GITHUB_PAGE = (PROJECT / "docs" / "ci-github.md").read_text("utf-8")
GITLAB_PAGE = (PROJECT / "docs" / "ci-gitlab.md").read_text("utf-8")
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


def valid(tmp_path: Path, schema: str, document: Any, *options: str) -> str:
    """What check-jsonschema, which brings the schemas, says of a document; "" when it is good."""
    file = tmp_path / "document.yml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document), "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *options, str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr if run.returncode else ""


def examples(page: str, start: str) -> list[str]:
    found = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if block.startswith(f"# {start}")]
    assert found
    return found


def table(page: str) -> dict[str, str]:
    """Names and defaults of the page's table of inputs."""
    rows = re.findall(r"^\| (`.+?) \| .+? \|(?: (.*))? \|$", page, re.MULTILINE)
    return {name: default for names, default in rows for name in re.findall(r"`([^`]+)`", names)}


# GitHub


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout with a plan that fails a policy, on a runner that has governor."""
    checkout = write(
        tmp_path / "work",
        {
            "plan.json": json.dumps(plan_of(long={}, short={"owner": "ada"})),
            "governor.yaml": "policies: [policies]\n",
            "policies/names/names.rego": rego(body='endswith(resource.id, "long")'),
            ".git/HEAD": "",
        },
    )
    programs = tmp_path / "temp" / "governor" / "bin"
    write(programs, {"governor": f"#!{sys.executable}\nfrom governor.cli import main\nmain()\n"})
    (programs / "governor").chmod(0o755)
    return checkout


@pytest.fixture
def github() -> Iterator[Platform]:
    with platforms.serve("github") as running:
        yield running


def step(
    definition: dict[str, Any], checkout: Path, given: dict[str, str], more: dict[str, str]
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run a step as GitHub does: inputs in the environment, bash with its options; and what it put out."""
    inputs = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()} | given
    temp = checkout.parent / "temp"
    temp.mkdir(exist_ok=True)
    output = temp / "output"
    output.write_text("")
    environment = {
        name: EXPRESSION.sub(lambda found: inputs[found[0][3:-2].strip().removeprefix("inputs.")], value)
        for name, value in definition["env"].items()
    }
    script = temp / "script.sh"
    script.write_text(definition["run"])
    run = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=checkout, capture_output=True, text=True, check=False,
        env={
            **os.environ, "RUNNER_TEMP": str(temp), "GITHUB_OUTPUT": str(output), "GITHUB_ACTION_PATH": str(PROJECT),
            "GITHUB_STEP_SUMMARY": str(temp / "summary.md"), **more, **environment,
        },
    )  # fmt: skip
    return run, dict(line.split("=", 1) for line in output.read_text().splitlines())


def gate(
    checkout: Path, platform: Platform | None = None, **given: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    more = platform.environment if platform else {}
    return step(GATE, checkout, {"plan": "plan.json", "token": TOKEN, **given}, more)


def test_the_action_is_well_formed(tmp_path: Path) -> None:
    assert valid(tmp_path, "github-actions", ACTION) == ""
    assert valid(tmp_path, "github-actions", {**ACTION, "runs": {"using": "composite"}}) != "", "the check checks"


def test_no_input_reaches_a_script_in_its_text() -> None:
    for definition in ACTION["runs"]["steps"]:
        assert not EXPRESSION.search(definition["run"])
        assert definition["shell"] == "bash"


def test_every_input_is_used() -> None:
    used = {
        found.removeprefix("inputs.")
        for one in (INSTALL, GATE)
        for found in re.findall(r"inputs\.[\w-]+", str(one["env"]))
    }

    assert used == set(ACTION["inputs"])


def test_the_step_judges_and_comments(repository: Path, github: Platform) -> None:
    run, put_out = gate(repository, github, environment="prod")

    assert run.returncode == 1, run.stderr
    assert "aws_instance.long" in run.stdout
    assert {name: put_out[name] for name in ("exit-code", "findings")} == {"exit-code": "1", "findings": "1"}
    assert json.loads(Path(put_out["report"]).read_text())["summary"]["open"] == 1
    assert github.bodies[0].startswith("<!-- governor:prod ")
    assert "aws_instance.long" in (repository.parent / "temp" / "summary.md").read_text()


def test_without_comment_nobody_is_asked(repository: Path, github: Platform) -> None:
    run, _ = gate(repository, github, comment="false")

    assert (run.returncode, github.requests) == (1, [])


def test_lists_and_further_arguments(repository: Path) -> None:
    write(
        repository,
        {"more/a.yaml": "", "one/titles/t.rego": rego("titles", "TIT001"), "two/x/x.rego": rego("x", "XXX001")},
    )

    run, put_out = gate(
        repository, comment="false", policies="one\ntwo\n", config="governor.yaml",
        arguments="--exit-zero\n\n--format=sarif=out put.sarif\n", **{"fail-level": "warn"},
    )  # fmt: skip

    assert (run.returncode, put_out["exit-code"], put_out["findings"]) == (0, "0", "5"), run.stderr
    assert json.loads((repository / "out put.sarif").read_text())["runs"]


def test_what_is_not_judged_has_no_findings(repository: Path) -> None:
    run, put_out = gate(repository, comment="false", plan="nowhere.json")

    assert (run.returncode, put_out) == (3, {"exit-code": "3"}) or (run.returncode, put_out) == (2, {"exit-code": "2"})


@pytest.mark.parametrize(
    "evil",
    ["$(touch owned)", "`touch owned`", '"; touch owned; "', "'; touch owned; '", "a\n$(touch owned)", "--exit-zero"],
)
@pytest.mark.parametrize(
    "name", ["directory", "plan", "environment", "config", "fail-level", "binary", "policies", "comment"]
)
def test_no_input_is_run_or_becomes_an_option(repository: Path, name: str, evil: str) -> None:
    run, put_out = gate(repository, **{"comment": "false", name: evil})

    assert not (repository / "owned").exists()
    assert run.returncode == int(put_out["exit-code"]) != 0
    assert "bug in governor" not in run.stderr


def test_a_folder_is_planned(repository: Path) -> None:
    if not shutil.which("terraform"):
        pytest.skip("terraform is not on PATH")
    write(repository / "infra", {"main.tf": 'resource "terraform_data" "x" {}\n'})

    run, put_out = gate(repository, plan="", directory="infra", comment="false")

    assert (run.returncode, put_out["findings"]) == (0, "0"), run.stderr
    assert "terraform plan infra" in run.stdout


def test_it_is_installed_from_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()

    run, _ = step(INSTALL, tmp_path / "work", {}, {})

    if "No matching distribution found" in run.stderr:
        pytest.skip("pip has no index to ask here")
    assert run.returncode == 0, run.stderr
    program = tmp_path / "temp" / "governor" / "bin" / "governor"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    shown = subprocess.run([program, "gate", "--help"], capture_output=True, text=True, check=True, env=environment)
    assert "--comment" in shown.stdout


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    write(tmp_path / "bin", {"python3": "#!/bin/sh\nexit 1\n"})
    (tmp_path / "bin" / "python3").chmod(0o755)

    run, _ = step(INSTALL, tmp_path / "work", {}, {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"})

    assert run.returncode == 2
    assert run.stdout.startswith("::error::governor needs Python 3.11 or later")


def test_the_page_for_github_lists_the_inputs() -> None:
    listed = table(GITHUB_PAGE)

    assert set(listed) >= set(ACTION["inputs"])
    assert listed["directory"] == f"`{ACTION['inputs']['directory']['default']}`"
    assert all(f"`{name}`" in GITHUB_PAGE for name in ACTION["outputs"])


@pytest.mark.parametrize("workflow", examples(GITHUB_PAGE, ".github/workflows/"))
def test_the_workflows_of_the_page(workflow: str, tmp_path: Path) -> None:
    assert valid(tmp_path, "github-workflows", workflow) == ""
    steps = yaml.safe_load(workflow)["jobs"]["gate"]["steps"]
    (ours,) = [one for one in steps if one.get("uses", "").startswith("example/gpu-governor@")]
    assert set(ours["with"]) <= set(ACTION["inputs"])
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one["uses"]) for one in steps if "uses" in one), (
        "pinned by a commit"
    )
    assert "pull-requests" in yaml.safe_load(workflow)["jobs"]["gate"]["permissions"]


def test_zizmor_finds_no_weakness(tmp_path: Path) -> None:
    """https://docs.zizmor.sh: in the action, and in the workflows of the page."""
    files = {f".github/workflows/{n}.yml": text for n, text in enumerate(examples(GITHUB_PAGE, ".github/workflows/"))}
    write(tmp_path, {"action.yml": (PROJECT / "action.yml").read_text("utf-8"), **files})

    assert "No findings to report" in zizmor(tmp_path)

    write(
        tmp_path,
        {"action.yml": (tmp_path / "action.yml").read_text("utf-8").replace('"$VERSION"', '"${{ inputs.version }}"')},
    )
    assert "template-injection" in zizmor(tmp_path), "it looks at the action"


def zizmor(folder: Path) -> str:
    program = Path(sys.executable).with_name("zizmor")
    command = [program, "--offline", "--no-progress", "--color=never", "--collect=all", folder]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return run.stdout + run.stderr


def test_the_arguments_of_the_page_are_options_of_the_command() -> None:
    from governor.cli import judging

    (example,) = examples(GITHUB_PAGE, "arguments of a step")
    known = {name for option in judging.gate.params for name in option.opts}
    given = yaml.safe_load(example)["arguments"].split()
    assert {argument.partition("=")[0] for argument in given} <= known


# GitLab


def component(**given: str) -> dict[str, Any]:
    """The jobs of the component, with its inputs in their places."""
    inputs = {name: one["default"] for name, one in SPEC["spec"]["inputs"].items()} | given
    text = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: inputs[found[1]], COMPONENT.partition("\n---\n")[2])
    return dict(yaml.safe_load(text))


def test_the_component_is_well_formed(tmp_path: Path) -> None:
    for document in (SPEC, component(environment="prod", job="prod")):
        assert valid(tmp_path, "gitlab-ci", document, "--data-transform", "gitlab-ci") == ""


def test_no_input_reaches_the_script_of_the_component_in_its_text() -> None:
    (job,) = JOBS.values()

    assert "$[[" not in "".join(job["script"])
    used = set(re.findall(r"inputs\.(\w+)", COMPONENT))
    assert used == set(SPEC["spec"]["inputs"])


@pytest.mark.skipif("gitlab" not in REPORTS, reason="the report for GitLab's code quality is not in this tree yet")
def test_the_job_judges_and_writes_a_note(repository: Path) -> None:
    programs = repository.parent / "temp" / "governor" / "bin"
    (job,) = component(plan="plan.json", environment="prod", arguments="--exit-zero --strict").values()
    with platforms.serve("gitlab") as gitlab:
        run = subprocess.run(
            ["bash", "-e", "-c", job["script"][-1].replace("/tmp/governor/bin", str(programs))],
            cwd=repository, capture_output=True, text=True, check=False,
            env={**os.environ, **gitlab.environment, **job["variables"]},
        )  # fmt: skip

        assert run.returncode == 0, run.stderr
        assert gitlab.bodies[0].startswith("<!-- governor:prod ")
    assert json.loads((repository / job["artifacts"]["reports"]["codequality"]).read_text())
    assert json.loads((repository / job["artifacts"]["paths"][0]).read_text())["summary"]["open"] == 1


def test_the_page_for_gitlab_lists_the_inputs() -> None:
    assert set(table(GITLAB_PAGE)) == set(SPEC["spec"]["inputs"])


@pytest.mark.parametrize("pipeline", examples(GITLAB_PAGE, ".gitlab-ci.yml"))
def test_the_pipelines_of_the_page(pipeline: str, tmp_path: Path) -> None:
    assert valid(tmp_path, "gitlab-ci", pipeline, "--data-transform", "gitlab-ci") == ""
    for included in yaml.safe_load(pipeline).get("include", []):
        assert set(included["inputs"]) <= set(SPEC["spec"]["inputs"])
        assert re.fullmatch(r".*/gpu-governor/governor-gate@[0-9a-f]{40}", included["component"])
