"""The page, as markup: everything is in it, nothing is loaded, and nobody's words become a tag."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

import governor.reports.html as html_report
from governor.model import Failure, Finding, Gap, Origin, Policy, Spending, Verdict
from governor.reports import Options, render
from governor.reports.grouping import message, plain

VOID = {"meta", "input"}
FOLDER = Path(html_report.__file__).parent
NASTY = "</script></style><script>pwned()</script><img src=//e.org onerror=pwned()>\"'`{{ 7 * 7 }}{% raw %}"


class Page(HTMLParser):
    """Elements, their attributes, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def page(verdict: Verdict) -> str:
    return render("html", verdict, Options(environment="prod"))


def spoilt(verdict: Verdict, words: str) -> Verdict:
    """A verdict in which everything that others write says `words`."""
    policy = Policy(
        id=f"P {words}", title=words, description=words, remediation=words, references=(words, f"https://{words}"),
        together=words, location=words,
    )  # fmt: skip
    finding = Finding(
        policy=policy.id, resource=words, kind=words, attribute=words, msg=words, origin=Origin(words, 1, words),
        owner=words, project=words,
    )  # fmt: skip
    return structs.replace(
        verdict,
        policies={policy.id: policy},
        levels={policy.id: "deny"},
        source=words,
        open=[finding],
        baselined=[finding],
        undetermined=[structs.replace(finding, reason=words)],
        exempt=[structs.replace(item, finding=finding) for item in verdict.exempt],
        failures=[Failure(words, words, words)],
        gaps=[Gap(words, words)],
        notes=[words],
        not_covered={words: 1},
        spending=[Spending(project=words, before_usd=verdict.hourly_usd, after_usd=verdict.hourly_usd)],
    )


@pytest.mark.parametrize("name", ["report.html", "clean-report.html"])
def test_whole_page(
    name: str, verdict: Verdict, clean: Verdict, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html_report, "__version__", "0.0.0")
    text = page(clean if name.startswith("clean") else verdict)
    for kind in ("css", "js"):
        text = text.replace((FOLDER / f"html.{kind}").read_text("utf-8"), f"…{kind}…")
    golden(name, re.sub(r"sha256-[\w+/=]+", "sha256-…", text))


def test_every_finding_has_its_words_in_the_markup(verdict: Verdict) -> None:
    words = Page(page(verdict)).words
    exempt = [item.finding for item in verdict.exempt]
    for finding in (*verdict.open, *verdict.undetermined, *exempt, *verdict.baselined):
        assert plain(finding.resource) in words
        said = finding.attribute.removeprefix("tags.") if finding.policy == "TAG001" else message(finding)
        assert said in words
    assert "waiver until 2026-06-30: goes away with the old cluster" in words
    assert "known only after apply" in words


def test_only_a_plan_knows_what_it_cost_before(verdict: Verdict) -> None:
    of_code = structs.replace(verdict, stage="commit")

    assert verdict.stage == "plan"
    assert "ProjectNowAfterChangeBudget" in Page(page(verdict)).words
    assert "ProjectCostBudget" in Page(page(of_code)).words


def test_nothing_is_loaded(verdict: Verdict) -> None:
    elements = Page(page(verdict)).elements
    for tag, attributes in elements:
        assert tag not in {
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "video",
            "audio",
            "source",
            "image",
            "use",
        }
        assert not {"src", "srcset", "style", "data", "action", "background", "poster"} & set(attributes), (
            tag,
            attributes,
        )
        assert not [name for name in attributes if name.startswith("on")]
        assert tag == "a" or "href" not in attributes
    css = (FOLDER / "html.css").read_text("utf-8")
    assert "url(" not in css
    assert "@import" not in css
    script = (FOLDER / "html.js").read_text("utf-8")
    assert not re.search(
        r"fetch|XMLHttp|WebSocket|sendBeacon|import\(|innerHTML|outerHTML|insertAdjacent|eval|write\(", script
    )
    assert "</" not in script
    (security,) = [a["content"] or "" for _, a in elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert security.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in security


def shape(text: str) -> list[tuple[str, frozenset[str]]]:
    return [(tag, frozenset(attributes)) for tag, attributes in Page(text).elements]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@settings(deadline=None)
def test_words_of_others_stay_words(words: str) -> None:
    bare = Verdict(policies={}, levels={}, today=None, stage="plan")  # type: ignore[arg-type]
    assert shape(page(spoilt(bare, words))) == shape(page(spoilt(bare, "harmless")))


def test_words_of_others_are_shown_as_they_are(verdict: Verdict) -> None:
    nasty = page(spoilt(verdict, NASTY))
    assert shape(nasty) == shape(page(spoilt(verdict, "harmless")))
    assert Page(nasty).words.count(plain(NASTY)) > 20


def test_links_of_policies_lead_to_the_web_or_nowhere(verdict: Verdict) -> None:
    bad = ("javascript:pwned()", "http://example.com", "data:text/html,x", "https://example.com/a")
    policies = {name: structs.replace(policy, references=bad) for name, policy in verdict.policies.items()}
    links = {a["href"] for tag, a in Page(page(structs.replace(verdict, policies=policies))).elements if tag == "a"}
    assert {link for link in links if link and not link.startswith("#")} == {"https://example.com/a"}


def test_each_anchor_has_its_place(verdict: Verdict) -> None:
    elements = Page(page(verdict)).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    pointed = {a["href"].removeprefix("#") for t, a in elements if t == "a" and (a["href"] or "").startswith("#")}  # type: ignore[union-attr]
    labels = {a[name] for _, a in elements for name in ("aria-labelledby", "for") if name in a}
    assert pointed | labels <= set(ids)
