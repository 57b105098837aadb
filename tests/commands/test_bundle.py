"""`governor bundle build`: what a real OPA loads, verifies, and refuses once somebody has touched it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import real_opa
from commands.conftest import EXAMPLE, Governor
from core.policy_folders import python, rego, write

SECRET = "a secret that is long enough to sign with"


class Keys(NamedTuple):
    """What signs, and what verifies."""

    private: Path
    public: Path


@pytest.fixture
def keys(tmp_path: Path) -> Callable[[str], Keys]:
    """Keys for an algorithm."""

    def make(algorithm: str) -> Keys:
        private, public = tmp_path / f"{algorithm}.key", tmp_path / f"{algorithm}.pub"
        if algorithm == "HS256":
            private.write_text(SECRET)
            return Keys(private, private)
        key = rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return Keys(private, public)

    return make


def contents(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def pack(bundle: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(bundle, "w:gz") as tar:
        for name, body in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))


def test_the_shipped_library_is_the_same_bytes_each_time(governor: Governor, opa: str, tmp_path: Path) -> None:
    run = governor("bundle", "build")
    first = (tmp_path / "bundle.tar.gz").read_bytes()
    assert governor("bundle", "build", "again.tar.gz").code == 0

    assert (tmp_path / "again.tar.gz").read_bytes() == first
    files = contents(tmp_path / "bundle.tar.gz")
    manifest = json.loads(files[".manifest"])
    (root,) = manifest["roots"]
    assert root == f"governor/r{manifest['revision'][:16]}"
    assert (run.code, run.out) == (0, f"bundle.tar.gz: 21 policies, revision {manifest['revision']}\n")
    assert run.err == "governor: 8 policies are written in Python and stay with governor\n"
    assert sorted(files) == [
        ".manifest",
        "data.json",
        f"{root}/ask.rego",
        *(f"{root}/library/{name}/{name}.rego" for name in ("azure", "keys", "residency", "tagging")),
    ]
    checked = real_opa.run(opa, "check", "--bundle", tmp_path / "bundle.tar.gz")
    assert checked.returncode == 0, checked.stderr


def test_a_plan_is_judged_by_a_bundle(governor: Governor, opa: str, tmp_path: Path) -> None:
    governor("bundle", "build", "governor.tar.gz")
    with real_opa.serve(opa, tmp_path, "--bundle", "governor.tar.gz") as server:
        write(
            tmp_path,
            {"governor.yaml": f"engine: opa\nopa:\n  url: {server.url}\n  bundle: governor.tar.gz\n"},
        )
        by_bundle = governor("check", EXAMPLE, "--today", "2026-08-01")
        write(tmp_path, {"mine/keys/data.yaml": "approved: []\n", "mine/tagging/data.yaml": "tags: {model: null}\n"})
        changed = governor("check", EXAMPLE, "--policies", "mine")

    assert by_bundle == governor("check", EXAMPLE, "--today", "2026-08-01", "--engine", "embedded")
    assert (changed.code, changed.out) == (3, "")
    assert "the bundle governor.tar.gz of the OPA server is of the revision" in changed.err


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "HS256"])
def test_opa_verifies_the_signature_and_refuses_what_was_touched(
    governor: Governor, opa: str, tmp_path: Path, keys: Callable[[str], Keys], algorithm: str
) -> None:
    private, public = keys(algorithm)
    # Words that JSON writes in two ways: the hash is over the one that OPA writes.
    odd = (
        'odd: {"<&>\\u2028\\u2029\\x7F𝄞é": [1.0, 1e3, -0.0, 123456789012345678901234567890, null, ""], "a": "\\n\\t"}\n'
    )
    write(tmp_path, {"policies/names/names.rego": rego(), "policies/names/data.yaml": odd})
    write(tmp_path, {"governor.yaml": "policies: [policies]\n"})

    run = governor("bundle", "build", "--sign", private, "--signing-alg", algorithm)
    assert run.code == 0, run.err
    assert run.out.endswith(f", signed with {algorithm}\n")
    bundle = tmp_path / "bundle.tar.gz"

    def verify() -> str:
        """What OPA says when it loads the bundle with the key."""
        options = ("--verification-key", public, "--signing-alg", algorithm, "-o", tmp_path / "out.tar.gz")
        done = real_opa.run(opa, "build", "--bundle", bundle, *options)
        assert (done.returncode == 0) == (done.stdout == "")
        return done.stdout

    assert verify() == ""
    options = ("--verification-key", public, "--signing-alg", algorithm, "--bundle", "bundle.tar.gz")
    with real_opa.serve(opa, tmp_path, *options) as server:
        assert governor("check", EXAMPLE, "--opa-url", server.url).code == 1

    files = contents(bundle)
    for name in files.keys() - {".signatures.json"}:
        pack(bundle, {**files, name: files[name].replace(b"revision", b"revisiom").replace(b"names", b"nanes")})
        assert "digest mismatch" in verify(), name
    pack(bundle, {**files, "more.rego": b"package more"})
    assert "file more.rego not included in bundle signature" in verify()
    pack(bundle, {name: body for name, body in files.items() if name != ".signatures.json"})
    assert "bundle missing .signatures.json file" in verify()
    pack(bundle, {**files, "data.json": b"{}"})
    with pytest.raises(real_opa.ServerError, match="digest mismatch"), real_opa.serve(opa, tmp_path, *options):
        pass


@pytest.mark.parametrize(
    ("algorithm", "key", "complaint"),
    [
        ("HS256", "short", "this secret is too short to sign with: take 32 bytes or more"),
        ("HS256", f"{SECRET}\n", "this secret ends in a line break: write it without, as printf does"),
        (
            "RS256",
            SECRET,
            "the key is none for RS256: give an RSA private key in PEM, without a passphrase",
        ),
        (
            "ES256",
            "",
            "the key is none for ES256: give a private key of the curve P-256 in PEM, without a passphrase",
        ),
    ],
)
def test_a_key_that_cannot_sign(governor: Governor, tmp_path: Path, algorithm: str, key: str, complaint: str) -> None:
    write(tmp_path, {"key": key})

    run = governor("bundle", "build", "--sign", "key", "--signing-alg", algorithm)

    assert (run.code, run.out, run.err) == (2, "", f"governor: key: {complaint}\n")
    assert not (tmp_path / "bundle.tar.gz").exists()


def test_a_key_of_another_kind(governor: Governor, tmp_path: Path, keys: Callable[[str], Keys]) -> None:
    run = governor("bundle", "build", "--sign", keys("ES256").private, "--signing-alg", "RS256")

    assert run.code == 2
    assert "the key is none for RS256" in run.err


def test_a_library_without_rego_is_no_bundle(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"governor.yaml": "policies: [policies]\n", "policies/names/names.py": python("return []")})

    run = governor("bundle", "build")

    assert (run.code, run.err) == (
        4,
        "governor: no policy here is written in Rego: an OPA server has nothing to judge\n",
    )
