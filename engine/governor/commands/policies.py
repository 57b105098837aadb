"""`governor policies`: the library, listed or one card shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from governor.commands import workspace
from governor.errors import Refusal
from governor.model import Policy


def list_all(*, folders: Sequence[str], config: Path | None, format: str) -> int:
    """Print every policy, by id."""
    space = workspace.enter(config, folders)
    found = workspace.everything(space).policies
    if format == "json":
        rows = [{**msgspec.to_builtins(policy), "level": space.level(policy, "plan")} for policy in found]
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows)).decode() + "\n")
        return 0
    if not found:
        print("the settings name no policies: add `builtin` or a folder of your own to `policies`", file=sys.stderr)
    width = max((len(policy.id) for policy in found), default=0)
    for policy in found:
        print(f"{policy.id:{width}}  {policy.severity:8}  {space.level(policy, 'plan'):4}  {policy.title}")
    return 0


def show(id: str, *, folders: Sequence[str], config: Path | None) -> int:
    """Print the card of a policy."""
    space = workspace.enter(config, folders)
    found = {policy.id: policy for policy in workspace.everything(space).policies}
    policy = found.get(id.upper()) or found.get(id)
    if policy is None:
        raise Refusal(f"no policy has the id {id}: {workspace.meant(id, found)}`governor policies` lists them")
    print(_card(policy, space.level(policy, "plan")), end="")
    return 0


def _card(policy: Policy, level: str) -> str:
    facts = {
        "severity": policy.severity,
        "level": f"{level} (at plan time)",
        "concern": policy.concern,
        "stages": ", ".join(policy.stages) or "all",
        "kinds": ", ".join(policy.kinds) or "all",
        "language": policy.language,
        "where": policy.location,
    }
    lines = [f"{policy.id}  {policy.title}", ""]
    if policy.description:
        lines += [policy.description, ""]
    lines += [f"{name + ':':10} {value}" for name, value in facts.items()]
    if policy.remediation:
        lines += ["", f"To mend it: {policy.remediation}"]
    lines += ["", *policy.references] if policy.references else []
    return "\n".join(lines) + "\n"
