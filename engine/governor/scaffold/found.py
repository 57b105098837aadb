"""What lies in a folder that policies could judge, by names of files and how they begin. Nothing is run or followed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct

from governor.catalog import regions
from governor.errors import Refusal
from governor.sources import manifests
from governor.sources.code import git

MOST_FILES = 20_000
"""Names that are looked at."""
MOST_READ = 5_000
"""Files whose beginning is read."""
_BEGINNING = 65536

_LEFT_OUT = frozenset({".git", ".terraform", "node_modules", ".venv"})
_CLOUDS = {"aws": "aws", "azurerm": "azure", "azapi": "azure", "google": "gcp", "google-beta": "gcp"}
"""Provider of Terraform → cloud, as the catalogue of regions names it."""

_COMMENT = re.compile(rb"^\s*(?:#|//).*$", re.MULTILINE)
_PROVIDER = re.compile(rb'^\s*(?:provider\s+"([a-z-]+)"|resource\s+"(aws|azurerm|azapi|google)_)', re.MULTILINE)
_LOCAL_MODULE = re.compile(rb'^\s*source\s*=\s*"(\.{1,2}/[^"$]*)"', re.MULTILINE)
_QUOTED = re.compile(rb'"([A-Za-z][A-Za-z0-9 -]{4,30})"')
_PLACED = re.compile(rb"""(?:region|zone)["']?\s*:\s*["']?([a-z][a-z0-9-]{4,30})""")
_TEMPLATE = re.compile(rb"\{\{-|\{\{\s*\.")
_LAUNCHES = re.compile(rb'^kind\s*:|"kind"|^run\s*:|accelerators\s*:|^deploymentSpec\s*:', re.MULTILINE)
_AZURE_POLICY = re.compile(rb'"(?:policyDefinitions|policyRule)"')
_ROOT_OF_CI = {"github": ".github/workflows", "gitlab": ".gitlab-ci.yml"}


class Found(Struct, frozen=True):
    """Paths start at the folder; `.` is the folder itself. All lists are sorted."""

    roots: tuple[str, ...] = ()
    """Folders of Terraform that no other one calls as a module."""
    clouds: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    """Where those regions lie."""
    manifests: tuple[str, ...] = ()
    """Folders with job manifests, or files where these lie in the folder itself."""
    plans: tuple[str, ...] = ()
    azure_policies: tuple[str, ...] = ()
    """Exports that nothing judges yet."""
    ci: str = ""
    """github, gitlab, or nothing."""
    repository: str = ""
    """The root of the git repository, from the folder: `.`, `..` …; nothing without one."""
    bounded: bool = False
    """Whether there was more than is looked at."""


def look(folder: Path) -> Found:
    """What is there. Raises Refusal when git cannot list its files."""
    base = folder.resolve()
    root = next((place for place in (base, *base.parents) if (place / ".git").exists()), None)
    names = list(islice(_names(base, root is not None), MOST_FILES + 1))
    read = _Read(base)
    for name in sorted(names[:MOST_FILES]):
        read.file(name)
    lying = {
        known
        for places, clouds in ((read.places, read.clouds), (read.places_of_jobs, ()))
        for place in places
        if (known := _region(place, clouds))
    }
    return Found(
        roots=tuple(sorted(read.terraform - read.called)),
        clouds=tuple(sorted(read.clouds)),
        regions=tuple(sorted({region.name for region in lying})),
        jurisdictions=tuple(sorted({region.jurisdiction for region in lying})),
        manifests=_topmost(read.manifests),
        plans=tuple(sorted(read.plans)),
        azure_policies=tuple(sorted(read.azure_policies)),
        ci=next((name for name, place in _ROOT_OF_CI.items() if (base / place).exists()), ""),
        repository=os.path.relpath(root, base) if root else "",
        bounded=len(names) > MOST_FILES or read.left < 0,
    )


def _names(base: Path, is_repository: bool) -> Iterator[str]:
    """Files below a folder, without those that .gitignore names where git is at hand."""
    if is_repository:
        try:
            yield from (name for name in git.files(base) if _LEFT_OUT.isdisjoint(name.split("/")))
            return
        except git.Missing:
            pass
        except Refusal:  # a .git that git does not take for a repository
            pass
    for place, folders, files in os.walk(base):
        folders[:] = sorted(set(folders) - _LEFT_OUT)
        yield from (Path(place, file).relative_to(base).as_posix() for file in sorted(files))


class _Read:
    """Gathers what the files say, one after the other."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self.left = MOST_READ
        self.terraform: set[str] = set()
        self.called: set[str] = set()
        self.clouds: set[str] = set()
        self.places: set[str] = set()
        self.places_of_jobs: set[str] = set()
        self.manifests: set[str] = set()
        self.plans: set[str] = set()
        self.azure_policies: set[str] = set()

    def file(self, name: str) -> None:
        if name.endswith((".tf", ".tf.json")):
            self._terraform(name)
        elif name.endswith((".yaml", ".yml")) and not any(part.startswith(".") for part in name.split("/")):
            self._manifest(name)
        elif name.endswith(".json"):
            self._json(name)

    def _beginning(self, name: str) -> bytes:
        """How a file begins; nothing of what is no file of this folder, or cannot be read."""
        if self.left <= 0:
            self.left = -1
            return b""
        path = self._base / name
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode) or path.parent.resolve() != path.parent:
                return b""
            self.left -= 1
            with path.open("rb") as file:
                return file.read(_BEGINNING)
        except OSError:
            return b""

    def _terraform(self, name: str) -> None:
        text = _COMMENT.sub(b"", self._beginning(name))
        if not text:
            return
        folder = os.path.dirname(name)
        self.terraform.add(folder or ".")
        for provider, type in _PROVIDER.findall(text):
            if cloud := _CLOUDS.get((provider or type).decode()):
                self.clouds.add(cloud)
        for source in _LOCAL_MODULE.findall(text):
            self.called.add(os.path.normpath(os.path.join(folder, source.decode("utf-8", "replace"))))
        self.places.update(quoted.decode() for quoted in _QUOTED.findall(text))

    def _manifest(self, name: str) -> None:
        text = self._beginning(name)
        if manifests.is_manifest(text) and _LAUNCHES.search(text) and not _TEMPLATE.search(text):
            self.manifests.add(os.path.dirname(name) or name)
            self.places_of_jobs.update(place.decode() for place in _PLACED.findall(text))

    def _json(self, name: str) -> None:
        text = self._beginning(name)
        if b'"format_version"' in text and b'"terraform_version"' in text:
            self.plans.add(name)
        elif _AZURE_POLICY.search(text):
            self.azure_policies.add(name)


def _region(place: str, clouds: Iterable[str]) -> regions.Region | None:
    """The region of one of the clouds, or of any where none is named."""
    for cloud in sorted(clouds) or ("aws", "azure", "gcp"):
        if region := regions.find(cloud, regions.region_of_zone(cloud, place) or place):
            return region
    return None


def _topmost(places: Iterable[str]) -> tuple[str, ...]:
    """Without those that lie below another."""
    kept: list[str] = []
    for place in sorted(places):
        if not any(place.startswith(f"{above}/") for above in kept):
            kept.append(place)
    return tuple(kept)


def lines(found: Found) -> list[str]:
    """What was found, for people: a line a kind."""
    kinds: Mapping[str, tuple[str, ...]] = {
        "Terraform roots": found.roots,
        "regions": found.regions,
        "job manifests": found.manifests,
        "plans": found.plans,
        "Azure Policy, not yet judged": found.azure_policies,
    }
    told = [f"{kind}: {_some(places)}" for kind, places in kinds.items() if places]
    if found.bounded:
        told.append(f"more than {MOST_FILES:,} names or {MOST_READ:,} files: the rest was not looked at")
    return told or ["nothing to judge yet"]


def _some(places: tuple[str, ...], most: int = 5) -> str:
    return ", ".join(places[:most]) + (f" and {len(places) - most} more" if len(places) > most else "")
