"""`governor policies`: the library, listed or one card shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from governor.commands import workspace
from governor.errors import Refusal
from governor.model import Policy


def list_all(*, folders: Sequence[str], config: Path | None, allow_floating: bool, format: str) -> int:
    """Print every policy, by id."""
    space = workspace.enter(config, folders, floating=allow_floating)
    found = workspace.everything(space).policies
    if format == "json":
        rows = [
            {**msgspec.to_builtins(space.card(policy)), "level": space.level(policy, "plan"), **_origin(space, policy)}
            for policy in found
        ]
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows)).decode() + "\n")
        return 0
    if not found:
        print("the settings name no policies: add `builtin` or a folder of your own to `policies`", file=sys.stderr)
    width = max((len(policy.id) for policy in found), default=0)
    for policy in found:
        origin = f"  {checkout.source}" if (checkout := space.checkout(policy)) else ""
        print(f"{policy.id:{width}}  {policy.severity:8}  {space.level(policy, 'plan'):4}  {policy.title}{origin}")
    return 0


def _origin(space: workspace.Workspace, policy: Policy) -> dict[str, str]:
    """The commit a policy was fetched with, and who signed it; nothing for one that was not."""
    checkout = space.checkout(policy)
    if checkout is None:
        return {}
    origin = checkout.origin
    return {"commit": origin.commit, "signer": origin.signer} if origin.signer else {"commit": origin.commit}


def show(id: str, *, folders: Sequence[str], config: Path | None, allow_floating: bool) -> int:
    """Print the card of a policy."""
    space = workspace.enter(config, folders, floating=allow_floating)
    found = {policy.id: policy for policy in workspace.everything(space).policies}
    policy = found.get(id.upper()) or found.get(id)
    if policy is None:
        raise Refusal(f"no policy has the id {id}: {workspace.meant(id, found)}`governor policies` lists them")
    print(_card(space.card(policy), space.level(policy, "plan"), _origin(space, policy)), end="")
    return 0


def _card(policy: Policy, level: str, origin: Mapping[str, str]) -> str:
    facts = {
        "severity": policy.severity,
        "level": f"{level} (at plan time)",
        "concern": policy.concern,
        "stages": ", ".join(policy.stages) or "all but azure",
        "kinds": ", ".join(policy.kinds) or "all",
        "looks at": f"each {policy.each}" if policy.each else "all resources together",
        "language": policy.language,
        "where": policy.location,
        **origin,
    }
    lines = [f"{policy.id}  {policy.title}", ""]
    if policy.description:
        lines += [policy.description, ""]
    lines += [f"{name + ':':10} {value}" for name, value in facts.items()]
    if policy.remediation:
        lines += ["", f"To mend it: {policy.remediation}"]
    lines += ["", *policy.references] if policy.references else []
    return "\n".join(lines) + "\n"
