"""What a set of assignments demands, found by asking it: an export in, an inventory of stage `azure` out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from governor.azure import objects
from governor.azure.asking import Asking
from governor.azure.scopes import UNKNOWN, Scopes
from governor.azure.wanted import Wanted
from governor.azure_model import Estate, Export
from governor.languages.azure_policy.assignments import RESOURCE_MODES
from governor.languages.azure_policy.evaluation import Policies
from governor.model import Exemption, Gap, Inventory, Resource, Stage

STAGE: Stage = "azure"

_NO_ESTATE = Estate(resources=())


def posture(
    export: Export,
    policies: Policies,
    estate: Estate | None = None,
    *,
    today: date,
    wanted: Wanted,
    exemptions: Sequence[Exemption] = (),
    known: Mapping[str, Resource] = {},
) -> Inventory:
    """Scopes, assignments, exemptions and records of what does not comply.

    `policies` are those of the export. `exemptions` are our own; `known` has what our inventory says of a resource, by
    its ARM id, lower-case.
    """
    here = estate or _NO_ESTATE
    scopes = Scopes(export, here)
    asking = Asking(export, policies, scopes, wanted)
    found = (
        *(asking.told(scope) for scope in scopes.all),
        *objects.assignments(export, policies),
        *objects.exemptions(export, today, exemptions),
        *objects.records(export, scopes.resources, known),
    )
    return Inventory(
        stage=STAGE,
        resources=found,
        gaps=(*export.gaps, *here.gaps, *_gaps(export, policies)),
        notes=(*export.notes, *here.notes, *asking.notes()),
        secrets=here.secrets,
        source=export.source,
    )


def _gaps(export: Export, policies: Policies) -> Iterator[Gap]:
    names = {definition.id.lower(): definition for definition in export.definitions}
    for problem in policies.problems:
        definition = names.get(problem.definition.lower())
        if definition is None or definition.mode.lower() in RESOURCE_MODES:
            what = objects.named(definition) if definition else problem.definition
            yield Gap(objects.place(problem.written) or problem.assignment, f"{what}: {problem.reason}")
    for assignment in export.assignments:
        if UNKNOWN in assignment.scope:
            yield Gap(objects.place(assignment.written) or assignment.id, "where it is assigned is not told")
