"""The modules pass their own tests and say what the policies say; all HCL of the repository is valid and formatted."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tfparse

from core.policy_folders import ask, resource, write
from governor import library
from governor.model import Accelerator
from real_terraform import EXAMPLES, PROJECT, TRAP_PLANS, MissingToolError, Terraform, TerraformError, find_terraform

MODULES = PROJECT / "terraform_modules"
NAMES = ["gpu-asg", "gpu-instance", "taxonomy"]
VARIANTS = PROJECT / "tests" / "module_variants"


def generate(*arguments: str | Path, script: Path = MODULES / "generate.py") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=False, env=dict(os.environ)
    )


def test_these_are_the_modules() -> None:
    assert sorted(folder.parent.name for folder in MODULES.glob("*/main.tf")) == NAMES


# What Terraform says


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
@pytest.mark.parametrize("module", NAMES)
def test_a_module_is_valid_and_passes_its_own_tests(terraform: Terraform, module: str) -> None:
    workspace = terraform.workspace(MODULES / module)
    workspace.init()
    workspace.run("validate")
    assert " 0 failed" in workspace.run("test").decode()


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
def test_the_example_is_valid(terraform: Terraform) -> None:
    workspace = terraform.workspace(EXAMPLES)
    workspace.init()
    workspace.run("validate")


def test_hcl_is_formatted() -> None:
    try:
        terraform = find_terraform()
    except MissingToolError as missing:
        pytest.skip(str(missing))
    answer = subprocess.run(
        [terraform, "fmt", "-check", "-diff", "-recursive", EXAMPLES, MODULES, TRAP_PLANS, VARIANTS],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (answer.stdout, answer.returncode) == ("", 0)


# What is generated


def test_the_taxonomy_is_what_the_data_says() -> None:
    """`python terraform_modules/generate.py` mends it."""
    if "UPDATE_GOLDEN" in os.environ:
        generate()
    checked = generate("--check")
    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)


@pytest.mark.parametrize("module", NAMES)
def test_the_readme_lists_inputs_and_outputs(module: str) -> None:
    """`UPDATE_GOLDEN=1 pytest tests/test_terraform_modules.py` writes the tables."""
    readme = MODULES / module / "README.md"
    marked = re.compile(r"(?<=<!-- interface -->\n).*?(?=<!-- /interface -->)", re.DOTALL)
    table = "".join(interface(MODULES / module))
    if "UPDATE_GOLDEN" in os.environ:
        readme.write_text(marked.sub(lambda _: table, readme.read_text("utf-8")), "utf-8")
    assert marked.findall(readme.read_text("utf-8")) == [table]


def interface(module: Path) -> Iterator[str]:
    """Tables of a module's inputs, those that have to be given first, and of its outputs."""
    parsed = tfparse.load_from_path(module)
    yield "| input | type | default | what |\n|---|---|---|---|\n"
    for block in sorted(own(parsed["variable"]), key=lambda block: ("default" in block, *where(block))):
        default = f"`{json.dumps(block['default'])}`" if "default" in block else "required"
        cells = (f"`{block['__tfmeta']['label']}`", f"`{written_type(module, block)}`", default, block["description"])
        yield f"| {' | '.join(cells)} |\n"
    yield "\n| output | what |\n|---|---|\n"
    for block in sorted(own(parsed["output"]), key=where):
        yield f"| `{block['__tfmeta']['label']}` | {block['description']} |\n"


def own(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the module itself, not of modules it calls."""
    return [block for block in blocks if not block["__tfmeta"]["path"].startswith("module.")]


def written_type(module: Path, block: Mapping[str, Any]) -> str:
    """The type of a variable in one line: tfparse tells of an object only that it is one.

    An organisation's own taxonomy has other attributes, so those are listed by generate.py, in one README.
    """
    file, first = where(block)
    if file == "taxonomy.tf":
        return str(block["type"])
    lines = (module / file).read_text("utf-8").splitlines()[first : block["__tfmeta"]["line_end"]]
    text = "\n".join(filter(None, (line.partition("#")[0].strip() for line in lines)))
    (start,) = re.findall(r"^type\s*=\s*(.*)", text, re.MULTILINE | re.DOTALL)
    end = next(end for end, _ in enumerate(f"{start}\n") if balanced(start[:end]) and f"{start}\n"[end] == "\n")
    attributes = re.sub(r"(?<![({])\n+(?![)}])", ", ", start[:end].strip())
    return " ".join(attributes.split())


def balanced(text: str) -> bool:
    return all(text.count(opening) == text.count(closing) for opening, closing in ("()", "{}"))


def where(block: Mapping[str, Any]) -> tuple[str, int]:
    return block["__tfmeta"]["filename"], block["__tfmeta"]["line_start"]


# What an organisation makes of it

OVERLAY = r"""
tags:
  stage:
    values: [fine-tuning, inference, 'A/B "test"']
  ticket:
    description: Where it was asked for.
    pattern: '(?:[A-Z]{2,5}-[0-9]+|%{2}"\\é?|\$\{x\})'
    shape: 'a ticket: NLP-12'
  review-day:
    description: |
      When somebody looks at it
      again.
    date: true
  priority:
    description: How urgent it is.
    minimum: -1.5
    maximum: 10
mandatory:
  paid:
    tags: [project, owner-team, ticket]
"""

RIGHT = {
    "project": "atlas",
    "stage": "fine-tuning",
    "model": "llama-3-8b",
    "experiment-id": "exp-1",
    "dataset": "tickets",
    "owner-team": "nlp",
    "cost-budget-limit": "5000",
}

ANY_TAG = ["", "  ", "x", " x", "x\n", "0", "é"]

VALUES = {
    "project": ["Atlas.v2_x-1", "-atlas", "a" * 63, "a" * 64, "a b", "٣"],
    "stage": ["inference", "evaluation", "training", "Inference", "fine-tuning ", 'A/B "test"'],
    "experiment-id": ["exp-1", ".x"],
    "cost-budget-limit": ["5000.5", "5000.12345", "5000-USD-month", "5000-usd", "5-Usd", "12.5/hour", "$20k", "1e3"],
    "ticket": ["NLP-12", "nlp-12", "NLP-12x", '%%"\\', '%%"\\é', "${x}"],
    "review-day": ["2026-02-28", "2026-02-29", "2028-02-29", "2026-1-1", "2026-06-31", "2026-06-30T00:00:00Z"],
    "priority": ["-1.5", "-1.6", "10", "10.0", "10.01", "1e1", "5", "0x5"],
}


@pytest.fixture
def overlaid(tmp_path: Path) -> Path:
    """A copy of the modules beside policies/tagging/data.yaml of an organisation."""
    shutil.copytree(MODULES, tmp_path / "terraform_modules")
    return write(tmp_path, {"policies/tagging/data.yaml": OVERLAY})


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
@pytest.mark.parametrize("own_data", [False, True], ids=["shipped", "overlaid"])
def test_the_module_refuses_what_the_policies_refuse(terraform: Terraform, overlaid: Path, own_data: bool) -> None:
    """Neither more nor less than TAG001 and TAG002, for every value that either may stumble over."""
    script, policies = overlaid / "terraform_modules" / "generate.py", overlaid / "policies"
    folders = [library.builtin(), policies] if own_data else [library.builtin()]
    right = RIGHT | ({"ticket": "NLP-12"} if own_data else {})
    if own_data:
        assert generate(policies, script=script).returncode == 0
        assert generate("--check", policies, script=script).returncode == 0
        assert generate("--check", script=script).returncode == 1
    tags = list(library.read_concerns(folders)["tagging"].config["tags"])
    tried = [right] + [right | {tag: value} for tag in tags for value in [None, *ANY_TAG, *VALUES.get(tag, [])]]
    tried += [right | {"stage": "inference", "experiment-id": value} for value in (None, " ", "exp-1", ".x")]
    refused = [refuses(folders, tags) for tags in tried]

    module = overlaid / "terraform_modules" / "taxonomy"
    (module / "tests" / "tags.tftest.hcl").write_text("\n".join(map(run, range(len(tried)), tried, refused)), "utf-8")
    workspace = terraform.workspace(module)
    workspace.init()
    try:
        workspace.run("test")
    except TerraformError as error:
        wrong = [tried[int(number)] for number in re.findall(r'run "n(\d+)"\.\.\. fail', str(error))]
        pytest.fail(f"judged otherwise by the policies: {wrong}\n{error}")
    assert 20 < sum(refused) < len(refused) - 20


def refuses(folders: list[Path], tags: Mapping[str, str | None]) -> bool:
    """Whether TAG001 or TAG002 has something to say of an instance and a volume with these tags."""
    carried = {tag: value for tag, value in tags.items() if value is not None}
    instance = resource("instance", tags=carried, accelerator=Accelerator("A10G", 1))
    judgement = ask(folders, instance, resource("volume", tags=carried, kind="volume", type="aws_ebs_volume"))
    return any(finding.policy in ("TAG001", "TAG002") for finding in judgement.findings)


def run(number: int, tags: Mapping[str, str | None], refused: bool) -> str:
    """A run of `terraform test`. What is not written as HCL here is read as JSON by Terraform."""
    taxonomy = {tag.replace("-", "_"): value for tag, value in tags.items()}
    written = json.dumps(json.dumps(taxonomy)).replace("${", "$${").replace("%{", "%%{")
    failures = "expect_failures = [var.taxonomy]" if refused else ""
    return f"""
run "n{number}" {{
  command = plan
  variables {{
    clouds   = []
    taxonomy = jsondecode({written})
  }}
  {failures}
}}
"""


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("(?=a)a", "means something else there"),
        (r"\d+", "means something else there"),
        (r"\bx", "means something else there"),
        ("(?i)x", "means something else there"),
        ("(?P<year>x)", "means something else there"),
        ("[[:alpha:]]", "means something else there"),
        ("[a&&b]", "means something else there"),
        ("[a--b]", "means something else there"),
        ("x++", "means something else there"),
        ("(x", "is no regular expression"),
    ],
)
def test_a_pattern_that_does_not_translate_is_refused(tmp_path: Path, rule: str, message: str) -> None:
    data = f"tags:\n  model:\n    shape: a model\n    pattern: '{rule}'\n"
    write(tmp_path, {"tagging/data.yaml": data})

    refused = generate("--check", tmp_path)

    assert (refused.stdout, refused.returncode) == ("", 2)
    assert (
        f"{tmp_path}/tagging/data.yaml:4: the tag model cannot be checked by Terraform: its pattern" in refused.stderr
    )
    assert message in refused.stderr


@pytest.mark.parametrize(
    ("tag", "message"),
    [("Owner_Team", "it reads like owner-team there; rename one"), ("2nd-owner", "begin it with a letter")],
)
def test_a_tag_that_makes_no_attribute_is_refused(tmp_path: Path, tag: str, message: str) -> None:
    write(tmp_path, {"tagging/data.yaml": f"tags:\n  {tag}: {{description: x}}\n"})

    refused = generate("--check", tmp_path)

    assert refused.returncode == 2
    assert f"{tmp_path}/tagging/data.yaml:2: the tag {tag} cannot be checked by Terraform: {message}" in refused.stderr
