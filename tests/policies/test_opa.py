"""The Rego of the library is everybody's Rego: OPA accepts it, and both engines answer alike."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import regorus

import real_opa
from governor import cases, library
from governor.catalog import regions
from governor.languages.rego import document
from governor.model import Inventory

LIBRARY = library.builtin()
CONCERNS = sorted(file.parent.name for file in LIBRARY.glob("*/*_test.rego"))


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


@pytest.mark.parametrize("concern", CONCERNS)
def test_both_engines_answer_every_case_alike(opa: str, concern: str, tmp_path: Path) -> None:
    loaded = library.load([LIBRARY], only=[concern])
    rules = {policy.id: policy.rule for policy in loaded.policies}
    questions = {case.name: question(concern, case, loaded) for case in cases.read(LIBRARY / concern / cases.FILE)}

    data = tmp_path / "data.json"
    data.write_text(json.dumps({"questions": questions, "catalog": {"regions": regions.document()}}))
    asked = "; ".join(f"{id} := {rule} with input as i with data.config.{concern} as c" for id, rule in rules.items())
    answer = ", ".join(f'"{id}": {id}' for id in rules)
    # Bound first: in a query, `with input as q.given` silently gives OPA no input.
    query = f"x := {{name: {{{answer}}} | some name, q in data.questions; i := q.given; c := q.config; {asked}}}"
    sources = [f"--data={file}" for file in rego(LIBRARY / concern) if not file.endswith("_test.rego")]
    answered = json.loads(run(opa, "eval", "--format=json", *sources, f"--data={data}", query))
    theirs = answered["result"][0]["bindings"]["x"]

    for name, asked_of in questions.items():
        engine = regorus.Engine()
        for file in rego(LIBRARY / concern):
            if not file.endswith("_test.rego"):
                engine.add_policy(file, Path(file).read_text("utf-8"))
        engine.add_data({"config": {concern: asked_of["config"]}, "catalog": {"regions": regions.document()}})
        engine.set_input_json(json.dumps(asked_of["given"]))
        for policy, rule in rules.items():
            ours = json.loads(engine.eval_rule_as_json(rule))
            assert ordered(ours) == ordered(theirs[name][policy]), f"{policy} on {name}"


def question(concern: str, case: cases.Case, loaded: library.Library) -> dict[str, Any]:
    """The input of a case, and the data it is judged by."""
    inventory = Inventory(stage=case.stage, resources=case.resources, removed=case.removed, spend=case.spend)
    config = library.merge(loaded.concerns[concern].config, case.config)
    return {"given": json.loads(document(inventory, case.today)), "config": config}


def ordered(violations: Iterable[Any]) -> list[str]:
    return sorted(json.dumps(violation, sort_keys=True) for violation in violations)
