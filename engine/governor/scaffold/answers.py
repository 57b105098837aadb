"""What somebody answers to `governor init`: text in, decisions out, or a Refusal of one line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from governor import library
from governor.catalog import ai_keys, regions
from governor.errors import Refusal

Level = Literal["warn", "deny"]
Ci = Literal["github", "gitlab", "none"]

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_.:/@-]{0,62}")
"""What the clouds take, all in all: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html,
at most 63 letters as https://cloud.google.com/resource-manager/docs/labels-overview has it."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_ACCOUNT = re.compile(r"[^\s,=*]{1,512}")
_REPOSITORY = re.compile(r"(?:https://|ssh://git@)[A-Za-z0-9][A-Za-z0-9.:-]*(?:/[A-Za-z0-9_.~-]+)+")
"""No user and no password: files of a repository are no place for one."""
_MOST_USD = 1e12


class Answers(Struct, frozen=True, kw_only=True):
    """All decisions, checked."""

    tags: tuple[str, ...]
    """Keys that are mandatory somewhere."""
    stages: tuple[str, ...]
    budgets: Mapping[str, float]
    """Project → USD a month."""
    jurisdictions: tuple[str, ...]
    """Where data may lie and be processed; empty: anywhere."""
    keys: tuple[tuple[str, str], ...]
    """(provider, account) of the AI keys that are approved."""
    key_owner: str
    level: Level
    ci: Ci
    pre_commit: bool
    repository: str
    """Where CI and pre-commit get governor from."""
    adopt: bool = False
    """Whether what is found today is written down as known."""


def taxonomy() -> dict[str, Any]:
    """The data of the shipped concern `tagging`."""
    return library.read_data(library.builtin() / "tagging" / "data.yaml")


def tags(written: str) -> tuple[str, ...]:
    """Tag keys, separated by commas."""
    keys = _list(written, "--tags", "name at least one tag key")
    shipped = {_folded(name): key for key, tag in taxonomy()["tags"].items() for name in (key, *tag.get("aliases", ()))}
    seen: dict[str, str] = {}
    for key in keys:
        if not _TAG.fullmatch(key):
            raise _no("--tags", key, "is no tag key: a letter, then letters, digits and _ . : / @ -, at most 63 in all")
        proper = shipped.get(_folded(key), key)
        if proper != key:
            raise _no("--tags", key, f"is what the taxonomy calls {proper}: write {proper}")
        if other := seen.get(_folded(key)):
            raise _no("--tags", key, f"reads like {other}: keep one")
        seen[_folded(key)] = key
    return keys


def stages(written: str) -> tuple[str, ...]:
    """Values of the tag `stage`, separated by commas."""
    names = _list(written, "--stages", "name at least one stage")
    return tuple(_name("--stages", name) for name in names)


def budgets(written: str) -> dict[str, float]:
    """PROJECT=USD, separated by commas."""
    found: dict[str, float] = {}
    for project, amount in _pairs(written, "--budget", "write PROJECT=USD, like atlas=20000"):
        try:
            usd = float(amount.replace("_", "x"))
        except ValueError:
            usd = math.nan
        if not 0 <= usd <= _MOST_USD:
            raise _no("--budget", amount, "is no amount of USD a month: write digits, like 20000")
        if _name("--budget", project) in found:
            raise _no("--budget", project, "stands twice: keep one")
        found[project] = usd
    return found


def jurisdictions(written: str) -> tuple[str, ...]:
    """Jurisdictions of the region catalogue, separated by commas; empty, or `any`: anywhere."""
    if written.strip().lower() in ("", "any"):
        return ()
    known = {region["jurisdiction"] for places in regions.document().values() for region in places.values()}
    names = _list(written, "--jurisdictions", "name one, or any")
    for name in names:
        if name in known:
            continue
        if name.upper() in known:
            raise _no("--jurisdictions", name, f"is written {name.upper()}")
        for provider in regions.document():
            if region := regions.find(provider, name):
                raise _no("--jurisdictions", name, f"is a region in {region.jurisdiction}: write {region.jurisdiction}")
        raise _no("--jurisdictions", name, f"is none that the catalogue knows: {', '.join(sorted(known))}")
    return names


def keys(written: str) -> tuple[tuple[str, str], ...]:
    """PROVIDER=ACCOUNT, separated by commas."""
    known = {*ai_keys.PROVIDERS, "aws", "azure", "gcp"}
    found = _pairs(written, "--keys", "write PROVIDER=ACCOUNT, like openai=ci-evaluation")
    for provider, account in found:
        if provider not in known:
            raise _no("--keys", provider, f"is no provider that keys are known of: {', '.join(sorted(known))}")
        if not (_ACCOUNT.fullmatch(account) and account.isprintable()):
            raise _no("--keys", account, "is no name of an account: a name without blanks and *, at most 512 long")
    return tuple(dict.fromkeys(found))


def key_owner(written: str) -> str:
    """The person who answers for the keys."""
    name = written.strip()
    if not name or not name.isprintable() or len(name) > 512:
        raise _no("--key-owner", written, "names nobody: write who answers for the keys")
    return name


def repository(written: str) -> str:
    """The address of a git repository."""
    address = written.strip().removesuffix("/")
    if not _REPOSITORY.fullmatch(address):
        raise _no("--repository", written, "is no address of a repository: write https://host/owner/name")
    return address


def _folded(key: str) -> str:
    """Case, blanks, hyphens and underscores make no difference to TAG003, so none here."""
    return re.sub(r"[\s_-]", "", key).lower()


def _list(written: str, place: str, advice: str) -> tuple[str, ...]:
    items = tuple(dict.fromkeys(item.strip() for item in written.split(",") if item.strip()))
    if not items:
        raise Refusal(advice, place=place)
    return items


def _pairs(written: str, place: str, advice: str) -> list[tuple[str, str]]:
    if written.strip().lower() in ("", "none"):
        return []
    pairs = []
    for item in _list(written, place, advice):
        name, _, value = (part.strip() for part in item.partition("="))
        if not (name and value):
            raise _no(place, item, f"is half an answer: {advice}")
        pairs.append((name, value))
    return pairs


def _name(place: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _no(place, name, "is no name: letters, digits, dots, hyphens and underscores, at most 63")
    return name


def _no(place: str, what: str, why: str) -> Refusal:
    """Says what is wrong with an answer; nothing that a terminal would obey is repeated."""
    return Refusal(f"{what[:80]!a} {why}", place=place)


def read(name: str, written: Any) -> Any:
    """The answer to the option of that name. An answer that holds an AI key is refused, and not repeated."""
    if isinstance(written, str) and (ai_keys.find(written) or ai_keys.without_keys(written) != written):
        raise Refusal(
            "an AI key stands in this answer: revoke it; names are asked for, never keys", place=_option(name)
        )
    parse = _PARSERS.get(name)
    return parse(written) if parse else written


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "tags": tags,
    "stages": stages,
    "budget": budgets,
    "jurisdictions": jurisdictions,
    "keys": keys,
    "key_owner": key_owner,
    "repository": repository,
}
"""Name of an option → what reads its text."""


def joined(items: Iterable[str]) -> str:
    """The text that `tags`, `stages` and `jurisdictions` read."""
    return ", ".join(items)
