"""`governor azure check`: exports of Azure Policy in, reports on what it sees to and an exit code out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from governor import sources
from governor.azure.posture import STAGE, posture
from governor.azure.wanted import Wanted, wanted
from governor.azure_model import Estate
from governor.catalog.prices import PriceBook
from governor.commands import overseen
from governor.commands.azure_inputs import known_aliases, of_terraform, piped_of
from governor.commands.check import Judging, Options
from governor.commands.inputs import Given
from governor.errors import CANNOT_JUDGE, Refusal
from governor.languages.azure_policy.evaluation import Policies
from governor.model import Exemption, Inventory, Resource, Stage
from governor.sources import PIPED, snapshot
from governor.sources.azure import estate as resources
from governor.sources.azure import exports
from governor.sources.azure.estate import ours


class _Exports(Given, frozen=True):
    """Exports, judged as one."""

    on: Path | None = None
    """What tells of the resources themselves."""
    aliases: Path | None = None
    today: date = date.min
    wanted: Wanted = Wanted()
    exemptions: Sequence[Exemption] = ()

    @property
    def stage(self) -> Stage:
        return STAGE

    def read(self, prices: PriceBook) -> Inventory:
        export = exports.read(self.paths, self.piped)
        policies = Policies(export, known_aliases(self.aliases), datetime.combine(self.today, time.min, UTC))
        estate, known = self._resources(prices) if self.on else (None, {})
        inventory = posture(
            export,
            policies,
            estate,
            today=self.today,
            wanted=self.wanted,
            exemptions=self.exemptions,
            known=known,
        )
        if not inventory.resources and not inventory.gaps:
            raise Refusal(
                "nothing is assigned in it, and no record either: export the assignments, too (`az policy assignment"
                " list`)",
                place=", ".join(map(str, self.paths)),
                code=CANNOT_JUDGE,
            )
        return inventory

    def _resources(self, prices: PriceBook) -> tuple[Estate | None, Mapping[str, Resource]]:
        """What lies in Azure, and what our own inventory says of it, by ARM id (lower-case)."""
        assert self.on is not None
        if snapshot.takes(self.on, self.piped):
            taken = snapshot.load(self.on, self.piped)
            return None, {resource.id.lower(): resource for resource in taken.resources}
        estate = resources.read(self.on, self.piped if self.on == PIPED else b"")
        if not any(resource.address for resource in estate.resources):
            return estate, {resource.id.lower(): resource for resource in ours.inventory(estate, prices).resources}
        by_address = {resource.id: resource for resource in of_terraform(str(self.on), self.piped, prices).resources}
        known = {r.id.lower(): by_address[r.address] for r in estate.resources if r.address in by_address}
        return estate, known


def run(paths: Sequence[str], options: Options, *, on: str = "", aliases: Path | None = None) -> int:
    """Judge what the exports say, as one, and report it. Raises Refusal before anything is written."""
    with overseen.run(options):
        piped = piped_of(paths, on)
        judging = Judging(options, STAGE, of_plans=False)
        given = _Exports(
            "azure",
            [*map(Path, paths)],
            sources.Options(),
            piped,
            on=Path(on) if on else None,
            aliases=aliases,
            today=options.today,
            wanted=wanted(judging.data("tagging"), judging.data("residency")),
            exemptions=judging.exemptions,
        )
        return judging.report(judging.verdict(given))
