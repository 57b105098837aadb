"""Addresses of policies in git: what is read from them, and what never reaches git."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from governor.errors import USAGE, Refusal
from governor.remote.source import Source, parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("written", "source"),
    [
        (f"git+https://host/org/repo@{COMMIT}", Source("https://host/org/repo", COMMIT)),
        ("git+https://host/org/repo.git@v1.2#policies", Source("https://host/org/repo.git", "v1.2", "policies")),
        ("git+https://host:8443/repo@v1#a/b", Source("https://host:8443/repo", "v1", "a/b")),
        ("git+https://[::1]:8443/repo@v1", Source("https://[::1]:8443/repo", "v1")),
        ("git+https://host/My%20Project/_git/repo@v1", Source("https://host/My%20Project/_git/repo", "v1")),
        ("git+ssh://git@host/org/repo@release/2026-08", Source("ssh://git@host/org/repo", "release/2026-08")),
        ("git+ssh://host:2222/~ada/repo@policies@1.0", Source("ssh://host:2222/~ada/repo", "policies@1.0")),
        ("git+file:///srv/policies@v1", Source("file:///srv/policies", "v1")),
        ("git+https://host/repo", Source("https://host/repo")),
        ("git+https://host/repo#policies", Source("https://host/repo", "", "policies")),
    ],
)
def test_an_address_is_taken_apart(written: str, source: Source) -> None:
    assert parse(written) == source
    assert str(source) == written


def test_the_last_slashes_of_a_folder_do_not_matter() -> None:
    assert parse("git+https://host/repo@v1#a/b//") == parse("git+https://host/repo@v1#a/b")


@pytest.mark.parametrize(
    ("ref", "pinned"),
    [(COMMIT, True), (COMMIT[:39], False), (COMMIT[:12], False), (f"{COMMIT}0", False), (COMMIT.upper(), False),
     ("v1", False)],
)  # fmt: skip
def test_only_a_whole_commit_is_pinned(ref: str, pinned: bool) -> None:
    assert parse(f"git+https://host/repo@{ref}").pinned == pinned


FORM = "write git+https://host/org/repo@COMMIT#FOLDER"
PASSWORD = "a password does not belong here: take it out, and give it to git with a credential helper"
HOST = "the host of this address cannot be one"
PATH = "the path of this address cannot be one"
REF = "what follows the @ can be neither commit nor tag"
FOLDER = "what follows the # is no folder of the repository"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("git+host/repo@v1", f"this is no address of a git repository: {FORM}"),
        ("git+git@host:org/repo@v1", "this is no address of a git repository"),
        ("git+https://host", "this is no address of a git repository"),
        ("git+https:///@v1", PATH.replace("path", "host")),
        # A program to run, a local program, plain text on the wire.
        ("git+ext::sh -c id% >&2@v1", "this is no address of a git repository"),
        ("git+ext::sh://-c/id@v1", "git policies come over https, ssh, file"),
        ("git+ext://sh/id@v1", "git policies come over https, ssh, file"),
        ("git+http://host/repo@v1", f"git policies come over https, ssh, file: {FORM}"),
        ("git+git://host/repo@v1", "git policies come over https, ssh, file"),
        ("git+HTTPS://host/repo@v1", "git policies come over https, ssh, file"),
        ("git+https://ada:hunter2@host/repo@v1", PASSWORD),
        ("git+https://hunter2@host/repo@v1", PASSWORD),
        ("git+ssh://ada:hunter2@host/repo@v1", PASSWORD),
        ("git+file://ada:hunter2@host/repo@v1", PASSWORD),
        ("git+ssh://-oProxyCommand=id/repo@v1", HOST),
        ("git+ssh://-oProxyCommand=id@host/repo@v1", HOST),
        ("git+ssh://git@-oProxyCommand=id/repo@v1", HOST),
        ("git+ssh://git@host:org/repo@v1", f"{HOST}: write git+ssh://host/org/repo, the port in digits"),
        ("git+https://ho st/repo@v1", HOST),
        ("git+file://host/repo@v1", "an address of a file begins with git+file:/// and a path"),
        ("git+https://host/repo?token=hunter2@v1", PATH),
        ("git+https://host/a b@v1", PATH),
        ("git+https://host/repo%0ahost=evil@v1", PATH),
        ("git+https://host/repo\nhost=evil@v1", PATH),
        ("git+https://host/repo@", REF),
        ("git+https://host/repo@#policies", REF),
        ("git+https://host/repo@--upload-pack=id", REF),
        ("git+https://host/repo@@ada/policies@1.0", REF),
        ("git+https://host/repo@v*", REF),
        ("git+https://host/repo@v1..v2", REF),
        ("git+https://host/repo@HEAD~1", REF),
        ("git+https://host/repo@v1^{}", REF),
        ("git+https://host/repo@v1:policies", REF),
        ("git+https://host/repo@v1.lock", REF),
        ("git+https://host/repo@v1\n", REF),
        ("git+https://host/repo@v1#/policies", FOLDER),
        ("git+https://host/repo@v1#../policies", FOLDER),
        ("git+https://host/repo@v1#a//b", FOLDER),
        ("git+https://host/repo@v1#a/./b", FOLDER),
        ("git+https://host/repo@v1#a\\b", FOLDER),
        ("git+https://host/repo@v1#a\nb", FOLDER),
    ],
)
def test_what_is_no_address_is_refused_and_not_quoted(written: str, told: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(written)

    assert caught.value.message.startswith(told)
    assert caught.value.code == USAGE
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


PIECES = st.sampled_from(
    ["git+", "https", "ssh", "file", "ext", "http", "::", "://", ":", "/", "//", "@", "#", "-", "--upload-pack=id",
     "..", ".", "host", "repo", "v1", "hunter2", " ", "\n", "\\", "%0a", "%2e", "?", "*", "^{}", "[::1]", "~", "é"]
)  # fmt: skip


@example("git+https://host/repo@v1#policies")
@given(
    st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=9).map(lambda p: "git+https://" + "".join(p))
)
def test_what_is_taken_can_be_given_to_git(written: str) -> None:
    try:
        source = parse(written)
    except Refusal:
        return
    host = re.fullmatch(r"(?:https://|ssh://(?:[\w.-]+@)?|file://)([^/@]*)/[^\s?\\]+", source.url)
    assert host is not None
    assert not host[1].startswith("-")
    assert not re.search(r"^-|\.\.|[\s*?^:~\\]", source.ref)
    assert not {"..", ".", ""} & set(source.folder.split("/") if source.folder else ())
    assert parse(str(source)) == source
