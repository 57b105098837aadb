"""What a Python policy imports: the decorator that carries its card, and the types it works with.

    from governor.policy import Inventory, Violation, policy

    @policy(id="BUD001", title="A resource stays inside its own limit", severity="high", kinds=PAID)
    def outspends_its_limit(inventory: Inventory, config: Budgets) -> Iterator[Violation]:
        "Why the rule exists: this docstring is the description."

`config` is the concern's data. Annotated with a `msgspec.Struct`, it arrives as that type; otherwise as a dict.
A third parameter named `today` receives the day of the run, the only clock a policy has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from governor.model import Inventory, Policy, Resource, Severity, Spend, Stage, Violation

__all__ = ["Inventory", "Resource", "Spend", "Violation", "policy"]

PolicyFunction = Callable[..., Any]


def policy(
    *,
    id: str,
    title: str,
    severity: Severity,
    kinds: Sequence[str] = (),
    stages: Sequence[Stage] = (),
    remediation: str = "",
    references: Sequence[str] = (),
    together: str = "",
) -> Callable[[PolicyFunction], PolicyFunction]:
    """Make a function a policy. It yields a `Violation` for each thing that breaks the rule.

    Raises msgspec.ValidationError when the card is malformed: a severity that does not exist, `kinds` that is no list.
    """

    def attach(function: PolicyFunction) -> PolicyFunction:
        card = {
            "id": id,
            "title": title,
            "description": " ".join((function.__doc__ or "").split()),
            "severity": severity,
            "stages": stages,
            "kinds": kinds,
            "remediation": remediation,
            "references": references,
            "together": together,
            "language": "python",
            "rule": function.__name__,
        }
        function.__policy__ = msgspec.convert(card, Policy)  # type: ignore[attr-defined]
        return function

    return attach
