"""A library of Rego in, the bytes of an OPA bundle out: the same bytes for the same library.

Layout and signatures: https://www.openpolicyagent.org/docs/management-bundles.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from typing import Literal, get_args

from governor import __version__
from governor.errors import Refusal
from governor.languages.nested import Nested, canonical

Algorithm = Literal["RS256", "ES256", "HS256"]
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)


def files(nested: Nested) -> dict[str, str]:
    """File name → text. JSON is written as OPA hashes it, so that the hash of a file is that of its bytes."""
    root = nested.root.replace(".", "/")
    data = nested.data
    for name in reversed(root.split("/")):
        data = {name: data}
    manifest = {
        "revision": nested.revision,
        "roots": [root],
        "rego_version": 1,
        "metadata": {"governor": __version__},
    }
    return {".manifest": canonical(manifest), "data.json": canonical(data), **nested.modules}


def signatures(texts: Mapping[str, str], key: str, algorithm: Algorithm) -> str:
    """The text of `.signatures.json`. `key` is the private key in PEM, or for HS256 the secret.

    Raises ModuleNotFoundError without the extra `opa`.
    """
    import jwt

    hashes = [
        {"name": name, "hash": sha256(text.encode()).hexdigest(), "algorithm": "SHA-256"}
        for name, text in sorted(texts.items())
    ]
    try:
        signed = jwt.encode({"files": hashes}, key, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        # What a library says of a key may quote it.
        raise Refusal(f"the key is none for {algorithm}: give {_WANTED[algorithm]}") from None
    return canonical({"signatures": [signed]})


_WANTED: dict[Algorithm, str] = {
    "RS256": "an RSA private key in PEM, without a passphrase",
    "ES256": "a private key of the curve P-256 in PEM, without a passphrase",
    "HS256": "a secret of 32 bytes or more",
}


def archive(texts: Mapping[str, str]) -> bytes:
    """A gzipped tar archive: names in order, no times, no owners."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, text in sorted(texts.items()):
            body = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body), 0o644
            tar.addfile(entry, io.BytesIO(body))
    return gzip.compress(packed.getvalue(), mtime=0)
