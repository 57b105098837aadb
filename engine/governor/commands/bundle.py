"""`governor bundle build`: the policies as a bundle that OPA servers load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from governor import bundle, log
from governor.bundle import Algorithm
from governor.commands import workspace
from governor.commands.opa import missing
from governor.errors import Refusal
from governor.languages.nested import nest
from governor.yamlfile import read_text


def build(
    *,
    out: Path,
    sign: Path | None,
    algorithm: Algorithm,
    folders: Sequence[str],
    config: Path | None,
    allow_floating: bool,
) -> int:
    """Write the bundle, signed when there is a key. 4 when there is no Rego to put in."""
    library = workspace.everything(workspace.enter(config, folders, floating=allow_floating))
    sources = [source for c in library.concerns.values() for source in c.sources if source.path.suffix == ".rego"]
    policies = [policy for policy in library.known if policy.language == "rego"]
    if not policies:
        raise Refusal("no policy here is written in Rego: an OPA server has nothing to judge", code=4)
    nested = nest(sources, policies, {name: concern.config for name, concern in library.concerns.items()})
    texts = bundle.files(nested)
    if sign:
        texts[".signatures.json"] = _signatures(texts, sign, algorithm)
    try:
        out.write_bytes(bundle.archive(texts))
    except OSError as error:
        raise Refusal(f"cannot be written ({error.strerror}): choose another file", place=str(out)) from None
    print(f"{out}: {len(policies)} policies, revision {nested.revision}{f', signed with {algorithm}' if sign else ''}")
    if others := len(library.known) - len(policies):
        log.say(f"{others} policies are written in Python and stay with governor")
    return 0


def _signatures(texts: dict[str, str], key: Path, algorithm: Algorithm) -> str:
    secret = read_text(key)
    if algorithm == "HS256" and secret.endswith("\n"):
        # OPA takes it for a part of the secret where it reads a file, and not in its configuration.
        raise Refusal("this secret ends in a line break: write it without, as printf does", place=str(key))
    if algorithm == "HS256" and len(secret.encode()) < 32:
        raise Refusal("this secret is too short to sign with: take 32 bytes or more", place=str(key))
    try:
        return bundle.signatures(texts, secret, algorithm)
    except ModuleNotFoundError as error:
        raise missing(error) from None
    except Refusal as refusal:
        raise Refusal(refusal.message, place=str(key)) from None
