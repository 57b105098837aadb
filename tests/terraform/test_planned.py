"""A folder of HCL in, a plan out, by a real Terraform; and nothing left behind, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from core.policy_folders import write
from governor.errors import Refusal
from governor.terraform import Options, complaints, environment, planned

SECRET = "hunter2-hunter2-hunter2"
ROOT = """
variable "password" {
  default = "short"
  validation {
    condition     = length(var.password) < 10
    error_message = "the password ${var.password} is too long"
  }
}
variable "size" { default = "small" }
resource "terraform_data" "queue" { input = { password = var.password, size = var.size } }
"""

MAKES = 'for word in "$@"; do case "$word" in -out=*) : > "${word#-out=}";; esac; done; echo {}'
"""Of a fake program: it makes an empty plan, whatever it is asked."""

needs_terraform = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on PATH")


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go: empty before, and after."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def root(tmp_path: Path, private: Path) -> Path:
    """A root module that needs no provider but the one built in."""
    return write(tmp_path / "infra", {"main.tf": ROOT})


def plan(folder: Path, options: Options = Options()) -> dict[str, Any]:  # noqa: B008
    with planned(folder, options) as file:
        return dict(json.loads(file.read_bytes()))


def inputs(document: dict[str, Any]) -> Any:
    return document["resource_changes"][0]["change"]["after"]["input"]


def refused(folder: Path, options: Options = Options()) -> Refusal:  # noqa: B008
    with pytest.raises(Refusal) as refusal:
        plan(folder, options)
    assert "\n" not in str(refusal.value)
    return refusal.value


def fake(folder: Path, script: str, name: str = "terraform") -> str:
    """A program that tells a version, and otherwise does what the script says."""
    file = folder / name
    file.write_text(f"""#!{shutil.which("bash")}
if [ "$1" = version ]; then echo '{{"terraform_version": "1.9.0"}}'; exit; fi
{script}
""")
    file.chmod(0o755)
    return str(file)


# What is planned


@needs_terraform
def test_a_plan_is_made_and_nothing_stays(root: Path, private: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with planned(root, Options()) as file:
        assert json.loads(file.read_bytes())["resource_changes"][0]["address"] == "terraform_data.queue"
        (folder,) = private.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert sorted(os.listdir(folder)) == ["err", "out"]

    assert list(private.iterdir()) == []
    assert sorted(os.listdir(root)) == ["main.tf"]
    out, err = capsys.readouterr()
    assert (out, err.startswith("governor: terraform 1.")) == ("", True)


@needs_terraform
def test_files_and_values_of_variables_are_as_on_the_command_line(
    root: Path, private: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths start at the working directory, not at the folder; nothing is written to pass them on."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"prod.tfvars": 'size = "large"\npassword = "filed"\n'})
    monkeypatch.setenv("TF_VAR_size", "tiny")

    assert inputs(plan(root)) == {"size": "tiny", "password": "short"}
    given = Options(var_files=(Path("prod.tfvars"),), variables=("password=a=b",))
    assert inputs(plan(root, given)) == {"size": "large", "password": "a=b"}
    assert list(private.iterdir()) == []


@needs_terraform
def test_a_workspace_must_be_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform itself would make it, and find that nothing exists."""
    told = str(refused(root, Options(workspace="prod")))
    assert told == f"{root}: terraform knows no workspace 'prod': there are default"
    monkeypatch.setenv("TF_WORKSPACE", "prod")
    assert "knows no workspace 'prod'" in str(refused(root))
    monkeypatch.delenv("TF_WORKSPACE")
    assert not (root / "terraform.tfstate.d").exists()

    subprocess.run(["terraform", "workspace", "new", "prod"], cwd=root, check=True, capture_output=True)
    subprocess.run(["terraform", "workspace", "select", "default"], cwd=root, check=True, capture_output=True)
    write(root, {"more.tf": 'output "workspace" { value = terraform.workspace }\n'})
    found = plan(root, Options(workspace="prod"))
    assert found["output_changes"]["workspace"]["after"] == "prod"
    assert plan(root)["output_changes"]["workspace"]["after"] == "default", "the one that is selected stays selected"


@needs_terraform
def test_a_plan_without_changes_is_a_plan(root: Path) -> None:
    """Terraform ends with 0, and with 2 where something changes."""
    subprocess.run(["terraform", "apply", "-auto-approve", "-no-color"], cwd=root, check=True, capture_output=True)

    assert plan(root)["resource_changes"][0]["change"]["actions"] == ["no-op"]


@needs_terraform
def test_the_backend_is_configured(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, {"backend.tf": 'terraform {\n  backend "local" {}\n}\n'})
    write(tmp_path, {"here.hcl": f'path = "{tmp_path}/from-file.tfstate"\n'})
    monkeypatch.chdir(tmp_path)

    plan(root, Options(backend_config=("here.hcl",)))

    pointed = json.loads((root / ".terraform" / "terraform.tfstate").read_text())["backend"]["config"]["path"]
    assert pointed == f"{tmp_path}/from-file.tfstate"
    told = str(refused(root, Options(backend_config=(f"path={tmp_path}/another.tfstate",))))
    assert "terraform init failed: Backend configuration changed: A change in the backend configuration" in told


def test_no_state_is_read(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would read the one of the working directory as soon as it is made."""
    write(tmp_path, {"terraform.tfstate": "{ not JSON"})
    monkeypatch.chdir(tmp_path)

    assert plan(root, Options(binary=fake(tmp_path, MAKES))) == {}


# What cannot be meant


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (Options(variables=("-out=/tmp/x",)), "--var -out: --var wants NAME=VALUE"),
        (Options(variables=(SECRET,)), f"--var {SECRET}: --var wants NAME=VALUE"),
        (Options(var_files=(Path("-destroy"),)), "-destroy: no such file of variables"),
    ],
)
def test_options_that_cannot_be_meant(root: Path, options: Options, complaint: str) -> None:
    refusal = refused(root, options)

    assert (refusal.code, str(refusal)) == (2, complaint)


def test_no_folder(tmp_path: Path) -> None:
    refusal = refused(tmp_path / "nowhere")

    assert (refusal.code, refusal.message) == (
        2,
        "no such folder: give the root module to plan, or a plan with --plan FILE",
    )


def test_nothing_that_is_given_becomes_an_option(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every value that begins with a dash arrives where it belongs, or as part of a name."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"-destroy.tfvars": ""})
    says = f'printf "%s\\n" "$TF_WORKSPACE" "$@" --- >> {tmp_path}/said; test $1 = workspace && echo "* -destroy" || '
    program = fake(tmp_path, says + "{ " + MAKES + "; }")
    evil = "-destroy -target=x; touch owned $(touch owned) `touch owned`"

    plan(root, Options(
        binary=program, workspace="-destroy", var_files=(Path("-destroy.tfvars"),), variables=(f"a={evil}",),
        backend_config=(f"k={evil}", "-destroy.tfvars"), lock_timeout="-destroy", lock=False, refresh=False,
    ))  # fmt: skip

    calls = [part.split("\n") for part in (tmp_path / "said").read_text().removesuffix("---\n").split("\n---\n")]
    init, workspaces, made, show = ([line for line in call if line] for call in calls)
    assert init[0] == "init"
    assert {
        "-input=false",
        "-no-color",
        f"-backend-config=k={evil}",
        f"-backend-config={tmp_path}/-destroy.tfvars",
    } == {*init[1:]} - {"-backend=true"}
    assert workspaces == ["workspace", "list", "-no-color"]
    assert made[:2] == ["-destroy", "plan"], "the first is TF_WORKSPACE"
    assert set(made[2:]) - {word for word in made if word.startswith("-out=/")} == {
        "-input=false", "-no-color", "-detailed-exitcode", f"-var-file={tmp_path}/-destroy.tfvars", f"-var=a={evil}",
        "-lock=false", "-lock-timeout=-destroy", "-refresh=false",
    }  # fmt: skip
    assert show[0] == "show"
    assert not (root / "owned").exists()
    assert not (tmp_path / "owned").exists()


# What goes wrong


@needs_terraform
def test_an_error_is_told_without_the_values_it_quotes(
    root: Path, private: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Terraform prints the password twice: beside the source, and in the message of the validation."""
    refusal = refused(root, Options(variables=(f"password={SECRET}",)))

    assert refusal.code == 3
    assert str(refusal) == f"{root}: terraform plan failed: Invalid value for variable (main.tf:2)"
    assert SECRET not in "".join(capsys.readouterr())
    assert list(private.iterdir()) == []


@needs_terraform
def test_a_syntax_error_has_its_place(root: Path) -> None:
    write(root, {"broken.tf": 'resource "x" {\n'})

    assert "terraform init failed: Invalid block definition (broken.tf:1)" in str(
        refused(root)
    ) or "(broken.tf:" in str(refused(root))


def test_what_fails_is_no_plan(root: Path, private: Path, tmp_path: Path) -> None:
    """Not when the program leaves a plan behind, either, as Terraform does of what it planned before an error."""
    script = """case "$1" in
  plan) for word in "$@"; do case "$word" in -out=*) echo plan > "${word#-out=}";; esac; done
        echo "Error: creating EC2 Instance: api error UnauthorizedOperation" >&2; exit 1;;
esac"""

    told = str(refused(root, Options(binary=fake(tmp_path, script))))

    assert told.endswith("terraform plan failed: creating EC2 Instance: api error UnauthorizedOperation")
    assert list(private.iterdir()) == []


@pytest.mark.parametrize(("command", "code"), [("init", 2), ("show", 2), ("plan", 3), ("init", 1)])
def test_only_a_plan_may_end_with_2(root: Path, tmp_path: Path, command: str, code: int) -> None:
    script = f'if [ "$1" = {command} ]; then exit {code}; fi; {MAKES}'

    told = str(refused(root, Options(binary=fake(tmp_path, script))))

    assert told.endswith(f"terraform {command} failed: it ended with {code}")


def test_a_program_that_is_no_terraform(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "echo does not tell its version" in str(refused(root, Options(binary="echo")))
    assert "nope is no program: install one" in str(refused(root, Options(binary="nope")))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "neither terraform nor tofu is on PATH: install one" in str(refused(root))


@pytest.mark.parametrize(("names", "runs"), [(["tofu"], "tofu"), (["terraform", "tofu"], "terraform")])
def test_tofu_where_there_is_no_terraform(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], runs: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    script = MAKES
    for name in names:
        fake(tmp_path, script, name)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert plan(root) == {}
    assert capsys.readouterr().err == f"governor: {runs} 1.9.0 plans {root}\n"


def test_the_program_behind_the_wrapper_is_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """hashicorp/setup-terraform puts a script in front that prints what it runs, and makes the plan no JSON."""
    write(tmp_path, {"bin/x": ""})
    fake(tmp_path / "bin", "echo '[command]terraform-bin'; exit 1")
    fake(
        tmp_path / "bin",
        MAKES,
        "terraform-bin",
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TERRAFORM_CLI_PATH", str(tmp_path / "bin"))

    assert plan(root) == {}


def test_without_the_library_there_is_a_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "governor.terraform.driver", raising=False)
    monkeypatch.delattr("governor.terraform.driver", raising=False)
    monkeypatch.setitem(sys.modules, "python_terraform", None)

    refusal = refused(root)

    assert refusal.code == 3
    assert "pip install 'gpu-governor[terraform]'" in refusal.message


# The environment


def test_only_what_is_listed_is_passed_on() -> None:
    given = {
        "PATH": "/bin", "HOME": "/h", "AWS_PROFILE": "p", "ARM_USE_OIDC": "1", "GOOGLE_CREDENTIALS": "g",
        "TF_VAR_password": SECRET, "TF_TOKEN_app_terraform_io": "t", "HTTPS_PROXY": "x",
        "GITHUB_TOKEN": "no", "GITLAB_TOKEN": "no", "CI_JOB_TOKEN": "no", "OPENAI_API_KEY": "no", "LD_PRELOAD": "no",
        "PYTHONPATH": "no", "BASH_ENV": "no", "TF_LOG": "trace", "TF_LOG_PATH": "/x", "TF_LOG_PROVIDER": "trace",
        "TF_REATTACH_PROVIDERS": "{}", "TF_WORKSPACE": "w", "TF_INPUT": "1", "TF_CLI_ARGS": "", "DD_API_KEY": "d",
    }  # fmt: skip

    passed = environment.passed(given, ["DD_API_KEY"])

    assert sorted(passed) == sorted([
        "PATH", "HOME", "AWS_PROFILE", "ARM_USE_OIDC", "GOOGLE_CREDENTIALS", "TF_VAR_password",
        "TF_TOKEN_app_terraform_io", "HTTPS_PROXY", "DD_API_KEY", "TF_IN_AUTOMATION", "TF_INPUT", "CHECKPOINT_DISABLE",
    ])  # fmt: skip
    assert passed["TF_INPUT"] == "0"


@pytest.mark.parametrize("name", ["TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_CLI_ARGS_init"])
def test_options_hidden_in_the_environment_are_refused(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-target` there would leave most of the folder out of the plan."""
    monkeypatch.setenv(name, "-target=terraform_data.queue")

    refusal = refused(root)

    assert (refusal.code, refusal.place) == (2, name)
    assert (
        refusal.message == "it changes what is planned, unseen: unset it, and use --var-file, --var or --backend-config"
    )


def test_a_program_sees_no_more(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    monkeypatch.setenv("TF_LOG", "trace")

    plan(
        root,
        Options(
            binary=fake(
                tmp_path,
                f"env >> {tmp_path}/env; " + MAKES,
            )
        ),
    )

    seen = (tmp_path / "env").read_text()
    assert SECRET not in seen
    assert "TF_LOG" not in seen
    assert "TF_IN_AUTOMATION=1" in seen


# What is said


def test_secrets_and_keys_are_blotted_out_of_errors() -> None:
    key = "sk-proj-" + "Ab3dEf6hIj9lMn2pQr5tUv8xYz1" * 5
    told = complaints.summary(
        f"\x1b[31m╷\x1b[0m\n│ Error: {SECRET} is wrong, {key} is a key, https://me:pw@host/x\n│ \n│   on a.tf line 3:\n"
        f'│    3: x = "{SECRET}"\n│ \n│ The detail says {SECRET}.\n╵\n',
        [SECRET],
        details=True,
    )

    assert SECRET not in told
    assert key not in told
    assert told == (
        "(sensitive) is wrong, (sensitive) is a key, https://…@host/x (a.tf:3): The detail says (sensitive)."
    )


def test_many_errors_are_counted() -> None:
    text = "".join(f"\nError: number {number}\n\nBecause.\n" for number in range(5))

    assert complaints.summary(text, []) == "number 0; number 1; number 2; 2 more"
    assert complaints.summary("Warning: all is well\n", []) == ""


# When it does not end

HANGS = """if [ "$1" = plan ]; then
  for w in "$@"; do case "$w" in -out=*) echo secret > "${w#-out=}";; esac; done
  %(trap)s
  (trap "" INT TERM; exec sleep 300) &
  echo $! > %(pids)s.new; echo $$ >> %(pids)s.new; mv %(pids)s.new %(pids)s
  while true; do sleep 0.1; done
fi"""
GRACEFUL = 'trap "echo released > {file}; exit 1" INT'
STUBBORN = 'trap "" INT TERM'


def appeared(file: Path) -> None:
    deadline = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < deadline, "it never began"
        time.sleep(0.02)


def runs(process: int) -> bool:
    """Whether it is there, and no zombie that nobody has collected."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(pids: Path) -> None:
    for process in map(int, pids.read_text().split()):
        deadline = time.monotonic() + 10
        while runs(process):
            assert time.monotonic() < deadline, f"{process} still runs"
            time.sleep(0.02)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")


@needs_proc
@pytest.mark.parametrize("manner", ["graceful", "stubborn"])
def test_a_plan_that_takes_too_long_is_ended_with_all_it_started(
    root: Path, private: Path, tmp_path: Path, manner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governor.terraform import driver

    monkeypatch.setattr(driver, "PATIENCE", 2)
    pids = tmp_path / "pids"
    trap = GRACEFUL.format(file=tmp_path / "lock") if manner == "graceful" else STUBBORN
    program = fake(tmp_path, HANGS % {"trap": trap, "pids": pids})

    refusal = refused(root, Options(binary=program, timeout=2))

    assert refusal.code == 3
    assert refusal.message == "terraform plan was ended: all took more than 2 s; give it more with --timeout"
    ended(pids)
    assert (tmp_path / "lock").exists() == (manner == "graceful"), "who can release a lock is given the time"
    assert list(private.iterdir()) == []


@needs_proc
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_when_ci_ends_the_run_nothing_is_left(
    root: Path, private: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    pids = tmp_path / "pids"
    program = fake(tmp_path, HANGS % {"trap": GRACEFUL.format(file=tmp_path / "lock"), "pids": pids})
    script = (
        "import sys\nfrom pathlib import Path\nfrom governor.terraform import Options, planned\n"
        f"try:\n    with planned(Path({str(root)!r}), Options(binary={program!r})): pass\n"
        "except KeyboardInterrupt: sys.exit(130)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    appeared(pids)
    assert list(private.iterdir()) != []

    run.send_signal(number)

    assert run.wait(30) == code
    ended(pids)
    assert (tmp_path / "lock").exists()
    assert list(private.iterdir()) == []
