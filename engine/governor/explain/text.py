"""An explanation in, text for a person at a terminal out: verdict, facts, rule, what would make it pass, exemption."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from governor.explain import Explanation, Fact, Said
from governor.explain.tried import PROBE, Attempt, Value
from governor.languages import Passage
from governor.model import Accelerator, Price
from governor.reports import Options
from governor.reports.grouping import count, plain, terms
from governor.reports.page import Page, Span, write

SHORTEST = 8
"""Digits of a fingerprint that people are shown."""

STYLES = {
    "open": "bold red",
    "failed": "bold red",
    "undetermined": "bold yellow",
    "exempt": "bold cyan",
    "baselined": "bold",
    "passes": "bold green",
    "not judged": "bold",
}


def render(explanation: Explanation, options: Options) -> str:
    """The whole page; ends with a newline. `options.verbose` adds all facts, bodies and helpers."""
    page = Page(options.width)
    policy = explanation.policy
    page.spans([(f"{policy.id}  ", "bold"), (plain(policy.title), "bold"), (f"  {policy.severity}", "dim")], hang=8)
    kind = f"  {explanation.kind}" if explanation.kind else ""
    page.spans([(plain(explanation.resource), ""), (kind, "dim")], hang=2)
    _verdict(page, explanation)
    _facts(page, explanation, options.verbose)
    _rule(page, explanation, options.verbose)
    _to_pass(page, explanation)
    if explanation.exemption:
        page.section("EXEMPTION", "bold", "to answer for it instead: fill in, and add to the file of exemptions")
        for line in explanation.exemption.splitlines():
            page.add([(line, "")])
    return write(page.lines, options)


def _verdict(page: Page, explanation: Explanation) -> None:
    number = count(len(explanation.findings), "finding")
    remark = {
        "passes": "the policy finds nothing on it",
        "not judged": explanation.why,
        "failed": "the policy could not be evaluated, which is no pass",
    }.get(explanation.outcome, number)
    page.section(explanation.outcome.upper(), STYLES[explanation.outcome], plain(remark))
    page.text(f"level {explanation.level}, {explanation.level_from}", indent=2, hang=2)
    if explanation.outcome == "failed":
        page.text(plain(explanation.why), indent=2)
    for said in explanation.findings:
        _finding(page, said, explanation)


def _finding(page: Page, said: Said, explanation: Explanation) -> None:
    message = plain(said.msg.removeprefix(explanation.resource)).lstrip(" :")
    state = "" if said.state == explanation.outcome else f"{said.state}: "
    page.spans([(f"{said.fingerprint[:SHORTEST]}  ", "dim"), (state, STYLES[said.state]), (message, "")], 2, 10)
    if said.reason:
        page.text(f"{said.attribute} is unknown: {plain(said.reason)}", "yellow", indent=12)
    if said.exemption:
        place = f" ({said.exemption_place})" if said.exemption_place else ""
        page.text(f"{terms(said.exemption)}{place}", "cyan", indent=12)


def _facts(page: Page, explanation: Explanation, verbose: bool) -> None:
    read = [fact for fact in explanation.facts if fact.read]
    shown = explanation.facts if verbose or not read else read
    if not shown:
        return
    left = len(explanation.facts) - len(shown)
    more = f"; -v adds {count(left, 'fact')}" if left else ""
    page.section("FACTS", "bold", f"{'what the policy reads of it' if read else 'what is known of it'}{more}")
    for fact in shown:
        page.spans(list(_fact(fact)), indent=2, hang=4)


def _fact(fact: Fact) -> Iterable[Span]:
    path = plain(fact.path)
    if fact.unknown:
        yield f"{path} is unknown: {plain(fact.unknown)}", "yellow"
    elif fact.value is None:
        yield f"{path} is not there", "bold"
    else:
        yield f"{path} = {plain(_shown(fact.value))}", ""
    if fact.provenance:
        yield f"  ← {plain(fact.provenance)}", "dim"


def _shown(value: Any) -> str:
    match value:
        case Accelerator():
            memory = f", {value.memory_gib:g} GiB each" if value.memory_gib else ""
            return f"{value.count:g} × {value.model}{memory}"
        case Price():
            note = f" ({value.note})" if value.note else ""
            return f"{value.usd_per_hour} USD/h for {value.instance_type} in {value.region}{note}"
        case Decimal():
            return str(value)
        case _:
            return msgspec.json.encode(value).decode()


def _rule(page: Page, explanation: Explanation, verbose: bool) -> None:
    own = [passage for passage in explanation.passages if not passage.helper]
    helpers = [passage for passage in explanation.passages if passage.helper]
    fired = [passage for passage in own if passage.whole] if explanation.findings and not verbose else []
    shown = [*(fired or own), *(helpers if verbose else ())]
    if not shown:
        if explanation.outcome not in ("not judged", "failed"):
            page.section("RULE", "bold", f"{explanation.policy.location}: which of its lines ran is not known")
        return
    left = len(explanation.passages) - len(shown)
    more = f"; -v adds {count(left, 'part')}" if left else ""
    subject = "the whole plan, which it looks at together" if explanation.together else "this resource"
    page.section("RULE", "bold", f"+ ran, - did not, for {subject}{more}")
    for position, passage in enumerate(shown):
        if position == 0 or passage.file != shown[position - 1].file:
            page.text(passage.file, "dim", indent=2)
        elif position:
            page.add([])
        _passage(page, passage)


def _passage(page: Page, passage: Passage) -> None:
    wide = len(str(passage.lines[-1].number))
    for line in passage.lines:
        mark, style = {True: ("+", "green"), False: ("-", "dim"), None: (" ", "")}[line.ran]
        # Folded source would not be source: a long line runs on.
        text = line.text.replace("\t", "    ").rstrip()
        page.add([(f"  {line.number:>{wide}} ", "dim"), (f"{mark} ", style), (plain(text), style)])


def _to_pass(page: Page, explanation: Explanation) -> None:
    if not explanation.findings:
        return
    trial = explanation.trial
    if not trial.attempts and not explanation.policy.remediation:
        return
    remark = "each change was tried by judging again" if trial.attempts else ""
    page.section("TO PASS", "bold green", remark)
    if explanation.policy.remediation:
        page.text(plain(explanation.policy.remediation), indent=2)
    for attempt in trial.attempts:
        page.text(_attempt(attempt), indent=2, hang=2)
    if trial.together and len(trial.attempts) > 1:
        page.text(f"with the first value of each, {explanation.policy.id} is silent on this resource", indent=2, hang=2)


def _attempt(attempt: Attempt) -> str:
    name = plain(attempt.attribute)
    clear = [value for value in attempt.values if not value.objections]
    shown: Sequence[Value] = clear or attempt.values
    if shown:
        given = [plain(_shown(value.value)) for value in shown if value.value is not None]
        taken = [f"without {name}"] if len(given) < len(shown) else []
        values = _or([f"with {name} = {_or(given)}"] * bool(given) + taken)
        objections = sorted({policy for value in shown for policy in value.objections})
        but = f", but then {' and '.join(objections)} would find something new" if objections else ""
        text = f"tried: {values} this finding is gone{but}"
        return f'{text}; so it is with "{PROBE}"' if attempt.any_value else text
    if attempt.any_value:
        return f'tried: with {name} = "{PROBE}" this finding is gone'
    if attempt.tried:
        return f"tried: {count(attempt.tried, 'other value')} of {name}, and the finding stays"
    return f"{name}: governor knows no value to try" if name else "the finding is about no single fact: nothing to try"


def _or(texts: Sequence[str]) -> str:
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
