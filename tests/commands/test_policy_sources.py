"""Policies from git on the command line: settings in; reports that name the commit out, or a line of what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from commands.conftest import Governor
from core.policy_folders import python, rego, write
from git_hosts import Origin
from governor.reports import json as json_report

FOOTER = "1 open, 0 exempt, 0 undetermined – 2 resources, 1 policy, 0 gaps\n"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of temporary folders are long; the table folds them elsewhere."""
    monkeypatch.setenv("COLUMNS", "400")


def settings(folder: Path, *entries: str) -> None:
    write(folder, {"governor.yaml": "policies:\n" + "".join(f"  - {entry}\n" for entry in entries)})


def test_a_plan_is_judged_by_a_commit_and_every_report_names_it(governor: Governor, mine: Path, origin: Origin) -> None:
    commit = origin.git("rev-parse", "HEAD")
    source = f"git+{origin.url}@{commit}#policies"
    settings(mine, source)

    run = governor(
        "check", "plan.json", "-f", "table", "-f", "json=r.json", "-f", "sarif=r.sarif", "-f", "markdown=r.md"
    )

    assert (run.code, run.err) == (1, "")
    assert run.out.endswith(FOOTER)
    assert f"\npolicies: {source}\n" in run.out
    report = json.loads((mine / "r.json").read_text())
    jsonschema.validate(report, json_report.schema())
    assert report["run"]["policy_sources"] == [{"source": source, "commit": commit, "signer": ""}]
    assert report["policies"]["NAM001"]["location"] == f"{source}/names/names.rego:8"
    assert report["notes"] == []
    (component,) = json.loads((mine / "r.sarif").read_text())["runs"][0]["tool"]["extensions"]
    assert component == {"name": source, "version": commit}
    assert f"- Policies: `{source}`\n" in (mine / "r.md").read_text()


def test_a_tag_is_reported_with_its_commit(governor: Governor, mine: Path, origin: Origin) -> None:
    commit = origin.git("rev-parse", "HEAD")
    settings(mine, f"git+{origin.url}@v1#policies")

    run = governor(
        "check", "plan.json", "-f", "table", "-f", "json=r.json", "-f", "sarif=r.sarif", "-f", "markdown=r.md"
    )

    assert f"\npolicies: git+{origin.url}@v1#policies = {commit}\n" in run.out
    assert json.loads((mine / "r.json").read_text())["run"]["policy_sources"][0]["commit"] == commit
    assert json.loads((mine / "r.sarif").read_text())["runs"][0]["tool"]["extensions"][0]["version"] == commit
    assert f"- Policies: `git+{origin.url}@v1#policies = {commit}`\n" in (mine / "r.md").read_text()


def test_sources_lie_over_one_another(governor: Governor, mine: Path, origin: Origin, tmp_path: Path) -> None:
    """Policies from git, data of one's own over them, and one more repository on the command line."""
    origin.commit({"policies/names/names.rego": rego(body="count(resource.id) > data.config.names.longest"),
                   "policies/names/data.yaml": "longest: 1\n"})  # fmt: skip
    commit = origin.git("rev-parse", "HEAD")
    more = Origin(tmp_path / "hosts" / "more")
    other = more.commit({"own/own.rego": rego(package="own", id="OWN001")})
    settings(mine, f"git+{origin.url}@{commit}#policies", "data")
    write(mine, {"data/names/data.yaml": "longest: 17\n"})

    address = f"git+{more.url}@{other}"
    run = governor("check", "plan.json", "--policies", address, "--policies", address, "-f", "json")

    report = json.loads(run.out)
    assert {(f["policy"], f["resource"]) for f in report["findings"]} == {
        ("NAM001", "aws_instance.short"), ("OWN001", "aws_instance.long"), ("OWN001", "aws_instance.short")
    }  # fmt: skip
    assert [source["commit"] for source in report["run"]["policy_sources"]] == [commit, other]
    assert report["policies"]["OWN001"]["location"] == f"git+{more.url}@{other}#own/own.rego:8"


def test_a_branch_is_taken_when_the_command_line_says_so(governor: Governor, mine: Path, origin: Origin) -> None:
    settings(mine, f"git+{origin.url}@main#policies")

    for command in (
        ["check", "plan.json"], ["policies", "list"], ["policies", "show", "NAM001"], ["test"], ["docs", "pages"]
    ):  # fmt: skip
        refused = governor(*command)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.startswith(f"governor: {mine}/governor.yaml:2: main is a branch, which may hold other")

    run = governor("check", "plan.json", "--allow-floating", "-f", "json")
    assert (run.code, run.err) == (1, "")
    (note,) = json.loads(run.out)["notes"]
    assert note.endswith("floats (main is a branch): the next run may be judged by other policies")
    assert governor("policies", "list", "--allow-floating").code == 0
    assert governor("policies", "show", "NAM001", "--allow-floating").code == 0
    assert governor("docs", "pages", "--allow-floating").code == 0
    # No test in the folder: it got that far.
    assert governor("test", "--allow-floating").code == 4


def test_policies_say_where_they_come_from(governor: Governor, mine: Path, origin: Origin) -> None:
    commit = origin.git("rev-parse", "HEAD")
    source = f"git+{origin.url}@v1#policies"
    settings(mine, source, "more")
    write(mine, {"more/own/own.rego": rego(package="own", id="OWN001")})

    assert governor("policies").out == (
        f"NAM001  high      deny  Names are short  {source}\nOWN001  high      deny  Names are short\n"
    )
    listed = {row["id"]: row for row in json.loads(governor("policies", "list", "-f", "json").out)}
    assert (listed["NAM001"]["location"], listed["NAM001"]["commit"]) == (f"{source}/names/names.rego:8", commit)
    assert "commit" not in listed["OWN001"]
    card = governor("policies", "show", "NAM001").out
    assert f"where:     {source}/names/names.rego:8\ncommit:    {commit}\n" in card
    assert "commit:" not in governor("policies", "show", "OWN001").out


def test_the_tests_of_policies_in_git(governor: Governor, mine: Path, origin: Origin) -> None:
    cases = (
        "- name: a long name\n  resources: [{id: long, kind: bucket}]\n  expect: [{policy: NAM001, resource: other}]\n"
    )
    commit = origin.commit({"policies/names/cases.yaml": cases})
    settings(mine, f"git+{origin.url}@{commit}#policies")

    run = governor("test", "--junit", "r.xml")

    assert run.code == 1
    assert run.out.startswith(f"git+{origin.url}@{commit}#policies/names/cases.yaml:1: a long name\n  + NAM001 on long")
    assert f'file="git+{origin.url}@{commit}#policies/names/cases.yaml:1"' in (mine / "r.xml").read_text()


def test_a_mistake_in_a_policy_is_named_where_people_can_find_it(
    governor: Governor, mine: Path, origin: Origin
) -> None:
    commit = origin.commit({"policies/names/names.rego": "package names\n\ndeny_x contains {\n"})
    settings(mine, f"git+{origin.url}@{commit}#policies")

    run = governor("check", "plan.json")

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"governor: git+{origin.url}@{commit}#policies/names/names.rego:")
    assert "this Rego does not parse" in run.err

    commit = origin.commit({"policies/names/names.rego": rego(), "policies/more/more.rego": rego("more")})
    settings(mine, f"git+{origin.url}@{commit}#policies")
    other = f"git+{origin.url}@{commit}#policies/more/more.rego:8"
    assert f"the id NAM001 is taken by {other}: choose another" in governor("check", "plan.json").err


# Python is code that runs here


def test_python_is_taken_from_a_commit_and_from_a_signature_only(
    governor: Governor, mine: Path, origin: Origin, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    body = f"open({str(ran)!r}, 'w').close()"
    files = {"policies/own/own.py": python("return []", head=body), "policies/own/own_test.py": body}
    commit = origin.commit(files)
    origin.git("tag", "v2")
    settings(mine, f"git+{origin.url}@v2#policies")

    told = (
        f"governor: {mine}/governor.yaml:2: own/own.py is Python, which runs here with your rights, and whoever can"
        f" move v2 could replace it: pin @{commit}, or ask for a signature with `signed`\n"
    )
    assert governor("check", "plan.json") == governor("check", "plan.json", "--allow-floating") == (2, "", told)
    assert not ran.exists()

    settings(mine, f"git+{origin.url}@{commit}#policies")
    assert governor("check", "plan.json").code == 1
    assert ran.exists()


def test_a_signature_is_asked_for_in_the_settings(
    governor: Governor, mine: Path, origin: Origin, tmp_path: Path
) -> None:
    key = tmp_path / "ada"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    write(mine, {"signers": f"ada@example.com {key.with_suffix('.pub').read_text()}"})
    write(origin.folder, {"policies/own/own.py": python("return []")})
    origin.git("add", "--all")
    origin.git("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}", "commit", "-qm", "signed", "--gpg-sign")
    origin.git("tag", "v2")
    commit = origin.git("rev-parse", "HEAD")

    for wanted in ("signed: true, signers: signers", "signers: signers"):
        settings(mine, f"{{source: 'git+{origin.url}@v2#policies', {wanted}}}")
        run = governor("check", "plan.json", "-f", "table", "-f", "json=r.json", "-f", "sarif=r.sarif")
        assert (run.code, run.err) == (1, "")
        assert "signed by ada@example.com" in " ".join(run.out.split())
        assert json.loads((mine / "r.json").read_text())["run"]["policy_sources"] == [
            {"source": f"git+{origin.url}@v2#policies", "commit": commit, "signer": "ada@example.com"}
        ]
        (component,) = json.loads((mine / "r.sarif").read_text())["runs"][0]["tool"]["extensions"]
        assert component["properties"] == {"signer": "ada@example.com"}
        assert "signer:    ada@example.com\n" in governor("policies", "show", "PYT001").out

        settings(mine, f"{{source: 'git+{origin.url}@v1#policies', {wanted}}}")
        run = governor("check", "plan.json")
        assert (run.code, run.out) == (3, "")
        assert run.err.startswith(f"governor: {mine}/governor.yaml:2: commit ")
        assert "has no good signature by one that signers lists" in run.err

    settings(mine, f"{{source: 'git+{origin.url}@v2#policies', signed: true}}")
    assert governor("check", "plan.json").code == 3


# One line that says what to do


@pytest.mark.parametrize(
    ("entry", "code", "told"),
    [
        ("git+URL@v1#nowhere", 2, "has no folder nowhere: where nowhere should be, there are: policies"),
        ("git+URL@v7#policies", 2, "URL has no tag v7: write a tag that it has, or all 40 digits of a commit"),
        ("git+URL.no@v1", 3, "URL.no cannot be asked: "),
        (
            "git+http://host/repo@v1",
            2,
            "git policies come over https, ssh, file: write git+https://host/org/repo@COMMIT",
        ),
        ("https://ada:hunter2@host/repo", 2, "an address is no folder: write git+https://host/org/repo@COMMIT#FOLDER"),
        ("git+https://ada:hunter2@host/repo@v1", 2, "a password does not belong here: take it out, and give it to git"),
        ("{source: policies, signed: true}", 2, "a folder has no signature: only a source in git can be `signed`"),
        ("{source: builtin, signers: signers}", 2, "a folder has no signature: only a source in git can be `signed`"),
        ("{source: git+URL@v1, signers: nope}", 2, "there is no file of signers nope: name one of SSH allowed signers"),
    ],
)
def test_a_fault_is_a_line_with_its_place(
    governor: Governor, mine: Path, origin: Origin, entry: str, code: int, told: str
) -> None:
    settings(mine, "policies", entry.replace("URL", origin.url))

    run = governor("check", "plan.json")

    assert (run.code, run.out) == (code, "")
    assert run.err.startswith(f"governor: {mine}/governor.yaml:3: ")
    assert told.replace("URL", origin.url) in run.err
    assert run.err.count("\n") == 1
    assert "hunter2" not in run.err

    if not entry.startswith("{"):
        settings(mine, "policies")
        run = governor("check", "plan.json", "--policies", entry.replace("URL", origin.url))
        assert (run.code, run.out) == (code, "")
        assert run.err.startswith("governor: --policies: ")
        assert told.replace("URL", origin.url) in run.err
        assert "hunter2" not in run.err


def run_apart(folder: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True
    )


CHECK = "import sys\nsys.argv = ['governor', 'check', 'plan.json', '-q']\nfrom governor.cli import main\nmain()\n"


def test_without_gitpython_or_git(mine: Path, origin: Origin) -> None:
    settings(mine, f"git+{origin.url}@v1#policies")

    run = run_apart(mine, f"import sys\nsys.modules['git'] = None\n{CHECK}")
    place = f"governor: {mine}/governor.yaml:2"
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr == f"{place}: git policies need GitPython: pip install 'gpu-governor[git]'\n"

    run = run_apart(mine, CHECK, PATH=str(mine))
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr == f"{place}: git policies need git: install it, or give a folder in place of the address\n"


def test_who_has_no_policies_in_git_pays_nothing_for_those_who_have(mine: Path, origin: Origin) -> None:
    looking = CHECK.replace(
        "main()\n", "try:\n    main()\nfinally:\n    print(*{'git', 'governor.remote'} & {*sys.modules})\n"
    )
    assert run_apart(mine, looking).stdout == f"{FOOTER}\n"

    settings(mine, f"git+{origin.url}@{origin.git('rev-parse', 'HEAD')}#policies")
    first = run_apart(mine, looking)
    assert sorted(first.stdout.removeprefix(FOOTER).split()) == ["git", "governor.remote"]
    # What is pinned and in the cache asks neither git nor GitPython.
    assert run_apart(mine, looking, PATH=str(mine)).stdout == f"{FOOTER}governor.remote\n"


def test_every_command_that_asks_policies_takes_a_branch_where_that_is_allowed(
    governor: Governor, mine: Path, origin: Origin
) -> None:
    settings(mine, f"git+{origin.url}#policies")
    for command in (
        ("check", "plan.json"),
        ("explain", "NAM001", "--on", "plan.json"),
        ("policies", "list"),
        ("docs", "pages"),
        ("lint",),
        ("bundle", "build"),
        ("checkov-checks", "checks"),
        ("new", "policy", "mine", "--folder", "own"),
    ):
        refused, allowed = governor(*command), governor(*command, "--allow-floating")
        assert refused.code == 2, command
        assert "--allow-floating takes whatever it has" in refused.err
        assert allowed.code in (0, 1), (command, allowed.err)
        assert "--allow-floating" not in allowed.err


def test_explain_shows_the_address_of_a_rule_and_not_the_cache(governor: Governor, mine: Path, origin: Origin) -> None:
    source = f"git+{origin.url}@{origin.git('rev-parse', 'HEAD')}#policies"
    settings(mine, source)

    run = governor("explain", "NAM001", "--on", "plan.json", "-v")

    assert f"{source}/names/names.rego" in run.out
    assert "/cache/" not in run.out


def test_what_was_fetched_is_not_linted_and_nothing_new_is_written_into_it(
    governor: Governor, mine: Path, origin: Origin
) -> None:
    settings(mine, "builtin", f"git+{origin.url}@{origin.git('rev-parse', 'HEAD')}#policies")

    (mine / "policies").rename(mine / "others")
    run = governor("new", "policy", "owner")

    assert run.out.startswith("written: policies/owner/owner.rego\n")
    settings(mine, "builtin", f"git+{origin.url}@{origin.git('rev-parse', 'HEAD')}#policies", "policies")
    run = governor("lint")
    assert (run.code, run.out.splitlines()[-1]) == (0, "no problem – 2 files, 1 policy, 30 checks")
