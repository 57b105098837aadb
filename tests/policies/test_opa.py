"""The Rego of the library is everybody's Rego: OPA accepts it, and both engines answer alike."""

import json
from pathlib import Path
from typing import Any

import pytest
import regorus

import real_opa
from governor import cases, library
from governor.judge import judge
from governor.languages import Language
from governor.languages import opa as opa_engine
from governor.languages.opa_server import REQUEST_BYTES, Server
from governor.model import Finding, Inventory, Judgement

LIBRARY = library.builtin()
CONCERNS = sorted(file.parent.name for file in LIBRARY.glob("*/*_test.rego"))
CASES = [(name, case) for name, file in cases.files([LIBRARY]) if name in CONCERNS for case in cases.read(file)]


def run(opa: str, *arguments: str) -> str:
    finished = real_opa.run(opa, *arguments)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def rego(folder: Path = LIBRARY) -> list[str]:
    return sorted(str(file) for file in folder.rglob("*.rego"))


def test_opa_checks_it_strictly(opa: str) -> None:
    run(opa, "check", "--strict", *rego())


def test_opa_would_format_it_the_same(opa: str) -> None:
    assert run(opa, "fmt", "--list", *rego()) == ""


def test_its_own_tests_pass_in_opa(opa: str) -> None:
    run(opa, "test", *rego())


@pytest.mark.parametrize("concern", CONCERNS)
def test_its_own_tests_pass_in_the_embedded_engine(concern: str) -> None:
    engine = regorus.Engine()
    for file in rego(LIBRARY / concern):
        engine.add_policy(file, Path(file).read_text("utf-8"))
    module = json.loads(engine.eval_query_as_json(f"data.{concern}_test"))
    tests = {name: value for name, value in values(module).items() if name.startswith("test_")}
    assert tests
    for name, value in tests.items():
        outcomes = value if isinstance(value, dict) else {"": value}
        assert outcomes, name
        assert [case for case, passed in outcomes.items() if passed is not True] == [], name


def values(answer: Any) -> dict[str, Any]:
    ((result,),) = ([row["expressions"][0]["value"]] for row in answer["result"])
    return dict(result)


def answered(concern: str, case: cases.Case, engine: dict[str, Language]) -> Judgement:
    """What the Rego policies of a concern say of a case."""
    overlay = {concern: case.config} if case.config else None
    loaded = library.load([LIBRARY], overlay=overlay, only=[concern], languages=engine)
    inventory = Inventory(stage=case.stage, resources=case.resources, removed=case.removed, spend=case.spend)
    return judge(inventory, loaded.evaluators, case.today)


@pytest.mark.parametrize("request_bytes", [REQUEST_BYTES, 1], ids=["whole", "in parts"])
@pytest.mark.parametrize(("concern", "case"), CASES, ids=[case.name for _, case in CASES])
def test_both_engines_answer_every_case_alike(
    opa_server: real_opa.Server, concern: str, case: cases.Case, request_bytes: int
) -> None:
    on_server: Language = opa_engine.Language(Server(opa_server.url, seconds=30, request_bytes=request_bytes))

    ours = answered(concern, case, {})
    theirs = answered(concern, case, {".rego": on_server})

    assert ours.failures == theirs.failures == []
    assert sorted(map(str, ours.policies)) == sorted(map(str, theirs.policies))
    assert in_order(ours) == in_order(theirs)


def in_order(judgement: Judgement) -> list[Finding]:
    return sorted(judgement.findings, key=str)


def test_the_cases_of_rego_policies_are_all_asked() -> None:
    assert {concern for concern, _ in CASES} == set(CONCERNS)
