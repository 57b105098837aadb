"""Which finding is covered by which exemption, and which exemptions have run out or cover nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache

from governor.model import Exemption, Finding


@cache
def glob(pattern: str) -> re.Pattern[str]:
    """`*` is any run of characters, `?` one; everything else is literal, brackets included.

    fnmatch would read `aws_instance.node["a"]` as a character class and match nothing.
    """
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)


class Register:
    """The exemptions of one run on one day."""

    def __init__(
        self, exemptions: Sequence[Exemption], today: date, allowed: Mapping[str, Exemption] | None = None
    ) -> None:
        """`allowed` has those that each cover one finding, by its fingerprint."""
        everything = [*exemptions, *dict.fromkeys((allowed or {}).values())]
        self.lapsed = [e for e in everything if e.expires < today]
        self._in_force = [e for e in exemptions if e.expires >= today]
        self._allowed = {name: e for name, e in (allowed or {}).items() if e.expires >= today}
        self._used_allowed: set[str] = set()
        self._used: set[int] = set()
        self._of_policy: dict[str, list[tuple[int, re.Pattern[str]]]] = {}

    def cover(self, finding: Finding) -> Exemption | None:
        """The first exemption in force that covers the finding. Others that would cover it count as used, too."""
        if self._allowed and (beside := self._allowed.get(finding.fingerprint)):
            self._used_allowed.add(finding.fingerprint)
            return beside
        covering = [n for n, resource in self._candidates(finding.policy) if resource.fullmatch(finding.resource)]
        self._used.update(covering)
        return self._in_force[covering[0]] if covering else None

    def stale(self) -> list[Exemption]:
        """Those in force that covered nothing so far."""
        unused = [e for position, e in enumerate(self._in_force) if position not in self._used]
        return [*unused, *(e for name, e in self._allowed.items() if name not in self._used_allowed)]

    def _candidates(self, policy: str) -> list[tuple[int, re.Pattern[str]]]:
        """Position and resource glob of the exemptions in force for a policy: sought once, however many findings."""
        if policy not in self._of_policy:
            self._of_policy[policy] = [
                (n, glob(e.resource)) for n, e in enumerate(self._in_force) if glob(e.policy).fullmatch(policy)
            ]
        return self._of_policy[policy]
