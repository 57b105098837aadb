"""Decisions in, the files that put governor into a repository out. Pure: nothing is written here.

Only what differs from the shipped data is in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date

from governor import __version__
from governor.errors import Refusal
from governor.scaffold.answers import Answers, taxonomy
from governor.scaffold.found import Found

GITHUB = ".github/workflows/governor.yml"
GITLAB = ".gitlab-ci.yml"
PRE_COMMIT = ".pre-commit-config.yaml"

BASELINE = "governor-baseline.json"
"""Beside the code of each root: what was known when governor came."""
BASELINE_OF_MANIFESTS = "governor-baseline-manifests.json"

_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""What some reader of YAML takes for no text."""
_CONCERNS = ("TAG*", "BUD*", "RES*", "KEY*")


def settings(answers: Answers, folder: str, overlays: Iterable[str]) -> str:
    """governor.yaml. `folder` holds the overlays, if there are any."""
    sources = ["builtin", folder] if list(overlays) else ["builtin"]
    text = (
        "# What this organisation decided. docs/configuration.md of governor describes every setting;\n"
        "# `governor schema` prints the schema of this file.\n"
        f"policies: {_flow(sources)}\n"
    )
    if answers.level == "warn":
        rules = "".join(f"  - {{policies: {_text(ids)}, level: warn}}\n" for ids in _CONCERNS)
        text += (
            "\n# To begin with findings are shown and fail nothing. Take a line out, and its policies decide by their\n"
            "# severity again: critical and high fail the run.\n"
            f"levels:\n{rules}"
            "  # A key in code is in the hands of everyone who reads it: never only a warning.\n"
            "  - {policies: KEY003, level: deny}\n"
        )
    return text


def overlays(answers: Answers, today: date) -> dict[str, str]:
    """Concern → its data.yaml, for the concerns where something differs."""
    made = {
        "tagging": _tagging(answers),
        "budgets": _budgets(answers),
        "residency": _residency(answers),
        "keys": _keys(answers, today),
    }
    return {concern: _head(concern) + text for concern, text in made.items() if text}


def pre_commit(answers: Answers, found: Found, *, overlaid: bool) -> str:
    """The entry of governor in .pre-commit-config.yaml."""
    hooks = ["      - id: governor-keys   # no AI key gets into a commit"]
    if found.roots or found.manifests:
        hooks.append("      - id: governor-check   # Terraform code, without credentials, and job manifests")
        if answers.adopt:
            hooks += [
                "        args: [--base, HEAD]   # only what the commit brings",
                "        additional_dependencies: [GitPython]",
            ]
    if found.plans:
        hooks += ["      - id: governor-plan", f"        files: {_text(_pattern(found.plans))}"]
    if overlaid:
        hooks += ["      - id: governor-lint", "      - id: governor-test"]
    return "\n".join(
        [
            "repos:",
            f"  - repo: {answers.repository}",
            f"    rev: v{__version__}",
            "    hooks:",
            *hooks,
            "",
        ]
    )


def github(answers: Answers, found: Found) -> str:
    """A workflow: the gate for each root, and a check of the manifests."""
    jobs = []
    roots = found.roots or (() if found.manifests else (".",))
    if roots:
        owner_and_name = "/".join(answers.repository.split("/")[3:]).removesuffix(".git")
        sign_in = "".join(_SIGN_IN[cloud] for cloud in found.clouds if cloud in _SIGN_IN)
        jobs.append(
            _GATE.replace("ROOTS", _flow(roots))
            .replace("SIGN_IN", sign_in)
            .replace("ACTION", f"{owner_and_name}@v{__version__}")
            .replace("BASELINE", f"          baseline: ${{{{ matrix.root }}}}/{BASELINE}\n" if answers.adopt else "")
        )
    if found.manifests:
        given = _manifests(answers, found)
        package = _quoted(f"gpu-governor @ git+{answers.repository}@v{__version__}")
        jobs.append(_MANIFESTS.replace("PACKAGE", package).replace("GIVEN", given))
    return _WORKFLOW + "\n".join(jobs)


def gitlab(answers: Answers, found: Found) -> str:
    """The include of the component, for .gitlab-ci.yml."""
    path = "/".join(answers.repository.split("/")[3:]).removesuffix(".git")
    roots = found.roots or (() if found.manifests else (".",))
    text = ""
    if roots:
        text += "include:\n" + "".join(
            f"  - component: $CI_SERVER_FQDN/{path}/governor-gate@v{__version__}\n"
            "    inputs:\n"
            f"      job: {_text('governor-gate' if len(roots) == 1 else f'governor-gate {root}')}\n"
            "      image: registry.example.com/terraform-and-python   # Python 3.11 or later, and terraform or tofu\n"
            f"      package: {_text(f'gpu-governor[gate,git] @ git+{answers.repository}@v{__version__}')}\n"
            f"      directory: {_text(root)}\n"
            f"      environment: {_text(root)}\n"
            + (f"      baseline: {_text(f'{root}/{BASELINE}')}\n" if answers.adopt else "")
            for root in roots
        )
    if found.manifests:
        given = _manifests(answers, found)
        install = f"pip install --quiet {_quoted(f'gpu-governor @ git+{answers.repository}@v{__version__}')}"
        text += (
            "governor-manifests:\n  image: python:3.13\n  script:\n"
            f"    - {_text(install)}\n    - {_text(f'governor check {given}')}\n"
        )
    return text


def _manifests(answers: Answers, found: Found) -> str:
    """What `governor check` is given of them, as words of a shell."""
    known = [f"--baseline={BASELINE_OF_MANIFESTS}"] if answers.adopt else []
    return " ".join(_quoted(word) for word in (*known, "--", *found.manifests))


def _head(concern: str) -> str:
    return (
        f"# Lies over the data that governor ships for {concern}: mappings merge, lists and values replace, null\n"
        "# removes a key. docs/configuration.md of governor says more; `governor lint` checks this file.\n\n"
    )


def _tagging(answers: Answers) -> str:
    shipped = taxonomy()
    text = ""
    added = [tag for tag in answers.tags if tag not in shipped["tags"]]
    own_stages = list(answers.stages) != shipped["tags"]["stage"]["values"]
    if added or own_stages:
        text += "tags:\n"
    if own_stages:
        text += (
            "  stage:\n"
            "    # budgets takes a stage that its `hours` do not list to run all month.\n"
            f"    values: {_flow(answers.stages)}\n"
        )
    for tag in added:
        text += (
            f"  {_text(tag)}:\n"
            "    description: Say here what it holds; `aliases`, `values` and `pattern` are optional.\n"
        )
    demands = {}
    for name, demand in shipped["mandatory"].items():
        # What the shipped taxonomy does not know is asked of everything that costs money.
        wanted = [tag for tag in demand["tags"] if tag in answers.tags] + (added if name == "paid" else [])
        if wanted != demand["tags"]:
            demands[name] = f"{{tags: {_flow(wanted)}}}" if wanted else "null"
    if demands:
        text += "# Who must carry what; the kinds of each set are the shipped ones.\nmandatory:\n"
        text += "".join(f"  {name}: {demand}\n" for name, demand in demands.items())
    return text


def _budgets(answers: Answers) -> str:
    if not answers.budgets:
        return ""
    rows = "".join(f"  {_text(project)}: {{monthly_usd: {_usd(usd)}}}\n" for project, usd in answers.budgets.items())
    return (
        "# USD a month, by the value of the tag `project`. A project that is not listed is not judged.\n"
        f"projects:\n{rows}"
    )


def _residency(answers: Answers) -> str:
    if not answers.jurisdictions:
        return ""
    listed = _flow(answers.jurisdictions)
    return (
        "# Where everything may lie whose dataset and project are listed nowhere. A dataset that is freer, or less\n"
        "# free, is listed with its class: `datasets: {support-tickets: personal-eu}`.\n"
        f"classes:\n  home: {{jurisdictions: {listed}}}\n"
        "default_class: home\n"
        f"ai_endpoints:\n  home_jurisdictions: {listed}\n"
    )


def _keys(answers: Answers, today: date) -> str:
    if not answers.keys:
        return ""
    text = (
        "# The register: a key is approved when every field of `match` fits it. Look at it again before it ends.\n"
        "approved:\n"
    )
    for provider, account in answers.keys:
        text += (
            f"  - id: {_text(f'{provider}-{account}')}\n"
            f"    provider: {_text(provider)}\n"
            f"    match: {{owner: {_text(account)}}}   # or name, address, container, key_id\n"
            f"    owner: {_text(answers.key_owner)}\n"
            f"    approved_by: {_text(answers.key_owner)}\n"
            f"    approved_at: {_text(today.isoformat())}\n"
            f"    expires_at: {_text(_a_year_after(today).isoformat())}\n"
        )
    return text


def refuse_odd_names(found: Found) -> None:
    """Refuses folders that CI would not take for what they are called: it evaluates `${{ … }}` and `$NAME` anywhere."""
    for place in (*found.roots, *found.manifests, *found.plans):
        if "$" in place or not place.isprintable():
            raise Refusal("CI and hooks cannot be told this name: pass --ci none --no-pre-commit", place=ascii(place))


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year + 1, day=28)


def _usd(amount: float) -> str:
    return str(int(amount)) if amount == int(amount) else f"{amount:f}".rstrip("0")


def _text(text: str) -> str:
    """A scalar of YAML that every reader takes for this text."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def _flow(items: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, items))}]"


def _quoted(word: str) -> str:
    """A word for a shell; https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02"""
    return word if re.fullmatch(r"[A-Za-z0-9_./=-]+", word) else "'" + word.replace("'", "'\\''") + "'"


def _pattern(files: Sequence[str]) -> str:
    """What pre-commit knows the files by."""
    return f"^({'|'.join(map(re.escape, files))})$"


_WORKFLOW = """\
# docs/ci-github.md of governor describes every input.
name: governor
on: pull_request

permissions: {}

concurrency:
  group: governor-${{ github.ref }}
  cancel-in-progress: true

jobs:
"""

_GATE = """\
  gate:
    name: governor ${{ matrix.root }}
    permissions:
      contents: read         # to check the repository out
      id-token: write        # to sign in to the cloud without a stored secret
      pull-requests: write   # to comment
    runs-on: ubuntu-24.04
    strategy:
      fail-fast: false
      matrix:
        root: ROOTS
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - uses: hashicorp/setup-terraform@b9cd54a3c349d3f38e8881555d616ced269862dd # v3.1.2
SIGN_IN\
      - uses: ACTION # better still: the commit behind the tag
        with:
          directory: ${{ matrix.root }}
          environment: ${{ matrix.root }}
BASELINE\
"""

_SIGN_IN = {
    "aws": """\
      # Sign in with a role that may only read:
      # - uses: aws-actions/configure-aws-credentials@e3dd6a429d7300a6a4c196c26e071d42e0343502 # v4.0.2
      #   with:
      #     role-to-assume: arn:aws:iam::123456789012:role/plan-only
      #     aws-region: us-east-1
""",
    "azure": "      # Sign in to Azure here, with an identity that may only read: azure/login.\n",
    "gcp": "      # Sign in to Google Cloud here, with an account that may only read: google-github-actions/auth.\n",
}

_MANIFESTS = """\
  manifests:
    name: governor manifests
    permissions:
      contents: read         # to check the repository out
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - run: |
          python3 -m venv "$RUNNER_TEMP/governor"
          "$RUNNER_TEMP/governor/bin/python" -m pip install --quiet PACKAGE
      - run: |
          "$RUNNER_TEMP/governor/bin/governor" check -f table -f github GIVEN
"""
