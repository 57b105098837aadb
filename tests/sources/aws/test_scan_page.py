"""docs/scan.md says what is read, and the policy that allows it."""

from __future__ import annotations

import json
import re

from governor.sources.aws.listers import LISTERS
from governor.sources.aws.reads import session_policy
from real_terraform import PROJECT

PAGE = (PROJECT / "docs" / "scan.md").read_text("utf-8")


def test_the_policy_is_that_of_the_reads() -> None:
    (policy,) = re.findall(r"<!-- policy -->\n```json\n(.*?)```", PAGE, re.DOTALL)

    assert json.loads(policy) == json.loads(session_policy())


def test_every_service_is_listed() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(LISTERS)
