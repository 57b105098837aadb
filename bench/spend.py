"""How long bills take: ingest of ten million charges, then sums by project of what was kept, in a run of its own.

    python bench/spend.py [CHARGES]

The charges are made here, as Parquet: 30 days, 200 projects, 1,000 texts of tags.
"""

from __future__ import annotations

import os
import sys
import tempfile

import duckdb
from bench import GOVERNOR, best

CHARGES = 10_000_000
MADE = """
COPY (
    SELECT
        TIMESTAMP '2026-08-01' + INTERVAL 1 HOUR * (i % 720) AS ChargePeriodStart,
        TIMESTAMP '2026-08-01' + INTERVAL 1 HOUR * (i % 720 + 1) AS ChargePeriodEnd,
        TIMESTAMP '2026-08-01' AS BillingPeriodStart, TIMESTAMP '2026-09-01' AS BillingPeriodEnd,
        (hash(i) % 100000)::DECIMAL(38, 15) / 1000 AS EffectiveCost, (hash(i) % 100000) / 1000 AS BilledCost,
        'USD' AS BillingCurrency, 'Usage' AS ChargeCategory, NULL AS ChargeClass, 'AWS' AS ServiceProviderName,
        'i-' || hash(i) % 5000 AS ResourceId,
        CASE WHEN i % 7 = 0 THEN NULL ELSE
            format('{{"project": "p{}", "run-id": "run-{}", "owner": "team"}}', i % 200, i % 1000) END AS Tags
    FROM range(?) AS charges(i)
) TO 'bill.parquet' (FORMAT parquet)
"""


def main() -> None:
    charges = int(sys.argv[1]) if len(sys.argv) > 1 else CHARGES
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.mkdir(".git")
        duckdb.execute(MADE, [charges])
        ((ingest, memory),) = best(1, [*GOVERNOR, "spend", "bill.parquet", "--store", "kept.parquet"])
        ((version, _), (sums, small)) = best(
            3, [*GOVERNOR, "--version"], [*GOVERNOR, "spend", "kept.parquet", "--month", "2026-08"]
        )
        print(f"ingest of {charges:,} charges   {ingest:7.3f} s {memory:6.0f} MiB")
        print(f"sums by project, whole command  {sums:7.3f} s {small:6.0f} MiB   (--version: {version:.3f} s)")
        print(f"kept: {os.path.getsize('kept.parquet') / 2**20:,.0f} MiB")


if __name__ == "__main__":
    main()
