"""`governor keys scan`: code in; reports, complaints and an exit code out, and never a key."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands.conftest import ROOT, Governor
from core.policy_folders import rego, write
from governor import library
from governor.commands import keys
from made_up_keys import huggingface, openai
from repositories import IDENTITY, Repository

TODAY = ("--today", "2026-08-01")


@pytest.fixture
def repository(governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The working directory, a repository without commits."""
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    return Repository(tmp_path)


Report = Callable[..., dict[str, Any]]


@pytest.fixture
def report(governor: Governor) -> Report:
    """`report(*arguments)`: the JSON report of a scan."""

    def scan(*arguments: object) -> dict[str, Any]:
        run = governor("keys", "scan", *arguments, "-f", "json", *TODAY)
        assert run.code in (0, 1, 3), run.err
        return json.loads(run.out)  # type: ignore[no-any-return]

    return scan


def places(report: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(f["origin"]["file"], f["origin"]["line"], f["origin"]["column"]) for f in report["findings"]]


def test_a_key_in_the_working_tree_is_told_and_not_shown(repository: Repository, governor: Governor) -> None:
    repository.write(app=f'import os\n\nos.environ["OPENAI_API_KEY"] = "{openai()}"\nTOKEN = "{huggingface()}"\n')

    run = governor("keys", "scan", *TODAY)

    assert (run.code, run.err) == (1, "")
    assert run.out == (
        "the working tree, stage commit\n"
        "\n"
        "OPEN  2 findings in 1 file\n"
        "deny  KEY003  No AI key stands in code  critical\n"
        "  fix: Revoke the key, then read its successor from a secret store or use an identity without a key.\n"
        "  app.py:3:33  holds a key for openai in OPENAI_API_KEY: openai-project-key, sk-proj-… of 164 characters\n"
        "  app.py:4:10  holds a key for huggingface in TOKEN: huggingface-user-token, hf_… of 37 characters\n"
        "\n"
        "Does not pass: 2 findings at level deny.\n"
        "2 open, 0 exempt, 0 undetermined – 1 file, 1 policy, 0 gaps\n"
    )


@pytest.mark.parametrize("name", ["table", "json", "sarif", "markdown"])
def test_no_report_holds_any_part_of_a_key(repository: Repository, governor: Governor, name: str) -> None:
    key = openai()
    repository.write(app=f"KEY = '{key}'  # governor:allow KEY003 until=2026-12-31 reason=same as {openai(1)}\n")
    repository.write(**{f"backup-{huggingface()}": f"K = '{openai(2)}' # governor:allow\n{openai(3)} = '{openai(4)}'"})
    repository.commit()

    told = "".join(
        f"{run.out}{run.err}"
        for options in ([], ["--staged"], ["--history"])
        for run in [governor("keys", "scan", *options, "-v", "-f", name, *TODAY)]
    )

    assert "KEY003" in told
    secrets = [*(openai(turn)[8:] for turn in range(5)), huggingface()[3:]]
    parts = {secret[start : start + 6] for secret in secrets for start in range(len(secret) - 6)}
    assert [part for part in parts if part in told] == []


def test_sarif_points_at_line_and_column(repository: Repository, governor: Governor) -> None:
    repository.write(app=f"\nx = '{openai()}'\n")

    results = json.loads(governor("keys", "scan", "-f", "sarif").out)["runs"][0]["results"]

    (location,) = results[0]["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "app.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 2, "startColumn": 6},
    }


def test_what_is_staged_counts_and_not_what_became_of_it(repository: Repository, report: Report) -> None:
    repository.commit(kept="x = 1\n", changed="x = 1\n", gone="x = 1\n")
    repository.write(changed=f"KEY = '{openai()}'\n", added=f"KEY = '{openai()}'\n")
    (repository.folder / "gone.py").unlink()
    repository.git("add", "-A")
    repository.write(changed="KEY = None\n", kept=f"KEY = '{openai()}'\n", untracked=f"KEY = '{openai()}'\n")

    staged, named = report("--staged"), report("--staged", "kept.py", "changed.py", "gone.py")

    assert places(staged) == [("added.py", 1, 8), ("changed.py", 1, 8)]
    assert staged["summary"]["resources"] == 2
    assert places(named) == [("changed.py", 1, 8)]
    assert named["summary"]["resources"] == 2
    assert named["notes"] == ["not searched: 1 × file that is not in the index (gone.py)"]
    assert places(report()) == [("added.py", 1, 8), ("kept.py", 1, 8), ("untracked.py", 1, 8)]


def test_before_the_first_commit_everything_is_staged(repository: Repository, report: Report) -> None:
    repository.write(app=f"KEY = '{openai()}'\n")
    repository.git("add", "-A")

    assert places(report("--staged")) == [("app.py", 1, 8)]


@pytest.mark.parametrize("how", [["-a"], ["app.py"], []], ids=["commit -a", "commit FILE", "commit"])
def test_a_git_hook_stops_the_commit(repository: Repository, how: list[str]) -> None:
    """git gives a hook an index of its own for `commit -a` and `commit FILE`."""
    repository.commit(app="x = 1\n")
    hook = repository.folder / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m governor keys scan --staged\n")
    hook.chmod(0o755)
    repository.write(app=f"KEY = '{openai()}'\n")
    if not how:
        repository.git("add", "-A")
    environment = {"PYTHONPATH": str(Path(keys.__file__).parents[2])}

    with pytest.raises(subprocess.CalledProcessError) as stopped:
        repository.git("commit", "-m", "oops", *how, **environment)

    assert b"app.py:1:8" in stopped.value.stderr + stopped.value.stdout
    repository.write(app="KEY = None\n")
    repository.git("add", "-A")
    repository.git("commit", "-m", "mended", **environment)


ALLOW = "governor:allow KEY003 until=2026-12-31 reason=revoked on 2026-01-02, kept for the story"


@pytest.mark.parametrize(
    "text",
    [
        "KEY = '{key}'  # {allow}\n",
        "# {allow}\nKEY = '{key}'\n",
        "    // {allow}\r\nconst key = '{key}'\r\n",
        "key: {key} # {allow}",
        "<!-- {allow} -->\n<key>{key}</key>\n",
        "/* {allow} */\nkey('{key}')\n",
        "-- {allow}\nkey = '{key}'\n",
        "  * {allow}\n  key('{key}')\n",
    ],
)
def test_a_comment_beside_the_key_allows_it(repository: Repository, report: Report, text: str) -> None:
    repository.folder.joinpath("app.txt").write_text(text.format(key=openai(), allow=ALLOW), "utf-8", newline="")

    found = report()

    (finding,) = found["findings"]
    assert finding["state"] == "exempt"
    assert finding["exemption"] == {
        "policy": "KEY003",
        "resource": "app.txt",
        "category": "waiver",
        "reason": "revoked on 2026-01-02, kept for the story",
        "owner": "",
        "approved_by": "",
        "expires": "2026-12-31",
        "ticket": "",
    }
    assert found["run"]["exit_code"] == 0
    assert found["notes"] == []


def test_the_terms_of_an_allow_are_in_the_table(repository: Repository, governor: Governor) -> None:
    repository.write(app=f"KEY = '{openai()}'  # {ALLOW}\n")

    out = governor("keys", "scan", "-v", *TODAY).out

    assert "waiver until 2026-12-31: revoked on 2026-01-02, kept for the story (in the code)\n" in out
    assert out.endswith("0 open, 1 exempt, 0 undetermined – 1 file, 1 policy, 0 gaps\n")


def test_an_allow_covers_its_own_key_and_no_other(repository: Repository, report: Report) -> None:
    repository.write(app=f"A = '{openai()}'  # {ALLOW}\nA = '{openai(1)}'\n\nA = '{openai(2)}'\n")

    assert [(f["origin"]["line"], f["state"]) for f in report()["findings"]] == [
        (2, "open"),
        (4, "open"),
        (1, "exempt"),
    ]


def test_a_lapsed_allow_is_told_and_covers_nothing(repository: Repository, governor: Governor) -> None:
    repository.write(app=f"# {ALLOW.replace('2026-12-31', '2026-07-31')}\nKEY = '{openai()}'\n")

    run = governor("keys", "scan", *TODAY)

    assert run.code == 1
    assert "LAPSED EXEMPTIONS" in run.out
    assert "waiver until 2026-07-31: revoked" in run.out
    assert governor("keys", "scan", "--today", "2026-07-31").code == 0


def test_an_allow_for_another_policy_covers_nothing_and_is_stale(repository: Repository, report: Report) -> None:
    repository.write(app=f"KEY = '{openai()}'  # {ALLOW.replace('KEY003', 'KEY030')}\n")

    found = report()

    assert [finding["state"] for finding in found["findings"]] == ["open"]
    assert [exemption["policy"] for exemption in found["stale_exemptions"]] == ["KEY030"]


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("# governor:allow", "lacks its policy, its last day or its reason"),
        ("# governor:allow KEY003", "lacks its policy, its last day or its reason"),
        ("# governor:allow KEY003 until=2026-12-31", "lacks its policy, its last day or its reason"),
        ("# governor:allow KEY003 until=2026-12-31 reason=", "lacks its policy, its last day or its reason"),
        ("# governor:allow KEY003 until=2026-12-31 reason=''", "lacks its policy, its last day or its reason"),
        ("# governor:allow KEY003 reason=because", "lacks its policy, its last day or its reason"),
        ("# governor:allow until=2026-12-31 reason=because", "lacks its policy, its last day or its reason"),
        ("# governor:allow KEY003 until=2026-02-30 reason=because", "ends on no day"),
        ("# governor:allow KEY003 until=never reason=because", "ends on no day"),
        ("+ 'governor:allow KEY003 until=2026-12-31 reason=because'", "stands in no comment"),
    ],
)
def test_a_malformed_allow_is_told_and_covers_nothing(
    repository: Repository, report: Report, comment: str, told: str
) -> None:
    repository.write(app=f"\nKEY = '{openai()}' {comment}\n")

    found = report()

    assert [finding["state"] for finding in found["findings"]] == ["open"]
    (note,) = found["notes"]
    assert note.startswith(f"app.py, line 2: governor:allow {told} and covers nothing: write governor:allow KEY003 ")


def test_exemptions_go_by_the_path(repository: Repository, report: Report) -> None:
    terms = "category: waiver, reason: specimens, owner: ada, approved_by: grace"
    write(
        repository.folder,
        {
            "governor.yaml": "exemptions: exemptions.yaml\n",
            "exemptions.yaml": "exemptions:\n"
            f"  - {{policy: KEY*, resource: 'tests/*', expires: 2026-12-31, {terms}}}\n"
            f"  - {{policy: TAG001, resource: '*', expires: 2026-12-31, {terms}}}\n"
            f"  - {{policy: KEY003, resource: 'nowhere/*', expires: 2026-12-31, {terms}}}\n",
            "tests/specimen.py": f"KEY = '{openai()}'\n",
            "src/app.py": f"KEY = '{openai()}'\n",
        },
    )

    found = report()

    assert [(f["resource"], f["state"]) for f in found["findings"]] == [
        ("src/app.py", "open"),
        ("tests/specimen.py", "exempt"),
    ]
    assert found["stale_exemptions"] == []


def test_paths_start_at_the_root_of_the_repository(
    repository: Repository, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository.folder, {"src/deep/app.py": f"KEY = '{openai()}'\n", "other.py": f"KEY = '{openai()}'\n"})
    repository.git("add", "-A")
    monkeypatch.chdir(repository.folder / "src")

    for arguments in ([], ["."], ["deep"], ["deep/app.py"], ["--staged", "deep"], ["--staged", "deep/app.py"]):
        assert [finding["resource"] for finding in report(*arguments)["findings"]] == ["src/deep/app.py"]
    assert len(report("--staged")["findings"]) == 2


def test_the_fingerprint_outlives_lines_keys_and_in_part_names(repository: Repository, report: Report) -> None:
    """It is made of policy, path and the name that is given the key: a moved file keeps policy and attribute."""
    repository.write(app=f"KEY = '{openai()}'\n")
    (before,) = report()["findings"]
    repository.write(app=f"import os\n\nOTHER = '{huggingface()}'\nKEY = '{openai(1)}'\n")
    after = {finding["attribute"]: finding for finding in report()["findings"]}
    (repository.folder / "app.py").rename(repository.folder / "moved.py")
    moved = {finding["attribute"]: finding for finding in report()["findings"]}

    assert after["attributes.ai_keys.KEY"]["fingerprint"] == before["fingerprint"]
    assert moved.keys() == after.keys() == {"attributes.ai_keys.KEY", "attributes.ai_keys.OTHER"}
    assert moved["attributes.ai_keys.KEY"]["fingerprint"] != before["fingerprint"]


def test_what_gitignore_names_is_left_out_unless_it_is_named(repository: Repository, report: Report) -> None:
    repository.folder.joinpath(".gitignore").write_text("*.local\nbuild/\n")
    write(repository.folder, {"a.local": f"KEY={openai()}", "build/b": f"KEY={openai()}", "src/c.env": "K=1\n"})

    assert report()["findings"] == []
    assert places(report("a.local", "src")) == [("a.local", 1, 5)]


def test_without_git_a_folder_is_walked(tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "outside"
    write(outside, {"a/app.py": f"KEY = '{openai()}'\n", ".hidden": f"KEY={openai()}", ".git/x": f"KEY={openai()}"})
    shutil.rmtree(outside / ".git")
    (tmp_path / ".git").rmdir()
    monkeypatch.chdir(outside)
    monkeypatch.setenv("PATH", "/nowhere")

    assert places(report()) == [(".hidden", 1, 5), ("a/app.py", 1, 8)]
    assert places(report("a/../a/app.py")) == [("a/app.py", 1, 8)]


def test_a_repository_is_walked_where_git_is_not_installed(
    repository: Repository, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write(app=f"KEY = '{openai()}'\n")
    monkeypatch.setenv("PATH", "/nowhere")

    found = report()

    assert places(found) == [("app.py", 1, 8)]
    assert found["summary"]["resources"] == 1


def test_standard_input(governor: Governor) -> None:
    run = governor("keys", "scan", "-", *TODAY, stdin=f"a\nKEY={openai()}\n".encode())

    assert (run.code, run.err) == (1, "")
    assert "standard input:2:5  holds a key for openai in KEY" in run.out
    assert governor("keys", "scan", "-", stdin=b"nothing").out.endswith("– 1 file, 1 policy, 0 gaps\n")


ENCODED = f"# ключ\r\nKEY = '{openai()}'\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1251"])
def test_text_is_read_in_every_encoding_it_comes_in(repository: Repository, report: Report, encoding: str) -> None:
    # Without a mark, UTF-16 is told by its zeros, which text in Latin letters has.
    text = ENCODED if encoding not in ("utf-16-le", "utf-16-be") else ENCODED.replace("ключ", "key")
    (repository.folder / "app.txt").write_bytes(text.encode(encoding))

    assert places(report()) == [("app.txt", 2, 8)]


def test_what_is_not_searched_is_told(repository: Repository, report: Report) -> None:
    folder = repository.folder
    (folder / "picture.png").write_bytes(b"\x89PNG\0\0" + openai().encode())
    with (folder / "huge.json").open("wb") as file:
        file.write(b"{}")
        file.truncate(17 * 1024 * 1024)
    (folder / "link.py").symlink_to("app.py")
    (folder / "loop").symlink_to(".")
    inner = Repository(folder / "inner")
    inner.commit(app=f"KEY = '{openai()}'\n")
    repository.git("-c", "advice.addEmbeddedRepo=false", "add", "-A")
    told = [
        "not searched: 1 × binary file (picture.png)",
        "not searched: 1 × file larger than 16 MiB (huge.json)",
        "not searched: 1 × submodule (inner)",
        "not searched: 2 × symbolic link (link.py, loop)",
    ]

    for arguments in ([], ["--staged"]):
        found = report(*arguments)
        assert (found["notes"], found["findings"]) == (told, [])
        assert found["summary"]["resources"] == 0
    os.mkfifo(folder / "pipe")
    assert report("pipe")["notes"] == ["not searched: 1 × special file (pipe)"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads every file")
def test_what_cannot_be_read_is_a_gap(repository: Repository, report: Report) -> None:
    repository.write(app="x = 1\n")
    (repository.folder / "app.py").chmod(0)

    found = report("--strict")

    assert found["gaps"] == [{"place": "app.py", "reason": "Permission denied"}]
    assert found["run"]["exit_code"] == 3


def test_a_content_that_git_lost_is_a_gap(repository: Repository, report: Report) -> None:
    repository.write(app="x = 1\n")
    repository.git("add", "-A")
    blob = repository.git("hash-object", "app.py")
    (repository.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    found = report("--staged", "--strict")

    assert found["gaps"] == [{"place": "app.py", "reason": "git does not have its content"}]
    assert found["run"]["exit_code"] == 3


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take no name that is not UTF-8")
@pytest.mark.parametrize("how", [[], ["--staged"], ["--history"]])
def test_names_of_any_bytes(repository: Repository, governor: Governor, how: list[str]) -> None:
    for name in (b"caf\xe9.py", b"two\nlines.py", b'tab\tand "quote".py', "naïve.py".encode(), b":(top).py"):
        with open(os.fsencode(repository.folder) + b"/" + name, "wb") as file:
            file.write(f"KEY = '{openai()}'\n".encode())
    repository.commit()
    repository.git("reset", "--soft", "HEAD", "-q")
    repository.git("update-ref", "-d", "HEAD") if how == ["--staged"] else None

    run = governor("keys", "scan", *how, "-f", "json", *TODAY)
    table = governor("keys", "scan", *how, *TODAY)

    names = {finding["resource"] for finding in json.loads(run.out)["findings"]}
    assert names == {"caf\\xe9.py", "two\nlines.py", 'tab\tand "quote".py', "naïve.py", ":(top).py"}
    assert "two lines.py:1:8" in table.out
    assert table.code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nope.py"], "nope.py: no such file or folder"),
        (["--history", "--staged"], "--history goes through every commit: give no files and no --staged beside it"),
        (["--history", "main", "src"], "--history goes through every commit: give no files and no --staged beside it"),
        (["--history=--output=x"], "No such option '--output'"),
        (["--history", "nope"], "git rev-list failed: bad revision 'nope'"),
        (["--staged", "-"], "standard input is not staged: leave out - or --staged"),
        (["-f", "xml"], "no report is called 'xml'"),
    ],
)
def test_what_cannot_be_done_is_refused(
    repository: Repository, governor: Governor, arguments: list[str], told: str
) -> None:
    run = governor("keys", "scan", *arguments)

    assert run.out == ""
    assert run.code == (3 if "rev-list" in told else 2)
    assert told in run.err


@pytest.mark.parametrize("option", ["--staged", "--history"])
def test_git_is_asked_for_where_it_is_needed(
    repository: Repository, governor: Governor, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch, option: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path_factory.mktemp("outside"))
    outside = governor("keys", "scan", option)
    monkeypatch.setenv("PATH", "/nowhere")
    missing = governor("keys", "scan", option)

    assert (outside.code, missing.code) == (2, 2)
    assert "this is no git repository (not a git repository" in outside.err
    assert "git is not installed, or not on PATH" in missing.err


def test_the_history_tells_who_brought_a_key(repository: Repository, governor: Governor) -> None:
    repository.commit("begin", app="x = 1\n")
    first = repository.commit("key", day="2026-02-03", app=f"\nKEY = '{openai()}'\n")
    repository.commit("move it", day="2026-02-04", app=f"\n\n\nKEY = '{openai()}'\n")
    repository.commit("take it out", day="2026-02-05", app="KEY = None\n")

    run = governor("keys", "scan", "--history", *TODAY)

    assert (run.code, run.err) == (1, "governor: 4 file versions searched\n")
    assert run.out == (
        "every commit, stage commit\n"
        "\n"
        "OPEN  1 finding in 1 file version\n"
        "deny  KEY003  No AI key stands in code  critical\n"
        "  fix: Revoke the key, then read its successor from a secret store or use an identity without a key.\n"
        "  app.py:2:8  holds a key for openai in KEY: openai-project-key, sk-proj-… of 164 characters;"
        f" since {first[:10]} of\n"
        "              2026-02-03 by Ada\n"
        "\n"
        "Does not pass: 1 finding at level deny.\n"
        "1 open, 0 exempt, 0 undetermined – 4 file versions, 1 policy, 0 gaps\n"
    )
    assert governor("keys", "scan", *TODAY).code == 0


def test_the_history_of_a_range_and_of_branches(repository: Repository, report: Report) -> None:
    repository.commit("begin", app=f"OLD = '{openai()}'\n")
    repository.git("tag", "start")
    repository.git("switch", "-q", "-c", "feature")
    repository.commit("feature", feature=f"NEW = '{openai(1)}'\n")
    repository.git("switch", "-q", "main")

    assert {f["resource"] for f in report("--history")["findings"]} == {"app.py", "feature.py"}
    assert {f["resource"] for f in report("--history", "start..feature")["findings"]} == {"feature.py"}
    assert {f["resource"] for f in report("--history", "main")["findings"]} == {"app.py"}


def test_what_only_a_merge_brought_is_found(repository: Repository, report: Report) -> None:
    repository.commit("begin", app="x = 1\n")
    repository.git("switch", "-q", "-c", "side")
    repository.commit("side", side="x = 2\n")
    repository.git("switch", "-q", "main")
    repository.commit("main", main="x = 3\n")
    repository.git("merge", "-q", "--no-commit", "side")
    merge = repository.commit("merge", day="2026-03-04", app=f"KEY = '{openai()}'\n")

    (finding,) = report("--history")["findings"]

    assert finding["msg"].endswith(f"; since {merge[:10]} of 2026-03-04 by Ada")


def test_a_key_that_was_allowed_later_is_allowed_in_the_history(repository: Repository, report: Report) -> None:
    repository.commit("key", app=f"KEY = '{openai()}'\n")
    repository.commit("allow", app=f"KEY = '{openai()}'  # {ALLOW}\n")

    assert [(f["state"], f["origin"]["column"]) for f in report("--history")["findings"]] == [("exempt", 8)]


def test_two_keys_of_one_name_are_two_findings_in_the_history(repository: Repository, report: Report) -> None:
    repository.commit("one", app=f"KEY = '{openai()}'\n")
    repository.commit("another", app=f"KEY = '{openai(1)}'\n")

    assert len({finding["fingerprint"] for finding in report("--history")["findings"]}) == 2


def test_a_repository_without_commits_has_no_history(repository: Repository, governor: Governor) -> None:
    run = governor("keys", "scan", "--history")

    assert run.code == 0
    assert run.out.endswith("– 0 file versions, 1 policy, 0 gaps\n")


def test_many_files_are_shared_out_and_told_in_order(repository: Repository, report: Report) -> None:
    for number in range(450):
        key = openai(number % 30) if number % 90 == 0 else "none"
        (repository.folder / f"f{number:03}.py").write_text(f"KEY = '{key}'\n")
    (repository.folder / "g\udce9.py").write_text(f"KEY = '{openai()}'\n")
    expected = ["f000.py", "f090.py", "f180.py", "f270.py", "f360.py", "g\\xe9.py"]

    assert [finding["resource"] for finding in report()["findings"]] == expected
    repository.commit()
    assert [finding["resource"] for finding in report("--history")["findings"]] == expected
    found = report("--staged", ".")
    assert [finding["resource"] for finding in found["findings"]] == expected
    assert found["summary"]["resources"] == 451


def test_a_clean_scan_reads_as_if_the_policy_had_been_asked(repository: Repository, governor: Governor) -> None:
    repository.write(app="x = 1\n")
    (repository.folder / "picture.png").write_bytes(b"\0")

    briefly = governor("keys", "scan", *TODAY)
    fully = governor("keys", "scan", "-f", "table", "-f", "json=report.json", *TODAY)

    assert briefly == fully
    assert briefly.out == (
        "the working tree, stage commit\n"
        "\n"
        "note: not searched: 1 × binary file (picture.png)\n"
        "\n"
        "All good: nothing is open.\n"
        "0 open, 0 exempt, 0 undetermined – 1 file, 1 policy, 0 gaps\n"
    )
    assert governor("keys", "scan", "-q").out == "0 open, 0 exempt, 0 undetermined – 2 files, 1 policy, 0 gaps\n"


def test_the_card_is_that_of_the_library() -> None:
    (policy,) = [policy for policy in library.load([library.builtin()]).known if policy.id == keys.CARD.id]

    for field in ("title", "severity", "concern", "stages"):
        assert getattr(keys.CARD, field) == getattr(policy, field)


def test_levels_are_those_of_the_stage(repository: Repository, governor: Governor) -> None:
    write(repository.folder, {"app.py": f"KEY = '{openai()}'\n"})
    settings = repository.folder / "governor.yaml"

    settings.write_text("levels: [{policies: KEY003, level: warn, stages: [commit]}]\n")
    warned = governor("keys", "scan", *TODAY)
    settings.write_text("levels: [{policies: KEY003, level: 'off', stages: [commit]}]\n")
    off = governor("keys", "scan", *TODAY)

    assert (warned.code, off.code) == (0, 4)
    assert "warn  KEY003" in warned.out
    assert "note: KEY003 is off: see `levels`" in off.out
    assert governor("keys", "scan", "--exit-zero", *TODAY).code == 4
    settings.unlink()
    assert governor("keys", "scan", "--exit-zero", *TODAY).code == 0


def test_a_policy_that_is_off_judges_nothing_even_where_nothing_is_sighted(
    repository: Repository, governor: Governor
) -> None:
    write(repository.folder, {"app.py": "x = 1\n", "governor.yaml": "levels: [{policies: 'KEY*', level: 'off'}]\n"})

    assert governor("keys", "scan").code == 4
    assert governor("keys", "scan", "-f", "json").code == 4


def test_of_a_conflict_our_side_is_read(repository: Repository, report: Report) -> None:
    repository.commit(app="x = 1\n")
    repository.git("switch", "-q", "-c", "theirs")
    repository.commit(app=f"\nTHEIRS = '{openai(1)}'\n")
    repository.git("switch", "-q", "main")
    repository.commit(app=f"OURS = '{openai()}'\n")
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("merge", "theirs")

    assert places(report("--staged", "app.py")) == [("app.py", 1, 9)]


def test_settings_without_the_shipped_library_judge_nothing(repository: Repository, governor: Governor) -> None:
    write(repository.folder, {"governor.yaml": "policies: [mine]\n", "mine/names/names.rego": rego()})

    run = governor("keys", "scan")

    assert run.code == 4
    assert "note: KEY003 is not among the policies: add `builtin` to them" in run.out


def test_nothing_slow_is_loaded_where_nothing_is_sighted(repository: Repository) -> None:
    repository.write(app="x = 1\n")
    slow = {"regorus", "pydantic", "jsonschema", "rich", "hyperscan", "git", "governor.languages.rego"}
    script = (
        "import sys\nfrom governor import cli\nsys.argv = ['governor', 'keys', 'scan']\n"
        f"code = cli._run()\nprint(code, *sorted({slow!r} & sys.modules.keys()), file=sys.stderr)"
    )

    run = subprocess.run(
        [sys.executable, "-c", script], cwd=repository.folder, capture_output=True, text=True, check=True
    )

    assert run.stderr == "0\n"


def test_this_project_holds_no_key(governor: Governor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    run = governor("keys", "scan", "-v")

    assert run.code == 0, run.out
    assert "0 open, 0 exempt" in run.out


def test_the_history_of_a_shallow_clone_is_a_gap(
    repository: Repository, governor: Governor, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("key", app=f"KEY = '{openai()}'\n")
    repository.commit("out", app="KEY = None\n")
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.folder}", "shallow")
    monkeypatch.chdir(repository.folder / "shallow")

    run = governor("keys", "scan", "--history", "--strict")

    assert run.code == 3
    assert "the clone is shallow and lacks them: git fetch --unshallow" in run.out


def test_a_file_that_is_named_twice_is_read_once(repository: Repository, report: Report) -> None:
    write(repository.folder, {"src/app.py": f"KEY = '{openai()}'\n"})

    found = report("src", "./src/../src", "src/app.py", str(repository.folder / "src" / "app.py"))

    assert (places(found), found["summary"]["resources"]) == ([("src/app.py", 1, 8)], 1)


def test_names_that_are_told_alike_are_files_of_their_own(repository: Repository, report: Report) -> None:
    for turn in range(3):
        repository.write(**{f"of-{openai(turn)}": f"KEY = '{openai(turn)}'\n"})

    found = report()

    assert found["summary"]["resources"] == 3
    assert [(f["resource"], f["attribute"]) for f in found["findings"]] == [
        ("of-(key).py", f"attributes.ai_keys.KEY{number}") for number in ("", "-2", "-3")
    ]


def test_a_dump_of_keys_is_told_line_by_line(repository: Repository, report: Report) -> None:
    """On one line and on many; the work grows with the file, not with its square."""
    keys = [openai(turn % 33) for turn in range(2_000)]
    repository.write(lines="\n".join(keys), line=" ".join(keys))

    found = places(report())

    assert [line for file, line, _ in found if file == "lines.py"] == list(range(1, 2_001))
    assert [column for file, _, column in found if file == "line.py"] == list(range(1, 2_000 * 165, 165))
