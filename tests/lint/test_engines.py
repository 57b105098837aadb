"""What lint says of OPA and of the embedded engine is so: measured on both."""

from __future__ import annotations

import json
import re
import subprocess
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import regorus

from governor.lint import lint
from governor.lint.functions import functions
from lint.conftest import Answers, Ask
from real_terraform import PROJECT

_PAGE = (PROJECT / "docs" / "lint.md").read_text("utf-8")
SOMEONE = {"rs": [{"tags": {"a": 1}}]}
"""A resource without a field `q`."""


def negated(condition: str) -> str:
    rules = (
        "package a",
        "f(_) := true",
        "g(x) := x",
        "s contains 1",
        f"x if {{\n\tsome r in input.rs\n\tnot {condition}\n}}",
    )
    return "\n\n".join(rules) + "\n"


def told(text: str, tmp_path: Path) -> set[str]:
    """The checks that object to a file, in a folder where nothing else matters."""
    folder = tmp_path / "raw"
    folder.mkdir(exist_ok=True)
    (folder / "a.rego").write_text(text, "utf-8")
    return {problem.check for problem in lint([folder], raw=[folder]).problems}


CONDITIONS = [
    "f(r.q)", "f(g(r.q))", "f([r.q])", '{"k": r.q} == {"k": 1}', "f(g(1))", 'startswith(r.q, "a")', "r.q in [1]",
    "1 in r.q", "r.q > 1", "1 <= r.q", "r.q != 1", "count(r.q) == 1", "r.q + 1 == 1", "[r.q] == [1]", "r.tags[r.q]",
    "r.tags[r.q] == 1", "r.q", "r.q.deeper", "r.q == 1", "1 == r.q", "r.tags.q", "f([y | y := r.q])",
    "count([y | some y in r.q]) == 1", "1 in {y | y := r.q}", "2 in s", "count(s) > 1", "g(r.tags).q",
    "count(input.rs) > 1",
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_engines_differ_on_a_not_where_lint_says_so(condition: str, ask: Ask, tmp_path: Path) -> None:
    text = negated(condition)

    answers = ask({"a.rego": text}, "data.a.x", SOMEONE)

    warned = "negated-reference" in told(text, tmp_path)
    if answers.embedded != answers.opa:
        assert answers == (True, None)
        assert warned
    elif warned:  # with caution: what is looked up is there in this input, but may be missing in another
        assert condition in ("f(g(1))", "g(r.tags).q", "count(input.rs) > 1")


@pytest.mark.parametrize(
    ("check", "text", "query", "answers"),
    [
        ("sprintf-verb", 'x := sprintf("%.2f", [3])', "x", Answers("3", "%!f(int=03)")),
        ("sprintf-verb", 'x := sprintf("%-3s|", ["a"])', "x", Answers("3s|", "a  |")),
        ("sprintf-verb", 'x := sprintf("%t", ["a"])', "x", Answers("", "%!t(string=a)")),
        ("sprintf-arguments", 'x := sprintf("%s %s", ["a"])', "x", Answers("refused", "a %!s(MISSING)")),
        ("sprintf-arguments", 'x := sprintf("%s", ["a", "b"])', "x", Answers("refused", "a%!(EXTRA string=b)")),
        ("unicode-class", 'x if regex.match(`^\\d$`, "٣")', "x", Answers(True, None)),
        ("unicode-class", 'x if regex.match(`^\\w$`, "ä")', "x", Answers(True, None)),
        ("unicode-class", 'x if regex.match("^\\\\s$", "\\u2003")', "x", Answers(True, None)),
        ("chained-rule-body", "x := 1 if {\n\tfalse\n} {\n\ttrue\n}", "x", Answers(True, 1)),
        ("unknown-function", "y if foo(1)\n\nx := 1", "x", Answers(1, "refused")),
        ("unknown-function", "x if foo(1)", "x", Answers("refused", "refused")),
        ("arity-mismatch", "y := count()\n\nx := 1", "x", Answers(1, "refused")),
        ("arity-mismatch", "f(z) := z\n\ny := f(1, 2)\n\nx := 1", "x", Answers(1, "refused")),
        ("recursion", "y if z\n\nz if y\n\nx := 1", "x", Answers(1, "refused")),
        ("recursion", "f(n) := f(n)\n\nx := f(1)", "x", Answers("refused", "refused")),
        ("recursion", "x := count(data.a)", "x", Answers(None, "refused")),
        ("rule-conflict", "default x := 1\n\ndefault x := 2", "x", Answers(1, "refused")),
        ("rule-conflict", "x := 1\n\nx contains 2", "x", Answers("refused", "refused")),
        ("import-shadowing", "import data.b.x\nimport data.c.x\n\ny := 1", "y", Answers(1, "refused")),
        ("import-shadowing", "import data.b.count\n\nx := count([1])", "x", Answers(1, "refused")),
    ],
)
def test_the_engines_do_what_lint_says(
    check: str, text: str, query: str, answers: Answers, ask: Ask, tmp_path: Path
) -> None:
    text = f"package a\n\n{text}\n"

    assert ask({"a.rego": text}, f"data.a.{query}", {}) == answers
    assert check in told(text, tmp_path)


def test_only_one_engine_fetches(ask: Ask) -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/none"
        text = f'package a\n\nx := http.send({{"method": "GET", "url": "{url}"}}).status_code\n'
        assert ask({"a.rego": text}, "data.a.x") == (None, 404)
        server.shutdown()


def test_a_rule_hides_a_package_in_one_engine_and_is_refused_by_the_other(ask: Ask) -> None:
    files = {"a.rego": "package a\n\nb := 1\n", "b.rego": "package a.b\n\nc := 2\n"}

    assert ask(files, "data.a.b") == (1, "refused")


ROWS = re.findall(r"^\| `(.+?)` \| (`?)([^|`]+)`? \| (`?)([^|`]+)`? \|$", _PAGE, re.MULTILINE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_engines_differ_as_the_page_says(row: tuple[str, str, str, str, str], ask: Ask) -> None:
    expression, _, embedded, _, opa = row
    text = "package a\n\nx := " + expression.replace("\\|", "|") + "\n"

    answers = ask({"a.rego": text}, "data.a.x", {"one": 1, "text": "b", "none": None})

    said = {"error": "refused", "undefined": None}
    assert answers == tuple(said[word] if word in said else json.loads(word) for word in (embedded, opa))


def test_the_page_has_differences() -> None:
    assert len(ROWS) == len(re.findall(r"^\| `", _PAGE, re.MULTILINE)) > 5


@pytest.mark.parametrize("verb", ["%s", "%v", "%d", "%q", "%5d", "%05d", "%x", "%X", "%b", "%c"])
def test_verbs_that_lint_lets_pass_are_written_alike(verb: str, ask: Ask) -> None:
    value = '"a b"' if verb in ("%s", "%q", "%v") else "41"

    answers = ask({"a.rego": f'package a\n\nx := sprintf("{verb}", [{value}])\n'}, "data.a.x")

    assert answers.embedded == answers.opa


def test_the_embedded_engine_has_the_functions_that_the_table_says() -> None:
    calls = {name: f"x := {name}({', '.join(['1'] * (of.arguments or 0))})" for name, of in functions().items()}

    assert {name: _known(call) for name, call in calls.items()} == {n: of.in_engine for n, of in functions().items()}


def _known(query: str) -> bool:
    try:
        regorus.Engine().eval_query_as_json(query)
    except RuntimeError as error:
        return "could not find function" not in str(error)
    return True


def test_opa_has_the_functions_that_the_table_says(opa: str, tmp_path: Path) -> None:
    listed = json.loads(subprocess.run([opa, "capabilities", "--current"], capture_output=True, check=True).stdout)
    theirs: dict[str, Any] = {
        builtin["name"]: builtin for builtin in listed["builtins"] if not builtin["name"].startswith("internal.")
    }

    assert theirs.keys() == functions().keys()
    for name, function in functions().items():
        declared = theirs[name]["decl"]
        assert function.arguments == (None if declared.get("variadic") else len(declared.get("args", ())))
        assert function.varies is theirs[name].get("nondeterministic", False)
    refused = [name for name in functions() if _deprecated(opa, tmp_path, name)]
    assert refused == [name for name, function in functions().items() if not function.in_opa]


def _deprecated(opa: str, folder: Path, name: str) -> bool:
    arguments = ", ".join(["input.x"] * (functions()[name].arguments or 0))
    file = folder / "q.rego"
    file.write_text(f"package q\n\nx := {name}({arguments})\n")
    run = subprocess.run([opa, "check", file], capture_output=True, text=True, check=False)
    return "deprecated" in run.stderr
