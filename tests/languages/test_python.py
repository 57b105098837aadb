"""Python policies: what they are called with, what they may yield, and what becomes of their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.policy_folders import ask, python, resource, said, write
from governor.errors import Refusal
from governor.model import Failure, Policy


def folder(tmp_path: Path, text: str, data: str = "limit: 3\n") -> Path:
    return write(tmp_path / "mine", {"own/own.py": text, "own/data.yaml": data})


def refusal(tmp_path: Path, text: str, data: str = "limit: 3\n") -> str:
    with pytest.raises(Refusal) as caught:
        ask(folder(tmp_path, text, data))
    return str(caught.value).replace(f"{tmp_path}/", "")


CARD = '''\
from collections.abc import Iterator
from governor.policy import Inventory, Violation, policy

@policy(
    id="OWN001",
    title="A title",
    severity="low",
    kinds=["bucket"],
    stages=["plan"],
    remediation="Do better.",
    references=["https://example.com"],
    together="{count}",
)
def too_long(inventory: Inventory) -> Iterator[Violation]:
    """Why it
    matters."""
    yield Violation("s", "m", "a", {"n": 1})
'''


def test_a_card_and_what_it_says(tmp_path: Path) -> None:
    judgement = ask(folder(tmp_path, CARD))

    assert judgement.policies == [
        Policy(
            id="OWN001",
            title="A title",
            description="Why it matters.",
            severity="low",
            concern="own",
            stages=("plan",),
            kinds=("bucket",),
            remediation="Do better.",
            references=("https://example.com",),
            together="{count}",
            language="python",
            location=f"{tmp_path}/mine/own/own.py:4",
            rule="too_long",
        )
    ]
    (finding,) = judgement.findings
    assert (finding.resource, finding.msg, finding.attribute, finding.details) == ("s", "m", "a", {"n": 1})


STRUCT = "\nclass Config(msgspec.Struct, forbid_unknown_fields=True):\n    limit: int\n"


@pytest.mark.parametrize(
    ("signature", "expression", "said_"),
    [
        ("inventory", "'ok'", "ok"),
        ("inv", "'ok'", "ok"),
        ("inventory, config", "repr(config)", "{'limit': 3}"),
        ("inventory, config: dict", "repr(config)", "{'limit': 3}"),
        ("inventory, config: Config", "str(config.limit)", "3"),
        ("inventory, today", "today.isoformat()", "2026-08-01"),
        ("inventory, today, config: Config", "f'{today.year} {config.limit}'", "2026 3"),
        ("inventory, config, *, today", "f'{today.year} {config}'", "2026 {'limit': 3}"),
    ],
)
def test_a_policy_receives_what_it_asks_for(tmp_path: Path, signature: str, expression: str, said_: str) -> None:
    text = python(f'yield Violation("s", {expression})', signature=signature, head=STRUCT)

    assert said(ask(folder(tmp_path, text))) == [("PYT001", "s", said_)]


def test_without_data_the_config_is_empty(tmp_path: Path) -> None:
    text = python('yield Violation("s", repr(config))', signature="inventory, config")
    mine = write(tmp_path / "mine", {"own/own.py": text})

    assert said(ask(mine)) == [("PYT001", "s", "{}")]


@pytest.mark.parametrize("body", ["return None", "return []", "return ()", "if False:\n    yield"])
def test_a_policy_may_have_nothing_to_say(tmp_path: Path, body: str) -> None:
    judgement = ask(folder(tmp_path, python(body)))

    assert (judgement.findings, judgement.failures) == ([], [])


def test_details_are_what_json_can_hold(tmp_path: Path) -> None:
    body = (
        "from datetime import date\nfrom decimal import Decimal\n"
        'yield Violation("s", "m", "", {1: {"b"}, "t": (date(2026, 8, 1), Decimal("1.50"), None)})'
    )

    (finding,) = ask(folder(tmp_path, python(body))).findings

    assert repr(finding.details) == "{'1': ['b'], 't': ('2026-08-01', Decimal('1.50'), None)}"


@pytest.mark.parametrize(
    ("body", "failures"),
    [
        ('for r in inventory.resources:\n    r.tags["owner"]\n    yield Violation(r.id, "fine")',
         [("b", "own.py:8: KeyError: 'owner'"), ("c", "own.py:8: KeyError: 'owner'")]),
        ("raise ValueError('always')", [("", "own.py:7: ValueError: always")]),
        ("if len(inventory.resources) > 2:\n    raise ValueError('three')", [("", "own.py:8: ValueError: three")]),
        ("import sys\nsys.exit(0)", [("", "own.py:8: SystemExit: 0")]),
        ("assert not inventory.resources", [(r, "own.py:7: AssertionError: ") for r in "abc"]),
        ("return True", [("", "TypeError: 'bool' object is not iterable")]),
        ('yield "words"', [("", "TypeError: it yielded str, not a Violation")]),
        ('yield ("r", "m")', [("", "TypeError: it yielded tuple, not a Violation")]),
        ('yield Violation("r", None)', [("", "TypeError: the msg of its Violation is NoneType, not text")]),
        ('yield from (Violation(r, "m") for r in inventory.resources)',
         [(r, "TypeError: the resource of its Violation is Resource, not text") for r in "abc"]),
        ('yield Violation("r", "m", 5)', [("", "TypeError: the attribute of its Violation is int, not text")]),
        ('yield Violation("r", "m", origin="main.tf:3")',
         [("", "TypeError: the origin of its Violation is str, not an Origin")]),
        ('yield Violation("r", "m", "a", {"x": object()})',
         [("", "TypeError: Encoding objects of type object is unsupported")]),
    ],
)  # fmt: skip
def test_a_mishap_fails_the_policy_and_no_other(tmp_path: Path, body: str, failures: list[tuple[str, str]]) -> None:
    mine = folder(tmp_path, python(body))
    write(mine, {"own/other.py": python('yield Violation("s", "still here")', id="OTH001")})

    judgement = ask(mine, resource("a", tags={"owner": "ada"}), resource("b"), resource("c"))

    assert judgement.failures == [Failure("PYT001", r, reason) for r, reason in failures]
    assert said(judgement) == [("OTH001", "s", "still here")]


@pytest.mark.parametrize("signature", ["", "config", "today", "inventory, confg", "inventory, *args", "inventory, x=1"])
def test_another_signature_is_refused(tmp_path: Path, signature: str) -> None:
    names = signature.replace("*", "").replace("=1", "")

    assert refusal(tmp_path, python("return []", signature=signature)) == (
        f"mine/own/own.py:5: PYT001 takes ({names}): a policy takes (inventory), and config, today or both after it"
    )


def test_data_that_does_not_fit_the_type(tmp_path: Path) -> None:
    text = python("return []", signature="inventory, config: Config", head=STRUCT)

    assert refusal(tmp_path, text, "limit: much\n") == (
        "mine/own/own.py: the data of own does not fit what PYT001 reads: Expected `int`, got `str` - at `$.limit`"
    )
    assert "unknown field `limt`" in refusal(tmp_path, text, "limit: 1\nlimt: 2\n")


def test_an_annotation_that_exists_for_type_checkers_only(tmp_path: Path) -> None:
    text = "from __future__ import annotations\n" + python("return []", signature="inventory, config: Budgets")

    assert refusal(tmp_path, text) == (
        "mine/own/own.py:6: an annotation of PYT001 cannot be read (name 'Budgets' is not defined):"
        " import the name outside TYPE_CHECKING"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nimport no_such_module\n", (":2: this policy file cannot be imported: ModuleNotFoundError: No module "
         "named 'no_such_module'")),
        ("x = 1\ndef f(:\n", ":2: this policy file cannot be imported: SyntaxError: invalid syntax"),
        ("x = 1\n  y = 2\n", ":2: this policy file cannot be imported: IndentationError: unexpected indent"),
        ("import sys\nsys.exit(0)\n", ":2: this policy file cannot be imported: SystemExit: 0"),
        (python("pass").replace('"high"', '"hgih"'), (":5: this policy file cannot be imported: ValidationError: "
         "Invalid enum value 'hgih' - at `$.severity`")),
        (python("pass").replace(', severity="high"', ""), (":5: this policy file cannot be imported: TypeError: "
         "policy() missing 1 required keyword-only argument: 'severity'")),
        (python("pass").replace('"high"', '"high", kinds="bucket"'), (":5: this policy file cannot be imported: "
         "ValidationError: Expected `array`, got `str` - at `$.kinds`")),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_imported_is_named_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    assert refusal(tmp_path, text) == f"mine/own/own.py{told}"


def test_a_mistake_in_a_module_that_a_policy_imports_is_placed_where_it_is_imported(tmp_path: Path) -> None:
    assert refusal(tmp_path, "import json\n\nX = json.loads('{')\n").startswith(
        "mine/own/own.py:3: this policy file cannot be imported: JSONDecodeError: "
    )


def test_a_policy_that_is_imported_from_elsewhere_belongs_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"elsewhere_of_governor.py": python("return []", id="ELS001")})
    monkeypatch.syspath_prepend(tmp_path)
    text = python("return []", head="from elsewhere_of_governor import judge as other")

    assert [policy.id for policy in ask(folder(tmp_path, text)).policies] == ["PYT001"]


def test_what_a_policy_prints_is_no_part_of_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = python("print('judged'); return []", head="print('loaded')")

    assert ask(folder(tmp_path, text)).findings == []

    assert capsys.readouterr() == ("", "loaded\njudged\n")
