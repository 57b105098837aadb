"""Inventory and policies in, judgement out. Pure: the day is an argument.

The one rule that lives here is the tri-state: a violation of something that is not known is *undetermined*, whichever
policy found it and whatever language it is written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from governor.model import Evaluator, Failure, Finding, Inventory, Judgement, Policy, Resource, Standing, Violation

SCOPE = "scope"
"""Kind of what policies name beside the resources."""

NOT_KNOWN = "(not known)"
"""What a tag reads whose value is not known yet, beside the `(sensitive)` of one that was withheld."""


def judge(inventory: Inventory, evaluators: Iterable[Evaluator], today: date) -> Judgement:
    """Ask every policy, and give each violation the facts of its resource.

    A violation on a kind that the policy's card does not list is dropped. A violation that names no resource of the
    inventory (a project, an account) keeps the name it gives and has kind `scope`. Whatever the inventory holds secret
    is blotted out, whoever says it.
    """
    blot = Blotter(inventory.secrets)
    by_id = {resource.id: resource for resource in inventory.resources}
    doubted = {shard.place: shard.standing for shard in inventory.shards if shard.standing != "whole"}
    findings: list[Finding] = []
    failures: list[Failure] = []
    policies: dict[str, Policy] = {}
    notes: list[str] = []
    for evaluator in evaluators:
        for answer in evaluator.evaluate(inventory, today):
            policies[answer.policy.id] = answer.policy
            failures.extend(map(blot.failure, answer.failures))
            notes.extend(map(blot.text, answer.notes))
            found = (_finding(answer.policy, v, by_id.get(v.resource), doubted) for v in answer.violations)
            findings.extend(blot.finding(finding) for finding in found if finding)
    return Judgement(findings, failures, [*policies.values()], tuple(notes))


def _finding(
    policy: Policy, violation: Violation, resource: Resource | None, doubted: Mapping[str, Standing]
) -> Finding | None:
    if resource is None:
        return Finding(
            policy=policy.id,
            resource=violation.resource,
            kind=SCOPE,
            attribute=violation.attribute,
            msg=violation.msg,
            details=violation.details,
            origin=violation.origin,
            reason=violation.why_unknown,
            project=_project_scope(violation.resource),
        )
    if policy.kinds and resource.kind not in policy.kinds:
        return None
    return Finding(
        policy=policy.id,
        resource=resource.id,
        kind=resource.kind,
        attribute=violation.attribute,
        msg=violation.msg,
        details=violation.details,
        hourly_usd=resource.hourly_usd,
        origin=resource.origins.get(violation.attribute, resource.origin) or violation.origin,
        reason=unknown_reason(resource, violation.attribute) if resource.unknown else "",
        owner=tag_of(resource, "owner-team"),
        project=tag_of(resource, "project"),
        account=resource.account or "",
        region=resource.region or "",
        standing=doubted.get(resource.shard, "whole"),
    )


def _project_scope(name: str) -> str:
    """The project of a scope `project/NAME`."""
    kind, _, project = name.partition("/")
    return project if kind == "project" else ""


def tag_of(resource: Resource, name: str) -> str:
    """What a tag reads: its value, `(sensitive)`, `(not known)`, or "" when the resource does not carry it."""
    value = resource.tags.get(name, "").strip()
    if value or not resource.unknown:
        return value
    return NOT_KNOWN if unknown_reason(resource, f"tags.{name}") else ""


def unknown_reason(resource: Resource, attribute: str) -> str:
    """Why `attribute` of the resource is not known, or "" when it is.

    It is not known when it is listed in `unknown`, or lies under a path that is. Tag keys may hold dots, so what
    follows `tags.` is always one key; `tags.*` hides the keys that are not listed, and so how many there are.
    """
    path = hidden_by(resource, attribute)
    return "" if path is None else resource.unknown[path] or "not known"


def hidden_by(resource: Resource, attribute: str) -> str | None:
    """The path in `resource.unknown` that hides an attribute; None when it is known."""
    return _hiding(resource.unknown, resource.tags, attribute)


def _hiding(unknown: Mapping[str, str], tags: Mapping[str, str], attribute: str) -> str | None:
    """The unknown path that hides an attribute."""
    if attribute in unknown:
        return attribute
    if attribute == "tags":
        return "tags.*" if "tags.*" in unknown else None
    if attribute.startswith("tags."):
        if "tags" in unknown:
            return "tags"
        return "tags.*" if "tags.*" in unknown and attribute.removeprefix("tags.") not in tags else None
    return next((path for path in unknown if attribute.startswith((f"{path}.", f"{path}["))), None)


class Blotter:
    """Replaces secrets in what policies say: a message may quote any value that the policy saw."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secret = re.compile("|".join(map(_as_it_stands, secrets))) if secrets else None

    def finding(self, finding: Finding) -> Finding:
        """An address is no secret, and exemptions go by it; the name of a scope may be the value of a tag."""
        if self._secret is None:
            return finding
        return replace(
            finding,
            resource=self.text(finding.resource) if finding.kind == SCOPE else finding.resource,
            msg=self.text(finding.msg),
            attribute=self.text(finding.attribute),
            reason=self.text(finding.reason),
            details=self.value(finding.details),
            owner=self.text(finding.owner),
            project=self.text(finding.project),
            account=self.text(finding.account),
            region=self.text(finding.region),
        )

    def failure(self, failure: Failure) -> Failure:
        return replace(failure, reason=self.text(failure.reason))

    def text(self, text: str) -> str:
        """The text without secrets."""
        return self._secret.sub("(sensitive)", text) if self._secret else text

    def value(self, value: Any) -> Any:
        """The same, with secrets blotted out wherever they stand in it."""
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if isinstance(value, str):
            return self.text(value)
        return "(sensitive)" if self._secret and self._secret.fullmatch(str(value)) else value


_SHORT = 6
"""Characters below which a secret is sought as a word of its own: `data` would else blot half of `dataset`."""


def _as_it_stands(secret: str) -> str:
    pattern = re.escape(secret)
    if len(secret) >= _SHORT:
        return pattern
    return rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"
