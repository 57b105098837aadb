"""The import rules of the house, read from the sources: who may know whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import governor

ROOT = Path(governor.__file__).parent

LAYERS = (
    {"", "model", "errors"},
    {"azure_model"},
    {"arm"},
    {"policy", "cache", "catalog", "jsonfile", "log", "programs", "traces", "workers", "yamlfile"},
    {"exemptions", "baseline"},
    {"judge", "settle"},
    {"spending", "tagged"},
    {"sources", "languages", "reports", "enforcement", "enforcers", "checkov", "terraform", "pull_requests", "spend"},
    {"azure", "written"},
    {"library", "config", "remote"},
    {"coverage", "revisions", "history"},
    {"azure_generated", "bundle", "cases", "explain", "notices", "pages"},
    {"lint", "scaffold", "schemas"},
    {"commands"},
    {"cli"},
    {"__main__"},
)
"""Lowest first. A part imports what lies in lower layers, and itself; "" is the package, with the version in it."""

ONLY_IN_FUNCTIONS = {
    "anthropic", "apprise", "azure", "boto3", "botocore", "coverage", "duckdb", "git", "google", "hyperscan", "jinja2",
    "jsonschema", "jwt", "markupsafe", "openai", "opa_client", "opentelemetry", "prometheus_client", "pydantic",
    "python_terraform", "ray", "referencing", "requests", "rich", "sqlalchemy", "tfparse",
}  # fmt: skip
"""Slow to import: a commit check does not wait for them."""

IMPORTED_LATE = {
    "governor.written": {"pydantic"},
    "governor.history.store": {"sqlalchemy"},
    "governor.history.tables": {"sqlalchemy"},
    "governor.history.told": {"sqlalchemy"},
    "governor.languages.opa_server": {"opa_client", "requests"},
    "governor.terraform.driver": {"python_terraform"},
    "governor.pull_requests.api": {"requests"},
    "governor.workers.ray": {"ray"},
}
"""Modules that are themselves imported inside functions only."""


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def layer_of(part: str) -> int:
    return next(number for number, parts in enumerate(LAYERS) if part in parts)


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(ROOT.rglob("*.py")):
        names = ["governor", *file.relative_to(ROOT).with_suffix("").parts]
        if "policies" not in names:
            yield ".".join(name for name in names if name != "__init__"), ast.parse(file.read_text("utf-8"))


def statements(tree: ast.AST, *, inside: bool = True) -> Iterator[ast.stmt]:
    """Import statements; without `inside`, only those that run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif inside or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from statements(node, inside=inside)


def targets(node: ast.stmt) -> Iterator[str]:
    """Dotted names that an import may mean: `from governor import config` means governor.config."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        assert node.module is not None
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(tree: ast.AST) -> Iterator[str]:
    """Parts of governor that a module imports, anywhere in it."""
    for node in statements(tree):
        for target in targets(node):
            if target.split(".")[0] == "governor":
                part = part_of(target)
                yield part if any(part in parts for parts in LAYERS) else ""


def breaches(module: str, tree: ast.AST) -> list[str]:
    """What a module imports against the rules."""
    part = part_of(module)
    allowed = (
        {"model"}
        if part in ("policy", "azure_model")
        else {"azure_model", "errors", "model"}
        if part == "arm"
        else {"model", "errors"}
        if part in ("cache", "catalog", "jsonfile", "log", "programs", "traces", "workers", "yamlfile")
        else None
    )
    found = []
    for other in ours(tree):
        if part in ("model", "errors", ""):
            found.append(f"{module} imports {other}: it imports nothing of ours")
        elif other == part:
            continue
        elif allowed is not None and other not in allowed:
            found.append(f"{module} imports {other}: it imports {' and '.join(sorted(allowed))} only")
        elif layer_of(other) >= layer_of(part):
            found.append(f"{module} imports {other}, which lies above or beside it")
    waits = IMPORTED_LATE.get(module, set())
    for node in statements(tree, inside=False):
        for target in targets(node):
            package = target.split(".")[0]
            slow = package in ONLY_IN_FUNCTIONS - waits
            too_early = (late for late, slow_too in IMPORTED_LATE.items() if not slow_too <= waits)
            if slow or any(f"{target}.".startswith(f"{late}.") for late in too_early):
                found.append(f"{module} imports {package} at its top: import it inside the function that needs it")
    return found


@pytest.mark.parametrize(("module", "tree"), [pytest.param(*found, id=found[0]) for found in modules()])
def test_a_module_knows_only_what_lies_below_it(module: str, tree: ast.Module) -> None:
    assert part_of(module) in set().union(*LAYERS), "a new part of the house needs its place in LAYERS"
    assert breaches(module, tree) == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("governor.model", "from governor.errors import Refusal", "imports nothing of ours"),
        ("governor.policy", "from governor.errors import Refusal", "imports model only"),
        ("governor.catalog.prices", "from governor import yamlfile", "imports errors and model only"),
        ("governor.settle", "from governor.judge import judge", "above or beside it"),
        ("governor.judge", "def f():\n    from governor import library", "above or beside it"),
        ("governor.reports.json", "import governor.sources.snapshot", "above or beside it"),
        ("governor.library", "from governor import config", "above or beside it"),
        ("governor.commands.check", "from governor.cli import main", "above or beside it"),
        ("governor.sources.aws", "import boto3", "inside the function"),
        ("governor.sources.azure", "class A:\n    from azure.identity import X", "inside the function"),
        ("governor.library", "try:\n    import jsonschema\nexcept ImportError:\n    pass", "inside the function"),
        ("governor.library", "from pydantic import BaseModel", "inside the function"),
        ("governor.languages.opa", "from governor.languages.opa_server import Server", "inside the function"),
        ("governor.config", "from governor import written", "inside the function"),
    ],
)
def test_a_breach_is_named(module: str, source: str, complaint: str) -> None:
    (found,) = breaches(module, ast.parse(source))

    assert complaint in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("governor.settle", "from governor.exemptions import Register"),
        ("governor.reports.json", "from governor import __version__\nfrom governor.reports import Options"),
        ("governor.sources.aws", "def collect():\n    import boto3"),
        ("governor.written", "from pydantic import BaseModel"),
        ("governor.languages.opa_server", "from opa_client import OpaClient"),
        ("governor.library", "if TYPE_CHECKING:\n    from jsonschema import ValidationError"),
    ],
)
def test_what_the_rules_allow_passes(module: str, source: str) -> None:
    assert breaches(module, ast.parse(source)) == []


def test_the_command_line_starts_without_the_slow_libraries() -> None:
    slow = {"msgspec", "pydantic", "yaml", "rich", "regorus", "jsonschema", "tree_sitter"}
    script = f"import sys, governor.cli; print(*sorted({slow!r} & sys.modules.keys()))"

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.split() == []


def test_a_plan_is_judged_without_the_parser_of_code() -> None:
    script = (
        "import sys, pathlib; from governor.sources import detect; detect(pathlib.Path('plan.json'));"
        " print(*sorted({'tree_sitter', 'tree_sitter_hcl'} & sys.modules.keys()))"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.split() == []
