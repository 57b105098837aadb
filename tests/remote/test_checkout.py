"""What a pin means, what the cache keeps, and what it takes to be fooled: real repositories, fetched by git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.policy_folders import rego
from git_hosts import NAMES, Origin
from governor import remote
from governor.errors import CANNOT_JUDGE, USAGE, Refusal
from governor.remote import Checkout


def fetch(origin: Origin, ref: str = "", folder: str = "policies", **options: Any) -> Checkout:
    return remote.checkout(remote.Source(origin.url, ref, folder), **options)


def refusal(origin: Origin, *arguments: Any, **options: Any) -> tuple[int, str]:
    """Exit code and message; the address of the repository reads `URL`."""
    with pytest.raises(Refusal) as caught:
        fetch(origin, *arguments, **options)
    return caught.value.code, str(caught.value).replace(origin.url, "URL").replace(str(origin.folder), "FOLDER")


def contents(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): f.read_text() for f in sorted(folder.rglob("*")) if f.is_file()}


def gone(origin: Origin) -> None:
    """Take the host off the network."""
    shutil.move(origin.folder, origin.folder.with_name("gone"))


# What a ref stands for


def test_a_commit_is_that_commit_whatever_comes_after(origin: Origin) -> None:
    commit = origin.git("rev-parse", "HEAD")
    origin.commit({"policies/names/names.rego": "# other\n"})

    found = fetch(origin, commit)

    assert contents(found.folder) == {"names/names.rego": NAMES["policies/names/names.rego"]}
    assert found.origin == remote.PolicySource(f"git+{origin.url}@{commit}#policies", commit)
    assert found.notes == ()


def test_a_commit_that_no_ref_names_any_more(origin: Origin) -> None:
    commit = origin.commit({"policies/names/data.yaml": "{}\n"})
    origin.git("reset", "--quiet", "--hard", "v1")

    assert "names/data.yaml" in contents(fetch(origin, commit).folder)


@pytest.mark.parametrize("options", [(), ("--annotate", "--message=two")], ids=["lightweight", "annotated"])
def test_a_tag_is_the_commit_that_it_names(origin: Origin, options: tuple[str, ...]) -> None:
    commit = origin.commit({"policies/names/data.yaml": "{}\n"})
    origin.git("tag", "release/2", *options)
    origin.git("tag", "latest", "release/2", *options)
    # Git takes a name for the end of one.
    origin.git("update-ref", "refs/heads/refs/tags/release/2", "v1")
    origin.git("branch", "release/2", "v1")

    for tag in ("release/2", "latest"):
        found = fetch(origin, tag)
        assert found.origin.commit == commit
        assert "names/data.yaml" in contents(found.folder)


def test_a_branch_floats_and_is_refused_unless_it_may(origin: Origin) -> None:
    commit = origin.git("rev-parse", "HEAD")
    told = (
        "which may hold other policies tomorrow: write"
        f" @{commit}, what URL has there now, or a tag (--allow-floating takes whatever it has)"
    )
    assert refusal(origin, "main") == (USAGE, f"main is a branch, {told}")
    assert refusal(origin, "") == (USAGE, f"no commit is named, {told}")

    found = fetch(origin, "main", floating=True)
    newer = origin.commit({"policies/names/data.yaml": "{}\n"})

    assert found.origin.commit == commit
    assert found.notes == (
        f"git+{origin.url}@main#policies floats (main is a branch): the next run may be judged by other policies",
    )
    assert fetch(origin, "main", floating=True).origin.commit == newer
    assert fetch(origin, "", floating=True).origin.commit == newer


def test_what_the_repository_does_not_have(origin: Origin) -> None:
    commit = origin.git("rev-parse", "HEAD")
    no_tag = "write a tag that it has, or all 40 digits of a commit"

    assert refusal(origin, "v2") == (USAGE, f"URL has no tag v2: {no_tag}")
    assert refusal(origin, commit[:12]) == (USAGE, f"URL has no tag {commit[:12]}: {no_tag}")
    assert refusal(origin, "f" * 40) == (
        USAGE, f"URL has no commit {'f' * 40}: take one that is on a branch or under a tag of it"
    )  # fmt: skip
    assert refusal(origin, commit, "rules/aws") == (
        USAGE, f"commit {commit[:12]} has no folder rules/aws: where rules should be, there are: policies"
    )  # fmt: skip
    assert refusal(origin, commit, "policies/names/names.rego")[1].endswith(
        "where names.rego should be, there are: none"
    )
    origin.git("tag", "tree", "HEAD^{tree}")
    assert refusal(origin, "tree")[1].endswith("names a tree, and not a commit")


def test_a_whole_repository(origin: Origin) -> None:
    assert contents(fetch(origin, "v1", "").folder) == NAMES


# A tag that moves


def test_a_tag_that_moved_is_refused_until_somebody_says_that_it_may(origin: Origin) -> None:
    old = fetch(origin, "v1").origin.commit
    new = origin.commit({"policies/names/data.yaml": "{}\n"})
    origin.git("tag", "--force", "v1")

    moved = f"the tag v1 of URL has moved from commit {old} to {new}"
    told = f"{moved}: find out why, then pin the commit that you mean (--allow-floating takes the new one)"
    assert refusal(origin, "v1") == refusal(origin, "v1") == (CANNOT_JUDGE, told)

    found = fetch(origin, "v1", floating=True)
    assert found.origin.commit == new
    assert found.notes == (moved.replace("URL", origin.url),)
    assert fetch(origin, "v1").notes == ()


def test_a_tag_that_was_only_signed_anew_has_not_moved(origin: Origin) -> None:
    commit = fetch(origin, "v1").origin.commit
    origin.git("tag", "--force", "--annotate", "--message=again", "v1", "v1")

    assert fetch(origin, "v1").origin.commit == commit


def test_a_tag_that_was_taken_away(origin: Origin) -> None:
    fetch(origin, "v1")
    origin.git("tag", "--delete", "v1")

    assert refusal(origin, "v1")[1].startswith("URL has no tag v1:")


def test_what_a_tag_stood_for_is_not_forgotten_by_damage(origin: Origin, tmp_path: Path) -> None:
    fetch(origin, "v1")
    (record,) = (tmp_path / "cache").rglob("tag-*.json")
    record.write_text("")

    assert refusal(origin, "v1") == (
        CANNOT_JUDGE,
        f"{record}: the cache no longer tells what this tag stood for: delete the file, after a look at the tag",
    )


# Without the host


def test_a_commit_in_the_cache_needs_neither_host_nor_git(
    origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit = origin.git("rev-parse", "HEAD")
    found = fetch(origin, commit)
    gone(origin)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert fetch(origin, commit) == found
    assert refusal(origin, "0" * 40) == (
        CANNOT_JUDGE, "git policies need git: install it, or give a folder in place of the address"
    )  # fmt: skip


def test_a_tag_in_the_cache_stands_in_for_a_host_that_is_away(origin: Origin) -> None:
    found = fetch(origin, "v1")
    gone(origin)

    again = fetch(origin, "v1")

    assert (again.folder, again.origin) == (found.folder, found.origin)
    (note,) = again.notes
    assert note == (
        f"git+{origin.url}@v1#policies is taken from the cache: {origin.url} cannot be asked:"
        f" '{origin.folder}' does not appear to be a git repository"
    )


def test_what_is_not_in_the_cache_needs_the_host(origin: Origin) -> None:
    fetch(origin, "main", floating=True)
    gone(origin)

    away = "'FOLDER' does not appear to be a git repository"
    assert refusal(origin, "v1") == (CANNOT_JUDGE, f"URL cannot be asked: {away}")
    assert refusal(origin, "main", floating=True) == (CANNOT_JUDGE, f"URL cannot be asked: {away}")
    assert refusal(origin, "0" * 40) == (CANNOT_JUDGE, f"URL cannot be fetched: {away}")


# A cache that is not what it was


def _damage() -> dict[str, Callable[[Path], Any]]:
    return {
        "changed": lambda entry: (entry / "files/names/names.rego").write_text(rego(body="false")),
        "emptied": lambda entry: (entry / "files/names/names.rego").write_text(""),
        "gone": lambda entry: (entry / "files/names/names.rego").unlink(),
        "renamed": lambda entry: (entry / "files/names").rename(entry / "files/other"),
        "added": lambda entry: (entry / "files/names/more.rego").write_text(rego(id="X1", rule="deny_x")),
        "link": lambda entry: (entry / "files/names/more.rego").symlink_to("names.rego"),
        "linked folder": lambda entry: (entry / "files/more").symlink_to("names"),
        "files gone": lambda entry: shutil.rmtree(entry / "files"),
        "objects gone": lambda entry: (entry / "objects").unlink(),
        "objects empty": lambda entry: (entry / "objects").write_bytes(b""),
        "objects cut": lambda entry: (entry / "objects").write_bytes((entry / "objects").read_bytes()[:-1]),
        "objects turned": lambda entry: (entry / "objects").write_bytes((entry / "objects").read_bytes()[::-1]),
    }


@pytest.mark.parametrize("how", _damage())
def test_damage_is_seen_and_healed_or_refused(origin: Origin, how: str) -> None:
    commit = origin.git("rev-parse", "HEAD")
    first = fetch(origin, commit)
    _damage()[how](first.folder.parent)

    healed = fetch(origin, commit)

    assert healed.folder != first.folder
    assert contents(healed.folder) == {"names/names.rego": NAMES["policies/names/names.rego"]}
    assert fetch(origin, commit).folder == healed.folder

    _damage()[how](healed.folder.parent)
    gone(origin)
    assert refusal(origin, commit)[0] == CANNOT_JUDGE


def test_a_whole_entry_of_another_commit_is_no_answer(origin: Origin) -> None:
    """A cache that builds share is filled by whoever can run one."""
    commit = origin.git("rev-parse", "HEAD")
    good = fetch(origin, commit).folder.parent
    evil = fetch(origin, origin.commit({"policies/names/names.rego": rego(body="false")})).folder.parent
    shutil.rmtree(good)
    shutil.copytree(evil, good)

    assert contents(fetch(origin, commit).folder)["names/names.rego"] == NAMES["policies/names/names.rego"]


def test_folders_of_one_commit_lie_apart(origin: Origin) -> None:
    commit = origin.commit({"policies/names/data.yaml": "a: 1\n", "other/names/names.rego": "x"})

    assert set(contents(fetch(origin, commit).folder)) == {"names/names.rego", "names/data.yaml"}
    assert set(contents(fetch(origin, commit, "other").folder)) == {"names/names.rego"}


def test_runs_at_once_see_all_of_it_or_wait(origin: Origin, tmp_path: Path) -> None:
    files = {f"policies/names/n{number}.rego": f"# {number}\n" for number in range(40)}
    commit = origin.commit(files)
    script = (
        "import sys\nfrom governor import remote\nprint('ready', flush=True)\nsys.stdin.readline()\n"
        f"found = remote.checkout(remote.Source({origin.url!r}, {commit!r}, 'policies'))\n"
        "print(len(list(found.folder.rglob('*.rego'))))\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen([sys.executable, "-c", script], **pipes) for _ in range(4)]
    for run in runs:
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()

    assert [run.communicate()[0] for run in runs] == ["41\n"] * 4
    (store,) = (tmp_path / "cache" / "governor" / "policies").iterdir()
    assert len(list(store.iterdir())) == 1


def test_a_cache_that_cannot_be_written(origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    code, told = refusal(origin, "v1")

    assert code == CANNOT_JUDGE
    assert told.startswith("git policies are kept in the cache, which cannot be written (")
    assert told.endswith("name a folder in XDG_CACHE_HOME")


def test_nothing_is_left_behind(origin: Origin, tmp_path: Path) -> None:
    threads = threading.active_count()

    fetch(origin, "v1")
    refusal(origin, "v1", "nowhere")

    (store,) = (tmp_path / "cache" / "governor" / "policies").iterdir()
    assert not list(store.glob("new-*"))
    assert store.stat().st_mode & 0o077 == 0
    assert threading.active_count() == threads


# What no checkout should hold


def test_links_inside_the_folder_stay_and_those_that_leave_it_are_refused(origin: Origin) -> None:
    policies = origin.folder / "policies"
    (policies / "aliases").mkdir()
    (policies / "aliases" / "names.rego").symlink_to("../names/names.rego")
    (policies / "prod").symlink_to("names")
    inside = fetch(origin, origin.commit())
    assert (inside.folder / "aliases/names.rego").read_text() == (inside.folder / "prod/names.rego").read_text()

    (policies / "deep").symlink_to("aliases")
    for target in ("/etc/passwd", "../../outside", "../prod/../../outside", str(policies / "names"), "../deep/../.."):
        (policies / "names" / "out.rego").unlink(missing_ok=True)
        (policies / "names" / "out.rego").symlink_to(target)
        commit = origin.commit({})
        assert refusal(origin, commit) == (
            USAGE, "names/out.rego is a link that leaves the folder: have a file put there"
        ), target  # fmt: skip


def test_a_submodule_is_not_fetched_and_not_passed_over(origin: Origin, tmp_path: Path) -> None:
    other = Origin(tmp_path / "hosts" / "other")
    other.commit()
    origin.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.url, "policies/more")

    told = "more is a submodule, and those are not fetched: name its repository in a line of its own"
    assert refusal(origin, origin.commit({})) == (USAGE, told)


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "a/b", "a\\b", "C:x", "a\x1bb", "a\nb"])
def test_names_that_lead_elsewhere_are_refused(origin: Origin, name: str) -> None:
    commit = origin.commit_tree(("100644", name, origin.blob("x")))

    assert refusal(origin, commit, "") == (USAGE, f"{name!r} is no name for a file: have it renamed")


@pytest.mark.parametrize("first", ["link", "tree"])
def test_a_file_below_a_link_of_the_same_name_is_not_written_through_it(
    origin: Origin, tmp_path: Path, first: str
) -> None:
    """Git writes no such tree, and a host can send one."""
    outside = tmp_path / "outside"
    outside.mkdir()
    below = origin.commit_tree(("100644", "evil", origin.blob("x")), ("120000", "evil2", origin.blob("y")))
    entries = [
        ("120000", "a", origin.blob(str(outside))),
        ("40000", "a", origin.git("rev-parse", f"{below}^{{tree}}")),
    ]
    commit = origin.commit_tree(*(entries if first == "link" else entries[::-1]))

    assert refusal(origin, commit, "") == (USAGE, "a cannot be written (File exists): have it renamed")
    assert not list(outside.iterdir())


def test_two_files_of_one_name(origin: Origin) -> None:
    commit = origin.commit_tree(("100644", "a", origin.blob("x")), ("100644", "a", origin.blob("y")))

    assert refusal(origin, commit, "") == (USAGE, "a cannot be written (File exists): have it renamed")


def test_nothing_in_a_repository_runs_or_changes_what_it_holds(
    origin: Origin, own_git: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters and attributes of the repository, hooks and templates of the user: a checkout would heed them all."""
    ran = tmp_path / "ran"
    hooks = own_git / "template" / "hooks"
    hooks.mkdir(parents=True)
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / hook).write_text(f"#!/bin/sh\necho {hook} >> {ran}\n")
        (hooks / hook).chmod(0o755)
    (hooks.parent / "config").write_text(f'[url "file:///nowhere/"]\n\tinsteadOf = {origin.url}\n')
    (own_git / ".gitconfig").write_text(
        f"[init]\n\ttemplateDir = {hooks.parent}\n[core]\n\thooksPath = {hooks}\n\tautocrlf = true\n"
        f'[filter "evil"]\n\tsmudge = "tee {ran}"\n'
    )
    text = {"names/names.rego": "$Format:%H$\n", "names/data.yaml": "a: 1\n"}
    attributes = {".gitattributes": "*.rego filter=evil export-subst\n*.yaml export-ignore\n"}
    commit = origin.commit({f"policies/{name}": content for name, content in {**text, **attributes}.items()})
    ran.unlink(missing_ok=True)

    assert contents(fetch(origin, commit).folder) == {**text, **attributes}
    assert not ran.exists()


def test_inside_a_hook_of_another_repository(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Origin(tmp_path / "mine")
    mine.commit({"a.txt": "a"})
    monkeypatch.chdir(mine.folder)
    for name, value in {
        "GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_WORK_TREE": ".", "GIT_PREFIX": "",
        "GIT_OBJECT_DIRECTORY": ".git/objects", "GIT_QUARANTINE_PATH": ".git/objects",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    found = fetch(origin, "v1")

    for name in [name for name in os.environ if name.startswith("GIT_") and name != "GIT_CONFIG_NOSYSTEM"]:
        monkeypatch.delenv(name)
    assert contents(found.folder) == {"names/names.rego": NAMES["policies/names/names.rego"]}
    assert mine.git("status", "--porcelain") == ""
    assert mine.git("count-objects").startswith("3 objects")
    assert mine.git("for-each-ref").count("\n") == 0
