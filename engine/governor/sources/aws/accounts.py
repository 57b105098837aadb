"""What is scanned, and how an account of it is entered."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap
from governor.sources.aws.clients import HOME_REGION, Clients, errors, or_refuse, reason


class Scope(Struct, frozen=True, kw_only=True):
    """What is scanned. Nothing is that is not named here."""

    accounts: Sequence[str] = ()
    """Ids of accounts; without one, `organization` says which."""
    organization: bool = False
    """Every active account of the organisation."""
    exclude: Sequence[str] = ()
    """Ids of accounts of the organisation that are left out."""
    regions: Sequence[str] = ()
    """Empty: every region that is enabled in an account."""
    services: Sequence[str] = ()
    """Names of `LISTERS`. Empty: all."""
    role: str = ""
    """Name of the role that is assumed in each account. Without one, the caller's own account is read as it is."""
    external_id: str | None = None


class Account(Struct, frozen=True):
    """One that was entered."""

    id: str
    partition: str
    clients: Clients


def planned(scope: Scope, own: Clients) -> Sequence[str]:
    """Ids of the accounts of a scope."""
    if not scope.organization:
        return scope.accounts
    organization = own.get("organizations", HOME_REGION)

    def active() -> list[str]:
        pages = organization.get_paginator("list_accounts").paginate()
        found = [each["Id"] for page in pages for each in page["Accounts"] if each["Status"] == "ACTIVE"]
        return [id for id in found if id not in scope.exclude]

    return or_refuse(active, "the accounts of the organisation cannot be listed")


def enter(scope: Scope, own: Clients, caller: tuple[str, str], id: str) -> Account | Gap:
    """An account, once AWS has said that the credentials are of it and no other; or why it cannot be read."""
    partition = caller[1]
    if not scope.role:
        if caller[0] != id:
            raise Refusal(
                f"these credentials are of account {caller[0]}: name it, or a role to assume in {id} with --role",
                place=id,
            )
        return Account(id, partition, own)
    try:
        clients = own.of_role(f"arn:{partition}:iam::{id}:role/{scope.role}", scope.external_id)
        found = clients.account()[0]
    except errors() as error:
        return Gap(id, f"not read: {reason(error)}")
    if found != id:
        raise Refusal(f"the role {scope.role} led into account {found}: nothing was read", place=id, code=CANNOT_JUDGE)
    return Account(id, partition, clients)
