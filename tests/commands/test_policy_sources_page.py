"""docs/policy-sources.md says what happens: its examples run, and its lines are those that governor writes."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import governor as package
from commands.conftest import Governor
from core.policy_folders import write
from git_hosts import Origin

ROOT = Path(package.__file__).parents[2]
PAGE = (ROOT / "docs/policy-sources.md").read_text("utf-8")
ADDRESS = "https://git.example.com/platform/policies"
COMMIT = "4f2c1e9a7b3d5f60812c4e6a8b0d2f4163758c9a"
SETTINGS = re.findall(r"```yaml\n(# governor\.yaml\n.*?)```", PAGE, re.DOTALL)


def as_written(text: str, origin: Origin) -> str:
    return text.replace(origin.git("rev-parse", "HEAD"), COMMIT).replace(origin.url, ADDRESS)


def test_the_first_example(governor: Governor, mine: Path, origin: Origin) -> None:
    commit = origin.git("rev-parse", "HEAD")
    write(mine, {"governor.yaml": SETTINGS[0].replace(ADDRESS, origin.url).replace(COMMIT, commit)})
    write(mine, {"policies/names/names.rego": "package names\n", "policies/names/data.yaml": "a: 1\n"})

    run = governor("policies", "list")

    assert (run.code, run.err) == (0, "")
    assert f"  git+{ADDRESS}@{COMMIT}#policies\n" in as_written(run.out, origin)
    assert "TAG001" in run.out


def test_the_signed_example_and_the_line_of_the_report(
    governor: Governor, mine: Path, origin: Origin, tmp_path: Path
) -> None:  # fmt: skip
    (shown,) = re.findall(r"```text\n# \.governor/signers\n(.*?)```", PAGE, re.DOTALL)
    (line,) = re.findall(r"```text\n(policies: .*?)```", PAGE, re.DOTALL)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    public = (tmp_path / "key.pub").read_text().split()[1]
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={tmp_path}/key")
    origin.git(*signing, "tag", "--sign", "--message=1.4", "v1.4")
    write(mine, {
        "governor.yaml": SETTINGS[1].replace(ADDRESS, origin.url),
        ".governor/signers": shown.replace(shown.split()[2], public),
    })  # fmt: skip

    run = governor("check", "plan.json")

    assert (run.code, run.err) == (1, "")
    told = "".join(as_written(run.out.replace("\n  ", ""), origin).split())
    assert "".join(line.split()) in told


def test_the_key_of_the_example_is_one(tmp_path: Path) -> None:
    (key,) = re.findall(r"@example\.com (ssh-ed25519 \S+)", PAGE)
    write(tmp_path, {"key.pub": f"{key}\n"})

    assert subprocess.run(["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], capture_output=True).returncode == 0


def test_the_lines_of_the_table_are_those_that_governor_writes() -> None:
    texts = [
        node.value
        for folder in ("remote", "commands")
        for file in (ROOT / "engine/governor" / folder).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    (table,) = re.findall(r"^\| `governor: governor\.yaml.*?(?:\n\n|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    told = [line for row in table.splitlines()[2:] for line in re.findall(r"`([^`]+)`", row.split(" | ")[0])]

    assert len(told) >= 12
    for line in told:
        for part in line.replace("120", "…").split("…"):
            assert any(part.strip(" :") in text for text in texts), line
