"""Our verdict beside Azure's, for each resource and each thing that both can be about, and why they disagree.

A policy of ours and one of Azure are about the same thing where our finding names an attribute, and Azure's condition a
field, of one point: `tags.project` and `tags['project']`, `region` and `location`. Reasons are worked out from what is
assigned, exempted and asked for; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from governor.azure.results import hidden
from governor.azure.words import source_of, tag_of, terms, why
from governor.azure_model import ArmResource, Export, Result
from governor.languages.azure_policy.assignments import Assigned, Problem
from governor.languages.azure_policy.evaluation import IF_NOT_EXISTS, Evaluation, Policies
from governor.model import Exempted, Finding, Inventory, Policy, Resource, Verdict

Concern = Literal["tags", "regions", "SKUs", "keys", "other"]
Status = Literal["both", "neither", "ours", "azure", "untold"]

CONCERNS: tuple[Concern, ...] = ("tags", "regions", "SKUs", "keys", "other")
STATUSES: tuple[Status, ...] = ("both", "neither", "ours", "azure", "untold")


class Point(NamedTuple):
    """One thing about a resource that policies can object to."""

    concern: Concern
    field: str
    """`tags['project']`, `location`, `SKU`, `keys`."""


LOCATION = Point("regions", "location")
SKU = Point("SKUs", "SKU")
KEYS = Point("keys", "keys")

_OURS: Mapping[str, Point] = {
    "region": LOCATION,
    "residency": LOCATION,
    "attributes.instance_type": SKU,
    "attributes.processing": SKU,
    "attributes.local_auth": KEYS,
}
"""Attribute of our findings → what it is about."""

_AZURE: tuple[tuple[re.Pattern[str], Point], ...] = (
    (re.compile(r"location"), LOCATION),
    (re.compile(r".*[/.](vmsize|sku|skuname|sku\.name|sku\.tier)"), SKU),
    (re.compile(r".*[/.](disablelocalauth|allowsharedkeyaccess|localauthenabled)"), KEYS),
)
"""Field of Azure, lower-case → the same."""

_ASKED_BY: Mapping[Concern, tuple[str, ...]] = {
    "regions": ("RES001", "RES004"),
    "keys": ("KEY004",),
    "tags": ("TAG001",),
}
"""Policies of ours that every resource of their kinds is asked by."""


def of_finding(finding: Finding) -> set[Point]:
    """What a finding of ours is about. One that hangs on an unknown fact names the tags it would be about."""
    tags = finding.details.get("tags")
    if finding.reason and isinstance(tags, (list, tuple)):
        return {_tag(str(tag)) for tag in tags}
    if finding.attribute.startswith("tags."):
        return {_tag(finding.attribute.removeprefix("tags."))}
    return {_OURS.get(finding.attribute) or Point("other", finding.attribute or finding.policy)}


def of_field(name: str) -> Point | None:
    """What a field of Azure is about; None for what no policy of ours knows."""
    tag = tag_of(name)
    if tag is not None:
        return _tag(tag)
    return next((point for pattern, point in _AZURE if pattern.fullmatch(name.lower())), None)


def _tag(name: str) -> Point:
    return Point("tags", f"tags['{name}']")


class Objection(Struct, frozen=True):
    """What our policies say of one point of a resource."""

    state: Literal["open", "exempt", "undetermined"]
    policies: tuple[str, ...]
    said: str
    remark: str = ""
    """The exemption, or why it is undetermined."""
    value: Any = None
    """What the resource has there, where a policy tells it."""


class Here(Struct, frozen=True, kw_only=True):
    """Our side."""

    resources: Mapping[str, Resource]
    """Id, lower-case → what was judged."""
    objections: Mapping[str, Mapping[Point, Objection]]
    policies: Mapping[str, Policy]
    """Those that were asked, by id."""
    taxonomy: Mapping[str, Any] = {}
    """The data of the concern `tagging`."""
    residency: Mapping[str, Any] = {}


def here(inventory: Inventory, verdict: Verdict, data: Mapping[str, Mapping[str, Any]]) -> Here:
    """Our side, of a verdict and the data of the concerns.

    Of several findings about a point an open one counts, else an undetermined one.
    """
    found: dict[str, dict[Point, Objection]] = {}
    for exempted in verdict.exempt:
        _add(found, exempted.finding, "exempt", _exemption(exempted))
    for finding in verdict.undetermined:
        _add(found, finding, "undetermined", finding.reason)
    for finding in verdict.open:
        _add(found, finding, "open", "")
    return Here(
        resources={resource.id.lower(): resource for resource in inventory.resources},
        objections=found,
        policies=verdict.policies,
        taxonomy=data.get("tagging", {}),
        residency=data.get("residency", {}),
    )


def _add(
    found: dict[str, dict[Point, Objection]],
    finding: Finding,
    state: Literal["open", "exempt", "undetermined"],
    remark: str,
) -> None:
    own = found.setdefault(finding.resource.lower(), {})
    for point in of_finding(finding):
        known = own.get(point)
        policies = {finding.policy} | (set(known.policies) if known and known.state == state else set())
        own[point] = Objection(state, tuple(sorted(policies)), finding.msg, remark, finding.details.get("value"))


def _exemption(exempted: Exempted) -> str:
    exemption = exempted.exemption
    return f"{exemption.category} until {exemption.expires}: {exemption.reason}"


class Row(Struct, frozen=True, kw_only=True):
    """One point of one resource."""

    resource: ArmResource
    point: Point
    status: Status
    ours: tuple[str, ...] = ()
    """Policies of ours that object, or may."""
    azure: tuple[str, ...] = ()
    """Assignments that object, or would."""
    blocks: bool = False
    """Whether Azure would refuse it."""
    reason: str = ""
    """Why they disagree, or why that cannot be told."""


class _Said(NamedTuple):
    one: Assigned
    result: Result


class Comparison:
    """Both sides, asked resource by resource."""

    def __init__(self, evaluation: Evaluation, policies: Policies, export: Export, ours: Here) -> None:
        self._evaluation = evaluation
        self._here = ours
        self._exemptions = {exemption.id: exemption for exemption in export.exemptions}
        self._looks: dict[int, set[Point]] = {}
        self._by_point: dict[Point, list[Assigned]] = {}
        for one in policies.assigned:
            points = {point for name in evaluation.fields(one) if (point := of_field(name))}
            self._looks[id(one)] = points
            for point in points:
                self._by_point.setdefault(_key(point), []).append(one)
        assignments = {assignment.id: assignment for assignment in export.assignments}
        definitions = {definition.id.lower(): definition for definition in export.definitions}
        self._hidden: list[tuple[Problem, str, str]] = []
        """What cannot be evaluated, where it is assigned, and all it says, lower-case; empty where nobody knows."""
        for problem in hidden(policies.problems, export):
            assignment = assignments[problem.assignment]
            definition = definitions.get(problem.definition.lower())
            said = msgspec.json.encode([definition.rule, assignment.parameters]).decode().lower() if definition else ""
            self._hidden.append((problem, assignment.scope, said))

    def rows(self) -> Iterator[Row]:
        """Every point of every resource that one side at least is about."""
        for resource, found in self._evaluation.results():
            own = self._here.objections.get((resource.address or resource.id).lower(), {})
            ours = {_key(point): objection for point, objection in own.items()}
            names = {_key(point): point for point in own}
            theirs: dict[Point, list[_Said]] = {}
            for one, result in found:
                for point in self._points(resource, one, result):
                    names.setdefault(_key(point), point)
                    theirs.setdefault(_key(point), []).append(_Said(one, result))
            for key in sorted(names):
                yield self._row(resource, names[key], ours.get(key), theirs.get(key, ()))

    def _points(self, resource: ArmResource, one: Assigned, result: Result) -> Iterable[Point]:
        looks = self._looks[id(one)]
        if result.state == "Compliant":
            return looks
        if result.effect in IF_NOT_EXISTS and result.reason:
            return [Point("other", one.definition.display_name or one.definition.name)]
        path = why(self._evaluation, one, resource)[0]
        point = of_field(path)
        if point is None and len(looks) == 1:
            return looks
        return [point or Point("other", path or one.definition.display_name or one.definition.name)]

    def _row(self, resource: ArmResource, point: Point, ours: Objection | None, theirs: Sequence[_Said]) -> Row:
        objecting = [said for said in theirs if said.result.state == "NonCompliant"]
        acting = [said for said in objecting if said.one.assignment.enforced]
        doubtful = [said for said in theirs if said.result.state in ("Unknown", "Error")]
        status: Status
        reason = ""
        if ours and ours.state == "open":
            if acting:
                status = "both"
            else:
                status, reason = self._why_not_azure(resource, point, ours, objecting, theirs)
        elif ours and ours.state == "undetermined":
            status, reason = "untold", f"here: {ours.remark}"
        elif objecting:
            status, reason = "azure", self._why_not_we(resource, point, ours, objecting)
        elif doubtful:
            status, reason = "untold", _doubt(doubtful)
        else:
            status = "neither"
        return Row(
            resource=resource,
            point=point,
            status=status,
            ours=ours.policies if ours and ours.state != "exempt" else (),
            azure=tuple(dict.fromkeys(source_of(said.one) for said in objecting)),
            blocks=any(said.result.would_block for said in objecting),
            reason=reason,
        )

    # Only we object

    def _why_not_azure(
        self,
        resource: ArmResource,
        point: Point,
        ours: Objection,
        objecting: Sequence[_Said],
        theirs: Sequence[_Said],
    ) -> tuple[Status, str]:
        for said in theirs:
            if exemption := self._exemptions.get(said.result.exemption):
                return "ours", f"exempt in Azure, {terms(exemption)}"
        if objecting:
            names = _names(objecting)
            return "ours", f"{names} is in DoNotEnforce: Azure records it, and acts on nothing"
        if doubtful := [said for said in theirs if said.result.state in ("Unknown", "Error")]:
            return "untold", _doubt(doubtful)
        if theirs:
            return "ours", self._content(resource, point, theirs[0].one)
        for problem, scope, text in self._hidden:
            if self._evaluation.reaches(scope, resource) is not False and (not text or _mentions(text, point)):
                name = problem.assignment.rpartition("/")[2]
                name += f" ({problem.reference})" if problem.reference else ""
                return "untold", f"Azure: {name}, which may look at it, cannot be evaluated: {problem.reason}"
        looking = [
            one
            for one in self._by_point.get(_key(point), ())
            if self._evaluation.reaches(one.assignment.scope, resource) is not False
        ]
        if not looking:
            return "ours", f"Azure has no assignment in scope that looks at {_what(point)}"
        passes = self._evaluation.why_not(looking[0], resource)
        return "ours", f"{source_of(looking[0])} looks at {_what(point)}, and passes this by: {passes}"

    def _content(self, resource: ArmResource, point: Point, one: Assigned) -> str:
        """Why a policy of Azure lets pass what we do not."""
        found = self._evaluation.decisive(one, resource)
        name = source_of(one)
        if found is None or of_field(found.path) is None or _key(of_field(found.path) or point) != _key(point):
            return f"{name} looks at it, and asks for something else"
        left, right = found.values
        allowed = right if isinstance(right, list) else [right]
        if isinstance(left, str) and left not in allowed:
            same = next((item for item in allowed if isinstance(item, str) and item.lower() == left.lower()), None)
            if same is not None:
                return f'Azure compares values without case: for {name}, "{left}" is "{same}"'
        own = tag_of(found.path)
        written = resource.body.get("tags")
        if own is not None and isinstance(written, dict) and own not in written:
            other = next((key for key in written if key.lower() == own.lower()), None)
            if other is not None:
                return f"Azure takes names of tags without case: for {name}, {other} is {own}"
        if found.operator.lower() == "exists":
            return f"{name} asks only whether it is there, and takes {found.actual}"
        return f"{name} allows {found.actual}"

    # Only Azure objects

    def _why_not_we(
        self, resource: ArmResource, point: Point, ours: Objection | None, objecting: Sequence[_Said]
    ) -> str:
        reason = f"exempt here, {ours.remark}" if ours else self._why_pass(resource, point)
        if not any(said.one.assignment.enforced for said in objecting):
            reason += f"; {_names(objecting)} is in DoNotEnforce, and acts on nothing"
        return reason

    def _why_pass(self, resource: ArmResource, point: Point) -> str:
        own = self._here.resources.get((resource.address or resource.id).lower())
        if own is None:
            return f"no policy of ours judges the type {resource.type}"
        if point.concern in ("SKUs", "other"):
            return "no policy of ours looks at it"
        asking = _ASKED_BY[point.concern]
        asked = [self._here.policies[id] for id in asking if id in self._here.policies]
        if not asked:
            return f"{' and '.join(asking)} {'is' if len(asking) == 1 else 'are'} not asked: see `levels`"
        if not any(own.kind in policy.kinds for policy in asked if policy.kinds):
            return f"{' and '.join(policy.id for policy in asked)} {_judge(len(asked))} no {own.kind}"
        if point.concern == "tags":
            return self._why_tag_passes(own, tag_of(point.field) or "")
        if point.concern == "regions":
            return self._why_region_passes(own)
        return "it takes no keys, as far as we read it"

    def _why_tag_passes(self, own: Resource, tag: str) -> str:
        declared = self._here.taxonomy.get("tags", {})
        name = next((known for known in declared if known.lower() == tag.lower()), None)
        if name is None:
            return f"the taxonomy has no tag {tag}"
        if not own.taggable:
            return f"{own.type} has no tags"
        if own.tags.get(name):
            return f'the taxonomy allows "{own.tags[name]}"'
        demands = [d for d in self._here.taxonomy.get("mandatory", {}).values() if name in d.get("tags", ())]
        of_kind = [demand for demand in demands if own.kind in demand.get("kinds", ())]
        if not of_kind:
            return f"the taxonomy does not ask {name} of {own.kind}"
        if own.accelerator is None and all(demand.get("accelerated") for demand in of_kind):
            return f"the taxonomy asks {name} of {own.kind} only where it has an accelerator"
        stage = own.tags.get("stage", "")
        if all(stage in demand.get("except_stages", ()) for demand in of_kind):
            return f"the taxonomy does not ask {name} where the stage is {stage}"
        return f"the taxonomy does not ask {name} of it"

    def _why_region_passes(self, own: Resource) -> str:
        data = self._here.residency
        default = data.get("default_class", "")
        listed = data.get("datasets") or data.get("projects")
        if not listed and data.get("classes", {}).get(default, {}).get("any"):
            return f"our residency data allows every place: default_class is {default}"
        return f"our residency data allows {own.region}"


def _key(point: Point) -> Point:
    """The same for every way of writing a name."""
    return Point(point.concern, point.field.lower())


def _what(point: Point) -> str:
    return {SKU: "its SKU", KEYS: "its keys"}.get(point, point.field)


def _judge(number: int) -> str:
    return "judges" if number == 1 else "judge"


def _names(said: Iterable[_Said]) -> str:
    return " and ".join(dict.fromkeys(source_of(each.one) for each in said))


def _doubt(doubtful: Sequence[_Said]) -> str:
    first = doubtful[0]
    return f"Azure: {source_of(first.one)}: {first.result.reason}"


def _mentions(text: str, point: Point) -> bool:
    """Whether a policy's text (lower-case) has the words of a point."""
    if point.concern == "tags":
        return (tag_of(point.field) or "").lower() in text
    words = {"regions": ('"location"',), "SKUs": ("sku", "vmsize"), "keys": ("localauth", "sharedkey")}
    return any(word in text for word in words.get(point.concern, ()))
