from __future__ import annotations

from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import structs

from governor.model import Failure, Finding, Gap, Inventory, Judgement, Origin, Policy, Verdict
from governor.reports import Options, render
from governor.reports.grouping import plain
from governor.reports.markdown import LIMIT
from governor.settle import settle

POLICY = Policy(id="P1", title="P", remediation="mend it")
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def judge(*findings: Finding) -> Verdict:
    inventory = Inventory(stage="plan", resources=())
    return settle(Judgement(findings, [], [POLICY]), inventory, levels={"P1": "deny"}, today=date(2026, 3, 2))


def found(resource: str, msg: str = "", **more: object) -> Finding:
    return Finding(policy="P1", resource=resource, kind="x", attribute="", msg=msg or f"{resource} is wrong", **more)  # type: ignore[arg-type]


def cells(comment: str) -> list[list[Token]]:
    """The rows of all tables, headings left out, each cell as its inline token."""
    rows: list[list[Token]] = []
    body = False
    for token in MARKDOWN.parse(comment):
        body = token.type == "tbody_open" or (body and token.type != "tbody_close")
        if token.type == "tr_open" and body:
            rows.append([])
        elif token.type == "inline" and body:
            rows[-1].append(token)
    return rows


def words(cell: Token) -> str:
    """What a reader sees in the first line of a cell."""
    seen = ""
    for token in cell.children or []:
        if token.type == "html_inline" and token.content == "<br>":
            break
        assert token.type in ("text", "code_inline", "html_inline"), f"markup from outside: {token}"
        assert token.type != "html_inline" or token.content in ("<code>", "</code>"), token.content
        seen += token.content if token.type != "html_inline" else ""
    return seen.replace("\u2060", "").strip()


NASTY = 'm["a|b`c"].<img src=x>&amp;\\|*x*_y_\n## [z](http://e.org) @org'


@given(st.text(), st.text())
@example(NASTY, NASTY)
@example("a\\", "a\\|")
@example("`", "``")
@example("@team", "ask @team, or me@example.com")
@example("<!--", "-->")
def test_any_name_makes_a_table_of_three_columns(resource: str, msg: str) -> None:
    comment = render("markdown", judge(found(resource, f"it says {msg}", origin=Origin(msg, 1))), Options())
    ((name, what, price),) = cells(comment)
    assert words(name) == (plain(resource).strip() or "–")
    if not resource or not f"it says {msg}".startswith(resource):
        assert words(what) == plain(f"it says {msg}").strip()
    assert words(price) == "–"


def test_names_outside_tables_stay_on_their_line(clean: Verdict) -> None:
    gaps = [Gap("eu\n</details>\n# <b>", "denied\n<script>")]
    verdict = structs.replace(clean, gaps=gaps, failures=[Failure("P\n1", "", "x\n- y")])
    comment = render("markdown", verdict, Options())
    assert "- <code>eu &lt;/details&gt; # &lt;b&gt;</code>: denied &lt;script&gt;\n" in comment
    assert "- `P 1` on the whole input: x - y\n" in comment
    assert comment.count("</details>") == 1


def test_rows_do_not_break_outside_a_parser(verdict: Verdict) -> None:
    rows = [line for line in render("markdown", verdict, Options()).splitlines() if line.startswith("|")]
    assert len(rows) == 8 + 2 + 2 * 7
    assert {line.count("|") for line in rows} == {4}


def test_cut_to_what_a_comment_holds() -> None:
    policies = [Policy(id=f"P{n}", title="t" * 100) for n in range(400)]
    findings = [
        Finding(
            policy=policy.id,
            resource="r" * 200 + str(n),
            kind="x",
            attribute="",
            msg="m" * 100,
            reason="" if position < 3 else "not known",
        )
        for position, policy in enumerate(policies)
        for n in range(3)
    ]
    inventory = Inventory(stage="plan", resources=())
    verdict = settle(
        Judgement(findings, [Failure("P1", "", "x")], policies),
        inventory,
        levels={p.id: "deny" for p in policies},
        today=date(2026, 3, 2),
    )
    comment = render("markdown", verdict, Options())
    assert LIMIT - 2_000 < len(comment) <= LIMIT
    assert comment.splitlines()[-1] == verdict.footer
    assert comment.count("<details>") == comment.count("</details>") == 1
    shown = comment.count("| `r")
    assert f"**{1200 - shown:,} lines left out" in comment


def test_open_findings_alone_can_overflow() -> None:
    verdict = judge(*(found(f"r{n:05}", "x" * 3_000) for n in range(40)))
    comment = render("markdown", verdict, Options(verbose=True))
    assert len(comment) <= LIMIT
    assert "lines left out" in comment
    assert comment.splitlines()[-1] == verdict.footer
    assert len(cells(comment)) == comment.count("| `r") > 10


def test_nobody_is_called() -> None:
    comment = render("markdown", judge(found("r", "r is for @team to mend; ask me@example.com")), Options())
    assert "@\u2060team" in comment
    assert "me@example.com" in comment


def test_capped_like_the_table() -> None:
    comment = render("markdown", judge(*(found(f"r{n}") for n in range(30))), Options())
    assert len(cells(comment)) == 20
    assert "… and 10 more" in comment
    assert len(cells(render("markdown", judge(*(found(f"r{n}") for n in range(30))), Options(verbose=True)))) == 30


def test_folded_sections_are_closed(verdict: Verdict) -> None:
    comment = render("markdown", verdict, Options())
    assert comment.count("<details>") == comment.count("</details>") == 8
