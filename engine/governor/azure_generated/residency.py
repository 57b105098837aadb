"""The residency data in, definitions of locations and deployments out: RES001, RES003 and RES004, as far as Azure can
say them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from governor.azure_generated import naming
from governor.azure_generated.conditions import Condition, all_of, any_of, mode_of, of_types, one_of
from governor.azure_generated.objects import Context, Unsaid, definition
from governor.azure_model import Definition
from governor.catalog import endpoints, regions, tables
from governor.catalog.azure_kinds import AZURE_KINDS, AzureKind
from governor.model import Policy

CONCERN = "residency"

_SKU = "Microsoft.CognitiveServices/accounts/deployments/sku.name"


class Residency(Struct, frozen=True):
    """What is made of the residency data."""

    places: tuple[Definition, ...]
    """Judge where resources lie and process."""
    unknown: tuple[Definition, ...]
    """Judge resources whose region nobody knows."""
    unsaid: tuple[Unsaid, ...]


class _Bound(Struct, frozen=True):
    """One promise of a class, a project or the default: for which tags it holds, and where it allows."""

    about: str
    """`class personal-eu`, `project atlas`, `default class internal`."""
    jurisdictions: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    default: bool = False
    same_region: bool = False

    @property
    def name(self) -> list[str]:
        """What it is called in the name of a definition."""
        words = self.about.removeprefix("default ").split(" ", 1)
        return ["default", *words] if self.default else words


def make(config: Mapping[str, Any], cards: Mapping[str, Policy], context: Context) -> Residency:
    """Definitions for what the policies of the cards judge by this data."""
    bounds = list(_bounds(config))
    jurisdictions = _jurisdictions(config)
    places: list[Definition] = []
    unknown: list[Definition] = []
    if "RES001" in cards:
        places += _locations(bounds, jurisdictions, config, cards["RES001"].kinds, context)
    if "RES003" in cards:
        places += _processing(bounds, jurisdictions, config, cards["RES003"].kinds, context)
    if "RES004" in cards and bounds:
        unknown.append(_unknown(bounds, jurisdictions, config, cards["RES004"].kinds, context))
    return Residency(tuple(places), tuple(unknown), tuple(_beyond(bounds, config, cards)))


def _jurisdictions(config: Mapping[str, Any]) -> Mapping[str, str]:
    """Region → jurisdiction. The catalogue wins over the data, as it does in the policies."""
    listed = {name: facts["jurisdiction"] for name, facts in regions.document()["azure"].items()}
    return {**config["regions"].get("azure", {}), **listed}


def _bounds(config: Mapping[str, Any]) -> Iterator[_Bound]:
    """All that restricts, a class that does not exist included: it allows nothing."""
    datasets: dict[str, list[str]] = {}
    projects: dict[str, list[str]] = {}
    for dataset, name in config["datasets"].items():
        datasets.setdefault(name, []).append(dataset)
    for project, entry in config["projects"].items():
        if "class" in entry:
            projects.setdefault(entry["class"], []).append(project)
    for name in dict.fromkeys([*datasets, *projects]):
        class_ = config["classes"].get(name, {})
        if not class_.get("any"):
            yield _Bound(
                f"class {name}",
                tuple(class_.get("jurisdictions", ())),
                tuple(datasets.get(name, ())),
                tuple(projects.get(name, ())),
                same_region=class_.get("same_region", False),
            )
    for project, entry in config["projects"].items():
        if "jurisdictions" in entry:
            yield _Bound(f"project {project}", tuple(entry["jurisdictions"]), projects=(project,))
    default = config["classes"].get(config["default_class"], {})
    if not default.get("any"):
        yield _Bound(
            f"default class {config['default_class']}",
            tuple(default.get("jurisdictions", ())),
            default=True,
            same_region=default.get("same_region", False),
        )


def _bound_to(bounds: Sequence[_Bound], config: Mapping[str, Any]) -> list[Condition]:
    """The resource is bound by one of these: no condition where everything is."""
    datasets = [dataset for bound in bounds for dataset in bound.datasets]
    projects = [project for bound in bounds for project in bound.projects]
    ways = _tagged(datasets, projects)
    if any(bound.default for bound in bounds):
        listed = _tagged(config["datasets"], config["projects"])
        if not listed:
            return []
        ways.append({"not": any_of(listed)})
    return [any_of(ways)]


def _tagged(
    datasets: Sequence[str] | Mapping[str, Any], projects: Sequence[str] | Mapping[str, Any]
) -> list[Condition]:
    return [one_of(tag, values) for tag, values in (("dataset", datasets), ("project", projects)) if values]


def _located(judged: Sequence[str]) -> list[AzureKind]:
    return [kind for kind in AZURE_KINDS if kind.tracked and kind.kind in judged]


def _locations(
    bounds: Sequence[_Bound],
    jurisdictions: Mapping[str, str],
    config: Mapping[str, Any],
    judged: Sequence[str],
    context: Context,
) -> Iterator[Definition]:
    for bound in bounds:
        outside = sorted(region for region, place in jurisdictions.items() if place not in bound.jurisdictions)
        if not outside:
            continue
        allowed = ", ".join(bound.jurisdictions) or "nothing, for there is no such class"
        yield definition(
            context,
            naming.name("location", *bound.name),
            display_name=f"AI resources lie where the {bound.about} allows",
            description=f"The {bound.about} allows {allowed}. A resource in another region breaks RES001 of governor.",
            condition=all_of(
                [
                    of_types(_located(judged)),
                    *_bound_to([bound], config),
                    {"field": "location", "in": outside},
                ]
            ),
            mode=mode_of(_located(judged)),
            metadata=naming.metadata("RES001", about=bound.about),
            at=(CONCERN, ("classes",)),
        )


def _processing(
    bounds: Sequence[_Bound],
    jurisdictions: Mapping[str, str],
    config: Mapping[str, Any],
    judged: Sequence[str],
    context: Context,
) -> Iterator[Definition]:
    rules = config["ai_endpoints"]
    default = next((bound for bound in bounds if bound.default), None)
    deployments = [kind for kind in AZURE_KINDS if kind.kind == "model_deployment" and kind.kind in judged]
    if deployments and (rules["forbid_global"] or default):
        # A deployment without an SKU does not say where it processes: the default class minds that.
        known = [] if default else [{"field": _SKU, "exists": "true"}]
        yield definition(
            context,
            naming.name("deployment", "processing"),
            display_name="AI deployments process where they lie",
            description="The SKU of a deployment says where its requests may be processed. One that may leave, or that"
            " the catalogue does not have, breaks RES003 of governor.",
            condition=all_of(
                [
                    of_types(deployments),
                    *known,
                    {"field": _SKU, "notIn": _staying(default is not None and default.same_region)},
                ]
            ),
            metadata=naming.metadata("RES003"),
            at=(CONCERN, ("ai_endpoints",)),
            mode="All",
        )
    if home := rules["home_jurisdictions"]:
        inside = sorted(region for region, place in jurisdictions.items() if place in home)
        found = [kind for kind in _located(judged) if kind.kind in ("model_endpoint", "model_deployment")]
        yield definition(
            context,
            naming.name("endpoint", "location"),
            display_name=f"AI endpoints lie in {', '.join(home)}",
            description="An AI endpoint in another region breaks RES003 of governor.",
            condition=all_of([of_types(found), {"field": "location", "notIn": inside}]),
            metadata=naming.metadata("RES003"),
            at=(CONCERN, ("ai_endpoints", "home_jurisdictions")),
        )


def _staying(same_region: bool) -> list[str]:
    """SKUs of deployments that process where they lie."""
    rows = [row for row in tables.records("ai_endpoints.csv") if row[:2] == ["azure", "deployment_sku"]]
    answers = {row[2]: endpoints.processing_of_sku(row[2]) for row in rows}
    return sorted(
        sku
        for sku, answer in answers.items()
        if answer["leaves_jurisdiction"] == "no" and (not same_region or answer["leaves_region"] == "no")
    )


def _unknown(
    bounds: Sequence[_Bound],
    jurisdictions: Mapping[str, str],
    config: Mapping[str, Any],
    judged: Sequence[str],
    context: Context,
) -> Definition:
    return definition(
        context,
        naming.name("location", "unknown"),
        display_name="Restricted AI resources lie in a region that is known",
        description="A region that the catalogue of governor does not have cannot be compared with what the data allows"
        " (RES004).",
        condition=all_of(
            [
                of_types(_located(judged)),
                *_bound_to(bounds, config),
                {"field": "location", "notIn": sorted(jurisdictions)},
            ]
        ),
        mode=mode_of(_located(judged)),
        metadata=naming.metadata("RES004"),
        at=(CONCERN, ("regions",)),
    )


def _beyond(bounds: Sequence[_Bound], config: Mapping[str, Any], cards: Mapping[str, Policy]) -> Iterator[Unsaid]:
    if bounds:
        judged = [id for id in ("RES001", "RES004") if id in cards]
        kinds = {kind for id in judged for kind in cards[id].kinds}
        for kind in AZURE_KINDS:
            if kind.kind in kinds and not kind.tracked:
                reason = "it has no location of its own, and no field tells that of what it belongs to"
                yield Unsaid(policy=", ".join(judged), about=kind.type, reason=reason)
        if "RES002" in cards:
            yield Unsaid(policy="RES002", reason="no field tells the region that a resource copies to")
    if "RES003" in cards and config["ai_endpoints"]["home_jurisdictions"]:
        reason = "a deployment has no location of its own, and no field tells that of its account"
        yield Unsaid(policy="RES003", about="home_jurisdictions", reason=reason)
