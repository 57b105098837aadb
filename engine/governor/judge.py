"""Inventory and policies in, judgement out. Pure: the day is an argument.

The one rule that lives here is the tri-state: a violation of something that is not known is *undetermined*, whichever
policy found it and whatever language it is written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from msgspec.structs import replace

from governor.model import Evaluator, Failure, Finding, Inventory, Judgement, Policy, Resource, Violation


def judge(inventory: Inventory, evaluators: Iterable[Evaluator], today: date) -> Judgement:
    """Ask every policy, and give each violation the facts of its resource.

    A violation on a kind that the policy's card does not list is dropped. A violation that names no resource of the
    inventory (a project, an account) keeps the name it gives and has kind `scope`.
    """
    blot = _Blotter(inventory.secrets) if inventory.secrets else None
    by_id = {resource.id: resource for resource in inventory.resources}
    findings: list[Finding] = []
    failures: list[Failure] = []
    policies: list[Policy] = []
    for evaluator in evaluators:
        for answer in evaluator.evaluate(inventory, today):
            policy = answer.policy
            policies.append(policy)
            failures.extend(answer.failures if blot is None else map(blot.failure, answer.failures))
            kinds = frozenset(policy.kinds)
            for violation in answer.violations if blot is None else map(blot.violation, answer.violations):
                resource = by_id.get(violation.resource)
                if resource is None:
                    findings.append(
                        Finding(
                            policy=policy.id,
                            resource=violation.resource if blot is None else blot.text(violation.resource),
                            kind="scope",
                            attribute=violation.attribute,
                            msg=violation.msg,
                            details=violation.details,
                        )
                    )
                elif not kinds or resource.kind in kinds:
                    findings.append(
                        Finding(
                            policy=policy.id,
                            resource=resource.id,
                            kind=resource.kind,
                            attribute=violation.attribute,
                            msg=violation.msg,
                            details=violation.details,
                            hourly_usd=resource.hourly_usd,
                            origin=resource.origin,
                            reason=unknown_reason(resource, violation.attribute) if resource.unknown else "",
                        )
                    )
    return Judgement(findings, failures, policies)


def unknown_reason(resource: Resource, attribute: str) -> str:
    """Why `attribute` of the resource is not known, or "" when it is.

    Tag keys may hold dots, so what follows `tags.` is always one key.
    """
    unknown = resource.unknown
    if attribute in unknown:
        return unknown[attribute]
    if attribute.startswith("tags."):
        if "tags" in unknown:
            return unknown["tags"]
        return unknown.get("tags.*", "") if attribute[5:] not in resource.tags else ""
    return next((why for path, why in unknown.items() if attribute.startswith(path + ".")), "")


class _Blotter:
    """Replaces secrets in what policies say: a message may quote any value that the policy saw."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secret = re.compile("|".join(map(re.escape, secrets)))

    def violation(self, violation: Violation) -> Violation:
        if (
            not self._secret.search(violation.msg)
            and not violation.details
            and not self._secret.search(violation.attribute)
        ):
            return violation
        return replace(
            violation,
            msg=self.text(violation.msg),
            attribute=self.text(violation.attribute),
            details=self._any(violation.details),
        )

    def failure(self, failure: Failure) -> Failure:
        return replace(failure, reason=self.text(failure.reason))

    def text(self, text: str) -> str:
        return self._secret.sub("(sensitive)", text)

    def _any(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._any(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._any(item) for item in value]
        return value
