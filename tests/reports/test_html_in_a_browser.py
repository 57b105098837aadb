"""The page in a real Chromium: what people see, press and print, with a script and without, in light and dark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from playwright.sync_api import Browser, Page, sync_playwright

from governor.model import Finding, Policy, Verdict
from governor.reports import Options, render
from governor.reports.grouping import plain
from reports.test_html import NASTY, spoilt

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]

Show = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # The sandbox of Chromium does not start for root, who runs the tests in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """`show(verdict or text)` opens the page. Whatever it asks of the network, or complains of, fails the test."""
    contexts = []
    asked: list[str] = []
    complaints: list[str] = []

    def open_page(shown: Verdict | str, *, complains: bool = False, **how: Any) -> Page:
        text = shown if isinstance(shown, str) else render("html", shown, Options(environment="prod"))
        file = tmp_path / "report.html"
        file.write_text(text, "utf-8")
        context = browser.new_context(viewport={"width": 1360, "height": 900}, **how)
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("requestfinished", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: asked.append(request.url) if request.failure != "csp" else None)
        if not complains:
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert {url for url in asked if not url.startswith("file:")} == set()
    assert complaints == []


def resources(page: Page) -> list[str]:
    """Those of the rows that are seen, from top to bottom."""
    return page.locator("#all tbody tr:not(.head) code").all_inner_texts()


def heads(page: Page) -> list[str]:
    """The heading of each group: its name, how many resources, what they cost."""
    rows = page.locator("#all tr.head").all_inner_texts()
    return [re.sub(r"\s+", " ", row) for row in rows]


def sorting(page: Page) -> list[tuple[str, str | None]]:
    headings = page.locator("#all thead th[aria-sort]").all()
    return [(heading.inner_text(), heading.get_attribute("aria-sort")) for heading in headings]


@pytest.fixture
def many(judged: Callable[..., Verdict]) -> Verdict:
    """120 instances without a tag; each costs more than the one before it."""
    return judged(
        [
            Finding(
                policy="TAG001",
                resource=f"aws_instance.n{n}",
                kind="compute_instance",
                attribute="tags.project",
                msg=f"aws_instance.n{n} lacks a tag",
                hourly_usd=Decimal(n) / 4,
                owner="nlp" if n % 2 else "",
            )
            for n in range(120)
        ],
        Policy(id="TAG001", title="Tags", severity="high"),
    )


def test_without_a_script_every_finding_is_seen(show: Show, verdict: Verdict) -> None:
    page = show(verdict, java_script_enabled=False)
    shown = resources(page)
    for finding in (*verdict.open, *verdict.undetermined, *verdict.baselined, *(e.finding for e in verdict.exempt)):
        assert plain(finding.resource) in shown
    assert all(row.is_visible() for row in page.locator("#all tbody tr").all())
    assert not page.locator("#controls").is_visible()
    assert page.locator("button:visible").count() == 0, "nothing that would do nothing"


def test_with_a_script_the_same_findings_are_seen(show: Show, verdict: Verdict) -> None:
    assert resources(show(verdict)) == resources(show(verdict, java_script_enabled=False))


def test_when_the_script_is_not_run_the_rows_appear(show: Show, verdict: Verdict) -> None:
    text = render("html", verdict, Options()).replace("function enhance() {", "function enhance() { //")
    page = show(text, complains=True)  # its digest is another one now, so Chromium refuses it
    page.locator("#all tbody tr").first.wait_for(state="visible")
    assert not page.locator("#controls").is_visible()


def test_search_and_filters(show: Show, verdict: Verdict) -> None:
    page = show(verdict)
    every = len(resources(page))
    assert page.get_by_role("status").inner_text() == f"{every} rows, $277.17/h at stake"

    page.get_by_label("Search", exact=True).fill("lacks VIS.1")
    assert resources(page) == ['module.team["vis.1"].aws_instance.dev[0]']
    assert page.get_by_role("status").inner_text() == f"1 of {every} rows, $98.32/h at stake"

    page.get_by_label("Search", exact=True).fill("")
    page.get_by_label("State", exact=True).select_option("undetermined")
    assert resources(page) == ["aws_sagemaker_endpoint_configuration.chat", "aws_autoscaling_group.workers"]
    page.get_by_label("Severity", exact=True).select_option("critical")
    assert resources(page) == ["aws_sagemaker_endpoint_configuration.chat"]
    page.get_by_label("Owner", exact=True).select_option("vision")
    assert resources(page) == []
    assert page.get_by_role("status").inner_text() == f"Nothing here fits. {every} rows in all."

    page.get_by_role("button", name="Reset").click()
    page.get_by_label("Project", exact=True).select_option(label="(no project)")
    assert len(resources(page)) == every - 5


def test_sorting_by_mouse_and_by_keyboard(show: Show, verdict: Verdict) -> None:
    page = show(verdict)
    page.get_by_role("radio", name="nothing").check()
    assert sorting(page) == []

    page.get_by_role("button", name="Costs").click()
    assert sorting(page) == [("Costs", "descending")]
    assert resources(page)[0].startswith("module.team")
    page.get_by_role("button", name="Costs").focus()
    page.keyboard.press("Enter")
    assert [direction for _, direction in sorting(page)] == ["ascending"]
    assert resources(page)[0] == "aws_s3_bucket.training_data"

    page.get_by_role("button", name="Resource").focus()
    page.keyboard.press("Space")
    assert sorting(page) == [("Resource", "ascending")]
    assert resources(page) == sorted(resources(page))


def test_grouping_by_owner_and_project(show: Show, verdict: Verdict) -> None:
    page = show(verdict)
    assert heads(page)[0].startswith(
        "BUD001 A resource stays inside its own limit 2 resources Fix: take a smaller type"
    )
    assert heads(page)[0].endswith("$196.64/h")

    page.get_by_role("radio", name="owner").check()
    assert heads(page) == [
        "(no owner) 4 resources $105.41/h",
        "vision 1 resource $98.32/h",
        "(not known) 1 resource $61.20/h",
        "nlp 3 resources $12.24/h",
    ]
    page.keyboard.press("ArrowRight")
    assert {"(sensitive) 1 resource $0.00/h", "atlas 1 resource –"} <= set(heads(page))
    assert "defect <b>vision</b> 1 resource $98.32/h" in heads(page)


def test_long_groups_open_on_demand_and_are_searched_whole(show: Show, many: Verdict) -> None:
    page = show(many)
    assert len(resources(page)) == 50
    page.get_by_label("Search", exact=True).fill("n3")
    assert resources(page) == [f"aws_instance.n{n}" for n in (39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 3)]
    page.get_by_label("Search", exact=True).fill("")

    page.get_by_role("button", name="Show 70 more rows").press("Enter")
    assert len(resources(page)) == 120
    focused = page.evaluate("document.activeElement.querySelector('code').textContent")
    assert focused == "aws_instance.n69", "the keyboard goes on where the rows went on"
    assert heads(page) == ["TAG001 Tags 120 resources $1,785.00/h"]


def test_paper_shows_all_that_fits_the_filters(show: Show, many: Verdict) -> None:
    page = show(many)
    page.get_by_label("Owner", exact=True).select_option("nlp")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(resources(page)) == 60
    assert not page.locator("#controls").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(resources(page)) == 50


def test_a_script_in_a_tag_is_a_word(show: Show, verdict: Verdict) -> None:
    page = show(spoilt(verdict, NASTY))
    for group in ("owner", "project", "nothing", "policy"):
        page.get_by_role("radio", name=group).check()
        assert page.locator("img, script").count() == 2, "the two scripts of the page"
        assert resources(page)[0] == NASTY
    page.get_by_label("Owner", exact=True).select_option(NASTY)
    assert len(resources(page)) == 4
    assert page.evaluate("typeof pwned") == "undefined"


def test_even_markup_that_slipped_in_runs_and_loads_nothing(show: Show, verdict: Verdict) -> None:
    slipped = (
        "<script>pwned = 1</script><img src='https://example.com/x.png' onerror='pwned = 2'>"
        "<a id='trap' href='javascript:pwned = 3'>trap</a><link rel='stylesheet' href='https://example.com/x.css'>"
        "<style>body { display: none }</style><iframe src='https://example.com/'></iframe></main>"
    )
    page = show(render("html", verdict, Options()).replace("</main>", slipped), complains=True)
    page.locator("#trap").click()
    assert page.evaluate("typeof pwned") == "undefined"
    assert page.locator("h1").is_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_it_is_accessible(show: Show, live: Verdict, colours: str, width: int) -> None:
    page = show(live, color_scheme=colours)
    page.set_viewport_size({"width": width, "height": 900})
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true }")
    package = find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    page.evaluate(Path(package.origin).with_name("axe.min.js").read_text("utf-8"))
    result = page.evaluate("axe.run({ resultTypes: ['violations', 'incomplete'] })")
    found = [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in (*result["violations"], *(r for r in result["incomplete"] if r["id"] == "color-contrast"))
    ]
    assert found == []
    assert len(result["passes"]) > 20
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself never scrolls sideways"


def test_the_keyboard_reaches_everything_and_shows_where_it_is(show: Show, verdict: Verdict) -> None:
    page = show(verdict)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    page.keyboard.press("Enter")
    names = []
    for _ in range(14):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.name || document.activeElement.textContent.slice(0, 8)"))
        focused = (
            "document.activeElement.type === 'radio' ? document.activeElement.nextSibling : document.activeElement"
        )
        assert page.evaluate(f"getComputedStyle({focused}).outlineStyle") == "solid", names[-1]
    assert names[:7] == ["search", "state", "severity", "owner", "project", "group", "Reset"]
    assert names[8:11] == ["Severity", "Policy", "Resource"]


def test_nothing_moves_for_those_who_asked_for_rest(show: Show, verdict: Verdict) -> None:
    durations = (
        "[...document.querySelectorAll('*')].map(e => getComputedStyle(e).transitionDuration).filter(d => d !== '0s')"
    )
    assert show(verdict, reduced_motion="reduce").evaluate(durations) == []


def test_a_clean_run_has_no_table(show: Show, clean: Verdict) -> None:
    page = show(clean)
    assert page.get_by_role("heading", level=1).inner_text() == "All good: nothing is open."
    assert page.locator("#all").count() == 0
    assert page.get_by_text("There are none.").is_visible()


def test_the_colour_of_the_headline_follows_the_verdict(show: Show, verdict: Verdict, clean: Verdict) -> None:
    for shown, mood in ((verdict, "unsure"), (structs.replace(verdict, failures=[]), "fails"), (clean, "passes")):
        assert show(shown).locator("h1 span").get_attribute("class") == mood


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_it_follows_the_colours_of_the_reader(show: Show, colours: str) -> None:
    """UPDATE_GOLDEN=1 takes the pictures of docs/reports.md anew."""
    page = show(check_example(), color_scheme=colours)
    page.set_viewport_size({"width": 1280, "height": 960})
    if colours == "dark":
        page.get_by_role("radio", name="owner").check()
        page.evaluate("document.getElementById('findings').scrollIntoView()")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shades = [int(shade) for shade in re.findall(r"\d+", paper)]
    assert (min(shades) > 200) if colours == "light" else (max(shades) < 60)
    picture = page.screenshot()
    if os.environ.get("UPDATE_GOLDEN") == "1":
        (ROOT / "docs" / "images" / f"report-{colours}.png").write_bytes(picture)


def check_example() -> str:
    """The page of the example plan."""
    arguments = ["check", "examples/plan.json", "--config", "examples/governor.yaml", "--source", "examples"]
    more = ["--today", "2026-08-01", "--environment", "production", "--exit-zero", "-f", "html"]
    command = [sys.executable, "-m", "governor", *arguments, *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, encoding="utf-8").stdout


def test_what_runs_is_seen_from_other_sides(show: Show, live: Verdict) -> None:
    """By account, region and owner, day by day, and by the tags that its money carries."""
    page = show(live)

    by_account = page.get_by_role("region", name="Findings by account").locator("tbody tr")
    names = [row.locator("th").inner_text() for row in by_account.all()]
    assert set(names) == {"111122223333", "444455556666", "(no account)"}
    told = sum(int(row.locator("td").first.inner_text()) for row in by_account.all())
    assert told == len(live.open)
    figure = page.get_by_role("img", name="At stake: from")
    # The last run of today is this one, whatever an earlier one of today found.
    assert figure.locator("rect").count() == len(live.trend)
    assert figure.locator("rect.now").count() == 1
    assert page.get_by_text("$5,000.00/h").count() == 0
    assert page.get_by_role("listitem").filter(has_text="owner-team").inner_text().split() == [
        "owner-team",
        "33.3",
        "%",
    ]

    page.get_by_label("Account", exact=True).select_option("444455556666")
    assert {text.split(" · ")[0] for text in page.locator("#all .place", has_text=" · ").all_inner_texts()} == {
        "444455556666"
    }
    page.get_by_role("radio", name="region").check()
    assert page.locator("#all .head th").all_inner_texts()[0].startswith("eu-west-1")
