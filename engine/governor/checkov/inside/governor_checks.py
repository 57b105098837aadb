"""governor's policies as checks of checkov. `governor checkov-checks` writes this file: do not edit it, write it again.

Each plan is judged once, by the program governor: the one that the environment variable GOVERNOR names, or the one on
PATH. It reads the settings it finds from the working directory. What no resource of the plan answers for (a project's
budget, a policy that failed, governor missing) fails the first resource that checkov shows to the check: checkov keeps
silent about checks that raise, and about unknown results.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
from typing import Any

from checkov.common.bridgecrew.severities import Severities
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

ARGUMENTS: list[str] = []
POLICIES: list[dict[str, Any]] = []

TIMEOUT = 600
"""Seconds for one plan."""


class CannotJudge(Exception):  # noqa: N818
    """governor gave no report."""


class Judged:
    """What governor says of one plan."""

    def __init__(self, plan: str) -> None:
        self.problem = ""
        self.asked: set[str] = set()
        self.failed: dict[tuple[str, str], list[str]] = {}
        self.attributes: dict[tuple[str, str], list[str]] = {}
        self.accepted: dict[tuple[str, str], str] = {}
        self.undetermined: set[tuple[str, str]] = set()
        self.elsewhere: dict[str, list[str]] = {}
        try:
            self._read(_report(plan), _addresses(plan))
        except Exception as error:
            self.problem = f"governor could not judge {plan}: {error}"
            logging.error(self.problem)

    def _read(self, report: dict[str, Any], addresses: set[str]) -> None:
        self.asked = set(report["policies"])
        known = {policy["policy"] for policy in POLICIES}
        if new := sorted(self.asked - known):
            raise CannotJudge(f"these checks lack {', '.join(new)}: write them again with governor checkov-checks")
        if not self.asked:
            raise CannotJudge("no policy was asked: see `levels` in governor.yaml")
        for failure in report["failures"]:
            said = f"governor could not judge {failure['resource'] or 'the plan'}: {failure['reason']}"
            self.elsewhere.setdefault(failure["policy"], []).append(said)
            self.asked.discard(failure["policy"])
        for finding in report["findings"]:
            self._add(finding, finding["resource"] in addresses)
        for gap in report["gaps"]:
            logging.warning("governor did not read %s: %s", gap["place"], gap["reason"])
        if self.undetermined:
            logging.warning("governor cannot tell %d results yet, `governor check` says why", len(self.undetermined))

    def _add(self, finding: dict[str, Any], visited: bool) -> None:
        policy, resource, message = finding["policy"], finding["resource"], finding["msg"]
        key = (policy, resource)
        if finding["state"] == "open" and visited:
            self.failed.setdefault(key, []).append(message)
            self.attributes.setdefault(key, []).append(finding["attribute"])
        elif finding["state"] == "open":
            self.elsewhere.setdefault(policy, []).append(message)
        elif finding["state"] == "undetermined":
            self.undetermined.add(key)
        else:
            self.accepted[key] = finding.get("exemption", {}).get("reason") or "in the baseline"


class Check(BaseResourceCheck):
    """One policy."""

    def __init__(self, policy: dict[str, Any]) -> None:
        super().__init__(
            name=policy["title"],
            id=policy["id"],
            categories=[CheckCategories.CONVENTION],
            supported_resources=["*"],
            guideline=policy["guideline"],
        )
        self.severity = Severities[policy["severity"].upper()]
        self._policy = policy["policy"]
        self._types = frozenset(policy["types"])
        self._comment = ""
        self._told: set[str] = set()

    def run(self, *arguments: Any, **named: Any) -> Any:
        """A finding that somebody answers for is skipped, with the reason."""
        self._comment = ""
        result = super().run(*arguments, **named)
        if self._comment:
            result.update(result=CheckResult.SKIPPED, suppress_comment=self._comment)
        return result

    def scan_entity_conf(self, conf: dict[str, Any], entity_type: str) -> CheckResult:
        self.entity_type = entity_type
        try:
            return self._result(conf, entity_type)
        except Exception as error:
            self.details = [f"governor's check is broken ({type(error).__name__}: {error}): please report it"]
            return CheckResult.FAILED

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        raise NotImplementedError("scan_entity_conf answers")

    def _result(self, conf: dict[str, Any], entity_type: str) -> CheckResult:
        if "__change_actions__" not in conf and "__file__" not in conf:
            _say_once("governor judges plans, not HCL: run checkov on what `terraform show -json` prints")
            return CheckResult.UNKNOWN
        plan = _text(conf["__file__"])
        key = (self._policy, _text(conf["__address__"]))
        judged = _judged(plan)
        first = plan not in self._told
        self._told.add(plan)
        if judged.problem:
            self.details = [judged.problem]
            return CheckResult.FAILED if first else CheckResult.UNKNOWN
        self.details = judged.failed.get(key, []) + (judged.elsewhere.get(self._policy, []) if first else [])
        if self.details:
            self.evaluated_keys = [attribute for attribute in judged.attributes.get(key, []) if attribute]
            return CheckResult.FAILED
        self._comment = judged.accepted.get(key, "")
        if key in judged.undetermined or self._policy not in judged.asked or entity_type not in self._types:
            return CheckResult.UNKNOWN
        return CheckResult.PASSED


_JUDGED: dict[str, Judged] = {}
_SAID: set[str] = set()


def _judged(plan: str) -> Judged:
    if plan not in _JUDGED:
        _JUDGED[plan] = Judged(plan)
    return _JUDGED[plan]


def _report(plan: str) -> dict[str, Any]:
    named = os.environ.get("GOVERNOR") or "governor"
    program = shutil.which(named)
    if program is None:
        raise CannotJudge(f"no program {named} is found: put governor on PATH, or name it in GOVERNOR")
    try:
        ran = subprocess.run(
            [program, "check", plan, "--format", "json", *ARGUMENTS],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotJudge(f"it did not end within {TIMEOUT} seconds") from None
    if not ran.stdout.strip():
        complaint = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CannotJudge(complaint[-1] if complaint else f"it printed nothing and ended with {ran.returncode}")
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
        whole = report["run"]["exit_code"] == ran.returncode
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise CannotJudge(f"{program} printed no whole report")
    return report


def _addresses(plan: str) -> set[str]:
    """What checkov shows to checks: the planned resources."""
    with open(plan, encoding="utf-8-sig") as file:
        modules = [json.load(file)["planned_values"].get("root_module", {})]
    found: set[str] = set()
    for module in modules:
        found.update(resource["address"] for resource in module.get("resources", []))
        modules.extend(module.get("child_modules", []))
    return found


def _text(value: Any) -> str:
    """checkov wraps values of plans in lists."""
    return str(value[0] if isinstance(value, list) else value)


def _say_once(message: str) -> None:
    if message not in _SAID:
        _SAID.add(message)
        logging.warning(message)


for _policy in POLICIES:
    Check(_policy)
