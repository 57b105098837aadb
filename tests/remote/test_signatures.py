"""Who may sign policies: signatures made by ssh-keygen and gpg, checked by git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from git_hosts import NAMES, Origin
from governor import remote
from governor.errors import CANNOT_JUDGE, Refusal
from governor.remote import Checkout


def ssh_key(folder: Path, name: str) -> Path:
    """A new key; the public half lies beside it."""
    key = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True)
    return key


def signing(key: Path) -> tuple[str, ...]:
    return ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")


def allow(file: Path, *keys: Path) -> Path:
    """A file of SSH allowed signers: https://man.openbsd.org/ssh-keygen#ALLOWED_SIGNERS."""
    lines = [f"{key.name}@example.com {key.with_suffix('.pub').read_text()}" for key in keys]
    file.write_text("".join(lines))
    return file


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    return ssh_key(tmp_path, "ada")


@pytest.fixture
def eve(tmp_path: Path) -> Path:
    return ssh_key(tmp_path, "eve")


@pytest.fixture
def signers(tmp_path: Path, ada: Path) -> Path:
    return allow(tmp_path / "signers", ada)


def signed_commit(origin: Origin, key: Path) -> str:
    origin.git(*signing(key), "commit", "--quiet", "--allow-empty", "--message=signed", "--gpg-sign")
    return origin.git("rev-parse", "HEAD")


def signed_tag(origin: Origin, key: Path, name: str, *options: str) -> None:
    origin.git(*signing(key), "tag", "--sign", f"--message={name}", *options, name)


def fetch(origin: Origin, ref: str, **options: Any) -> Checkout:
    return remote.checkout(remote.Source(origin.url, ref, "policies"), signed=True, **options)


def refusal(origin: Origin, ref: str, **options: Any) -> str:
    with pytest.raises(Refusal) as caught:
        fetch(origin, ref, **options)
    assert caught.value.code == CANNOT_JUDGE
    return caught.value.message


def test_a_signed_commit_and_a_signed_tag(origin: Origin, ada: Path, signers: Path) -> None:
    commit = signed_commit(origin, ada)
    origin.git("tag", "light")
    origin.git("tag", "--annotate", "--message=unsigned", "annotated")
    unsigned = origin.commit({"policies/names/data.yaml": "{}\n"})
    signed_tag(origin, ada, "v2")

    for ref, stands_for in ((commit, commit), ("light", commit), ("annotated", commit), ("v2", unsigned)):
        found = fetch(origin, ref, signers=signers)
        assert (found.origin.commit, found.origin.signer) == (stands_for, "ada@example.com")
        assert (found.folder / "names/names.rego").read_text() == NAMES["policies/names/names.rego"]


def test_what_nobody_signed(origin: Origin, signers: Path) -> None:
    commit = origin.git("rev-parse", "HEAD")

    told = f"commit {commit[:12]} has no good signature by one that signers lists"
    assert refusal(origin, commit, signers=signers) == refusal(origin, "v1", signers=signers) == told


def test_a_signature_of_somebody_else(origin: Origin, eve: Path, signers: Path) -> None:
    commit = signed_commit(origin, eve)
    signed_tag(origin, eve, "v2")

    assert refusal(origin, commit, signers=signers).startswith(
        f"commit {commit[:12]} has no good signature by one that"
    )
    # A bad signature of the tag is not mended by a good one of the commit.
    tag = origin.git("rev-parse", "v2")
    assert refusal(origin, "v2", signers=signers).startswith(f"tag {tag[:12]} has no good signature")


def test_a_bad_tag_on_a_good_commit(origin: Origin, ada: Path, eve: Path, signers: Path) -> None:
    signed_commit(origin, ada)
    signed_tag(origin, eve, "v2")

    assert refusal(origin, "v2", signers=signers).startswith("tag ")


def test_a_signature_on_other_words(origin: Origin, ada: Path, signers: Path) -> None:
    signed = origin.git("cat-file", "commit", signed_commit(origin, ada)) + "\n"
    forged = origin.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed.replace("Ada", "Eve").encode())
    origin.git("update-ref", "refs/heads/forged", forged)

    assert refusal(origin, forged, signers=signers).startswith(f"commit {forged[:12]} has no good signature")


def test_a_signed_tag_in_the_place_of_another(origin: Origin, ada: Path, signers: Path) -> None:
    """Whoever can push, and not sign, could pass an old version with a known hole off as the new one."""
    signed_tag(origin, ada, "v2")
    origin.git("update-ref", "refs/tags/v3", origin.git("rev-parse", "refs/tags/v2"))

    assert fetch(origin, "v2", signers=signers).origin.signer == "ada@example.com"
    assert refusal(origin, "v3", signers=signers) == f"the tag v3 of {origin.url} was signed under another name"


def test_a_key_that_is_trusted_no_more_is_asked_about_again(
    origin: Origin, ada: Path, eve: Path, signers: Path
) -> None:
    commit = signed_commit(origin, ada)
    fetch(origin, commit, signers=signers)
    shutil.rmtree(origin.folder)
    assert fetch(origin, commit, signers=signers).origin.signer == "ada@example.com"

    allow(signers, eve)

    assert refusal(origin, commit, signers=signers).startswith(f"commit {commit[:12]} has no good signature")


def test_a_key_that_was_good_until_a_day(origin: Origin, ada: Path, signers: Path) -> None:
    commit = signed_commit(origin, ada)
    public = ada.with_suffix(".pub").read_text()

    signers.write_text(f'ada@example.com valid-before="20200101" {public}')
    assert refusal(origin, commit, signers=signers).startswith(f"commit {commit[:12]} has no good signature")
    signers.write_text(f'ada@example.com valid-after="20200101" {public}')
    assert fetch(origin, commit, signers=signers).origin.signer == "ada@example.com"


def test_a_file_of_signers_stands_in_place_of_the_users_own(
    origin: Origin, ada: Path, eve: Path, own_git: Path, signers: Path
) -> None:
    own = allow(own_git / "own", eve)
    (own_git / ".gitconfig").write_text(f"[gpg.ssh]\n\tallowedSignersFile = {own}\n")
    commit = signed_commit(origin, eve)

    assert fetch(origin, commit).origin.signer == "eve@example.com"
    assert refusal(origin, commit, signers=signers).startswith(
        f"commit {commit[:12]} has no good signature by one that"
    )


def test_nobody_is_trusted_by_default(origin: Origin, ada: Path) -> None:
    commit = signed_commit(origin, ada)

    assert refusal(origin, commit) == (
        f"commit {commit[:12]} has no good signature by one that your gpg or SSH signers trust"
        " (gpg.ssh.allowedSignersFile needs to be configured and exist for ssh signature verification)"
    )


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")
def test_signatures_of_gpg(
    origin: Origin,
    own_git: Path,
    signers: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A short path: gpg's agent talks through a socket in it, and the name of a socket has 107 characters at most.
    keys = tmp_path_factory.mktemp("g")
    keys.chmod(0o700)
    monkeypatch.setenv("GNUPGHOME", str(keys))
    gpg = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-generate-key", "Ada <ada@example.com>", "ed25519"], check=True, capture_output=True)
    try:
        origin.git("commit", "--quiet", "--allow-empty", "--message=signed", "--gpg-sign=ada@example.com")
        commit = origin.git("rev-parse", "HEAD")
        origin.git("tag", "--local-user=ada@example.com", "--message=two", "v2")

        assert fetch(origin, commit).origin.signer == "Ada <ada@example.com>"
        assert fetch(origin, "v2").origin.signer == "Ada <ada@example.com>"
        # A file of SSH signers trusts no key of gpg's.
        assert refusal(origin, commit, signers=signers).startswith(f"commit {commit[:12]} has no good signature")

        monkeypatch.setenv("GNUPGHOME", str(own_git))
        assert refusal(origin, commit).startswith(f"commit {commit[:12]} has no good signature")
    finally:
        subprocess.run(["gpgconf", "--homedir", str(keys), "--kill", "all"], check=True)
