"""`governor check --base` and `--baseline`: only new findings fail. Every repository here is a real one."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from commands.conftest import Governor, Run, plan_of
from core.policy_folders import python, rego, write
from governor.baseline.file import schema
from governor.model import fingerprint
from repositories import Repository

SETTINGS = {
    "governor.yaml": "policies: [policies]\n",
    "policies/names/names.rego": rego(body='contains(resource.id, "long")'),
}


def job(*names: str) -> str:
    """A manifest with a Job for each name."""
    return "---\n".join(
        f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}}}\n"
        "spec: {template: {spec: {containers: []}}}\n"
        for name in names
    )


@pytest.fixture
def repository(governor: Governor, tmp_path: Path) -> Repository:
    """On the branch `feature`, which has just left `main`: a policy against long names, and two jobs with one."""
    made = Repository(tmp_path)
    write(tmp_path, {**SETTINGS, "jobs/a.yaml": job("long-a"), "jobs/b.yaml": job("long-b", "short")})
    made.commit("base")
    made.git("checkout", "-q", "-b", "feature")
    return made


def footer(run: Run) -> str:
    """What is new, known and fixed."""
    found = re.match(r"\d+ new, \d+ known, \d+ fixed", run.out.splitlines()[-1])
    assert found, run
    return found[0]


def report(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.out)
    return found


def by_state(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """State → resources."""
    found: dict[str, list[str]] = {"fixed": [entry["resource"] for entry in document["fixed"]]}
    for finding in document["findings"]:
        found.setdefault(finding["state"], []).append(finding["resource"])
    return found


def test_only_what_the_branch_brings_fails(governor: Governor, repository: Repository) -> None:
    assert governor("check", "jobs").code == 1
    untouched = governor("check", "jobs", "--base", "main")
    assert (untouched.code, footer(untouched)) == (0, "0 new, 2 known, 0 fixed")
    assert "Nothing is new.\n" in untouched.out
    assert "NAM001  Names are short  ×2\n" in untouched.out

    write(repository.folder, {"jobs/a.yaml": job("tiny"), "jobs/c.yaml": job("long-c")})
    repository.commit()
    run = governor("check", "jobs", "--base", "main")

    assert (run.code, footer(run), run.err) == (1, "1 new, 1 known, 1 fixed", "")
    assert re.search(r"NEW  1 finding in 1 resource.*\n(.*\n)+?  Job/long-c .*\n  jobs/c.yaml:1", run.out)
    assert "Job/long-b" not in run.out
    short = repository.git("rev-parse", "--short=8", "main")
    assert f"KNOWN  1 finding that main ({short}) has, too (-v lists them)\n" in run.out
    assert f"FIXED  1 finding that main ({short}) has (-v lists them)\n" in run.out
    everything = governor("check", "jobs", "--base", "main", "-v").out
    assert "Job/long-b" in everything
    assert "Job/long-a" in everything
    assert by_state(report(governor("check", "jobs", "--base", "main", "-f", "json"))) == {
        "open": ["Job/long-c"],
        "baselined": ["Job/long-b"],
        "fixed": ["Job/long-a"],
    }


def test_what_is_not_committed_is_part_of_the_change(governor: Governor, repository: Repository) -> None:
    write(repository.folder, {"jobs/new.yaml": job("long-new")})
    assert footer(governor("check", "jobs", "--base", "main")) == "1 new, 2 known, 0 fixed"
    repository.git("add", "-A")
    assert footer(governor("check", "jobs", "--base", "HEAD")) == "1 new, 2 known, 0 fixed"


def test_nothing_in_the_repository_is_touched(governor: Governor, repository: Repository) -> None:
    """And nothing that the repository tells git to run is run."""
    ran = repository.folder.parent / "ran"
    hook = f"#!/bin/sh\ntouch {ran}\ncat\n"
    script = repository.folder / ".git" / "script"
    script.write_text(hook)
    script.chmod(0o755)
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        hooks = repository.folder / ".git" / "hooks"
        hooks.mkdir(exist_ok=True)
        (hooks / name).write_text(hook)
        (hooks / name).chmod(0o755)
    write(repository.folder, {".gitattributes": "* filter=evil diff=evil\n", "jobs/a.yaml": job("long-a", "long-2")})
    repository.commit()
    for setting in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv", "diff.external", "core.fsmonitor"):
        repository.git("config", setting, str(script))
    before = _everything(repository.folder)
    ran.unlink(missing_ok=True)

    run = governor("check", "jobs", "--base", "main")

    assert footer(run) == "1 new, 2 known, 0 fixed"
    assert not ran.exists()
    assert _everything(repository.folder) == before
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("governor-base-*/jobs/a.yaml"))


def _everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(file.relative_to(folder)): (file.read_bytes(), stat.S_IMODE(file.stat().st_mode))
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("ref", ["main", "v1", "{sha}", "{short}", "refs/heads/main", "main~0", "HEAD^"])
def test_every_kind_of_ref(governor: Governor, repository: Repository, ref: str) -> None:
    repository.git("tag", "-a", "v1", "-m", "v1", "main")
    sha = repository.git("rev-parse", "main")
    write(repository.folder, {"jobs/c.yaml": job("long-c")})
    repository.commit()

    run = governor("check", "jobs", "--base", ref.format(sha=sha, short=sha[:10]))

    assert footer(run) == "1 new, 2 known, 0 fixed"


@pytest.mark.parametrize(
    ("ref", "code", "told"),
    [
        ("--upload-pack=touch ran", 2, "--base wants a branch, a tag or a commit"),
        ("", 2, "--base wants a branch, a tag or a commit, and '' is none"),
        ("-h", 2, "--base wants a branch, a tag or a commit"),
        ("nowhere", 3, "this repository has no branch, tag or commit nowhere: git fetch origin nowhere"),
        ("origin/main", 3, "this repository has no branch, tag or commit origin/main: git fetch origin main"),
        ("main:jobs", 3, "this repository has no branch, tag or commit main:jobs"),
        ("main..HEAD", 3, "this repository has no branch, tag or commit main..HEAD"),
    ],
)
def test_a_ref_that_is_none(governor: Governor, repository: Repository, ref: str, code: int, told: str) -> None:
    run = governor("check", "jobs", f"--base={ref}")

    assert (run.code, run.out) == (code, "")
    assert run.err.startswith(f"governor: {told}")
    assert run.err.count("\n") == 1
    assert not (repository.folder / "ran").exists()


def test_the_base_is_where_the_branch_left(governor: Governor, repository: Repository) -> None:
    """What main has mended or broken meanwhile is not the branch's; after a rebase, it is where main is."""
    write(repository.folder, {"jobs/c.yaml": job("long-c")})
    repository.commit()
    repository.git("checkout", "-q", "main")
    write(repository.folder, {"jobs/a.yaml": job("tiny"), "jobs/m.yaml": job("long-m")})
    repository.commit()
    repository.git("checkout", "-q", "feature")
    assert footer(governor("check", "jobs", "--base", "main")) == "1 new, 2 known, 0 fixed"

    repository.git("checkout", "-q", "--detach", "main")  # the merge that CI makes of a pull request
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "feature")
    assert footer(governor("check", "jobs", "--base", "main")) == "1 new, 2 known, 0 fixed"
    assert footer(governor("check", "jobs", "--base", "HEAD^1")) == "1 new, 2 known, 0 fixed"

    repository.git("checkout", "-q", "feature")
    repository.git("rebase", "-q", "main")
    assert footer(governor("check", "jobs", "--base", "main")) == "1 new, 2 known, 0 fixed"
    assert by_state(report(governor("check", "jobs", "--base", "main", "-f", "json")))["baselined"] == [
        "Job/long-b",
        "Job/long-m",
    ]


def test_after_a_criss_cross_what_any_base_holds_is_known(governor: Governor, repository: Repository) -> None:
    write(repository.folder, {"jobs/f.yaml": job("long-f")})
    ours = repository.commit("ours")
    repository.git("checkout", "-q", "main")
    write(repository.folder, {"jobs/m.yaml": job("long-m")})
    theirs = repository.commit("theirs")
    repository.git("merge", "-q", "--no-ff", "-m", "cross", ours)
    repository.git("checkout", "-q", "feature")
    repository.git("merge", "-q", "--no-ff", "-m", "criss", theirs)
    write(repository.folder, {"jobs/new.yaml": job("long-new")})
    repository.commit()

    document = report(governor("check", "jobs", "--base", "main", "-f", "json"))

    assert by_state(document)["open"] == ["Job/long-new"]
    assert len(by_state(document)["baselined"]) == 4
    assert by_state(document)["fixed"] == []
    assert {ours[:8], theirs[:8]} <= set(re.findall("[0-9a-f]{8}", document["run"]["compared_with"]))


def test_a_shallow_clone_says_what_to_fetch(governor: Governor, repository: Repository, tmp_path: Path) -> None:
    repository.commit("one")
    repository.commit("two")
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{tmp_path}", str(clone))
    os.chdir(clone)

    apart = governor("check", "jobs", "--base", "origin/main")
    unknown = governor("check", "jobs", "--base", "main")

    assert apart.code == unknown.code == 3
    assert "origin/main and what is checked out have no commit in common in this shallow clone: fetch more" in apart.err
    assert "`fetch-depth: 0`" in apart.err
    assert "`git fetch --deepen=100`" in unknown.err
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=clone, check=True)
    assert footer(governor("check", "jobs", "--base", "origin/main")) == "0 new, 2 known, 0 fixed"


def test_histories_that_have_nothing_in_common(governor: Governor, repository: Repository) -> None:
    repository.git("checkout", "-q", "--orphan", "other")
    repository.commit("other")

    run = governor("check", "jobs", "--base", "main")

    assert run.code == 3
    assert "main and what is checked out have no commit in common: name the branch that this one left" in run.err


def test_files_that_were_renamed_and_jobs_that_moved_between_them(governor: Governor, repository: Repository) -> None:
    repository.git("mv", "jobs/b.yaml", "jobs/z.yaml")
    write(repository.folder, {"jobs/a.yaml": "# twenty\n" * 20 + job("long-a")})
    repository.commit()
    assert footer(governor("check", "jobs", "--base", "main")) == "0 new, 2 known, 0 fixed"

    write(repository.folder, {"jobs/a.yaml": job("long-a", "long-b"), "jobs/z.yaml": job("short")})
    assert footer(governor("check", "jobs", "--base", "main")) == "0 new, 2 known, 0 fixed"


@pytest.mark.parametrize("committed", [True, False])
def test_the_folder_of_the_input_was_renamed(governor: Governor, repository: Repository, committed: bool) -> None:
    (repository.folder / "work").mkdir()
    repository.git("mv", "jobs", "work/batch")
    if committed:
        repository.commit()
    write(repository.folder, {"work/batch/c.yaml": job("long-c")})

    for name in ("work/batch", "./work/batch/", str(repository.folder / "work" / "batch"), "work"):
        run = governor("check", name, "--base", "main")
        assert footer(run) == "1 new, 2 known, 0 fixed", name
    assert footer(governor("check", "work/batch/b.yaml", "--base", "main")) == "0 new, 1 known, 0 fixed"


def test_what_was_renamed_into_the_input_was_there(governor: Governor, repository: Repository) -> None:
    repository.git("mv", "jobs/a.yaml", "other.yaml")
    repository.git("branch", "-f", "main", repository.commit())
    repository.git("mv", "other.yaml", "jobs/other.yaml")

    assert footer(governor("check", "jobs", "--base", "main")) == "0 new, 2 known, 0 fixed"


def test_a_name_that_comes_twice_is_told_apart_by_its_file(governor: Governor, repository: Repository) -> None:
    """Its id then holds the file; neither a second one of its name nor another name of the file makes it new."""
    write(repository.folder, {"jobs/overlay.yaml": job("long-a")})
    run = report(governor("check", "jobs", "--base", "main", "-f", "json"))
    assert by_state(run)["open"] == ["Job/long-a (jobs/overlay.yaml)"]
    assert by_state(run)["baselined"] == ["Job/long-a (jobs/a.yaml)", "Job/long-b"]

    repository.commit("two of a name")
    repository.git("branch", "-f", "main")
    repository.git("mv", "jobs", "work")
    repository.commit()
    assert footer(governor("check", "work", "--base", "main")) == "0 new, 3 known, 0 fixed"


def test_each_known_finding_covers_one(governor: Governor, repository: Repository) -> None:
    """A second finding of the same policy on the same attribute is new."""
    policy = "return [Violation('Job/long-a', f'says {n}') for n in range(%d)]"
    write(repository.folder, {"policies/names/names.py": python(policy % 2)})
    (repository.folder / "policies/names/names.rego").unlink()
    governor("check", "jobs", "--baseline", "known.json", "--update-baseline")
    write(repository.folder, {"policies/names/names.py": python(policy % 3)})

    assert footer(governor("check", "jobs", "--baseline", "known.json")) == "1 new, 2 known, 0 fixed"


def test_paths_from_below_and_several_inputs(
    governor: Governor, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository.folder, {"more/c.yaml": job("long-c")})
    everything = governor("check", "jobs/a.yaml", "jobs/b.yaml", "more", "--base", "main")
    assert footer(everything) == "1 new, 2 known, 0 fixed"
    assert re.search(r"note: more is not in [0-9a-f]{8}: all of it is new\n", everything.out)

    monkeypatch.chdir(repository.folder / "jobs")
    for inputs in (["."], ["../jobs"], ["a.yaml", "b.yaml"], [repository.folder / "jobs"]):
        assert footer(governor("check", *inputs, "--base", "main")) == "0 new, 2 known, 0 fixed"
    assert footer(governor("check", "..", "--base", "main")) == "1 new, 2 known, 0 fixed"


def test_todays_policies_and_settings_judge_the_base(governor: Governor, repository: Repository) -> None:
    """A policy that comes with the branch finds nothing new; one that is loosened fixes nothing."""
    write(repository.folder, {"policies/names/more.rego": rego(id="NAM002", rule="deny_any", body="true")})
    repository.commit()
    run = report(governor("check", "jobs", "--base", "main", "-f", "json"))
    assert (run["summary"]["open"], run["summary"]["baselined"]) == (0, 5)

    write(repository.folder, {"governor.yaml": "policies: [policies]\nlevels: [{policies: NAM001, level: 'off'}]\n"})
    run = report(governor("check", "jobs", "--base", "main", "-f", "json"))
    assert (run["summary"]["open"], run["summary"]["baselined"], run["summary"]["fixed"]) == (0, 3, 0)


def test_a_base_without_settings(governor: Governor, tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    write(tmp_path, {"jobs/a.yaml": job("long-a")})
    repository.commit()
    repository.git("checkout", "-q", "-b", "adopt")
    write(tmp_path, SETTINGS)
    repository.commit()

    assert footer(governor("check", "jobs", "--base", "main")) == "0 new, 1 known, 0 fixed"


def test_a_base_that_cannot_be_read_makes_all_new(governor: Governor, repository: Repository) -> None:
    repository.git("checkout", "-q", "main")
    write(repository.folder, {"jobs/a.yaml": "apiVersion: v1\nkind: [\n"})
    repository.commit()
    repository.git("checkout", "-q", "-B", "feature")
    write(repository.folder, {"jobs/a.yaml": job("long-a")})

    run = governor("check", "jobs", "--base", "main")

    assert (run.code, footer(run)) == (1, "2 new, 0 known, 0 fixed")
    assert re.search(r"note: [0-9a-f]{8} cannot be judged, so all counts as new: jobs/a.yaml:3", run.out)


CODE = {
    "governor.yaml": "policies: [policies]\n",
    "policies/names/names.rego": rego(body='contains(resource.id, "long")'),
    "infra/main.tf": """
        resource "aws_instance" "long" { instance_type = "t3.micro" }
        module "team" { source = "../modules/team" }
    """,
    "modules/team/main.tf": """
        resource "aws_instance" "long_inner" {
          for_each      = toset(["a", "b"])
          instance_type = jsondecode(file("${path.module}/../../types.json")).small
        }
    """,
    "types.json": '{"small": "t3.micro"}',
}


@pytest.fixture
def code(governor: Governor, tmp_path: Path) -> Repository:
    """Terraform code on main, of which `feature` has just left."""
    made = Repository(tmp_path)
    write(tmp_path, CODE)
    made.commit("base")
    made.git("checkout", "-q", "-b", "feature")
    return made


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"infra/main.tf": "# a\n# b\n" + CODE["infra/main.tf"]}, id="lines"),
        pytest.param(
            {
                "infra/main.tf": 'module "team" { source = "../modules/team" }',
                "infra/more.tf": 'resource "aws_instance" "long" { instance_type = "t3.large" }',
            },
            id="a block in another file",
        ),
        pytest.param(
            {
                "infra/main.tf": """
                    resource "aws_instance" "long_lived" { instance_type = "t3.micro" }
                    module "team" { source = "../modules/team" }
                    moved {
                      from = aws_instance.long
                      to   = aws_instance.long_lived
                    }
                """
            },
            id="a resource that moved",
        ),
        pytest.param(
            {
                "infra/main.tf": """
                    resource "aws_instance" "long" { instance_type = "t3.micro" }
                    module "crew" {
                      for_each = toset(["x"])
                      source   = "../modules/team"
                    }
                    moved {
                      from = module.team
                      to   = module.crew [ "x" ]
                    }
                """
            },
            id="a module that was renamed",
        ),
        pytest.param(
            {
                "modules/team/main.tf": """
                    resource "aws_instance" "long_other" {
                      for_each      = toset(["a", "b"])
                      instance_type = "t3.micro"
                    }
                    moved {
                      from = aws_instance.long_inner
                      to   = aws_instance.long_other
                    }
                """
            },
            id="a resource that moved inside a module",
        ),
    ],
)
def test_code_that_moved_is_known(governor: Governor, code: Repository, files: dict[str, str]) -> None:
    write(code.folder, files)
    run = governor("check", "infra", "--base", "main")

    assert (run.code, footer(run), run.err) == (0, "0 new, 3 known, 0 fixed", "")
    assert "counts as new" not in run.out


def test_code_that_changed_its_name_without_a_word_is_new(governor: Governor, code: Repository) -> None:
    """Terraform would destroy the one and create the other, too."""
    write(code.folder, {"infra/main.tf": CODE["infra/main.tf"].replace('"long"', '"a_long"')})

    assert footer(governor("check", "infra", "--base", "main")) == "1 new, 2 known, 1 fixed"


OWNED = python(
    """return [
    Violation(r.id, "lacks an owner", attribute="tags.owner")
    for r in inventory.resources
    if "owner" not in r.tags
]""",
    id="OWN001",
)


def test_code_reads_the_files_of_then(governor: Governor, code: Repository) -> None:
    """Of the whole repository, as it may today. Else the tags of then were unknown, and the finding new."""
    write(
        code.folder,
        {
            "policies/names/names.py": OWNED,
            "infra/main.tf": """
                resource "aws_instance" "a" {
                  instance_type = "t3.micro"
                  tags          = jsondecode(file("${path.module}/../shared/tags.json"))
                }
            """,
            "shared/tags.json": "{}",
        },
    )
    code.commit()
    write(code.folder, {"shared/tags.json": '{"stage": "x"}'})

    assert footer(governor("check", "infra", "--base", "HEAD")) == "0 new, 1 known, 0 fixed"


def test_what_was_undetermined_and_is_open_now_is_new(governor: Governor, code: Repository) -> None:
    root = 'variable "tags" {}\nresource "aws_instance" "a" {\n  instance_type = "t3.micro"\n  tags = %s\n}\n'
    write(code.folder, {"policies/names/names.py": OWNED, "infra/main.tf": root % "var.tags"})
    code.commit()
    before = governor("check", "infra", "--base", "HEAD")
    assert (footer(before), before.code) == ("0 new, 0 known, 0 fixed", 0)
    assert ", 1 undetermined " in before.out
    write(code.folder, {"infra/main.tf": root % "{}"})

    now = governor("check", "infra", "--base", "HEAD")

    assert (footer(now), now.code) == ("1 new, 0 known, 0 fixed", 1)


def test_the_root_module_and_the_modules_it_calls_were_renamed(governor: Governor, code: Repository) -> None:
    code.git("mv", "infra", "live")
    code.git("mv", "modules", "parts")
    write(code.folder, {"live/main.tf": CODE["infra/main.tf"].replace("../modules", "../parts")})
    code.commit()

    assert footer(governor("check", "live", "--base", "main")) == "0 new, 3 known, 0 fixed"


def test_modules_that_init_installed_stand_for_those_of_the_base(governor: Governor, code: Repository) -> None:
    write(
        code.folder,
        {
            "infra/main.tf": 'module "far" { source = "example/far/aws" }\n',
            ".gitignore": ".terraform\n",
            "infra/.terraform/modules/far/main.tf": 'resource "aws_instance" "long" { instance_type = "t3.micro" }',
            "infra/.terraform/modules/modules.json": '{"Modules": [{"Key": "far", "Dir": ".terraform/modules/far"}]}',
        },
    )
    code.commit()

    assert footer(governor("check", "infra", "--base", "HEAD")) == "0 new, 1 known, 0 fixed"


def test_values_of_variables_are_those_of_then(governor: Governor, code: Repository) -> None:
    write(
        code.folder,
        {
            "infra/main.tf": """
                variable "names" { type = set(string) }
                resource "aws_instance" "long" {
                  for_each      = var.names
                  instance_type = "t3.micro"
                }
            """,
            "infra/prod.tfvars": 'names = ["a"]',
        },
    )
    code.commit()
    write(code.folder, {"infra/prod.tfvars": 'names = ["a", "b"]'})

    run = governor("check", "infra", "--base", "HEAD", "--var-file", "infra/prod.tfvars")

    assert footer(run) == "1 new, 1 known, 0 fixed"


def test_roots_and_manifests_in_one_run(governor: Governor, code: Repository) -> None:
    write(code.folder, {"jobs/a.yaml": job("long-a")})
    run = governor("check", "infra", "jobs", "--base", "main")
    assert re.findall(r"\d+ new, \d+ known, \d+ fixed", run.out) == [
        "0 new, 3 known, 0 fixed",
        "1 new, 0 known, 0 fixed",
    ]

    kept = governor("check", "infra", "jobs", "--baseline", "known.json", "--update-baseline")
    assert kept.code == 2
    assert "these are 2 judgements, and --baseline wants one: check each of infra, the manifests in jobs" in kept.err


def test_failures_and_what_is_undetermined_are_never_known(governor: Governor, repository: Repository) -> None:
    write(repository.folder, {"policies/names/broken.py": python("raise ValueError('no')")})

    failed = governor("check", "jobs", "--base", "main")
    kept = governor("check", "jobs", "--baseline", "known.json", "--update-baseline")

    assert failed.code == kept.code == 3
    assert re.search(r"note: at [0-9a-f]{8} these policies failed, so what they find counts as new: PYT001", failed.out)
    assert "known.json is left as it is: a policy failed" in kept.err
    assert footer(kept) == "2 new, 0 known, 0 fixed"
    assert not (repository.folder / "known.json").exists()


def test_what_is_in_no_commit(governor: Governor, repository: Repository, tmp_path: Path) -> None:
    write(repository.folder, {"plan.json": json.dumps(plan_of(long={}))})
    plan = governor("check", "plan.json", "--base", "main")
    piped = governor("check", "-", "--base", "main", stdin=job("long").encode())
    made = governor("gate", "jobs", "--base", "main")
    outside = tmp_path.parent / "outside.yaml"
    outside.write_text(job("long"))
    foreign = governor("check", "jobs", outside, "--base", "main")

    assert [run.code for run in (plan, piped, made, foreign)] == [2, 2, 2, 2]
    assert "plan.json: this plan is in no commit, so no base has it: use --baseline" in plan.err
    assert "standard input is in no commit: use --baseline FILE" in piped.err
    assert "a plan that is made now is in no commit: use --baseline FILE" in made.err
    assert f"--base compares what lies in one repository ({repository.folder})" in foreign.err


def test_a_plan_that_is_committed(governor: Governor, repository: Repository) -> None:
    write(repository.folder, {"plans/plan.json": json.dumps(plan_of(long={}))})
    first = governor("check", "plans/plan.json", "--base", "main")
    assert first.code == 2
    repository.git("add", "-A")
    added = governor("check", "plans/plan.json", "--base", "main")
    assert footer(added) == "1 new, 0 known, 0 fixed"
    repository.commit()

    repository.git("mv", "plans/plan.json", "renamed.json")
    assert footer(governor("check", "renamed.json", "--base", "HEAD")) == "0 new, 1 known, 0 fixed"
    repository.git("mv", "renamed.json", "plans/plan.json")

    moved = plan_of(kept={}, a_long={})
    moved["resource_changes"][0]["address"] = "module.new.aws_instance.long"
    moved["resource_changes"][0]["previous_address"] = "aws_instance.long"
    write(repository.folder, {"plans/plan.json": json.dumps(moved)})
    run = report(governor("check", "plans/plan.json", "--base", "HEAD", "-f", "json"))
    gated = report(governor("gate", "--plan", "plans/plan.json", "--base", "HEAD", "-f", "json"))

    assert by_state(run) == by_state(gated) == {
        "open": ["aws_instance.a_long"], "baselined": ["module.new.aws_instance.long"], "fixed": [],
    }  # fmt: skip


def test_a_pointer_of_git_lfs_is_no_plan(governor: Governor, repository: Repository) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12\n"
    write(repository.folder, {"plan.json": pointer})
    repository.commit()
    write(repository.folder, {"plan.json": json.dumps(plan_of(long={}))})

    run = governor("check", "plan.json", "--base", "HEAD")

    assert footer(run) == "1 new, 0 known, 0 fixed"
    assert "plan.json lies in Git LFS, and its content is not in git" in run.out


def test_links_and_submodules_of_the_base(governor: Governor, repository: Repository, tmp_path: Path) -> None:
    """A link that leaves the repository is not followed, and a submodule not entered; both are named."""
    (tmp_path.parent / f"{tmp_path.name}-secret.yaml").write_text(job("long-secret"))
    os.symlink(tmp_path.parent / f"{tmp_path.name}-secret.yaml", repository.folder / "jobs" / "out.yaml")
    os.symlink("a.yaml", repository.folder / "jobs" / "same.yaml")
    commit = repository.git("rev-parse", "HEAD")
    repository.git("add", "jobs")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},jobs/module")
    repository.git("commit", "-q", "-m", "links")

    run = governor("check", "jobs", "--base", "HEAD")

    assert "jobs/out.yaml is a link that leaves the repository" in run.out
    assert "jobs/module is a submodule" in run.out
    assert footer(run) == "1 new, 3 known, 0 fixed"


def test_links_that_leave_the_repository_together(governor: Governor, repository: Repository) -> None:
    """Each for itself leads to a place inside."""
    outside = repository.folder.parent / "outside"
    outside.mkdir()
    (outside / "x.yaml").write_text(job("long-secret"))
    (repository.folder / "jobs/d/e/f").mkdir(parents=True)
    up = "../" * len(repository.folder.parts)
    os.symlink(f"b/{up}{str(outside / 'x.yaml')[1:]}", repository.folder / "jobs/d/e/f/a.yaml")
    os.symlink("../../../..", repository.folder / "jobs/d/e/f/b")
    repository.commit()

    run = governor("check", "jobs", "--base", "HEAD")

    assert "jobs/d/e/f/a.yaml is a link that leaves the repository" in run.out
    assert footer(run) == "1 new, 2 known, 0 fixed"


def test_a_tree_that_wants_to_be_written_elsewhere(governor: Governor, repository: Repository) -> None:
    """Git would refuse to check it out; a commit can be made to hold it."""
    blob = repository.git("hash-object", "-w", "jobs/a.yaml")
    tree = subprocess.run(
        ["git", "mktree"], input=f"100644 blob {blob}\t..\n100644 blob {blob}\tok.yaml\n".encode(),
        cwd=repository.folder, capture_output=True, check=False,
    )  # fmt: skip
    inner = tree.stdout.decode().strip()
    assert inner, tree.stderr
    outer = subprocess.run(
        ["git", "mktree"], input=f"040000 tree {inner}\tjobs\n".encode(),
        cwd=repository.folder, capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    evil = repository.git("commit-tree", outer, "-m", "evil")
    repository.git("checkout", "-q", "-B", "feature")
    repository.git(
        "update-ref", "refs/heads/feature", repository.git("commit-tree", "HEAD^{tree}", "-p", evil, "-m", "x")
    )

    run = governor("check", "jobs", "--base", evil)

    assert "'jobs/..' is no name for a file" in run.out
    assert footer(run) == "1 new, 1 known, 0 fixed"


def test_a_worktree_and_a_submodule(governor: Governor, repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"), "main")
    os.chdir(tmp_path / "beside")
    write(tmp_path / "beside", {"jobs/c.yaml": job("long-c")})
    assert footer(governor("check", "jobs", "--base", "main")) == "1 new, 2 known, 0 fixed"

    outer = Repository(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "-b", "main", str(tmp_path), "sub")
    os.chdir(outer.folder / "sub")
    assert footer(governor("check", "jobs", "--base", "origin/main")) == "0 new, 2 known, 0 fixed"


def test_no_repository_and_no_git(
    governor: Governor, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("bare")
    write(folder, {**SETTINGS, "jobs/a.yaml": job("long-a")})
    monkeypatch.chdir(folder)
    run = governor("check", "jobs", "--base", "main")
    assert run.code == 2
    assert "--base reads a git repository, and this folder lies in none (not a git repository" in run.err
    assert run.err.count("\n") == 1

    script = "from governor.cli import main; main()"
    without = {**os.environ, "PATH": str(folder), "GIT_PYTHON_GIT_EXECUTABLE": ""}
    ended = subprocess.run(
        [sys.executable, "-c", script, "check", "jobs", "--base", "main"],
        env=without, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (3, "governor: --base needs git: install it, or use --baseline\n")


def test_without_gitpython(governor: Governor, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "git", None)

    run = governor("check", "jobs", "--base", "main")

    assert (run.code, run.err) == (3, "governor: --base needs GitPython: pip install 'gpu-governor[git]'\n")
    assert governor("check", "jobs").code == 1


def test_a_repository_without_a_commit(governor: Governor, tmp_path: Path) -> None:
    Repository(tmp_path)
    write(tmp_path, {**SETTINGS, "jobs/a.yaml": job("long-a")})

    run = governor("check", "jobs", "--base", "main")

    assert run.code == 3
    assert "this repository has no branch, tag or commit main" in run.err


# --- the file -----------------------------------------------------------------------------------------------------


def test_a_baseline_is_begun_kept_and_worn_down(governor: Governor, repository: Repository) -> None:
    begun = governor("check", "jobs", "--baseline", "known.json", "--update-baseline", "--today", "2026-01-05")
    assert (begun.code, begun.err) == (0, "governor: known.json: 2 added, 0 removed, 2 in it\n")
    file = repository.folder / "known.json"
    name = fingerprint("NAM001", "Job/long-a", "id")
    entry = f'"resource":"Job/long-a","attribute":"id","since":"2026-01-05","fingerprint":"{name}"'
    assert f'\n    {{"policy":"NAM001",{entry}}},\n' in file.read_text("utf-8")
    Draft202012Validator(schema()).validate(json.loads(file.read_text("utf-8")))

    write(repository.folder, {"jobs/b.yaml": job("short"), "jobs/c.yaml": job("long-c")})
    run = governor("check", "jobs", "--baseline", "known.json")
    assert (run.code, footer(run)) == (1, "1 new, 1 known, 1 fixed")

    again = governor("check", "jobs", "--baseline", "known.json", "--update-baseline", "--today", "2026-02-07")
    assert (again.code, footer(again)) == (0, "0 new, 2 known, 1 fixed")
    assert again.err == "governor: known.json: 1 added, 1 removed, 2 in it\n"
    held = json.loads(file.read_text("utf-8"))["findings"]
    assert [(entry["resource"], entry["since"]) for entry in held] == [
        ("Job/long-a", "2026-01-05"),
        ("Job/long-c", "2026-02-07"),
    ]


def test_in_ci_nothing_is_added(governor: Governor, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    begun = governor("check", "jobs", "--baseline", "known.json", "--update-baseline")
    assert (begun.code, begun.err) == (
        2,
        "governor: known.json: no such baseline, and in CI none is begun: commit one\n",
    )
    monkeypatch.delenv("CI")
    governor("check", "jobs", "--baseline", "known.json", "--update-baseline")
    monkeypatch.setenv("CI", "true")
    write(repository.folder, {"jobs/b.yaml": job("short"), "jobs/c.yaml": job("long-c")})

    run = governor("check", "jobs", "--baseline", "known.json", "--update-baseline")

    assert (run.code, footer(run)) == (1, "1 new, 1 known, 1 fixed")
    assert run.err == "governor: known.json: 0 added, 1 removed, 1 in it; in CI nothing is added\n"
    assert "long-c" not in (repository.folder / "known.json").read_text("utf-8")


def test_a_report_is_a_baseline(governor: Governor, repository: Repository) -> None:
    """So a plan of the base, made in CI, need not be committed."""
    governor("check", "jobs", "-f", "json=base.json")
    write(repository.folder, {"jobs/a.yaml": job("long-a", "long-2")})

    run = governor("gate", "--plan", "plan.json", "--baseline", "base.json")
    assert run.code == 2  # no such plan
    assert footer(governor("check", "jobs", "--baseline", "base.json")) == "1 new, 2 known, 0 fixed"
    refused = governor("check", "jobs", "--baseline", "base.json", "--update-baseline")
    assert (refused.code, refused.err) == (
        2,
        "governor: base.json: this is a report, which is not written over: name another file\n",
    )


def test_exempt_findings_are_not_in_it(governor: Governor, repository: Repository) -> None:
    governor("check", "jobs", "--baseline", "known.json", "--update-baseline", "--today", "2026-01-05")
    write(
        repository.folder,
        {
            "governor.yaml": "policies: [policies]\nexemptions: exemptions.yaml\n",
            "exemptions.yaml": "exemptions: [{policy: NAM001, resource: Job/long-a, category: waiver, reason: r,"
            " owner: o, approved_by: a, expires: 2026-01-31}]\n",
        },
    )
    run = governor("check", "jobs", "--baseline", "known.json", "--today", "2026-01-06")
    assert (run.code, footer(run)) == (0, "0 new, 1 known, 0 fixed")
    assert ", 1 exempt, " in run.out

    update = ["check", "jobs", "--baseline", "known.json", "--update-baseline", "--today"]
    assert governor(*update, "2026-01-06").err == "governor: known.json: 0 added, 1 removed, 1 in it\n"
    lapsed = governor("check", "jobs", "--baseline", "known.json", "--today", "2026-02-01")
    assert (lapsed.code, footer(lapsed)) == (1, "1 new, 1 known, 0 fixed")


def test_policies_that_are_not_asked_fix_nothing(governor: Governor, repository: Repository) -> None:
    governor("check", "jobs", "--baseline", "known.json", "--update-baseline")
    write(repository.folder, {"policies/names/names.rego": rego(id="NAM009", body="false")})

    run = governor("check", "jobs", "--baseline", "known.json", "--update-baseline")

    assert footer(run) == "0 new, 0 known, 0 fixed"
    assert "known.json also knows findings of policies that were not asked, neither fixed nor new: NAM001 ×2" in run.out
    assert run.err == "governor: known.json: 0 added, 0 removed, 2 in it\n"


def test_a_higher_level_makes_nothing_new(governor: Governor, repository: Repository) -> None:
    rules = "policies: [policies]\nlevels: [{policies: NAM001, level: %s}]\n"
    write(repository.folder, {"governor.yaml": rules % "note"})
    governor("check", "jobs", "--baseline", "known.json", "--update-baseline")
    write(repository.folder, {"governor.yaml": rules % "deny"})

    assert governor("check", "jobs", "--baseline", "known.json").code == 0


ENTRY = '{"policy":"NAM001","resource":"Job/a","attribute":"id","since":"2026-01-05","fingerprint":"%s"}' % ("0" * 32)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "known.json:1: this is not JSON"),
        ("[]", "known.json: this is no baseline, nor a report in JSON"),
        (
            '{\n"governor_baseline": 2,\n"findings": []}',
            "known.json:2: this baseline is of version 2, and this governor",
        ),
        ('{"governor_baseline": 1,\n"findings": [\n<<<<<<< HEAD\n]}', "known.json:3: two branches have changed it"),
        (f'{{"governor_baseline": 1,\n"findings": [\n{ENTRY}]}}', "known.json:3: this fingerprint is not that of its"),
        ('{"governor_baseline": 1,\n"findings": [\n{"policy": 3}]}', "known.json:3: expected `str`, got `int`"),
        (f'{{"governor_baseline": 1,\n"findings": [\n{ENTRY.replace("2026", "x")}]}}', "known.json:3: invalid RFC3339"),
        (
            f'{{"governor_baseline": 1,\n"findings": [\n{ENTRY[:-1]}, "msg": 1}}]}}',
            "known.json:3: object contains unknown",
        ),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_line(
    governor: Governor, repository: Repository, text: str, told: str
) -> None:
    write(repository.folder, {"known.json": text})

    run = governor("check", "jobs", "--baseline", "known.json")

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"governor: {told}")
    assert run.err.endswith("write the file anew with --update-baseline\n")
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--baseline", "no.json"], "no.json: no such baseline: write it with --update-baseline"),
        (["--baseline", "no.json", "--base", "main"], "--base and --baseline both tell what was known: give one"),
        (["--update-baseline"], "--update-baseline wants to know which file: add --baseline FILE"),
        (["--update-baseline", "--base", "main"], "--update-baseline wants to know which file: add --baseline FILE"),
    ],
)
def test_options_that_do_not_go_together(
    governor: Governor, repository: Repository, arguments: list[str], told: str
) -> None:
    run = governor("check", "jobs", *arguments)

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"governor: {told}")


def test_every_report_tells_new_from_known(governor: Governor, repository: Repository) -> None:
    write(repository.folder, {"jobs/a.yaml": job("tiny"), "jobs/c.yaml": job("long-c")})
    told = {
        name: governor("check", "jobs", "--base", "main", "-f", name).out
        for name in ("comment", "markdown", "github", "gitlab", "junit", "sarif", "html", "json")
    }

    assert "**1 new**, **1 known**, **1 fixed**" in told["comment"]
    assert "<summary>1 fixed finding, which" in told["markdown"]
    for name in ("github", "gitlab"):
        assert "jobs/c.yaml" in told[name]
        assert "jobs/a.yaml" not in told[name]
        assert "jobs/b.yaml" not in told[name]
    assert [r["baselineState"] for r in json.loads(told["sarif"])["runs"][0]["results"]] == ["new", "unchanged"]
    assert '<skipped message="known before, main (' in told["junit"]
    assert told["junit"].count("<failure") == 1
    assert "<dt>fixed</dt><dd>1</dd>" in told["html"]
    assert json.loads(told["json"])["summary"]["fixed"] == 1
