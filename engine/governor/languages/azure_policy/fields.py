"""Fields of a resource, by the names that policies have for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from governor.azure_model import Unknown
from governor.catalog.azure_aliases import Aliases
from governor.languages.azure_policy.operators import Semantics
from governor.languages.azure_policy.related import NOT_TOLD
from governor.languages.azure_policy.subject import Subject

STAR = "[*]"
"""The step that stands for each element."""

Step = str | int
Steps = tuple[Step, ...]
Read = Callable[[Subject], Any]
"""A value; None for what is missing; an `Unknown`; a list of them for a field with `[*]`."""


class Scope(Struct, frozen=True):
    """A count that encloses a condition."""

    name: str
    """Lower-case: of the value, or the field with its last `[*]`."""
    depth: int
    """The place of its member in `Subject.scopes`."""
    field: bool


Scopes = tuple[Scope, ...]


class Field(Struct, frozen=True):
    """How a field is read."""

    read: Read
    many: bool
    """Whether it reads a list of selected values, all of which a condition looks at."""
    starred: bool
    """Whether its name has a `[*]` at all, bound by a count or not."""


_PART = re.compile(
    r"\.?([^.\[\]]+)|\[\*\]|\[(\d+)\]"
    r"|\[\s*(?:'((?:[^']|'')*)'|\"([^\"]*)\"|([^\s\]'\"](?:[^\]'\"]*[^\s\]'\"])?))\s*\]"
)
"""The last part neither begins nor ends with a blank: else blanks would be tried in every way there is."""


def steps(path: str) -> Steps:
    """`properties.rules[*].ports[0]['a.b']` as keys (lower-case), indices and STARs. Raises ValueError."""
    return tuple(step.lower() if type(step) is str else step for step in spelled(path))


def spelled(path: str) -> Steps:
    """The same with keys as they are written."""
    found: list[Step] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            raise ValueError(f"`{path}` is no path: `{path[at:]}`")
        key, index, quoted, double, bare = match.groups()
        named = key or bare or double or (quoted.replace("''", "'") if quoted is not None else None)
        found.append(int(index) if index else named if named else STAR)
        at = match.end()
    return tuple(found)


_TAG = re.compile(r"tags(?:\.(?P<plain>.+)|\[(?P<bracket>.*)\])", re.IGNORECASE | re.DOTALL)


def tag_name(field: str, semantics: Semantics) -> str | None:
    """The name of the tag that a field names, as written; None for any other field."""
    match = _TAG.fullmatch(field)
    if match is None or match["bracket"] == "*":
        return None
    if match["plain"] is not None:
        return match["plain"]
    inside = match["bracket"].strip()
    if len(inside) >= 2 and inside[0] == inside[-1] and inside[0] in "'\"":
        quoted = inside[0] == "'" and semantics == "documented"
        return inside[1:-1].replace("''", "'") if quoted else inside[1:-1]
    return inside


def walk(value: Any, path: Steps) -> Any:
    """What lies at a path without STAR; None for what is missing."""
    for step in path:
        if type(value) is dict:
            value = value.get(step)
        elif type(value) is list and type(step) is int:
            value = value[step] if step < len(value) else None
        else:
            return value if type(value) is Unknown else None
    return value


def collect(value: Any, path: Steps) -> list[Any]:
    """What is selected by a path with STARs: branches without the array are passed by."""
    if STAR not in path:
        return [walk(value, path)]
    at = path.index(STAR)
    array = walk(value, path[:at])
    if type(array) is Unknown:
        return [array]
    if type(array) is not list:
        return []
    rest = path[at + 1 :]
    return [found for item in array for found in collect(item, rest)] if rest else array


class Fields:
    """Readers of fields, by one table of aliases."""

    def __init__(self, aliases: Aliases | None, semantics: Semantics) -> None:
        """Without a table, every name is a path."""
        self._aliases = aliases
        self._semantics = semantics
        self._known: dict[tuple[str, Scopes], Field] = {}

    def field(self, name: str, scopes: Scopes = ()) -> Field:
        """How a field is read inside of counts. Raises ValueError for a name that is none."""
        key = name if name.lower().startswith("tags") else name.lower(), scopes
        found = self._known.get(key)
        if found is None:
            found = self._make(name, scopes)
            if self._semantics == "regorus" and binding_scope(name.lower(), scopes) is None:
                found = _flattened(found, name)
            self._known[key] = found
        return found

    def place(self, name: str, kind: str) -> Steps:
        """Where a field lies in a resource of a type, its keys as they are written. Raises ValueError."""
        if (tag := tag_name(name, self._semantics)) is not None:
            return "tags", tag
        if "/" not in name:
            return spelled(name)
        alias = self._aliases.find(kind, name) if self._aliases else None
        if alias is None or not alias.path:
            raise ValueError(f"the alias {name} is not in the table")
        return spelled(alias.path)

    def modifiable(self, name: str, kind: str) -> bool | None:
        """Whether `modify` may change a field; None where the table of aliases does not tell."""
        if "/" not in name:
            return True
        alias = self._aliases.find(kind, name) if self._aliases else None
        return alias.modifiable if alias else None

    def _make(self, name: str, scopes: Scopes) -> Field:
        if (tag := tag_name(name, self._semantics)) is not None:
            wanted = tag.lower()

            def read_tag(subject: Subject) -> Any:
                tags = subject.body.get("tags")
                if type(tags) is dict:
                    return tags.get(wanted)
                return tags if type(tags) is Unknown else None

            return Field(read_tag, False, False)
        lower = name.lower()
        if special := _SPECIAL.get(lower):
            if lower == "location" and self._semantics == "regorus":
                return Field(lambda subject: subject.body.get("location"), False, False)
            return Field(special, False, False)
        within = binding_scope(lower, scopes)
        skipped = within.name.count(STAR) if within else 0
        locate = self._locator(lower, skipped)
        many = lower.count(STAR) > skipped
        starred = STAR in lower
        if within is None:
            return Field(_collector(locate) if many else _walker(locate), many, starred)
        depth = within.depth

        def read_member(subject: Subject) -> Any:
            path = locate(subject)
            if type(path) is not tuple:
                return path
            member = subject.scopes[depth]
            return collect(member, path) if many else walk(member, path)

        return Field(read_member, many, starred)

    def _locator(self, name: str, skipped: int) -> Callable[[Subject], Steps | Unknown | None]:
        """Where a field lies in a resource of the subject's type, from after so many STARs on."""
        if "/" not in name or self._aliases is None:
            # Without a table a name with slashes is a path whose keys have slashes.
            path = _after(steps(name), skipped)
            return lambda subject: path
        known: dict[tuple[str, str], Steps | Unknown | None] = {}

        def locate(subject: Subject) -> Steps | Unknown | None:
            key = subject.type, subject.version
            if key not in known:
                known[key] = self._alias(name, *key, skipped)
            return known[key]

        return locate

    def _alias(self, name: str, kind: str, version: str, skipped: int) -> Steps | Unknown | None:
        assert self._aliases is not None
        alias = self._aliases.find(kind, name)
        if alias is None:
            told = self._aliases.type(kind)
            namespace = kind.split("/")[0]
            ours = name.startswith(f"{kind}/") or (told is None and name.startswith(f"{namespace}/"))
            if self._semantics == "regorus" and not self._aliases.knows(name):
                return _after(steps(name), skipped)
            if ours and not (told and self._aliases.knows(name)):
                return Unknown(f"the alias {name} is not in the table")
            return None
        try:
            path = steps(alias.versions.get(version, alias.path))
        except ValueError:
            return Unknown(f"the alias {name} has no path")
        if path.count(STAR) != name.count(STAR):
            return Unknown(f"the alias {name} lies at {alias.path}, which selects something else")
        return _after(path, skipped)


def binding_scope(name: str, scopes: Scopes) -> Scope | None:
    """The count that binds a field (lower-case): the one that names most of it, and of those the innermost."""
    binding = (s for s in scopes if s.field and (name == s.name or name.startswith((f"{s.name}.", f"{s.name}["))))
    return max(binding, key=lambda scope: (len(scope.name), scope.depth), default=None)


def _flattened(field: Field, name: str) -> Field:
    """Regorus looks for what a resource lacks among its properties, by the end of its name."""
    try:
        path = steps(name.rpartition("/")[2])
    except ValueError:
        return field
    read = field.read

    def either(subject: Subject) -> Any:
        value = read(subject)
        properties = subject.body.get("properties")
        if type(properties) is not dict or (value if field.many else value is not None):
            return value
        return collect(properties, path) if field.many else walk(properties, path)

    return Field(either, field.many, field.starred)


def _after(path: Steps, stars: int) -> Steps:
    at = 0
    for _ in range(stars):
        at = path.index(STAR, at) + 1
    return path[at:]


def _walker(locate: Callable[[Subject], Steps | Unknown | None]) -> Read:
    def read(subject: Subject) -> Any:
        path = locate(subject)
        return walk(subject.body, path) if type(path) is tuple else path

    return read


def _collector(locate: Callable[[Subject], Steps | Unknown | None]) -> Read:
    def read(subject: Subject) -> Any:
        path = locate(subject)
        if path is None:
            return []
        return collect(subject.body, path) if type(path) is tuple else path

    return read


def normal_location(value: Any) -> Any:
    """`East US 2` as `eastus2`, as Azure compares locations."""
    return value.replace(" ", "").lower() if type(value) is str else value


def _full_name(subject: Subject) -> Any:
    return subject.body.get("fullname") or subject.body.get("name")


def _id(subject: Subject) -> Any:
    told = subject.resource.id or subject.body.get("id")
    return Unknown("its id is not known yet") if type(told) is str and NOT_TOLD in told.lower() else told


_SPECIAL: dict[str, Read] = {
    "type": lambda subject: subject.resource.type or None,
    "name": lambda subject: subject.body.get("name"),
    "fullname": _full_name,
    "kind": lambda subject: subject.body.get("kind"),
    "id": _id,
    "location": lambda subject: normal_location(subject.body.get("location")),
    "tags": lambda subject: subject.body.get("tags"),
    "apiversion": lambda subject: subject.resource.api_version or subject.body.get("apiversion"),
}
