"""Job manifests in, an inventory out: Kubernetes objects, SkyPilot tasks, Kubeflow pipelines. See docs/manifests.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap, Inventory, Origin, Resource, Stage
from governor.sources import PIPED, Options, left_out
from governor.sources.manifests import documents, kubernetes, pipelines, skypilot
from governor.sources.manifests.documents import Document
from governor.sources.manifests.keys import keys_of
from governor.sources.manifests.pods import asks
from governor.sources.manifests.reading import string
from governor.sources.manifests.workloads import KINDS, LAUNCH_NOTHING
from governor.sources.terraform_plan.secrets import tidy

STAGE: Stage = "commit"

_ENDINGS = (".yaml", ".yml")
_BEGINNING = 65536
"""Bytes that tell what a file is."""
_TELLING = re.compile(rb"""^(?:apiVersion|resources|deploymentSpec)\s*:|"apiVersion\"""", re.MULTILINE)


def takes(path: Path, piped: bytes = b"") -> bool:
    """A YAML file; JSON, a folder or standard input that holds a manifest."""
    if path == PIPED:
        return is_manifest(piped[:_BEGINNING])
    if path.is_dir():
        return any(is_manifest(_beginning(file)) for file in _files(path))
    return path.suffix.lower() in _ENDINGS or (path.suffix.lower() == ".json" and is_manifest(_beginning(path)))


def is_manifest(beginning: bytes) -> bool:
    """Whether what begins like this is a manifest, and no plan."""
    return b'"format_version"' not in beginning and bool(_TELLING.search(beginning))


def _beginning(path: Path) -> bytes:
    """How a file begins; nothing where it cannot be opened, which `read` then says."""
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError:
        return b""


def read(paths: Sequence[Path], *, piped: bytes = b"", prices: PriceBook, options: Options) -> Inventory:
    """Read files, folders and standard input (`-`, whose content is `piped`) as one inventory. Raises Refusal."""
    inputs: list[tuple[str, bytes]] = []
    for path in paths:
        if path == PIPED:
            inputs.append(("standard input", piped))
            continue
        for file in [*_files(path)] if path.is_dir() else [path]:
            try:
                inputs.append((str(file), file.read_bytes()))
            except OSError as error:
                raise Refusal(f"cannot be read: {error.strerror}", place=str(file), code=CANNOT_JUDGE) from None
    return collect(inputs, prices=prices)


def _files(folder: Path) -> Iterator[Path]:
    """The manifests in a folder and below it; see `left_out`."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror}", place=str(folder), code=CANNOT_JUDGE) from None
    for entry in entries:
        if left_out(entry.name):
            continue
        if entry.is_dir():
            if not entry.is_symlink():
                yield from _files(entry)
        elif entry.suffix.lower() in _ENDINGS or (entry.suffix.lower() == ".json" and takes(entry)):
            yield entry


def collect(inputs: Sequence[tuple[str, bytes]], *, prices: PriceBook) -> Inventory:
    """(name, bytes) of each input in, one inventory out. Raises Refusal for what is no YAML."""
    collector = _Collector(prices)
    for place, data in inputs:
        found, gaps = documents.read(data, place)
        collector.gaps += gaps
        collector.documents += found
    names = [place for place, _ in inputs]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return collector.inventory(f"manifests {shown}")


class _Collector:
    """Reads the documents of one run together: an autoscaler may stand in another file than what it scales."""

    def __init__(self, prices: PriceBook) -> None:
        self._prices = prices
        self.documents: list[Document] = []
        self.gaps: list[Gap] = []
        self._not_covered: Counter[str] = Counter()
        self._secrets: set[str] = set()
        self._found: list[Resource] = []
        self._judged: set[str] = set()
        """Addresses of what launches pods."""
        self._made = 0
        """Objects that were made by one of these."""

    def inventory(self, source: str) -> Inventory:
        scalers = kubernetes.scalers(document.data for document in self.documents)
        platforms = pipelines.platforms(self.documents)
        self._judged = {
            kubernetes.address(document.data, type)
            for document in self.documents
            if isinstance(document.data, dict) and (type := kubernetes.type_of(document.data)) in KINDS
        }
        for document in self.documents:
            self._read(document, scalers, platforms)
        return Inventory(
            stage=STAGE,
            resources=tuple(_distinct(self._found)),
            gaps=tuple(self.gaps),
            not_covered=dict(sorted(self._not_covered.items())),
            notes=tuple(self._notes()),
            secrets=tidy(self._secrets),
            source=source,
        )

    def _read(self, document: Document, scalers: kubernetes.Scalers, platforms: pipelines.Platforms) -> None:
        data = document.data
        where = f"{document.place}:{document.line}"
        found: Resource | None = None
        type = "document"
        if not isinstance(data, dict):
            self._pass(data, type, where)
        elif string(data.get("kind")) and string(data.get("apiVersion")):
            type = kubernetes.type_of(data)
            if self._made_by(data, type):
                self._made += 1
                return
            found = kubernetes.resource(type, data, scalers, self._prices)
            if found is None:
                self._pass(data, type, where)
        elif skypilot.is_task(data):
            type = skypilot.TYPE
            found = skypilot.resource(data, Path(document.place).stem, self._prices)
        elif pipelines.is_pipeline(data):
            type = pipelines.TYPE
            found = pipelines.resource(data, platforms, self._prices)
        elif not pipelines.is_platform(data):
            self._pass(data, type, where)
        self._add(found, data, type, document)

    def _made_by(self, data: Any, type: str) -> bool:
        return any(
            owner in self._judged for owner in kubernetes.owners(data) if owner != kubernetes.address(data, type)
        )

    def _notes(self) -> Iterator[str]:
        if not self._found and not self.gaps:
            yield "nothing in this input launches anything"
        if self._made:
            yield f"{self._made} objects of a cluster are judged as what made them"

    def _pass(self, data: Any, type: str, where: str) -> None:
        """Pass by what launches nothing. What governor does not know and reads like a launch is a gap."""
        self._not_covered[type] += 1
        if type not in LAUNCH_NOTHING and asks(data):
            what = "it is no manifest that governor knows" if type == "document" else f"{type} is not known to governor"
            self.gaps.append(Gap(where, f"{what}, and it speaks of pods or accelerators: it was not judged"))

    def _add(self, found: Resource | None, data: Any, type: str, document: Document) -> None:
        sightings, secrets = keys_of(data)
        self._secrets |= secrets
        if found is None:
            if not sightings:
                return
            found = Resource(
                id=kubernetes.address(data, type), kind="other", type=type, provider="kubernetes", taggable=False
            )
        origin = Origin(document.place, document.line)
        attributes = {**found.attributes, "ai_keys": sightings} if sightings else found.attributes
        self._found.append(replace(found, origin=origin, attributes=attributes))


def _distinct(resources: Sequence[Resource]) -> Iterator[Resource]:
    """The same name twice, as of a base and its overlays, is told apart by its file, and by its number there."""
    names = Counter(resource.id for resource in resources)
    seen: Counter[tuple[str, str]] = Counter()
    for resource in resources:
        if names[resource.id] == 1:
            yield resource
            continue
        assert resource.origin is not None
        key = resource.id, resource.origin.file
        seen[key] += 1
        number = f" #{seen[key]}" if seen[key] > 1 else ""
        yield replace(resource, id=f"{resource.id} ({resource.origin.file}{number})")
