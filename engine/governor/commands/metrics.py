"""`--metrics FILE`: how a run went, for Prometheus; node_exporter's textfile collector reads the file.

It is written for runs that fail, too, so that somebody is told of them. docs/nightly.md lists the metrics.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from governor import log
from governor.catalog.prices import age_days
from governor.errors import Refusal
from governor.model import Inventory, Standing, Verdict
from governor.reports.grouping import stake

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_JUDGED = (0, 1)
"""Exit codes of runs that succeeded: findings are no failure of the run."""
_SUCCESS = "governor_last_success_timestamp_seconds"


class Meter:
    """Writes one file, at the end of a run."""

    def __init__(self, file: Path, environment: str) -> None:
        """Raises Refusal where what writes it is missing."""
        try:
            import prometheus_client  # noqa: F401
        except ModuleNotFoundError:
            raise Refusal("--metrics needs prometheus-client: pip install 'gpu-governor[metrics]'") from None
        self._file, self._environment = file, environment
        self._inventory: Inventory | None = None

    def saw(self, inventory: Inventory) -> None:
        """What the next verdict is on."""
        self._inventory = inventory

    def keep(self, verdict: Verdict, code: int) -> None:
        """Write how a run went that ends with this exit code."""
        assert self._inventory is not None
        sheet = self._sheet(code)
        for (policy, state), number in sorted(_states(verdict).items()):
            sheet.set("findings", number, policy=policy, level=verdict.levels[policy], state=state)
        at_stake = stake([*verdict.open, *verdict.baselined])
        sheet.set("failed_policies", len({failure.policy for failure in verdict.failures}))
        sheet.set("gaps", len(verdict.gaps))
        if verdict.shards:
            standings = Counter(shard.standing for shard in verdict.shards)
            for standing in get_args(Standing):
                sheet.set("shards", standings[standing], standing=standing)
        sheet.set("resources", verdict.resources)
        sheet.set("cost_usd_per_hour", verdict.hourly_usd)
        sheet.set("at_stake_usd_per_hour", at_stake.usd)
        sheet.set("at_stake_unpriced_resources", at_stake.unpriced)
        prices = {resource.price for resource in self._inventory.resources if resource.price}
        if prices:
            sheet.set("oldest_price_age_days", max(age_days(price, verdict.today) for price in prices))
        self._write(sheet)

    def failed(self, code: int) -> None:
        """Write that a run ended before it had a verdict: nothing is known of findings, so nothing is said of them."""
        try:
            self._write(self._sheet(code))
        except Refusal as refusal:  # the first complaint is the one that counts
            log.say(f"warning: {refusal}", "warning")

    def _sheet(self, code: int) -> _Sheet:
        now = time.time()
        sheet = _Sheet(self._environment)
        sheet.set("last_run_timestamp_seconds", now)
        sheet.set("last_run_duration_seconds", log.seconds())
        sheet.set("last_run_exit_code", code)
        success = now if code in _JUDGED else self._last_success()
        if success is not None:
            sheet.set("last_success_timestamp_seconds", success)
        return sheet

    def _last_success(self) -> float | None:
        """That of the file which is there, if it has one."""
        from prometheus_client.parser import text_string_to_metric_families

        try:
            found = [*text_string_to_metric_families(self._file.read_text("utf-8"))]
        except (OSError, ValueError):
            return None
        return next(
            (
                sample.value
                for family in found
                for sample in family.samples
                if sample.name == _SUCCESS and sample.labels.get("environment") == self._environment
            ),
            None,
        )

    def _write(self, sheet: _Sheet) -> None:
        from prometheus_client import write_to_textfile

        try:
            write_to_textfile(str(self._file), sheet.registry)
        except OSError as error:
            raise Refusal(f"cannot be written ({error.strerror}): choose another file", place=str(self._file)) from None


class _Sheet:
    """Gauges, each labelled with the environment."""

    def __init__(self, environment: str) -> None:
        from prometheus_client import CollectorRegistry

        self.registry: CollectorRegistry = CollectorRegistry()
        self._environment = environment
        self._gauges: dict[str, Any] = {}

    def set(self, name: str, value: float | Decimal, **labels: str) -> None:
        from prometheus_client import Gauge

        if name not in self._gauges:
            self._gauges[name] = Gauge(
                f"governor_{name}", _HELP[name], ("environment", *labels), registry=self.registry
            )
        self._gauges[name].labels(environment=self._environment, **labels).set(float(value))


_HELP = {
    "last_run_timestamp_seconds": "When the last run ended.",
    "last_run_duration_seconds": "How long it took.",
    "last_run_exit_code": "0 clean, 1 open findings, 2 usage or configuration, 3 could not judge, 4 nothing judged.",
    "last_success_timestamp_seconds": "When the last run ended that could judge: with exit code 0 or 1.",
    "findings": "Findings by policy, its level and their state.",
    "failed_policies": "Policies that could not be evaluated.",
    "gaps": "Places that could not be read.",
    "shards": "Shards of a scan, by whether they were read whole and are believed.",
    "resources": "Resources that were judged.",
    "cost_usd_per_hour": "What the judged resources cost, as far as prices are known.",
    "at_stake_usd_per_hour": "What the resources of open findings cost, each counted once.",
    "at_stake_unpriced_resources": "Resources of open findings with no known price.",
    "oldest_price_age_days": "Age of the oldest price that was used.",
}


def _states(verdict: Verdict) -> Counter[tuple[str, str]]:
    """Findings by policy and state, with a zero where there are none: an alert needs a value to compare with."""
    counts: Counter[tuple[str, str]] = Counter()
    found: dict[str, Iterable[str]] = {
        "open": (finding.policy for finding in verdict.open),
        "baselined": (finding.policy for finding in verdict.baselined),
        "exempt": (item.finding.policy for item in verdict.exempt),
        "undetermined": (finding.policy for finding in verdict.undetermined),
    }
    for state, policies in found.items():
        counts.update(dict.fromkeys(((policy, state) for policy in verdict.policies), 0))
        counts.update((policy, state) for policy in policies)
    return counts
