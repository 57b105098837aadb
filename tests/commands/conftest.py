"""The command line, run in this process: arguments in, exit code and both streams out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from core.policy_folders import rego, write
from governor import cli

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "plan.json"


class Run(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str


Governor = Callable[..., Run]


@pytest.fixture
def governor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Governor:
    """`governor(*arguments, stdin=b"")`, in an empty folder of its own that is a repository."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, stdin: bytes = b"") -> Run:
        monkeypatch.setattr(sys, "argv", ["governor", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = cli._run()
        return Run(code, *capsys.readouterr())

    return run


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line as other programs find it: a file named governor, in a folder of its own."""
    file = tmp_path_factory.mktemp("bin") / "governor"
    file.write_text(f"#!{sys.executable}\nfrom governor.cli import main\nmain()\n", "utf-8")
    file.chmod(0o755)
    return file


def plan_of(**tags: dict[str, str]) -> dict[str, Any]:
    """A plan that creates an instance for each name, with its tags."""
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "resource_changes": [
            {
                "address": f"aws_instance.{name}",
                "mode": "managed",
                "type": "aws_instance",
                "name": name,
                "provider_name": "registry.terraform.io/hashicorp/aws",
                "change": {
                    "actions": ["create"],
                    "before": None,
                    "after": {"instance_type": "t3.micro", "tags": found, "tags_all": found},
                    "after_unknown": {},
                    "before_sensitive": False,
                    "after_sensitive": {},
                },
            }
            for name, found in tags.items()
        ],
    }


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A repository with a plan of two instances, and a policy that objects to the one named `long`."""
    write(
        tmp_path,
        {
            "plan.json": json.dumps(plan_of(long={}, short={"owner": "ada"})),
            "governor.yaml": "policies: [policies]\n",
            "policies/names/names.rego": rego(body='endswith(resource.id, "long")'),
        },
    )
    return tmp_path
