"""A large inventory is judged on every core, and the answer is that of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.policy_folders import write
from real_terraform import EXAMPLES, PROJECT

SCRIPT = """
import json, os, sys
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
(evaluator,) = [e for e in library.load([library.builtin(), {own!r}]).evaluators if isinstance(e, rego.RegoPolicies)]
forks = []
real = os.fork
os.fork = lambda: forks.append(1) or real()
workers.cores = rego.cores = lambda: 2

def said():
    found = {{}}
    for answer in evaluator.evaluate(inventory, date(2026, 8, 1)):
        assert not answer.failures
        found.setdefault(answer.policy.id, []).extend((v.resource, v.attribute, v.msg) for v in answer.violations)
    return {{policy: sorted(violations) for policy, violations in found.items()}}

shared = said()
count = len(forks)
assert len(plan) > terraform_plan._LARGE and forks, "nothing was shared"
rego.WORTH_FORKING = rego.BATCH = 10**9
assert said() == shared
assert len(forks) == count
print(sum(map(len, shared.values())), len(shared["WHO001"]), len(shared["WHO002"]), count)
"""

WHOLE = """
package whole

# METADATA
# title: Nothing is there twice
# custom:
#   id: {id}
#   severity: low
{rule} contains {{"resource": "all", "msg": sprintf("there are %v", [count(input.resources)])}} if {{
	count(input.resources) > 1
}}
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork: nothing is shared")
def test_the_answer_of_two_processes_is_that_of_one(tmp_path: Path) -> None:
    """Policies that look at each resource are asked about parts, and those that do not about the whole."""
    own = write(
        tmp_path,
        {f"whole/{id}.rego": WHOLE.format(id=id, rule=f"deny_{id.lower()}") for id in ("WHO001", "WHO002")},
    )
    script = SCRIPT.format(bench=str(PROJECT / "bench"), plan=str(EXAMPLES / "plan.json"), own=own)
    script = script.replace("PosixPath", "Path")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    violations, first, second, forks = map(int, ran.stdout.split())
    assert violations > 5_000
    assert (first, second) == (1, 1)
    assert forks == 3  # one beside this process for the whole, two for the parts
