"""A resource as conditions see it: by lower-case keys, with what is worked out about it once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governor.azure_model import ArmResource, Unknown


class Surroundings:
    """What template functions tell of where a resource lies."""

    __slots__ = ("group", "subscription")

    def __init__(self, group: Mapping[str, Any] | Unknown, subscription: Mapping[str, Any] | Unknown) -> None:
        self.group = group
        """What `resourceGroup()` returns."""
        self.subscription = subscription
        """What `subscription()` returns."""


NOWHERE = Surroundings(Unknown("its resource group is not known"), Unknown("its subscription is not known"))


class Subject:
    """One resource, while rules are evaluated on it."""

    __slots__ = ("_originals", "_primary", "around", "body", "memo", "resource", "scopes", "type", "version")

    def __init__(self, resource: ArmResource, slots: int, around: Surroundings = NOWHERE) -> None:
        self.resource = resource
        self.type = resource.type.lower()
        self.version = resource.api_version.lower()
        self._originals: dict[int, Any] = {}
        self.body: dict[str, Any] = self._lowered(resource.body)
        self.memo: list[Any] = [None] * slots
        """Answers of conditions that several rules share."""
        self.scopes: list[Any] = []
        """The member that each enclosing count looks at, outermost first."""
        self._primary: Subject | None = None
        self.around = around

    @property
    def primary(self) -> Subject:
        """The resource that the rule is about: another, where this one is a related one."""
        # No reference to itself: a subject is gone as soon as nobody asks about it, with all its answers.
        return self._primary or self

    @primary.setter
    def primary(self, subject: Subject) -> None:
        self._primary = subject

    def original(self, value: Any) -> Any:
        """An array or object of `body` as it was written."""
        return self._originals.get(id(value), value)

    def _lowered(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            lowered: Any = {key.lower(): self._lowered(item) for key, item in value.items()}
        elif kind is list:
            lowered = [self._lowered(item) for item in value]
        else:
            return value
        self._originals[id(lowered)] = value
        return lowered
