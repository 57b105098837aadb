"""Runs checkov on a plan, apart from everything else: its own folder, its own settings, no network.

checkov reads settings and keys of a platform wherever it finds them: in the environment, in the working directory, in
the home folder. A key makes it upload what it reads. It is given none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from governor import programs
from governor.checkov import Settings, cannot
from governor.errors import Refusal

_PROBE = Path(__file__).parent / "inside" / "probe"
PROBE = "GOVERNOR_PROBE"
"""Id of the check that every resource passes: see `inside/probe`."""

_ITS_OWN = ("BC_", "CHECKOV_", "CKV_", "PRISMA_")
_ITS_OWN_TOO = frozenset({"EVAL_TF_PLAN_AFTER_UNKNOWN", "EXTERNAL_MODULES_DIR", "LOG_LEVEL", "WORKDIR"})
_AT_HOME = (".bridgecrew/credentials", ".checkov.yaml", ".checkov.yml")


def run(plan: bytes, settings: Settings, source: Path | None) -> tuple[bytes, str]:
    """What checkov says of a plan, and what it complains of on its way. Raises Refusal when it does not end well.

    The plan may hold secrets: it is written where only this user reads it, and goes whatever happens.
    """
    program = shutil.which(settings.program)
    if program is None:
        raise Refusal(f"no program {settings.program} is found: install it with `pipx install checkov`, or name it in"
                      " governor.yaml with `checkov: {program: PATH}`")  # fmt: skip
    with programs.ended_by_signals(), tempfile.TemporaryDirectory(prefix="governor-") as name:
        folder = Path(name)
        file = folder / "plan.json"
        try:
            file.touch(0o600)
            file.write_bytes(plan)
            # A copy: its Python would leave bytecode beside ours.
            shutil.copytree(_PROBE, folder / "checks", ignore=shutil.ignore_patterns("__pycache__"))
        except OSError as error:
            raise cannot(f"the plan cannot be written where it reads it: {error.strerror}") from None
        _wait(_arguments(os.path.abspath(program), file, settings, source), folder, settings.timeout)
        complaints = (folder / "err").read_text("utf-8", errors="replace")
        return (folder / "out").read_bytes(), complaints.replace(str(file), "the plan")


def _arguments(program: str, file: Path, settings: Settings, source: Path | None) -> list[str]:
    return [
        program, "--file", str(file), "--framework", "terraform_plan", "--output", "json", "--compact",
        "--soft-fail", "--skip-download", "--skip-results-upload", "--download-external-modules", "false",
        *(["--repo-root-for-plan-enrichment", str(source.resolve())] if source else []),
        "--external-checks-dir", str(file.parent / "checks"),
        *([f"--check={','.join([PROBE, *settings.checks])}"] if settings.checks else []),
        *([f"--skip-check={','.join(settings.skip)}"] if settings.skip else []),
    ]  # fmt: skip


def _environment(folder: Path) -> dict[str, str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_ITS_OWN) and name not in _ITS_OWN_TOO
    }
    if any(Path(os.path.expanduser("~"), name).exists() for name in _AT_HOME):
        environment |= {"HOME": str(folder), "USERPROFILE": str(folder)}
    environment |= dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder))
    return environment | {"CKV_SKIP_PACKAGE_UPDATE_CHECK": "true", "LOG_LEVEL": "WARNING", "PYTHONIOENCODING": "utf-8"}


def _wait(arguments: Sequence[str], folder: Path, timeout: int) -> None:
    try:
        code = programs.run(
            arguments, folder=folder, environment=_environment(folder), out=folder / "out", err=folder / "err",
            seconds=timeout,
        )  # fmt: skip
    except OSError as error:
        raise cannot(f"{arguments[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise cannot(
            f"it did not end within {timeout} seconds: give it more with `checkov: {{timeout: SECONDS}}`"
        ) from None
    if code:
        raise cannot(f"it ended with {code}{_last_words(folder)}: nothing was judged")


def _last_words(folder: Path) -> str:
    """What it says of its arguments, or the name of its exception: what that quotes may be a secret."""
    lines = (folder / "err").read_text("utf-8", errors="replace").splitlines()
    found = re.match(r"\S+: error: [ -~]{1,200}|[A-Za-z_.]+(?:Error|Exception)\b", lines[-1]) if lines else None
    return f" ({found[0]})" if found else ""
