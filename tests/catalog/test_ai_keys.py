"""Keys are found where they stand. No key-like text is written here: every one is put together when the test runs."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from governor.catalog import ai_keys
from governor.catalog.ai_keys import find, might_hold, screens, screens_for

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "keys" / "samples.jsonl"

PATTERNS = SAMPLES.with_name("ai_key_patterns.json")
PAGE = Path(__file__).parents[2] / "docs" / "keys-in-code.md"

PUBLISHED = {
    "anthropic-api-key": "anthropic",
    "anthropic-admin-api-key": "anthropic",
    "openaiadmin": "openai",
    "aws-amazon-bedrock-api-key-long-lived": "aws-bedrock",
    "aws-amazon-bedrock-api-key-short-lived": "aws-bedrock",
    "azure_openai": "azure",
    "kingfisher.azureopenai.1": "azure",
    "databrickstoken": "databricks",
    "gcp-api-key": "google",
    "gcp-gemini-api": "google",
    "googlegemini": "google",
    "langchain-langsmith-personal-access-token": "langsmith",
    "langchain-langsmith-service-key": "langsmith",
    "nvapi": "nvidia",
    "kingfisher.nvapi.1": "nvidia",
    "stability-ai-api-key": "stability",
    "togetherai-api-key": "together",
    "weights-and-biases-api-key": "wandb",
    "weights-and-biases-api-key-v1": "wandb",
    "weightsandbiases": "wandb",
}
"""Published rule → our provider, where the rule's name does not begin with it."""

EXPECTED_RULES = {
    "anthropic-api-key": {"anthropic-api-key"},
    "anthropic-admin-api-key": {"anthropic-admin-key"},
    "openaiadmin": {"openai-admin-key"},
}
"""Published rules whose labels speak of one kind of key: another kind in the text is not what they deny."""

PLACEHOLDERS = {
    "kingfisher.azureopenai.1": "a sequence",
    "kingfisher.groq.1": "a sequence",
    "kingfisher.replicate.1": "a sequence, longer than the keys are",
    "langfuse": "zeros",
    "np.tavily.1": "a run of x",
}
"""Rules among whose labelled keys are placeholders, which we pass over."""

MIXED = "Xq7" + "Rt2mZ9pLw4" + "Kd8Vb5NcJ3" + "Hs6Gf1YxT0"
"""33 characters of every class."""


def caught(text: str) -> bool:
    """Whether the screens of a file let a key in it through to `find`."""
    return might_hold(text.encode(), screens(screens_for(text.encode())))


def caught_in_code(text: str) -> bool:
    return bool(ai_keys.rules_for(text.encode()))


def mixed(length):
    return (MIXED * 9)[:length]


def hexadecimal(length):
    return (("3f9a0c71" + "5be8d264" + "a917c3f0") * 9)[:length]


KEYS = {
    "openai-project-key": ("sk-" + "proj-", mixed(48)),
    "openai-service-account-key": ("sk-" + "svcacct-", mixed(60)),
    "openai-admin-key": ("sk-" + "admin-", mixed(60)),
    "openai-api-key": ("sk-", mixed(20) + "T3Blbk" + "FJ" + mixed(20)),
    "anthropic-api-key": ("sk-" + "ant-api03-", mixed(93) + "AA"),
    "anthropic-admin-key": ("sk-" + "ant-admin01-", mixed(93) + "AA"),
    "openrouter-api-key": ("sk-" + "or-v1-", hexadecimal(64)),
    "google-api-key": ("AI" + "za", mixed(35)),
    "google-gemini-key": ("AQ." + "Ab8RN6", mixed(44)),
    "huggingface-user-token": ("hf" + "_", mixed(34)),
    "huggingface-organization-token": ("api" + "_org_", mixed(34)),
    "groq-api-key": ("gsk" + "_", mixed(52)),
    "replicate-api-token": ("r8" + "_", mixed(37)),
    "xai-api-key": ("xai" + "-", mixed(80)),
    "perplexity-api-key": ("pplx" + "-", mixed(48)),
    "fireworks-api-key": ("fw" + "_", mixed(24)),
    "nvidia-api-key": ("nvapi" + "-", mixed(64)),
    "databricks-token": ("da" + "pi", hexadecimal(32)),
    "langsmith-personal-token": ("lsv2" + "_pt_", hexadecimal(32) + "_" + hexadecimal(10)),
    "langsmith-service-key": ("lsv2" + "_sk_", hexadecimal(32) + "_" + hexadecimal(10)),
    "pinecone-api-key": ("pcsk" + "_", mixed(5) + "_" + mixed(63)),
    "cerebras-api-key": ("csk" + "-", mixed(48).lower()),
    "aws-bedrock-api-key": ("AB" + "SK", mixed(120) + "=="),
    "aws-bedrock-short-term-key": ("bedrock-" + "api-key-", base64.b64encode(b"bedrock.amazonaws.com/?x=1").decode()),
    "aws-access-key-id": ("AK" + "IA", "Q3EGRNZ4" + "XK7TPWLM"),
    "deepseek-api-key": ("DEEPSEEK_API_KEY=", "sk-" + hexadecimal(32)),
    "cohere-api-key": ("CO_API_KEY=", mixed(40)),
    "mistral-api-key": ("mistral_api_key = ", mixed(32)),
    "azure-openai-key": ("AZURE_OPENAI_API_KEY=", hexadecimal(32)),
    "sk-key": ("LLM_TOKEN=", "sk-" + mixed(48)),
    "minimax-api-key": ("sk-" + "api-", mixed(119)),
    "langfuse-secret-key": ("sk-" + "lf-", "3f9a0c71-5be8-d264-a917-c3f03f9a0c71"),
    "kimi-api-key": ("MOONSHOT_API_KEY=", "sk-" + mixed(48)),
    "stability-api-key": ("stability_key: ", "sk-" + mixed(48)),
    "jina-api-key": ("jina" + "_", mixed(60)),
    "tavily-api-key": ("tvly" + "-", mixed(32)),
    "firecrawl-api-key": ("fc" + "-", hexadecimal(32)),
    "runpod-api-key": ("rpa" + "_", mixed(46).upper()),
    "together-api-key": ("tgp" + "_v1_", mixed(43)),
    "wandb-api-key": ("wandb" + "_v1_", mixed(77)),
    "elevenlabs-api-key": ("sk" + "_", hexadecimal(48)),
    "cursor-api-key": ("key" + "_", hexadecimal(64)),
}

IN_CODE = {
    "azure-openai-host-key": ("https://a.openai.azure.com/" + "\n" * 1_000 + "api_key = ", hexadecimal(32)),
    "assemblyai-api-key": ("assemblyaiToken=", mixed(32).lower()),
    "deepgram-api-key": ("DEEPGRAM_API_KEY=", hexadecimal(40)),
    "elevenlabs-legacy-key": ("XI_API_KEY = ", hexadecimal(32)),
    "ollama-api-key": ("ollama_key=", hexadecimal(32) + "." + mixed(24)),
    "upstage-api-key": ("upstage_api_key: ", mixed(44)),
    "zai-api-key": ("ZAI_API_KEY=", hexadecimal(32) + "." + mixed(16)),
    "wandb-legacy-key": ("wandb login ", hexadecimal(40)),
}
"""Keys that are sought in code only."""

PLACES = ["{}", '"{}"', "export KEY={}", "key: '{}',", "a\n{}\nb", "#!/bin/sh\\n{}\\n", "<key>{}</key>", "Bearer {}"]


NAMES = {
    "deepseek-api-key": ["DEEPSEEK_API_KEY=", "deepseekToken: ", "DeepSeek secret "],
    "cohere-api-key": ["CO_API_KEY=", "cohere_api_token = ", "CohereKey=", "COHERE-SECRET:"],
    "mistral-api-key": ["MISTRAL_API_KEY=", "mistral.token=", "Mistral key: "],
    "azure-openai-key": [
        "AZURE_OPENAI_KEY=",
        "azureOpenAIKey=",
        "azureOPENAI_KEY=",
        "Azure OpenAI token: ",
        "azure.open_ai.key=",
    ],
    "sk-key": ["API_KEY=", "llmToken: ", "secret "],
    "kimi-api-key": ["KIMI_API_KEY=", "moonshot_token: ", "KimiSecret "],
    "stability-api-key": ["STABILITY_API_KEY=", "stabilityToken: "],
}


def is_named(prefix):
    return prefix[-1] in "= "


def test_there_is_a_key_for_every_rule():
    assert set(KEYS) == {rule.name for rule in ai_keys.RULES if not rule.code}
    assert set(IN_CODE) == {rule.name for rule in ai_keys.RULES if rule.code}
    assert {rule.provider for rule in ai_keys.RULES} == set(ai_keys.PROVIDERS)


@pytest.mark.parametrize("rule", KEYS)
@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_found_where_it_stands(rule, place):
    prefix, body = KEYS[rule]
    text = place.format(prefix + body)
    [sighting] = find(text)
    assert sighting.rule == rule
    assert sighting.provider in ai_keys.PROVIDERS
    assert text[sighting.start : sighting.end] == (body if is_named(prefix) else prefix + body)
    assert caught(text)
    assert caught(json.dumps(text))
    assert caught(json.dumps(text).replace("<", r"\u003c").replace(">", r"\u003e"))


@pytest.mark.parametrize("rule", IN_CODE)
def test_a_key_that_is_sought_in_code_only(rule):
    prefix, body = IN_CODE[rule]
    text = f"a\n{prefix}{body}\n"
    [sighting] = find(text, code=True)
    assert (sighting.rule, text[sighting.start : sighting.end]) == (rule, body)
    assert caught_in_code(text)
    assert find(text) == []
    assert find(body, code=True) == []


def test_in_code_a_key_of_openai_bears_its_mark():
    prefix, body = KEYS["openai-project-key"]
    made_up, real = prefix + body, prefix + mixed(74) + "T3Blbk" + "FJ" + mixed(74)
    assert find(made_up, code=True) == []
    assert [sighting.rule for sighting in find(real, code=True)] == ["openai-project-key"]
    assert [sighting.rule for sighting in find(made_up)] == ["openai-project-key"]


@pytest.mark.parametrize("rule", [rule for rule, (prefix, _) in KEYS.items() if is_named(prefix)])
def test_a_key_without_a_shape_needs_its_name(rule):
    assert find(KEYS[rule][1]) == []


@pytest.mark.parametrize("rule", [rule for rule, (prefix, _) in KEYS.items() if not is_named(prefix)])
def test_a_key_inside_a_longer_word_is_none(rule):
    assert find("x" + "".join(KEYS[rule])) == []


def test_every_key_of_a_text_is_found_in_order():
    keys = ["".join(key) for rule, key in KEYS.items() if rule != "sk-key"]
    text = "\n".join(keys)
    assert [sighting.rule for sighting in find(text)] == [rule for rule in KEYS if rule != "sk-key"]


@pytest.mark.parametrize("count", [1, 5, 18, 60])
def test_specimens_that_people_paste_into_plans_are_found(count):
    [sighting] = find("sk-" + "proj-" + "NOTAREALKEY-literal-" + "1" * count)
    assert sighting.rule == "openai-project-key"
    assert find("sk-" + "proj-" + "NOTAREALKEY-from-variable-" + "0" * 12)


@pytest.mark.parametrize(
    "text",
    [
        "AK" + "IA" + "IOSFODNN7" + "EXAMPLE",
        "AS" + "IA" + "Q3EGRNZ4XK7TPWLM",
        "sk-" + "proj-" + "x" * 48,
        "sk-" + "proj-" + "your-key-here-" + "x" * 40,
        "sk-" + "proj-" + "YOUR_OPENAI_API_KEY_GOES_HERE_1",
        "sk-" + "proj-" + "your-Project-API-key-goes-here-1",
        "sk-" + "proj-" + "${var.openai_key}" + "a" * 30,
        "sk-" + "proj-" + "<your key of thirty characters or more>",
        "sk-" + "proj-" + "abc123",
        "sk-" + "ant-api03-" + "x" * 95,
        "hf" + "_" + "x" * 34,
        "hf" + "_" + "servingcellpriorityparametersdescr",
        "da" + "pi" + "0" * 32,
        "OPENAI_API_KEY=" + "sk-" + "a" * 48,
        "AZURE_OPENAI_KEY=" + "0123456789abcdef" * 2,
        "hf" + "_" + "abcdefghijklmnopqrstuvwxyz01234567",
        "disk-management-platform-production-europe-1",
        "risk-api-gateway-Production-2026-European-Union",
        "mistral.mistral-large-2402-v1:0",
        "cohere_key_id = " + hexadecimal(40),
        "mistral_token_digest = " + hexadecimal(32),
        "azure_openai_endpoint = https://contoso.openai.azure.com/",
        "bedrock-" + "api-key-" + "rotation-Lambda-Function-2026",
        "fw" + "_" + "firewallpolicyassociation",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1",
        "",
    ],
)
def test_what_is_no_key(text):
    assert find(text) == []
    assert find(text, code=True) == []


@given(st.text(max_size=40), st.sampled_from(sorted(KEYS)), st.text(max_size=40))
def test_spans_lie_inside_the_text_and_apart(before, rule, after):
    text = before + "".join(KEYS[rule]) + after
    end = 0
    for sighting in find(text):
        assert end <= sighting.start < sighting.end <= len(text)
        end = sighting.end


@given(st.sampled_from(ai_keys.RULES), st.data())
def test_the_screen_lets_every_key_through(rule, data):
    body = data.draw(st.from_regex(re.compile(rule.body, re.ASCII), fullmatch=True))
    text = rule.prefix + body
    assume(not rule.code)
    if rule.before:
        name = data.draw(st.sampled_from(NAMES[rule.name]))
        text = f"{name}{text}"
    text = data.draw(st.sampled_from(PLACES)).format(text)
    assume(find(text))
    assert caught(text)
    assert caught(json.dumps(text))


@given(st.text())
def test_any_text_is_answered(text):
    for sighting in find(text):
        assert text[sighting.start : sighting.end]


def test_a_sighting_never_holds_the_value():
    prefix, body = KEYS["openai-project-key"]
    [sighting] = find(prefix + body)
    assert body not in repr(sighting)


def test_a_plan_without_keys_is_passed_over():
    plan = {"type": "aws_instance", "values": {"ami": "ami-0abcdef1234567890", "instance_type": "p4d.24xlarge"}}
    assert not screens_for(json.dumps(plan).encode())
    assert not screens_for(b"")


@given(st.text(alphabet="ab \n=\"'/._-"), st.sampled_from([*KEYS, *IN_CODE]), st.text(alphabet="ab \n=\"'/._-"))
def test_no_key_in_code_slips_past_the_screens(before, rule, after):
    text = before + "".join({**KEYS, **IN_CODE}[rule]) + after
    if find(text, code=True):
        assert caught_in_code(text)


WITHOUT = pytest.mark.skipif(not SAMPLES.exists(), reason="the labelled texts (../shared/samples/keys) are not here")


def out_of_scope():
    """Published rules that the page lists as not ours."""
    section = PAGE.read_text("utf-8").partition("## What is not sought")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def provider_of(published):
    """Our provider for a published rule, or None."""
    name = PUBLISHED.get(published) or re.sub(r"^(?:kingfisher|np)\.", "", published)
    return next((p for p in ai_keys.PROVIDERS if name == p or re.match(rf"{p}[-.]", name)), None)


def test_the_page_lists_every_rule_of_ours():
    section = PAGE.read_text("utf-8").partition("## What is sought")[2].partition("\n## ")[0]
    listed = {(rule, provider) for provider, rules in re.findall(r"^\| (\S+) \| (.+?) \|", section, re.MULTILINE)
              for rule in re.findall(r"`([^`]+)`", rules)}  # fmt: skip
    assert listed == {(rule.name, rule.provider) for rule in ai_keys.RULES}


@WITHOUT
def test_every_published_rule_is_ours_or_listed_as_out_of_scope():
    published = {pattern["rule"] for pattern in json.loads(PATTERNS.read_text("utf-8"))["patterns"]}
    assert {rule for rule in published if provider_of(rule) is None or rule in out_of_scope()} == out_of_scope()


def labelled():
    for line in SAMPLES.read_text(encoding="utf-8").splitlines() if SAMPLES.exists() else ():
        sample = json.loads(line)
        text = base64.b64decode(sample["text_b64"]).decode("utf-8", "replace")
        yield sample["rule"], sample["expected"], text


@WITHOUT
def test_every_labelled_key_is_found():
    missed = {rule for rule, expected, text in labelled()
              if expected and rule not in out_of_scope() and not find(text, code=True)}  # fmt: skip
    assert missed == set(PLACEHOLDERS)


@WITHOUT
def test_nothing_else_is_taken_for_a_key():
    for rule, expected, text in labelled():
        found = {sighting.rule for sighting in find(text, code=True)}
        if found:
            assert caught_in_code(text)
        if not expected:
            assert not found & EXPECTED_RULES.get(rule, found), rule
