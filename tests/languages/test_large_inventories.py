"""A large inventory is judged on every core, and the answer is that of one."""

import os
import subprocess
import sys

import pytest

from real_terraform import EXAMPLES, PROJECT

SCRIPT = """
import json, sys
from datetime import date
from pathlib import Path
sys.path.insert(0, {bench!r})
from generate import scaled
from governor import library, workers
from governor.catalog.prices import PriceBook
from governor.languages import rego
from governor.sources import terraform_plan

plan = json.dumps(scaled(json.loads(Path({plan!r}).read_bytes()), 5_000)).encode()
inventory = terraform_plan.collect(plan, place="plan.json", prices=PriceBook.shipped())
(evaluator,) = [e for e in library.load([library.builtin()]).evaluators if isinstance(e, rego.RegoPolicies)]
forks = []
real = workers._fork
workers._fork = lambda task: forks.append(1) or real(task)
workers.cores = rego.cores = lambda: 2
shared = list(evaluator.evaluate(inventory, date(2026, 8, 1)))
assert len(plan) > terraform_plan._LARGE and forks, "nothing was shared"
rego.WORTH_FORKING = 10**9
alone = list(evaluator.evaluate(inventory, date(2026, 8, 1)))
assert shared == alone
print(sum(len(answer.violations) for answer in shared), len(forks))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork: nothing is shared")
def test_the_answer_of_two_processes_is_that_of_one() -> None:
    script = SCRIPT.format(bench=str(PROJECT / "bench"), plan=str(EXAMPLES / "plan.json"))
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    violations, forks = map(int, ran.stdout.split())
    assert violations > 5_000
    assert forks == 1
