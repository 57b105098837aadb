"""How long policies of Azure take: compiled once, then asked about ever more resources.

    python bench/azure_policy.py DEFINITIONS [RESOURCES]

DEFINITIONS: policy definitions as Resource Manager has them, a JSON object a line, packed with gzip or not. All are
assigned to one subscription. CPU seconds; the last column is the same per resource, and stays what it is.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import azure_estate

from governor.catalog.azure_aliases import shipped
from governor.languages.azure_policy.evaluation import Evaluation, Policies
from governor.sources.terraform_plan.decode import no_garbage_collection

RESOURCES = 10_000


@no_garbage_collection()
def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    most = int(sys.argv[2]) if len(sys.argv) > 2 else RESOURCES
    found = azure_estate.definitions(Path(sys.argv[1]))
    aliases = shipped()
    export = azure_estate.export(found)
    begun = time.process_time()
    policies = Policies(export, aliases, datetime.now(UTC))
    compiled = time.process_time() - begun
    print(f"{len(policies.assigned):,} definitions compiled           {compiled:6.2f} s")
    for number in (most // 4, most // 2, most):
        estate = azure_estate.estate(number, aliases)
        begun = time.process_time()
        states = Counter(r.state for _, results in Evaluation(policies, estate).results() for _, r in results)
        spent = time.process_time() - begun
        told = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
        print(
            f"asked about {number:6,} resources          {spent:6.2f} s   {spent / number * 1e3:.2f} ms each   {told}"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
