"""Manifests as people write them, and what governor makes of them."""

from __future__ import annotations

import textwrap
from datetime import date
from typing import Any

from governor import library
from governor.catalog.prices import PriceBook
from governor.judge import judge
from governor.model import Finding, Inventory, Resource
from governor.sources import manifests

TODAY = date(2026, 8, 1)


def inventory(*texts: str) -> Inventory:
    """The inventory of one file a text: `a.yaml`, `b.yaml`, …"""
    files = [(f"{chr(97 + n)}.yaml", textwrap.dedent(text).encode()) for n, text in enumerate(texts)]
    return manifests.collect(files, prices=PriceBook.shipped())


def only(*texts: str) -> Resource:
    """The one resource of a manifest."""
    (found,) = inventory(*texts).resources
    return found


def findings(found: Inventory, **overlay: dict[str, Any]) -> list[Finding]:
    """What the shipped policies say, by policy, under an organisation's own data of a concern."""
    loaded = library.load([library.builtin()], overlay=overlay)
    judgement = judge(found, loaded.evaluators, TODAY)
    assert not judgement.failures
    return sorted(judgement.findings, key=lambda finding: (finding.policy, finding.resource, finding.attribute))


def said(found: Inventory, policy: str, **overlay: dict[str, Any]) -> list[str]:
    """The messages of one policy."""
    return sorted(finding.msg for finding in findings(found, **overlay) if finding.policy == policy)


def job(*, pod: str = "", spec: str = "", labels: str = "{}", asks: str = "nvidia.com/gpu: 1") -> str:
    """A Job with one container."""
    return f"""\
apiVersion: batch/v1
kind: Job
metadata: {{name: train, namespace: nlp, labels: {labels}}}
spec: {{{spec}{", " if spec else ""}template: {{metadata: {{labels: {labels}}}, spec: {{{pod}{", " if pod else ""}
  containers: [{{name: main, image: registry.example.com/train:1, resources: {{limits: {{{asks}}}}}}}]}}}}}}
"""
