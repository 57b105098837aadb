"""Bills in the FinOps Open Cost and Usage Specification (FOCUS 1.0 to 1.4) in, facts of actual cost out.

`reading` makes columns of exports with DuckDB, `tags` promotes tags to columns, `ledger` sums, `facts` makes the
records that policies see, `forecast` says what the rest of a month will cost. All but `reading` and `ledger` is pure.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Cost = Literal["EffectiveCost", "BilledCost"]

Rate = Annotated[float, Meta(gt=0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How bills are counted; `spend` in governor.yaml."""

    cost: Cost = "EffectiveCost"
    """With discounts and commitments spread over what they pay for; or as it is invoiced."""
    rates: dict[str, Rate] = {}
    """Currency (ISO 4217) → USD for one unit of it. A currency without a rate is refused, never summed."""
