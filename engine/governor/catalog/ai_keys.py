"""Text in, the places of literal AI keys out; never their values.

The shapes are facts published by the providers and by secret scanners (gitleaks, betterleaks, kingfisher, noseyparker:
MIT and Apache-2.0); the patterns are our own and lean towards finding: a key with a wrong checksum is still a secret
that somebody pasted.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from math import log2

from msgspec import Struct

PROVIDERS: tuple[str, ...] = (
    "anthropic",
    "aws",
    "aws-bedrock",
    "azure",
    "cerebras",
    "cohere",
    "databricks",
    "deepseek",
    "fireworks",
    "google",
    "groq",
    "huggingface",
    "langsmith",
    "mistral",
    "nvidia",
    "openai",
    "openrouter",
    "perplexity",
    "pinecone",
    "replicate",
    "unknown",
    "xai",
)
"""Every provider a sighting may name; "unknown" for keys in the `sk-` fashion that many providers follow."""


class Sighting(Struct, frozen=True, gc=False):
    """Where a key stands in a text."""

    rule: str
    """`openai-project-key`."""
    provider: str
    """One of `PROVIDERS`."""
    start: int
    end: int
    """`text[start:end]` is the key. It must never be stored or printed."""


class _Rule(Struct, frozen=True):
    name: str
    provider: str
    prefix: str
    """Literal text that every key begins with; "" when it has no shape of its own."""
    body: str
    """Pattern of the rest."""
    keyword: str = ""
    """Pattern of the words that a name before the key must begin with."""
    hints: tuple[str, ...] = ()
    """Literals of which one stands wherever the keyword stands."""
    named: bool = False
    """Any name that speaks of a key, token or secret will do."""
    classes: int = 2
    """Of lower case, capitals and digits, how many a body must mix: words have one, hashes two."""


# The start of a short-lived Bedrock key, encoded so that no scanner takes this file for one.
_BEDROCK = b64encode(b"bedrock.amazonaws.com").decode()

_AZURE = r"(?:AZURE|[Aa]zure)[_. -]?(?:OPENAI|OPEN_AI|[Oo]pen_?[Aa][Ii])[\w .-]{0,30}?"

_RULES = (
    _Rule("openai-project-key", "openai", "sk-proj-", r"[A-Za-z0-9_-]{20,}"),
    _Rule("openai-service-account-key", "openai", "sk-svcacct-", r"[A-Za-z0-9_-]{20,}"),
    _Rule("openai-admin-key", "openai", "sk-admin-", r"[A-Za-z0-9_-]{20,}"),
    _Rule("openai-api-key", "openai", "sk-", r"[A-Za-z0-9_-]{16,}T3BlbkFJ[A-Za-z0-9_-]{16,}"),
    _Rule("anthropic-api-key", "anthropic", "sk-ant-api", r"\d{2,4}-[A-Za-z0-9_-]{80,120}"),
    _Rule("anthropic-admin-key", "anthropic", "sk-ant-admin", r"\d{2,4}-[A-Za-z0-9_-]{80,120}"),
    _Rule("openrouter-api-key", "openrouter", "sk-or-v1-", r"[0-9a-f]{64}"),
    _Rule("deepseek-api-key", "deepseek", "sk-", r"[0-9a-f]{32}", r"(?:DEEPSEEK|[Dd]eep[Ss]eek)[\w .-]{0,30}?"),
    _Rule("google-api-key", "google", "AIza", r"[A-Za-z0-9_-]{35}"),
    _Rule("google-gemini-key", "google", "AQ.Ab8RN6", r"[A-Za-z0-9_-]{44}"),
    _Rule("huggingface-user-token", "huggingface", "hf_", r"[A-Za-z0-9]{34}"),
    _Rule("huggingface-organization-token", "huggingface", "api_org_", r"[A-Za-z0-9]{34}"),
    _Rule("groq-api-key", "groq", "gsk_", r"[A-Za-z0-9]{48,56}"),
    _Rule("replicate-api-token", "replicate", "r8_", r"[A-Za-z0-9_-]{37}"),
    _Rule("xai-api-key", "xai", "xai-", r"[A-Za-z0-9_-]{70,120}"),
    _Rule("perplexity-api-key", "perplexity", "pplx-", r"[A-Za-z0-9]{40,56}"),
    _Rule("fireworks-api-key", "fireworks", "fw_", r"[A-Za-z0-9]{20,32}", classes=3),
    _Rule("nvidia-api-key", "nvidia", "nvapi-", r"[A-Za-z0-9_-]{60,70}"),
    _Rule("databricks-token", "databricks", "dapi", r"[0-9a-f]{32}(?:-\d)?"),
    _Rule("langsmith-personal-token", "langsmith", "lsv2_pt_", r"[0-9a-f]{32}_[0-9a-f]{10}"),
    _Rule("langsmith-service-key", "langsmith", "lsv2_sk_", r"[0-9a-f]{32}_[0-9a-f]{10}"),
    _Rule("pinecone-api-key", "pinecone", "pcsk_", r"[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}"),
    _Rule("cerebras-api-key", "cerebras", "csk-", r"[a-z0-9]{48}"),
    _Rule("aws-bedrock-api-key", "aws-bedrock", "ABSK", r"[A-Za-z0-9+/]{109,269}={0,2}"),
    _Rule("aws-bedrock-short-term-key", "aws-bedrock", "bedrock-api-key-", _BEDROCK + r"[A-Za-z0-9+/=_-]*"),
    # ASIA ids are left out: they are worth nothing without a session token and end within hours.
    _Rule("aws-access-key-id", "aws", "AKIA", r"[A-Z2-7]{16}"),
    # Three classes keep hashes out: a SHA-1 has 40 hexadecimal digits, an MD5 has 32.
    _Rule(
        "cohere-api-key",
        "cohere",
        "",
        r"[A-Za-z0-9]{40}",
        r"(?:COHERE|[Cc]ohere|CO(?=_API))[\w .-]{0,30}?",
        ("COHERE", "ohere", "CO_API"),
        classes=3,
    ),
    _Rule(
        "mistral-api-key",
        "mistral",
        "",
        r"[A-Za-z0-9]{32}",
        r"(?:MISTRAL|[Mm]istral)[\w .-]{0,30}?",
        ("MISTRAL", "istral"),
        classes=3,
    ),
    _Rule("azure-openai-key", "azure", "", r"(?:[0-9a-f]{32}|[A-Za-z0-9]{84})", _AZURE, ("AZURE", "zure")),
    _Rule("sk-key", "unknown", "sk-", r"(?:[A-Za-z0-9]{32,64}|[A-Za-z0-9_-]{48})", named=True),
)
"""Specific before general: the first rule to claim a stretch of text keeps it."""

_SHORTEST = 20
"""Characters of the shortest key, an AWS access key id."""

_SECRET_NAME = r"(?:[Kk]ey|KEY|[Tt]oken|TOKEN|[Ss]ecret|SECRET)"

# A key stands alone, or after an escape that JSON within a string, or a file not yet decoded, leaves behind.
# `@` is the text between the boundary and the place where it is looked for.
_BOUNDARY = r"(?:(?<![A-Za-z0-9_-]@)|(?<=\\[bfnrt]@)|(?<=\\u00[0-9a-f][0-9a-f]@))"
_END = r"(?![A-Za-z0-9_-])"

_RUN = re.compile(r"(.)\1{3,}")
_INSTRUCTION = re.compile(
    r"your[-_]?(?:\w{1,12}[-_])?(?:key|token|secret)|(?:key|goes|token)[-_]?here|(?:replace|change|fill)[-_]?(?:me|this)",
    re.IGNORECASE,
)
_SPECIMEN = re.compile(r"example|placeholder|dummy|sample|redacted|fake|notareal|todo|insert", re.IGNORECASE)

_PUBLIC = frozenset(
    {
        "04720f8c5b48eb54",
        "1dbab3955ee24509",
        "1eb23f4ff31fee4a",
        "2331a06e46b6014b",
        "4278860ad7c8919f",
        "5a2e3466d7aa6d95",
        "6ada812c0c203722",
        "71733bf44ea4212a",
        "7fa6fe73624d5bcb",
        "81b4f6c06b09cbed",
        "a667918ad80f14e8",
        "afd2f205ef556be9",
        "b0d0f6e9ac73ad77",
        "e4576406f972acf1",
        "e8e6b794c8c91613",
        "f27f5358a7c61641",
    }
)
"""Digests of Google keys that documentation and open-source samples publish: they are public on purpose."""


def find(text: str) -> list[Sighting]:
    """Every literal AI key in `text`, in the order in which they stand there.

    Some keys have no shape of their own and are found by the name before them; where a value's name is known, pass
    `name=value`. Placeholders are passed over: instructions (`your-key-here`), runs of one letter, bodies of too little
    variety, and short ones that call themselves an example. `${…}` and `<…>` are no key characters at all.
    """
    sightings: list[Sighting] = []
    if len(text) < _SHORTEST:
        return sightings
    for anchor in _anchors():
        if anchor in text:
            break
    else:
        return sightings
    for rule, pattern in _patterns():
        if rule.prefix not in text:
            continue
        for match in pattern.finditer(text):
            start, end = match.span("key")
            if any(start < seen.end and seen.start < end for seen in sightings):
                continue
            if not _is_placeholder(match["body"], rule.classes) and _digest(match["key"]) not in _PUBLIC:
                sightings.append(Sighting(rule.name, rule.provider, start, end))
    sightings.sort(key=lambda sighting: sighting.start)
    return sightings


def screens_for(data: bytes) -> bytes:
    """The numbers of the screens that catch something in a whole JSON or HCL file: none where no string holds a key.

    They exist for speed: one look at the file spares a look at each of its hundred thousand strings.
    """
    return bytes(number for number, screen in enumerate(_screens()) if screen.search(data))


def screens(numbers: bytes) -> tuple[re.Pattern[bytes], ...]:
    """The screens of these numbers."""
    return tuple(_screens()[number] for number in numbers)


def might_hold(data: bytes, screens: Iterable[re.Pattern[bytes]]) -> bool:
    """False when no string in a part of the file holds a key that `find` would see; True says nothing."""
    return any(screen.search(data) for screen in screens)


def _is_placeholder(body: str, classes: int) -> bool:
    core = _RUN.sub(r"\1", body)
    if len(core) < 8 or _variety(core) < 2.5 or _classes(core) < classes or _INSTRUCTION.search(core):
        return True
    # A body of twenty characters in three classes is a key even when somebody wrote "fake" into it.
    return bool(_SPECIMEN.search(core)) and (len(core) < 20 or _classes(core) < 3)


def _classes(text: str) -> int:
    return any(c.islower() for c in text) + any(c.isupper() for c in text) + any(c.isdigit() for c in text)


def _variety(text: str) -> float:
    """Shannon entropy, bits per character."""
    return -sum(n / len(text) * log2(n / len(text)) for n in Counter(text).values())


def _digest(key: str) -> str:
    return blake2b(key.encode(), digest_size=8).hexdigest()


@cache
def _anchors() -> tuple[str, ...]:
    """Literals of which one stands in every text with a key: most strings of a plan are done with here."""
    anchors = {anchor for rule in _RULES for anchor in ((rule.prefix,) if rule.prefix else rule.hints)}
    return tuple(sorted(one for one in anchors if not any(other in one for other in anchors - {one})))


@cache
def _patterns() -> tuple[tuple[_Rule, re.Pattern[str]], ...]:
    return tuple((rule, re.compile(_pattern(rule), re.ASCII)) for rule in _RULES)


def _pattern(rule: _Rule) -> str:
    prefix = re.escape(rule.prefix)
    # The boundary is looked for behind the prefix: a pattern that begins with literal text is searched much faster.
    key = rf"(?P<key>{prefix}{_BOUNDARY.replace('@', prefix)}(?P<body>{rule.body})){_END}"
    if rule.keyword or rule.named:
        return rf"{rule.keyword}{_SECRET_NAME}[^\n]{{0,16}}?{key}"
    return key


@cache
def _screens() -> tuple[re.Pattern[bytes], ...]:
    """Patterns of which one matches wherever a rule may match, in a file whose strings are still escaped.

    Each begins with one literal byte, the rarest of its family where it can be: the regular expression engine then runs
    at the speed of a byte search between candidates.
    """
    hyphen = "|".join(
        f"(?<={prefix}){_BOUNDARY.replace('@', prefix)}" for prefix in ("sk-", "csk-", "xai-", "pplx-", "nvapi-")
    )
    underscore = "|".join(
        f"(?<={prefix})"
        for prefix in ("hf_", "api_org_", "gsk_", "fw_", "lsv2_pt_", "lsv2_sk_", "pcsk_.{5}_", "pcsk_.{6}_")
    )
    patterns = (
        rf"-(?=[A-Za-z0-9_-]{{20}})(?:(?<=api-key-)|{hyphen})",
        # Words seldom run to twenty characters without an underscore, so few candidates pass the first test.
        rf"_(?=[A-Za-z0-9]{{20}})(?:{underscore})",
        r"8_(?<=r8_)[A-Za-z0-9_-]{37}",
        r"dapi[0-9a-f]{32}",
        r"A(?:Iza[A-Za-z0-9_-]{35}|BSK[A-Za-z0-9+/]{109}|KIA[A-Z2-7]{16}|Q\.Ab8RN6|ZURE|zure)",
        r"C(?:OHERE|ohere|O_API)",
        r"cohere",
        r"M(?:ISTRAL|istral)",
        r"mistral",
        r"azure[_. -]?(?:OPEN|[Oo]pen)",
    )
    return tuple(re.compile(pattern.encode()) for pattern in patterns)
