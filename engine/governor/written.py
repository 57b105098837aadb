"""What people write in governor.yaml and exemption files, as pydantic models: for the schema that editors get, and for
the words that explain a mistake. Reading a file that holds none does not need them: see `config`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, ValidationError

from governor import yamlfile
from governor.errors import Refusal
from governor.model import Level, Stage

_SOME = r"\S"
Text = Annotated[str, StringConstraints(pattern=_SOME)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LevelRule(_Written):
    """Sets the level of the policies it names. The last rule that fits decides."""

    policies: Text = Field(description='Glob over policy ids: "TAG*".')
    level: Level = Field(description="off: not asked; note, warn: shown; deny: fails the run.")
    stages: tuple[Stage, ...] = Field(default=(), description="Only in these stages; empty: in all.")


class PolicyEntry(_Written):
    """Where policies come from, and what they are given."""

    source: Text = Field(
        description="`builtin`, a folder, or a folder in git: `git+https://host/org/repo@COMMIT-OR-TAG#FOLDER`."
    )
    input: Literal["resources", "raw"] = Field(
        default="resources",
        description="What its policies see: the facts of resources, or the plan as Terraform wrote it (conftest).",
    )
    signed: bool = Field(default=False, description="The commit or tag in git must be signed by a trusted key.")
    signers: Text | None = Field(
        default=None, description="File of SSH allowed signers to trust, in place of the user's own gpg and SSH keys."
    )


_TEXT, _ENTRY = "(text)", "(entry)"
"""Names of the two forms of an entry. They stand in pydantic's locations, and not in the file."""

_Entry = Annotated[
    Annotated[Text, Tag(_TEXT)] | Annotated[PolicyEntry, Tag(_ENTRY)],
    Discriminator(lambda written: _ENTRY if isinstance(written, dict | PolicyEntry) else _TEXT),
]


class CheckovSettings(_Written):
    """How checkov is run, when `check --with checkov` asks for it."""

    program: Text = Field(default="checkov", description="A name on PATH, or a path.")
    checks: tuple[Text, ...] = Field(default=(), description="Ids, or globs over them; empty: every check.")
    skip: tuple[Text, ...] = Field(default=(), description="Ids, or globs over them, that are not run.")
    timeout: int = Field(default=300, gt=0, description="Seconds.")


class Opa(_Written):
    """The OPA server behind `engine: opa`. The token stands in the environment or in a file, never here."""

    url: Text = Field(description="https://opa.example.com:8181")
    token_env: Text | None = Field(default=None, description="Environment variable that holds the bearer token.")
    token_file: Text | None = Field(default=None, description="File that holds the bearer token.")
    ca: Text | None = Field(default=None, description="PEM file of the authority behind the server's certificate.")
    timeout: float = Field(default=60, gt=0, description="Seconds that a question may take, further tries included.")
    request_mb: float = Field(
        default=8, gt=0, description="Megabytes of an inventory in one request; a larger one is sent in parts."
    )
    bundle: Text | None = Field(
        default=None,
        description="Bundle that the server has the policies from; without one, governor puts them there.",
    )


class SpendSettings(_Written):
    """How bills are counted: what `check --spend` and `governor spend` read."""

    cost: Literal["EffectiveCost", "BilledCost"] = Field(
        default="EffectiveCost", description="With commitments spread over what they pay for; or as it is invoiced."
    )
    rates: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="Currency to USD for one unit of it; a currency without a rate is refused."
    )


_PLACE = r"^(env|file):\S+$"
Target = Annotated[str, StringConstraints(pattern=_PLACE)]


class Route(_Written):
    """Where the findings of an owner go."""

    owner: Text = Field(description='Glob over values of the tag `owner-team`: "ml-*".')
    to: Target = Field(description="env:NAME or file:PATH, which hold an address of apprise: it is a secret.")


class NotifySettings(_Written):
    """Who is told of what by `--notify`. The last route that fits decides."""

    routes: tuple[Route, ...] = Field(default=(), description="Owners, and where their findings go.")
    default: Target | None = Field(
        default=None, description="env:NAME or file:PATH: where findings go that no route takes."
    )
    level: Literal["note", "warn", "deny"] = Field(
        default="warn", description="Open findings at this level or above are told."
    )
    tell: Literal["new", "open"] = Field(
        default="new", description="new: each finding once, with a history; open: each time all that is open."
    )
    every_hours: float = Field(
        default=20, ge=0, description="An owner gets at most one message in so long, with a history."
    )


class Quarantine(_Written):
    """When a shard of a scan is not believed, beside the run before. A share of 1 is never exceeded."""

    tags_lost: float = Field(
        default=0.3, ge=0, le=1, description="Share of the tagged resources that may be without tags at once."
    )
    population_fall: float = Field(
        default=0.5, ge=0, le=1, description="Share of the resources that may be gone at once."
    )
    at_least: int = Field(default=10, gt=0, description="Smaller numbers are not compared.")


class AzureScan(_Written):
    """What `governor scan` reads of Azure. The command line takes the place of each of these."""

    subscriptions: tuple[Text, ...] = Field(default=(), description="Ids of subscriptions.")
    management_groups: tuple[Text, ...] = Field(
        default=(), description="Names of management groups: every subscription below."
    )
    endpoint: Text | None = Field(
        default=None, description="URL of Resource Manager in a cloud that is not the public one."
    )


class Scan(_Written):
    """What `governor scan` reads. The command line takes the place of each of these."""

    accounts: tuple[Text, ...] = Field(default=(), description="Ids of AWS accounts, quoted.")
    organization: bool = Field(default=False, description="Every active account of the caller's organisation.")
    exclude: tuple[Text, ...] = Field(default=(), description="Ids of accounts that are never read.")
    role: Text | None = Field(default=None, description="Name of the role to assume in each account.")
    external_id_env: Text | None = Field(
        default=None, description="Environment variable that holds what the role's trust policy asks for."
    )
    regions: tuple[Text, ...] = Field(default=(), description="Empty: every region that is enabled.")
    services: tuple[Text, ...] = Field(default=(), description="Empty: all.")
    azure: AzureScan = Field(default=AzureScan(), description="What is read of Azure, beside AWS or alone.")
    quarantine: Quarantine = Field(default=Quarantine(), description="When a shard is not believed.")


class History(_Written):
    """What a history keeps."""

    keep_days: int | None = Field(
        default=None, gt=0, description="A run deletes what is older. Left out: nothing is ever deleted."
    )


class SettingsFile(_Written):
    """governor.yaml. Paths are relative to the file."""

    policies: tuple[_Entry, ...] = Field(
        default=("builtin",),
        description="Policy folders, each laid over those before it. `builtin` is the shipped library.",
    )
    levels: tuple[LevelRule, ...] = Field(default=(), description="Levels by policy and stage; without: by severity.")
    fail_level: Literal["note", "warn", "deny"] = Field(
        default="deny", description="Open findings at this level or above end the run with exit code 1."
    )
    strict: bool = Field(
        default=False, description="Undetermined findings at the fail level, and gaps, end the run with exit code 3."
    )
    exemptions: Text | None = Field(default=None, description="File of exemptions.")
    prices: tuple[Text, ...] = Field(
        default=(), description="CSV files of your own prices, with the columns of the shipped book; they win over it."
    )
    max_price_age_days: int = Field(default=365, gt=0, description="Prices older than this are named in the report.")
    checkov: CheckovSettings = Field(default=CheckovSettings(), description="How checkov is run.")
    engine: Literal["embedded", "opa"] = Field(
        default="embedded", description="What evaluates Rego: the engine inside governor, or an OPA server."
    )
    opa: Opa | None = Field(default=None, description="The OPA server of `engine: opa`.")
    spend: SpendSettings = Field(default=SpendSettings(), description="How bills are counted.")
    notify: NotifySettings | None = Field(default=None, description="Who is told of what by `--notify`.")
    scan: Scan = Field(default=Scan(), description="What `governor scan` reads.")
    history: History = Field(default=History(), description="What a history keeps.")


class _ExemptionEntry(_Written):
    policy: Text = Field(description="Glob over policy ids.")
    resource: Text = Field(description="Glob over resource ids: * and ?; brackets are literal.")
    category: Literal["waiver", "mitigated"] = Field(
        description="waiver: the risk is accepted; mitigated: met otherwise."
    )
    reason: Text
    owner: Text
    approved_by: Text
    expires: date = Field(description="Last day on which it holds: YYYY-MM-DD.")
    ticket: str = ""


class ExemptionFile(_Written):
    """A file of exemptions."""

    exemptions: tuple[_ExemptionEntry, ...] = ()


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file that people write."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


def explain(path: Path, written: Any, model: type[BaseModel]) -> Refusal | None:
    """What is wrong with what was written, and where; None when nothing is."""
    try:
        # Strict, and as JSON: pydantic would else read 20261231 as a second of 1970, and "yes" as true.
        model.model_validate_json(json.dumps(written, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        location: Sequence[str | int] = [step for step in first["loc"] if step not in (_TEXT, _ENTRY)]
        at = ".".join(map(str, location)) or "the file"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        kind = str(first.get("ctx", {}).get("pattern", first["type"]))
        message = _MESSAGES.get(kind) or first["msg"][0].lower() + first["msg"][1:]
        if first["type"] == "extra_forbidden":
            command = "governor schema" if model is SettingsFile else "governor schema exemptions"
            message = f"no such setting: `{command}` lists them"
        return Refusal(f"{at}: {message}{more}", place=yamlfile.place(path, location))
    return None


_MESSAGES = {
    "missing": "is missing: add it",
    "string_type": "takes text: put quotes around it",
    _SOME: "is empty: fill it in",
    _PLACE: "takes env:NAME or file:PATH, which hold the address: it is a secret",
    "bool_type": "takes true or false",
    "int_type": "takes a whole number",
    "tuple_type": "takes a list",
    "model_type": "takes settings, `name: value` each",
    "date_type": "takes a day: write YYYY-MM-DD",
    "date_parsing": "takes a day: write YYYY-MM-DD",
    "date_from_datetime_parsing": "takes a day: write YYYY-MM-DD",
}
"""What to do, by the kind of mistake, or the pattern that text should have; pydantic's own words for the others."""
