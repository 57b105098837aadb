"""`governor check --with checkov`: its findings in our verdict, and what happens when it does not answer."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from commands.conftest import EXAMPLE, ROOT, Governor, Run, plan_of
from core.policy_folders import write
from governor.checkov import process
from governor.reports import json as json_report

SARIF = json.loads((ROOT / "tests" / "reports" / "sarif-2.1.0.schema.json").read_text("utf-8"))

real = pytest.mark.xdist_group("checkov")

SETTINGS = """\
exemptions: exemptions.yaml
levels:
  - {policies: "CKV_*", level: warn}
  - {policies: CKV_AWS_126, level: "off"}
  - {policies: CKV_AWS_8, level: deny}
checkov: {program: %s}
"""

EXEMPTIONS = """\
exemptions:
  - policy: "CKV*_AWS_79"
    resource: 'module.workspace["vis.1"].*'
    category: waiver
    reason: The image needs version 1 of the metadata service until July.
    owner: vision
    approved_by: security
    expires: 2026-12-31
"""


class Proxy(http.server.BaseHTTPRequestHandler):
    """Counts who would reach for the network."""

    asked: list[str]

    def do_CONNECT(self) -> None:
        self.asked.append(self.path)
        self.send_error(403)

    do_GET = do_POST = do_CONNECT  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What asked for the network, through the proxy that the environment names."""
    handler = type("Counting", (Proxy,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield handler.asked
        server.shutdown()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plan is written for checkov."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def planned(*resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A plan as whole as checkov wants it: (address, values) each."""
    blocks = [
        {"address": address, "mode": "managed", "type": address.split(".")[0], "name": address.split(".")[1],
         "provider_name": "registry.terraform.io/hashicorp/aws", "values": values}
        for address, values in resources
    ]  # fmt: skip
    changes = [
        {**{name: block[name] for name in ("address", "mode", "type", "name", "provider_name")},
         "change": {"actions": ["create"], "before": None, "after": block["values"], "after_unknown": {}}}
        for block in blocks
    ]  # fmt: skip
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"resources": blocks}},
        "resource_changes": changes,
        "configuration": {"root_module": {}},
    }


def of_checkov(report: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(f["policy"], f["resource"]): f for f in report["findings"] if f["policy"].startswith("CKV")}


# A real checkov


@real
def test_what_checkov_finds_is_settled_and_reported_like_everything_else(
    governor: Governor, tmp_path: Path, checkov: Path, network: list[str], temporary: Path
) -> None:
    source = shutil.copytree(EXAMPLE.parent, tmp_path / "hcl", ignore=shutil.ignore_patterns("*.json", "*.yaml"))
    datasets = (source / "datasets.tf").read_text("utf-8")
    block = 'resource "aws_ebs_volume" "scratch" {\n'
    assert block in datasets
    skip = "  #checkov:skip=CKV_AWS_3:scratch data\n"
    (source / "datasets.tf").write_text(datasets.replace(block, block + skip), "utf-8")
    write(tmp_path, {"governor.yaml": SETTINGS % checkov, "exemptions.yaml": EXEMPTIONS})
    write(tmp_path, {".checkov.yaml": "skip-check: [CKV_AWS_8]\noutput: [cli]\n"})
    arguments = ("check", EXAMPLE, "--source", "hcl", "--today", "2026-08-01", "-f", "json=r.json")

    alone = governor(*arguments)
    without = json.loads((tmp_path / "r.json").read_text("utf-8"))
    run = governor(*arguments, "--with", "checkov", "-v", "-f", "table", "-f", "sarif=r.sarif", "-f", "markdown=r.md")
    report = json.loads((tmp_path / "r.json").read_text("utf-8"))

    assert (alone.code, run.code, alone.err, run.err) == (1, 1, "", "")
    assert (network, list(temporary.iterdir())) == ([], [])
    Draft202012Validator(json_report.schema()).validate(report)
    # Ours are what they were.
    ours = [f for f in report["findings"] if not f["policy"].startswith("CKV")]
    assert ours == without["findings"]
    assert report["failures"] == []
    assert not any("CKV" in note for note in without["notes"])
    assert without["stale_exemptions"] == []
    found = of_checkov(report)
    assert len(found) > 40
    # Addresses are Terraform's, so that money and places come from the inventory.
    encryption = found["CKV_AWS_8", 'module.workspace["vis.1"].aws_instance.workbench']
    assert encryption["kind"] == "compute_instance"
    assert encryption["hourly_usd"] > 0
    assert encryption["origin"] == {
        "file": "hcl/modules/team-workspace/main.tf", "line": 29, "module_call": encryption["origin"]["module_call"],
    }  # fmt: skip
    assert encryption["origin"]["module_call"].startswith("hcl/main.tf:")
    assert (encryption["severity"], encryption["level"], encryption["state"]) == ("medium", "deny", "open")
    known = {r for (_, r), finding in found.items() if finding["kind"] != "scope"}
    assert {
        "aws_instance.copilot_trainer[0]",
        "aws_instance.copilot_trainer[1]",
        "aws_s3_bucket.defect_images",
    } <= known
    # A type outside the catalogue has a place all the same.
    user = found["CKV_AWS_273", "aws_iam_user.nightly_evaluation"]
    assert (user["kind"], user["hourly_usd"]) == ("scope", None)
    line = (source / "access.tf").read_text("utf-8").split("\n")[user["origin"]["line"] - 1]
    assert line == 'resource "aws_iam_user" "nightly_evaluation" {'
    # Levels and exemptions.
    assert "CKV_AWS_126" not in report["policies"]
    assert not any(policy == "CKV_AWS_126" for policy, _ in found)
    exempt = found["CKV_AWS_79", 'module.workspace["vis.1"].aws_instance.workbench']
    assert (exempt["state"], exempt["exemption"]["owner"]) == ("exempt", "vision")
    assert found["CKV_AWS_79", 'module.workspace["nlp"].aws_instance.workbench']["state"] == "open"
    # Passed checks were asked, too; a comment that skips is told.
    assert {"CKV_AWS_41"} <= report["policies"].keys() - {policy for policy, _ in found}
    assert report["policies"]["CKV_AWS_8"]["title"].startswith("Ensure all data stored in the Launch configuration")
    assert ("CKV_AWS_3", "aws_ebs_volume.scratch") not in found
    assert "checkov: comments in the HCL skip CKV_AWS_3 on 1 resource" in report["notes"]
    # Every other report has them.
    sarif = json.loads((tmp_path / "r.sarif").read_text("utf-8"))
    assert list(Draft4Validator(SARIF).iter_errors(sarif)) == []
    result = next(r for r in sarif["runs"][0]["results"]
                  if r["ruleId"] == "CKV_AWS_273")  # fmt: skip
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "hcl/access.tf"
    assert result["partialFingerprints"]["governor/v1"] == user["fingerprint"]
    for text in (run.out, (tmp_path / "r.md").read_text("utf-8")):
        assert "CKV_AWS_273" in text
        assert "CKV_AWS_126" not in text


@real
def test_a_plan_of_any_form_and_checks_of_choice(governor: Governor, tmp_path: Path, checkov: Path) -> None:
    """A banner before it, gzipped, from standard input: checkov gets the plan and nothing else."""
    write(
        tmp_path,
        {"governor.yaml": f"checkov: {{program: {checkov}, checks: [CKV_AWS_8, CKV2*], skip: [CKV2_AWS_6*]}}\n"},
    )
    plan = gzip.compress("\ufeffInitialising …\n".encode() + EXAMPLE.read_bytes() + b"\nDone.\n")

    run = governor("check", "-", "--with", "checkov", "-f", "json", "--today", "2026-08-01", stdin=plan)
    report = json.loads(run.out)

    assert (run.code, run.err, report["failures"]) == (1, "", [])
    reported = {policy for policy in report["policies"] if policy.startswith("CKV")}
    assert {"CKV_AWS_8", "CKV2_AWS_41"} <= reported
    assert all(policy == "CKV_AWS_8" or policy.startswith("CKV2_AWS") for policy in reported)
    assert not any(policy.startswith("CKV2_AWS_6") for policy in reported)
    assert ("CKV_AWS_8", "aws_instance.vision_trainer") in of_checkov(report)


@real
def test_a_check_that_crashes_is_no_pass(governor: Governor, tmp_path: Path, checkov: Path) -> None:
    """CKV_AWS_37 of this release does, on a cluster with an empty list; checkov itself ends with 0."""
    write(
        tmp_path,
        {
            "plan.json": json.dumps(planned(("aws_eks_cluster.ai", {"enabled_cluster_log_types": []}))),
            "governor.yaml": f"policies: []\ncheckov: {{program: {checkov}, checks: [CKV_AWS_37, CKV_AWS_58]}}\n",
            "off.yaml": (
                f"policies: []\nlevels: [{{policies: CKV_AWS_37, level: off}}]\n"
                f"checkov: {{program: {checkov}, checks: [CKV_AWS_37, CKV_AWS_58]}}\n"
            ),
        },
    )
    crashed = governor("check", "plan.json", "--with", "checkov", "-f", "json")
    off = governor("check", "plan.json", "--with", "checkov", "-f", "json", "--config", "off.yaml")

    (failure,) = json.loads(crashed.out)["failures"]
    assert crashed.code == 3
    assert (failure["policy"], failure["resource"]) == ("CKV_AWS_37", "aws_eks_cluster.ai")
    assert (off.code, json.loads(off.out)["failures"]) == (0, [])
    assert list(json.loads(off.out)["policies"]) == ["CKV_AWS_58"]


@real
def test_a_plan_that_checkov_passes_over_is_no_pass(governor: Governor, mine: Path, checkov: Path) -> None:
    """It reads planned_values only; for a plan without them it prints an empty report and ends with 0."""
    assert "planned_values" not in plan_of(long={})
    write(mine, {"governor.yaml": f"policies: [policies]\ncheckov: {{program: {checkov}}}\n"})

    run = governor("check", "plan.json", "--with", "checkov")

    assert (run.code, run.err) == (3, "")
    assert "checkov read 0 of the plan's 2 resources" in run.out
    assert "aws_instance.long" in run.out


@real
def test_a_plan_of_nothing_passes(governor: Governor, tmp_path: Path, checkov: Path) -> None:
    write(tmp_path, {"plan.json": json.dumps(planned()), "governor.yaml": f"checkov: {{program: {checkov}}}\n"})

    assert governor("check", "plan.json", "--with", "checkov").code == 0


# Programs that fail in ways that a real one cannot be made to


RECORD = {
    "check_id": "CKV_AWS_8", "check_name": "Disks are encrypted", "check_result": {"result": "FAILED"},
    "resource": "aws_instance.long", "resource_address": "aws_instance.long", "severity": None, "guideline": None,
}  # fmt: skip
PROBED = [
    {**RECORD, "check_id": process.PROBE, "resource": a, "resource_address": a}
    for a in ("aws_instance.long", "aws_instance.short")
]


def report_of(*failed: dict[str, Any], parsing_errors: list[str] | None = None) -> dict[str, Any]:
    errors = parsing_errors or []
    results = {"passed_checks": PROBED, "failed_checks": list(failed), "skipped_checks": [], "parsing_errors": errors}
    return {"check_type": "terraform_plan", "results": results, "summary": {"parsing_errors": len(errors)}}


@pytest.fixture
def fake(mine: Path, temporary: Path) -> Iterator[Any]:
    """`fake(body)`: a checkov that runs a body of Python; its folder is seen by nobody when the test ends."""

    def make(body: str, settings: str = "") -> None:
        program = mine / "bin" / "checkov"
        write(mine, {"bin/checkov": f"#!{sys.executable}\nimport json, os, subprocess, sys, time\n{body}\n"})
        program.chmod(0o755)
        write(mine, {"governor.yaml": f"policies: [policies]\ncheckov: {{program: bin/checkov{settings}}}\n"})

    yield make
    assert list(temporary.iterdir()) == []


def printing(report: object) -> str:
    return f"print({json.dumps(report)!r})"


@pytest.mark.parametrize(("levels", "code"), [("warn", 0), ("note", 0), ("deny", 1)])
def test_levels_say_what_a_finding_of_checkov_comes_to(
    governor: Governor, mine: Path, fake: Any, levels: str, code: int
) -> None:
    fake(printing([report_of(RECORD), report_of({**RECORD, "severity": "HIGH", "check_id": "CKV_X"})]))
    settings = (mine / "governor.yaml").read_text("utf-8")
    write(mine, {"governor.yaml": f"{settings}levels:\n  - {{policies: '*', level: note}}\n"
                 f"  - {{policies: 'CKV_*', level: {levels}}}\n"})  # fmt: skip

    run = governor("check", "plan.json", "--with", "checkov", "-f", "json", "--config", "governor.yaml")

    report = json.loads(run.out)
    assert (run.code, run.err) == (code, "")
    assert {f["policy"]: (f["severity"], f["level"]) for f in of_checkov(report).values()} == {
        "CKV_AWS_8": ("medium", levels), "CKV_X": ("high", levels),
    }  # fmt: skip


def test_without_it_a_rule_for_checkov_is_no_misspelt_one(governor: Governor, mine: Path) -> None:
    settings = "policies: [policies]\nlevels: [{policies: CKV_AWS_8, level: off}, {policies: NOPE, level: off}]\n"
    write(mine, {"governor.yaml": settings + "exemptions: exemptions.yaml\n", "exemptions.yaml": EXEMPTIONS})

    report = json.loads(governor("check", "plan.json", "-f", "json", "--today", "2026-08-01").out)

    assert [note.split(";")[0] for note in report["notes"]] == ["levels: no policy has an id like NOPE"]
    assert report["stale_exemptions"] == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("print('Traceback'); sys.exit(2)", "checkov: it ended with 2: nothing was judged"),
        ("raise KeyError('hunter2')", "checkov: it ended with 1 (KeyError): nothing was judged"),
        (
            "sys.exit('checkov: error: unrecognized arguments: --compact')",
            "checkov: it ended with 1 (checkov: error: unrecognized arguments: --compact): nothing was judged",
        ),
        ("os.kill(os.getpid(), 9)", "checkov: it ended with -9: nothing was judged"),
        ("pass", "checkov: it should print a report in JSON and printed nothing: update checkov"),
        *[
            (printing_body, "checkov: it should print a report in JSON and printed something else: update checkov")
            for printing_body in (
                "print('hunter2 is no JSON')",
                "print('{}')",
                "print('[1, 2]')",
                "print('null')",
                "sys.stdout.buffer.write(bytes([123, 255, 254]))",
                "print('{\"results\": {\"failed_checks\": [{\"hunter2\": 1}]}, \"summary\": {\"parsing_errors\": 0}}')",
                "print(json.dumps({'results': {'failed_checks': 3}, 'summary': {'parsing_errors': 0}}))",
                "print('[' * 100000)",
            )
        ],
    ],
)  # fmt: skip
def test_a_program_that_does_not_answer_ends_the_run(governor: Governor, fake: Any, body: str, told: str) -> None:
    fake(body)

    assert governor("check", "plan.json", "--with", "checkov") == Run(3, "", f"governor: {told}\n")


def test_errors_of_parsing_are_failures(governor: Governor, fake: Any) -> None:
    fake(printing(report_of(parsing_errors=["/plan.json"])))

    run = governor("check", "plan.json", "--with", "checkov", "-f", "json")

    report = json.loads(run.out)
    assert run.code == report["run"]["exit_code"] == 3
    assert [f["reason"] for f in report["failures"]] == ["checkov could not parse the plan"]
    assert [f["resource"] for f in report["findings"]] == ["aws_instance.long"]


def test_a_program_that_does_not_end_is_ended_with_its_children(governor: Governor, mine: Path, fake: Any) -> None:
    fake(
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(mine / 'child')!r}, 'w').write(str(child.pid))\nchild.wait()",
        ", timeout: 1",
    )
    run = governor("check", "plan.json", "--with", "checkov")

    assert run == Run(3, "", "governor: checkov: it did not end within 1 seconds: give it more with `checkov: {timeout:"
                             " SECONDS}`\n")  # fmt: skip
    assert gone(int((mine / "child").read_text()))


def test_a_run_that_is_ended_leaves_neither_plan_nor_child(mine: Path, fake: Any, temporary: Path) -> None:
    fake(f"open({str(mine / 'child')!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    command = [sys.executable, "-c", "from governor.cli import main; main()", "check", "plan.json", "--with", "checkov"]
    process = subprocess.Popen(command, cwd=mine, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(lambda: (mine / "child").exists() and (mine / "child").read_text() != "")
    assert list(temporary.rglob("plan.json")) != []

    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (128 + signal.SIGTERM, b"", b"")
    assert gone(int((mine / "child").read_text()))


def gone(process: int) -> bool:
    """Whether it ends. What nobody waits for stays a zombie, which runs no more."""

    def ended() -> bool:
        shown = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
        return not shown.stdout.strip() or "Z" in shown.stdout

    eventually(ended)
    return True


def eventually(true: Any) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it does not come true")


def test_what_checkov_is_given(
    governor: Governor, mine: Path, fake: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A plan that only this user reads, no key and no settings of checkov, and an end of input."""
    home = write(tmp_path_factory.mktemp("home"), {".bridgecrew/credentials": "key", ".checkov.yaml": "quiet: true"})
    monkeypatch.setenv("HOME", str(home))
    for name in ("BC_API_KEY", "PRISMA_API_URL", "CKV_CHECK", "CHECKOV_NO_OUTPUT", "EVAL_TF_PLAN_AFTER_UNKNOWN"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("LOG_LEVEL", "CRITICAL")
    fake(
        "plan = sys.argv[sys.argv.index('--file') + 1]\n"
        "home = os.path.expanduser('~')\n"
        "seen = {'mode': os.stat(plan).st_mode, 'folder': os.stat(os.path.dirname(plan)).st_mode,"
        " 'plan': open(plan).read(), 'environment': dict(os.environ), 'stdin': sys.stdin.read(),"
        " 'home': os.listdir(home), 'here': os.listdir('.'), 'arguments': sys.argv[1:]}\n"
        f"json.dump(seen, open({str(mine / 'seen.json')!r}, 'w'))\n" + printing(report_of())
    )

    assert governor("check", "plan.json", "--with", "checkov").code == 1

    seen = json.loads((mine / "seen.json").read_text("utf-8"))
    assert (stat.S_IMODE(seen["mode"]), stat.S_IMODE(seen["folder"])) == (0o600, 0o700)
    assert json.loads(seen["plan"]) == json.loads((mine / "plan.json").read_text("utf-8"))
    its_own = {name for name in seen["environment"] if name.startswith(("BC_", "PRISMA_", "CKV_", "CHECKOV_", "EVAL"))}
    assert its_own == {"CKV_SKIP_PACKAGE_UPDATE_CHECK"}
    assert seen["environment"]["LOG_LEVEL"] == "WARNING"
    assert seen["stdin"] == ""
    assert set(seen["home"]) == set(seen["here"]) == {"plan.json", "checks", "out", "err"}
    assert "--skip-download" in seen["arguments"]


@pytest.mark.parametrize("program", ["checkov", "no/such/program", "policies"])
def test_a_program_that_is_missing_is_told_how_to_get(
    governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setenv("PATH", str(mine))
    write(mine, {"governor.yaml": f"policies: [policies]\ncheckov: {{program: {program}}}\n"})

    told = program if "/" not in program else mine / program

    run = governor("check", "plan.json", "--with", "checkov")

    assert run == Run(2, "", f"governor: no program {told} is found: install it with `pipx install checkov`, or name"
                             " it in governor.yaml with `checkov: {program: PATH}`\n")  # fmt: skip


def test_a_program_that_is_none_is_told(governor: Governor, mine: Path, temporary: Path) -> None:
    write(mine, {"bin/checkov": "#!/no/such/interpreter\n",
                 "governor.yaml": "policies: [policies]\ncheckov: {program: bin/checkov}\n"})  # fmt: skip
    (mine / "bin" / "checkov").chmod(0o755)

    run = governor("check", "plan.json", "--with", "checkov")

    assert run.code == 3
    assert run.err.startswith(f"governor: checkov: {mine}/bin/checkov cannot be run: ")
    assert list(temporary.iterdir()) == []


def test_secrets_of_the_plan_are_blotted_out_of_what_checkov_says(governor: Governor, mine: Path, fake: Any) -> None:
    plan = plan_of(long={"note": "correct-horse-battery-staple"}, short={})
    plan["resource_changes"][0]["change"]["after_sensitive"] = {"tags": {"note": True}, "tags_all": {"note": True}}
    write(mine, {"plan.json": json.dumps(plan)})
    fake(printing(report_of({**RECORD, "check_result": {"evaluated_keys": ["tags/correct-horse-battery-staple"]}})))

    run = governor("check", "plan.json", "--with", "checkov", "-f", "json")

    assert of_checkov(json.loads(run.out))["CKV_AWS_8", "aws_instance.long"]["details"] == {
        "evaluated_keys": ["tags/(sensitive)"]
    }
    assert "horse" not in run.out
