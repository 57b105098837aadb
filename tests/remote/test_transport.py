"""Policies over https, from a host that runs git and from one that serves files, and over ssh; what goes wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from git_hosts import NAMES, Origin, served
from governor import remote
from governor.errors import CANNOT_JUDGE, Refusal
from governor.remote import Source, repository


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


def trust(own_git: Path, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(own_git / "ca.pem")
    (own_git / ".gitconfig").write_text(f"[http]\n\tsslCAInfo = {own_git / 'ca.pem'}\n")


@pytest.fixture(params=["git", "files"])
def host(
    request: pytest.FixtureRequest, origin: Origin, authority: trustme.CA, own_git: Path, tmp_path: Path
) -> Iterator[str]:
    """The address of a repository on an https host that git trusts."""
    trust(own_git, authority)
    origin.git("tag", "--annotate", "--message=two", "v2")
    bare = tmp_path / "served" / "policies.git"
    origin.git("clone", "--quiet", "--bare", str(origin.folder), str(bare))
    origin.folder = bare
    origin.git("update-server-info")
    with served(bare.parent, authority, request.param) as address:
        yield f"{address}/policies.git"


def text_of(folder: Path) -> str:
    return (folder / "names" / "names.rego").read_text()


def test_commits_tags_and_branches_over_https(host: str, origin: Origin, own_git: Path, tmp_path: Path) -> None:
    commit = origin.git("rev-parse", "main")
    hook = own_git / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with (own_git / ".gitconfig").open("a") as settings:
        settings.write(f"[core]\n\thooksPath = {hook.parent}\n")

    for ref, floating in ((commit, False), ("v1", False), ("v2", False), ("main", True)):
        found = remote.checkout(Source(host, ref, "policies"), floating=floating)
        assert found.origin == remote.PolicySource(f"git+{host}@{ref}#policies", commit)
        assert text_of(found.folder) == NAMES["policies/names/names.rego"]
    assert not (tmp_path / "ran").exists()


def test_what_an_https_host_does_not_have(host: str) -> None:
    for url, ref, told in (
        (host, "v3", f"{host} has no tag v3: write a tag that it has, or all 40 digits of a commit"),
        (host, "f" * 40, f"{host} has no commit {'f' * 40}: take one that is on a branch or under a tag of it"),
        (f"{host}.no", "v1", f"{host}.no cannot be asked: repository '{host}.no/' not found"),
    ):
        with pytest.raises(Refusal) as caught:
            remote.checkout(Source(url, ref))
        assert str(caught.value) == told


def test_a_host_whose_certificate_nobody_vouches_for(host: str, own_git: Path) -> None:
    (own_git / ".gitconfig").unlink()

    with pytest.raises(Refusal, match=r"cannot be asked: unable to access .*certificate") as caught:
        remote.checkout(Source(host, "v1"))
    assert caught.value.code == CANNOT_JUDGE


def test_a_password_that_git_adds_stays_with_git(
    own_git: Path, authority: trustme.CA, origin: Origin, tmp_path: Path
) -> None:
    """`url.insteadOf` with a token in it is how builds often get at private repositories."""
    trust(own_git, authority)
    with served(tmp_path, authority, "closed") as address:
        host = address.removeprefix("https://")
        with (own_git / ".gitconfig").open("a") as settings:
            settings.write(f'[url "https://hunter2@{host}/"]\n\tinsteadOf = https://example.com/\n')

        with pytest.raises(Refusal) as caught:
            remote.checkout(Source("https://example.com/policies", "v1"))

    assert str(caught.value) == (
        "https://example.com/policies cannot be asked:"
        f" could not read Password for 'https://…@{host}': terminal prompts disabled"
    )


def test_a_host_that_is_not_there(own_git: Path) -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    url = f"https://localhost:{port}/policies"

    with pytest.raises(Refusal, match=rf"{url} cannot be asked: unable to access '{url}/'") as caught:
        remote.checkout(Source(url, "v1"))
    assert caught.value.code == CANNOT_JUDGE


def test_a_host_that_says_nothing_is_not_waited_for_forever(
    own_git: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(repository, "SECONDS", 1)
    with socket.create_server(("localhost", 0)) as server:
        url = f"https://localhost:{server.getsockname()[1]}/policies"

        with pytest.raises(Refusal) as caught:
            remote.checkout(Source(url, "v1"))

        assert str(caught.value) == "git took more than 1 s: see whether the host answers"
        assert caught.value.code == CANNOT_JUDGE
        # Nor does what git started live on: the host sees its connection end.
        connection, _ = server.accept()
        connection.settimeout(10)
        while connection.recv(4096):
            pass
    assert not list(tmp_path.rglob("new-*"))


def test_a_run_that_is_interrupted_ends_at_once(own_git: Path, tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as server:
        url = f"https://localhost:{server.getsockname()[1]}/policies"
        script = (
            "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"from governor import remote\nremote.checkout(remote.Source({url!r}, 'v1'))\n"
        )
        run = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
        connection, _ = server.accept()
        run.send_signal(signal.SIGINT)

        assert run.communicate(timeout=30)[1].endswith("KeyboardInterrupt\n")
        connection.settimeout(10)
        while connection.recv(4096):
            pass
    assert not list(tmp_path.rglob("new-*"))


def test_policies_over_ssh(origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The far end of the line is this machine: what git asks ssh to run there is run here."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")

    found = remote.checkout(Source(f"ssh://git@example.com:2222{origin.folder}", "v1", "policies"))

    assert text_of(found.folder) == NAMES["policies/names/names.rego"]
    assert "-p 2222 git@example.com git-upload-pack" in (tmp_path / "asked").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of Unix")
def test_git_asks_nobody_anything(own_git: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real ssh would read a password from the terminal of whoever started governor."""
    import fcntl
    import pty
    import termios

    ssh = tmp_path / "ssh"
    ssh.write_text(
        "#!/bin/sh\n(exec < /dev/tty) 2>/dev/null && echo 'fatal: terminal' >&2\necho 'fatal: none' >&2\nexit 1\n"
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))

    script = "from governor import remote\nremote.checkout(remote.Source('ssh://git@example.com/policies', 'v1'))\n"
    keyboard, screen = pty.openpty()

    run = subprocess.run(
        [sys.executable, "-c", script], stdin=screen, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(screen, termios.TIOCSCTTY, 0),
    )  # fmt: skip

    os.close(keyboard)
    os.close(screen)
    assert run.stderr.endswith("ssh://git@example.com/policies cannot be asked: none\n")


@pytest.mark.parametrize("url", ["ext::sh -c touch% {}", "--upload-pack=touch {}", "http://localhost:1/policies"])
def test_git_itself_takes_no_other_protocol(own_git: Path, tmp_path: Path, url: str) -> None:
    """A second lock behind that of the address: `url.insteadOf` could turn an honest one into another."""
    ran = tmp_path / "ran"
    (own_git / ".gitconfig").write_text(
        f'[protocol]\n\tallow = always\n[url "{url.format(ran)}"]\n\tinsteadOf = https://example.com/\n'
    )

    with pytest.raises(Refusal, match="cannot be asked"):
        remote.checkout(Source("https://example.com/", "v1"))
    assert not ran.exists()
