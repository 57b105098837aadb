"""Text in, the places of literal AI keys out; never their values.

The shapes are facts published by the providers and by secret scanners (gitleaks, betterleaks, kingfisher, noseyparker:
MIT and Apache-2.0); the patterns are our own and lean towards finding: a key with a wrong checksum is still a secret
that somebody pasted.
"""

from __future__ import annotations

import re
from base64 import b64encode
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import blake2b
from itertools import pairwise
from math import log2

from msgspec import Struct

PROVIDERS: tuple[str, ...] = (
    "anthropic",
    "assemblyai",
    "aws",
    "aws-bedrock",
    "azure",
    "cerebras",
    "cohere",
    "cursor",
    "databricks",
    "deepgram",
    "deepseek",
    "elevenlabs",
    "firecrawl",
    "fireworks",
    "google",
    "groq",
    "huggingface",
    "jina",
    "kimi",
    "langfuse",
    "langsmith",
    "minimax",
    "mistral",
    "nvidia",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "pinecone",
    "replicate",
    "runpod",
    "stability",
    "tavily",
    "together",
    "unknown",
    "upstage",
    "wandb",
    "xai",
    "zai",
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


class Rule(Struct, frozen=True):
    """One kind of key."""

    name: str
    provider: str
    prefix: str
    """Literal text that every key begins with; "" when it has no shape of its own."""
    body: str
    """Pattern of the rest."""
    before: str = ""
    """Pattern of what stands before the key."""
    hints: tuple[str, ...] = ()
    """Literals of which one stands in every text with such a key, where the prefix alone says too little."""
    classes: int = 2
    """Of lower case, capitals and digits, how many a body must mix: words have one, hashes two."""
    code: bool = False
    """Sought in code only: a plan is not searched for every word that may stand before a key."""
    marked: str = ""
    """Pattern of the body in code, where made-up keys of tests abound: it holds the mark of a real one."""

    @property
    def literals(self) -> tuple[str, ...]:
        """Of these, one stands in every text with such a key."""
        return (self.prefix,) if self.prefix else self.hints


_SECRET_NAME = r"(?:[Kk]ey|KEY|[Tt]oken|TOKEN|[Ss]ecret|SECRET)"


def _named(keyword: str) -> str:
    """Pattern of a name that begins with a keyword and speaks of a key, token or secret, and of what joins the two."""
    return rf"{keyword}{_SECRET_NAME}[^\n]{{0,16}}?"


def _word(*words: str) -> str:
    """Pattern of words in lower case, in capitals or with a capital, and a little more of the same name."""
    written = (f"{word.upper()}|[{word[0].upper()}{word[0]}]{word[1:]}" for word in words)
    return rf"(?:{'|'.join(written)})[\w .-]{{0,30}}?"


def _hints(*words: str) -> tuple[str, ...]:
    return tuple(written for word in words for written in (word, word.upper(), word.capitalize()))


# The start of a short-lived Bedrock key, encoded so that no scanner takes this file for one.
_BEDROCK = b64encode(b"bedrock.amazonaws.com").decode()

_AZURE_BODY = r"(?:[0-9a-f]{32}|[A-Za-z0-9]{84})"
_AZURE = r"(?:AZURE|[Aa]zure)[_. -]?(?:OPENAI|OPEN_AI|[Oo]pen_?[Aa][Ii])[\w .-]{0,30}?"

# OpenAI puts these eight letters into the middle of every key: "OpenAI" in base64.
_MARKED = r"[A-Za-z0-9_-]{18,}T3BlbkFJ[A-Za-z0-9_-]{18,}"

RULES: tuple[Rule, ...] = (
    Rule("openai-project-key", "openai", "sk-proj-", r"[A-Za-z0-9_-]{20,}", marked=_MARKED),
    Rule("openai-service-account-key", "openai", "sk-svcacct-", r"[A-Za-z0-9_-]{20,}", marked=_MARKED),
    Rule("openai-admin-key", "openai", "sk-admin-", r"[A-Za-z0-9_-]{20,}", marked=_MARKED),
    Rule("openai-api-key", "openai", "sk-", r"[A-Za-z0-9_-]{16,}T3BlbkFJ[A-Za-z0-9_-]{16,}"),
    Rule("anthropic-api-key", "anthropic", "sk-ant-api", r"\d{2,4}-[A-Za-z0-9_-]{80,120}"),
    Rule("anthropic-admin-key", "anthropic", "sk-ant-admin", r"\d{2,4}-[A-Za-z0-9_-]{80,120}"),
    Rule("openrouter-api-key", "openrouter", "sk-or-v1-", r"[0-9a-f]{64}"),
    Rule("minimax-api-key", "minimax", "sk-api-", r"[A-Za-z0-9_-]{119}"),
    Rule("langfuse-secret-key", "langfuse", "sk-lf-", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    Rule(
        "deepseek-api-key",
        "deepseek",
        "sk-",
        r"[0-9a-z]{32}",
        _named(r"(?:DEEPSEEK|[Dd]eep[Ss]eek)[\w .-]{0,30}?"),
        ("DEEPSEEK", "eepSeek", "eepseek"),
    ),
    Rule(
        "kimi-api-key",
        "kimi",
        "sk-",
        r"[A-Za-z0-9_-]{48}",
        _named(_word("kimi", "moonshot")),
        _hints("kimi", "moonshot"),
    ),
    Rule("stability-api-key", "stability", "sk-", r"[A-Za-z0-9]{48}", _named(_word("stability")), _hints("stability")),
    Rule("google-api-key", "google", "AIza", r"[A-Za-z0-9_-]{35}"),
    Rule("google-gemini-key", "google", "AQ.Ab8RN6", r"[A-Za-z0-9_-]{44}"),
    Rule("huggingface-user-token", "huggingface", "hf_", r"[A-Za-z0-9]{34}"),
    Rule("huggingface-organization-token", "huggingface", "api_org_", r"[A-Za-z0-9]{34}"),
    Rule("groq-api-key", "groq", "gsk_", r"[A-Za-z0-9]{48,56}"),
    Rule("replicate-api-token", "replicate", "r8_", r"[A-Za-z0-9_-]{37}"),
    Rule("xai-api-key", "xai", "xai-", r"[A-Za-z0-9_-]{70,120}"),
    Rule("perplexity-api-key", "perplexity", "pplx-", r"[A-Za-z0-9]{40,56}"),
    Rule("fireworks-api-key", "fireworks", "fw_", r"[A-Za-z0-9]{20,32}", classes=3),
    Rule("nvidia-api-key", "nvidia", "nvapi-", r"[A-Za-z0-9_-]{60,70}"),
    Rule("databricks-token", "databricks", "dapi", r"[0-9a-f]{32}(?:-\d)?"),
    Rule("langsmith-personal-token", "langsmith", "lsv2_pt_", r"[0-9a-f]{32}_[0-9a-f]{10}"),
    Rule("langsmith-service-key", "langsmith", "lsv2_sk_", r"[0-9a-f]{32}_[0-9a-f]{10}"),
    Rule("pinecone-api-key", "pinecone", "pcsk_", r"[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}"),
    Rule("cerebras-api-key", "cerebras", "csk-", r"[a-z0-9]{48}"),
    Rule("aws-bedrock-api-key", "aws-bedrock", "ABSK", r"[A-Za-z0-9+/]{109,269}={0,2}"),
    Rule("aws-bedrock-short-term-key", "aws-bedrock", "bedrock-api-key-", _BEDROCK + r"[A-Za-z0-9+/=_-]*"),
    # ASIA ids are left out: they are worth nothing without a session token and end within hours.
    Rule("aws-access-key-id", "aws", "AKIA", r"[A-Z2-7]{16}"),
    Rule("jina-api-key", "jina", "jina_", r"[A-Za-z0-9]{60}"),
    Rule("tavily-api-key", "tavily", "tvly-", r"(?:dev-|prod-)?[A-Za-z0-9]{32}"),
    Rule("firecrawl-api-key", "firecrawl", "fc-", r"[0-9a-f]{32}"),
    Rule("runpod-api-key", "runpod", "rpa_", r"[A-Z0-9]{40}[A-Za-z0-9]{6}"),
    Rule("together-api-key", "together", "tgp_v1_", r"[A-Za-z0-9_-]{43}"),
    Rule("wandb-api-key", "wandb", "wandb_v1_", r"[A-Za-z0-9_]{77}"),
    Rule("elevenlabs-api-key", "elevenlabs", "sk_", r"[0-9a-f]{48}"),
    Rule("cursor-api-key", "cursor", "key_", r"[0-9a-f]{64}"),
    # Three classes keep hashes out: a SHA-1 has 40 hexadecimal digits, an MD5 has 32.
    Rule(
        "cohere-api-key",
        "cohere",
        "",
        r"[A-Za-z0-9]{40}",
        _named(r"(?:COHERE|[Cc]ohere|CO(?=_API))[\w .-]{0,30}?"),
        ("COHERE", "ohere", "CO_API"),
        classes=3,
    ),
    Rule(
        "mistral-api-key",
        "mistral",
        "",
        r"[A-Za-z0-9]{32}",
        _named(r"(?:MISTRAL|[Mm]istral)[\w .-]{0,30}?"),
        ("MISTRAL", "istral"),
        classes=3,
    ),
    Rule("azure-openai-key", "azure", "", _AZURE_BODY, _named(_AZURE), ("AZURE", "zure")),
    # The host may stand anywhere in the file: the key is read from it, and so is what the key is for.
    Rule(
        "azure-openai-host-key",
        "azure",
        "",
        _AZURE_BODY,
        _named(r"(?:API|[Aa]pi|OPENAI|[Oo]pen_?[Aa][Ii]|AZURE|[Aa]zure)[\w.-]{0,20}?"),
        (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"),
        code=True,
    ),
    Rule(
        "assemblyai-api-key",
        "assemblyai",
        "",
        r"[0-9a-z]{32}",
        _named(r"(?:ASSEMBLY_?AI|[Aa]ssembly_?(?:ai|Ai|AI))[\w .-]{0,30}?"),
        (
            "ASSEMBLYAI",
            "ASSEMBLY_AI",
            "assemblyai",
            "assembly_ai",
            "AssemblyAI",
            "Assemblyai",
            "assemblyAI",
            "assemblyAi",
        ),
        code=True,
    ),
    Rule(
        "deepgram-api-key",
        "deepgram",
        "",
        r"[0-9a-z]{40}",
        _named(_word("deepgram")),
        _hints("deepgram"),
        code=True,
    ),
    Rule(
        "elevenlabs-legacy-key",
        "elevenlabs",
        "",
        r"[0-9a-f]{32}",
        _named(r"(?:ELEVEN_?LABS|[Ee]leven_?[Ll]abs|XI(?=[_-]API)|xi(?=[_-]api))[\w .-]{0,30}?"),
        ("ELEVENLABS", "ELEVEN_LABS", "levenlabs", "levenLabs", "leven_labs", "XI_API", "XI-API", "xi_api", "xi-api"),
        code=True,
    ),
    Rule(
        "ollama-api-key",
        "ollama",
        "",
        r"[0-9a-f]{32}\.[A-Za-z0-9_-]{24}",
        _named(_word("ollama")),
        _hints("ollama"),
        code=True,
    ),
    Rule(
        "upstage-api-key",
        "upstage",
        "",
        r"[A-Za-z0-9]{40,50}",
        _named(_word("upstage")),
        _hints("upstage"),
        classes=3,
        code=True,
    ),
    Rule(
        "zai-api-key",
        "zai",
        "",
        r"[0-9a-f]{32}\.[A-Za-z0-9]{16}",
        _named(r"(?:ZAI|[Zz]ai|ZHIPU|[Zz]hipu)[\w .-]{0,30}?"),
        _hints("zai", "zhipu"),
        code=True,
    ),
    Rule(
        "wandb-legacy-key",
        "wandb",
        "",
        r"[0-9a-f]{40}",
        rf"(?:{_named(_word('wandb', 'weightsandbiases'))}|[Ww]andb(?: login)?[ \t]+)",
        _hints("wandb", "weightsandbiases"),
        code=True,
    ),
    Rule("sk-key", "unknown", "sk-", r"(?:[A-Za-z0-9]{32,64}|[A-Za-z0-9_-]{48})", _named("")),
)
"""Specific before general: the first rule to claim a stretch of text keeps it."""

_SHORTEST = 20
"""Characters of the shortest key, an AWS access key id."""

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


def find(text: str, *, code: bool = False, rules: Sequence[Rule] | None = None) -> list[Sighting]:
    """Every literal AI key in `text`, in the order in which they stand there.

    Some keys have no shape of their own and are found by the name before them; where a value's name is known, pass
    `name=value`. With `code`, the text is a whole file that people wrote: more names are known, a key may be told by a
    host anywhere in the file, and a key that its provider marks needs that mark. Placeholders are passed over:
    instructions (`your-key-here`), runs of one letter, sequences, bodies of too little variety, and short ones that
    call themselves an example. `${…}` and `<…>` are no key characters at all.
    """
    sightings: list[Sighting] = []
    if len(text) < _SHORTEST:
        return sightings
    for rule in _candidates(text, code, rules):
        for match in _pattern(rule, code).finditer(text):
            start, end = match.span("key")
            position = bisect(sightings, start, key=_start)
            before = sightings[position - 1] if position else None
            after = sightings[position] if position < len(sightings) else None
            if (before and start < before.end) or (after and after.start < end):
                continue
            if not _is_placeholder(match["body"], rule.classes) and _digest(match["key"]) not in _PUBLIC:
                sightings.insert(position, Sighting(rule.name, rule.provider, start, end))
    return sightings


def _start(sighting: Sighting) -> int:
    return sighting.start


def _candidates(text: str, code: bool, rules: Sequence[Rule] | None) -> Iterator[Rule]:
    """The rules whose literals stand in the text: for most texts none, and no pattern is compiled."""
    if rules is None:
        for anchor in _anchors():
            if anchor in text:
                break
        else:
            if not code:
                return
    for rule in RULES if rules is None else rules:
        if rule.code <= code and rule.prefix in text and (not rule.hints or any(hint in text for hint in rule.hints)):
            yield rule


def without_keys(name: str) -> str:
    """A name with `(key)` for all that has the shape of a key in it, even as a part of a longer word."""
    if len(name) >= _SHORTEST:
        for rule in RULES:
            if rule.prefix and rule.prefix in name:
                name = re.sub(re.escape(rule.prefix) + rule.body, "(key)", name, flags=re.ASCII)
    return name


def prefix_of(rule: str) -> str:
    """What every key of a rule begins with; "" when they have nothing in common."""
    return next(one.prefix for one in RULES if one.name == rule)


def rules_for(data: bytes) -> Sequence[Rule]:
    """The rules that may find a key in a whole file of code (UTF-8): none for most files, after a few quick passes."""
    if any(screen.search(data) for screen in _screens()):
        return RULES
    low = data.lower()
    return RULES if any(word in low for word in _words()) else ()


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
    if _is_sequence(body):
        return True
    core = _RUN.sub(r"\1", body)
    if len(core) < 8 or _variety(core) < 2.5 or _classes(core) < classes or _INSTRUCTION.search(core):
        return True
    # A body of twenty characters in three classes is a key even when somebody wrote "fake" into it.
    return bool(_SPECIMEN.search(core)) and (len(core) < 20 or _classes(core) < 3)


def _is_sequence(body: str) -> bool:
    """`abcdef0123456789…`: nine of ten characters follow from the one before."""
    low = body.lower()
    follow = sum(ord(two) - ord(one) == 1 or one + two in ("90", "9a", "f0", "z0", "z1") for one, two in pairwise(low))
    return follow > 0.9 * (len(body) - 1)


def _classes(text: str) -> int:
    return any(c.islower() for c in text) + any(c.isupper() for c in text) + any(c.isdigit() for c in text)


def _variety(text: str) -> float:
    """Shannon entropy, bits per character."""
    return -sum(n / len(text) * log2(n / len(text)) for n in Counter(text).values())


def _digest(key: str) -> str:
    return blake2b(key.encode(), digest_size=8).hexdigest()


@cache
def _anchors() -> tuple[str, ...]:
    """Literals of which one stands in every string with a key: most strings of a plan are done with here."""
    anchors = {literal for rule in RULES if not rule.code for literal in rule.literals}
    return tuple(sorted(one for one in anchors if not any(other in one for other in anchors - {one})))


@cache
def _words() -> tuple[bytes, ...]:
    """What the screens do not look for, in lower case: the literals of the rules for code only."""
    words = {hint.lower().encode() for rule in RULES if rule.code for hint in rule.hints}
    return tuple(sorted(word for word in words if not any(other in word for other in words - {word})))


@cache
def _pattern(rule: Rule, code: bool) -> re.Pattern[str]:
    prefix = re.escape(rule.prefix)
    # The boundary is looked for behind the prefix: a pattern that begins with literal text is searched much faster.
    body = rule.marked if code and rule.marked else rule.body
    key = rf"(?P<key>{prefix}{_BOUNDARY.replace('@', prefix)}(?P<body>{body})){_END}"
    return re.compile(rule.before + key, re.ASCII)


@cache
def _screens() -> tuple[re.Pattern[bytes], ...]:
    """Patterns of which one matches wherever a rule may match, in a file whose strings are still escaped.

    Each begins with one literal byte, the rarest of its family where it can be: the regular expression engine then runs
    at the speed of a byte search between candidates.
    """
    hyphen = "|".join(
        f"(?<={prefix}){_BOUNDARY.replace('@', prefix)}"
        for prefix in ("sk-", "csk-", "xai-", "pplx-", "nvapi-", "tvly-", "fc-")
    )
    underscore = "|".join(
        f"(?<={prefix})"
        for prefix in (
            "hf_",
            "api_org_",
            "gsk_",
            "fw_",
            "lsv2_pt_",
            "lsv2_sk_",
            "pcsk_.{5}_",
            "pcsk_.{6}_",
            "jina_",
            "rpa_",
            "sk_",
            "key_",
        )
    )
    patterns = (
        rf"-(?=[A-Za-z0-9_-]{{20}})(?:(?<=api-key-)|{hyphen})",
        # Words seldom run to twenty characters without an underscore, so few candidates pass the first test.
        rf"_(?=[A-Za-z0-9]{{20}})(?:{underscore})",
        r"8_(?<=r8_)[A-Za-z0-9_-]{37}",
        r"1_(?<=_v1_)(?:(?<=tgp_v1_)[A-Za-z0-9_-]{43}|(?<=wandb_v1_)[A-Za-z0-9_]{77})",
        r"dapi[0-9a-f]{32}",
        r"A(?:Iza[A-Za-z0-9_-]{35}|BSK[A-Za-z0-9+/]{109}|KIA[A-Z2-7]{16}|Q\.Ab8RN6|ZURE|zure)",
        r"C(?:OHERE|ohere|O_API)",
        r"cohere",
        r"M(?:ISTRAL|istral)",
        r"mistral",
        r"azure[_. -]?(?:OPEN|[Oo]pen)",
    )
    return tuple(re.compile(pattern.encode()) for pattern in patterns)
