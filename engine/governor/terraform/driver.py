"""python-terraform, held to what is safe. It writes the commands; they are run here.

Its own `cmd` has no time limit, no process group, and passes on the whole environment; a dictionary of variables
becomes a file that a killed run leaves behind, and making a `Terraform` reads a state file. None of that is used.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import python_terraform
from python_terraform import IsFlagged

from governor import log, programs
from governor.errors import CANNOT_JUDGE, Refusal
from governor.terraform import Options, complaints, environment

PLAN_BYTES = 1 << 30
"""The most that a plan in JSON may have: 50,000 resources have an eighth."""

PATIENCE = 6
"""Seconds to release the lock of the state: GitHub's runner waits 7.5 from SIGINT to SIGTERM."""

_WRAPPED = (("TERRAFORM_CLI_PATH", "terraform-bin"), ("TOFU_CLI_PATH", "tofu-bin"))
"""Two actions, setup-terraform and setup-opentofu, put a program in front that prints more than JSON."""


@contextmanager
def planned(folder: Path, options: Options) -> Iterator[Path]:
    """The file with the plan in JSON, until the block ends. The options have been looked at."""
    given = dict(os.environ)
    workspace = options.workspace or given.get("TF_WORKSPACE", "")
    passed = environment.passed(given, options.pass_env)
    program = _find(options.binary, given)
    secrets = environment.secrets(passed, options.pass_env)
    secrets |= environment.long_ones(text.partition("=")[2] for text in (*options.variables, *options.backend_config))
    with programs.ended_by_signals(), tempfile.TemporaryDirectory(prefix="governor-") as name:
        private = Path(name)
        terraform = Terraform(program, folder, private, passed, secrets, options.timeout)
        terraform.begin()
        # -reconfigure, its default, would forget which backend a folder was used with.
        terraform.must("init", input=False, no_color=IsFlagged, backend_config=_from_here(options.backend_config))
        if workspace:
            terraform.must_have(workspace)
        terraform.must(
            "plan",
            input=False,
            no_color=IsFlagged,
            detailed_exitcode=IsFlagged,
            out=str(private / "plan"),
            var_file=[os.path.abspath(file) for file in options.var_files],
            var=list(options.variables),
            lock=options.lock,
            lock_timeout=options.lock_timeout or None,
            refresh=options.refresh,
            more={"TF_WORKSPACE": workspace} if workspace else {},
        )
        terraform.must("show", str(private / "plan"), json=IsFlagged, no_color=IsFlagged)
        (private / "plan").unlink(missing_ok=True)
        file = private / "out"
        if file.stat().st_size > PLAN_BYTES:
            raise Refusal(f"the plan has more than {PLAN_BYTES >> 30} GiB", place=str(folder), code=CANNOT_JUDGE)
        yield file


class Terraform(python_terraform.Terraform):  # type: ignore[misc]
    """Runs in a folder; what it prints goes into files of another."""

    def __init__(
        self, program: str, folder: Path, private: Path, passed: dict[str, str], secrets: set[str], seconds: float
    ) -> None:
        self._folder, self._private, self._environment, self._secrets = folder, private, passed, secrets
        self._deadline = time.monotonic() + seconds
        self._seconds = seconds
        self._name = Path(program).name
        super().__init__(terraform_bin_path=program)

    def read_state_file(self, file_path: str | None = None) -> None:
        """Read nothing: a state is all secrets, and nobody asks for it."""

    def begin(self) -> None:
        """Tell on stderr which Terraform begins."""
        self.must("version", json=IsFlagged)
        try:
            number = msgspec.json.decode(self._printed(), type=dict[str, Any])["terraform_version"]
        except (msgspec.DecodeError, KeyError):
            raise self._refusal("does not tell its version: is it Terraform 0.13 or OpenTofu 1.6, or later?") from None
        log.say(f"{self._name} {number} plans {self._folder}")

    def must_have(self, workspace: str) -> None:
        """Refuse a workspace that is not there: Terraform would make it, and plan against an empty state."""
        self.must("workspace list", no_color=IsFlagged)
        there = [line.lstrip("* ").strip() for line in self._printed().decode("utf-8", "replace").splitlines()]
        names = [name for name in there if name]
        if workspace not in names:
            raise self._refusal(f"knows no workspace {workspace!r}: there are {', '.join(names)}")

    def must(self, command: str, *arguments: str, **options: Any) -> None:
        """Run a command; Refusal unless it ends well."""
        code, _, complaint = self.cmd(command, *arguments, **options)
        if code not in (0, 2) or (code == 2 and "detailed_exitcode" not in options):
            told = complaint or f"it ended with {code}"
            raise self._refusal(f"{command} failed: {told}")

    def cmd(self, cmd: str, *args: str, more: dict[str, str] | None = None, **kwargs: Any) -> tuple[int, str, str]:
        """(exit code, "", the errors in a line). What it printed is in a file: a plan is large."""
        arguments = self.generate_cmd_string(cmd, *args, **kwargs)
        try:
            code = programs.run(
                arguments,
                folder=self._folder,
                environment=self._environment | (more or {}),
                out=self._private / "out",
                err=self._private / "err",
                seconds=max(self._deadline - time.monotonic(), 0),
                patience=PATIENCE,
            )
        except OSError as error:
            raise self._refusal(f"cannot be run: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise self._refusal(
                f"{cmd} was ended: all took more than {self._seconds:g} s; give it more with --timeout"
            ) from None
        told = (self._private / "err").read_text("utf-8", errors="replace")
        # Of a plan, all but the line that sums an error up may quote its values; `init` knows none.
        return code, "", complaints.summary(told, self._secrets, details=cmd == "init")

    def _printed(self) -> bytes:
        return (self._private / "out").read_bytes()

    def _refusal(self, what: str) -> Refusal:
        return Refusal(f"{self._name} {what}", place=str(self._folder), code=CANNOT_JUDGE)


def _find(binary: str, given: dict[str, str]) -> str:
    """The program's path."""
    for variable, name in _WRAPPED:
        if not binary and variable in given and (found := shutil.which(name, path=given[variable])):
            return os.path.abspath(found)
    for name in [binary] if binary else ["terraform", "tofu"]:
        if found := shutil.which(name):
            return os.path.abspath(found)
    wanted = f"{binary} is no program" if binary else "neither terraform nor tofu is on PATH"
    raise Refusal(f"{wanted}: install one, name it with --binary, or give a plan with --plan FILE", code=CANNOT_JUDGE)


def _from_here(settings: tuple[str, ...]) -> list[str]:
    """Names of files as they are meant: from the folder governor runs in."""
    return [text if re.match(r"[\w-]+=", text) else os.path.abspath(text) for text in settings]
