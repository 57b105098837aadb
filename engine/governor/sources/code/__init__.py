"""Files of code in, the places of AI keys in them out, as the resources of stage `commit`.

A file that holds keys is a resource of kind `other`, with one `attributes.ai_keys` a key; one that holds none is only
counted. The values stay in the process that reads the file: what leaves it are places, lengths and prefixes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from governor.catalog import ai_keys
from governor.model import Exemption, Gap, Inventory, Origin, Resource, fingerprint
from governor.sources.code import git, history, index, tree
from governor.sources.code.history import EVERYTHING, Since
from governor.sources.code.sighting import Seen

ATTRIBUTE = "attributes.ai_keys"
_SHALLOW = Gap("older commits", "the clone is shallow and lacks them: git fetch --unshallow, or fetch-depth: 0")
_NAMED = 3
"""Files of one sort that are named in a note."""


def of_tree(names: Sequence[str], stdin: BinaryIO) -> Inventory:
    """What stands in files and below folders, without names below the working directory; `-` is standard input."""
    salt = os.urandom(32)
    files = [name for name in names if name != "-"]
    count, told = tree.search(files if names else ["."], salt)
    if len(files) < len(names):
        more, piped = tree.standard_input(stdin, salt)
        count, told = count + more, [*told, *piped]
    source = "the working tree" if not names else "files" if files else "standard input"
    return _inventory(source, count, told)


def of_index(names: Sequence[str]) -> Inventory:
    """What is staged for the next commit: of the named files, or of all that it changes."""
    return _inventory("staged files", *index.search(names, os.urandom(32)))


def of_history(revisions: str, progress: Callable[[int], None]) -> Inventory:
    """What every version of every file holds that a range of commits reaches."""
    base = git.root(Path.cwd())
    found = history.search(base, revisions, os.urandom(32), progress)
    source = "every commit" if revisions == EVERYTHING else f"the commits of {revisions}"
    inventory = _inventory(source, found.versions, found.told, found.keys, unit="file version")
    return replace(inventory, gaps=(*inventory.gaps, _SHALLOW)) if git.is_shallow(base) else inventory


def _inventory(
    source: str, count: int, told: Sequence[Seen], keys: Sequence[Since] = (), unit: str = "file"
) -> Inventory:
    """`keys` tell what `told` does not: keys with the commit that brought them."""
    here = [Since(seen.path, key, None) for seen in told for key in seen.keys]
    of_path: dict[str, list[Since]] = {}
    for since in (*here, *keys):
        of_path.setdefault(since.path, []).append(since)
    allowed: dict[str, Exemption] = {}
    resources = tuple(_resource(path, found, allowed) for path, found in sorted(of_path.items()))
    passed_over = [seen for seen in told if seen.passed_over]
    gaps = tuple(Gap(seen.path, seen.unreadable) for seen in told if seen.unreadable)
    return Inventory(
        stage="commit",
        resources=resources,
        clean=max(count - len(resources) - len(passed_over) - len(gaps), 0),
        unit=unit,
        allowed=allowed,
        gaps=gaps,
        notes=(
            *(f"{seen.path}, {remark}" for seen in told for remark in seen.remarks),
            *_passed_over(passed_over),
        ),
        source=source,
    )


def _resource(path: str, found: Iterable[Since], allowed: dict[str, Exemption]) -> Resource:
    sightings = []
    origins: dict[str, Origin] = {}
    for place, since in _numbered(found):
        key = since.key
        sightings.append({"place": place, "provider": key.provider, "rule": key.rule, "hint": _hint(since)})
        attribute = f"{ATTRIBUTE}.{place}"
        origins[attribute] = Origin(path, key.line, column=key.column)
        if key.allow:
            allowed[fingerprint(key.allow.policy, path, attribute)] = Exemption(
                policy=key.allow.policy,
                resource=path,
                category="waiver",
                reason=key.allow.reason,
                owner="",
                approved_by="",
                expires=key.allow.until,
            )
    return Resource(
        id=path,
        kind="other",
        type="file",
        provider="code",
        taggable=False,
        attributes={"ai_keys": sightings},
        origin=next(iter(origins.values())),
        origins=origins,
    )


def _numbered(found: Iterable[Since]) -> Iterator[tuple[str, Since]]:
    """Each key with a place of its own: the name it is given, numbered where a file has several of the same."""
    taken: Counter[str] = Counter()
    for since in found:
        name = since.key.name
        taken[name] += 1
        yield name if taken[name] == 1 else f"{name}-{taken[name]}", since


def _hint(since: Since) -> str:
    key, commit = since.key, since.commit
    prefix = ai_keys.prefix_of(key.rule)
    hint = f"{key.rule}, {f'{prefix}… of ' if prefix else ''}{key.length} characters"
    return f"{hint}; since {commit.id[:10]} of {commit.day} by {commit.author}" if commit else hint


def _passed_over(told: Sequence[Seen]) -> Iterator[str]:
    sorts: dict[str, list[str]] = {}
    for seen in told:
        sorts.setdefault(seen.passed_over, []).append(seen.path)
    for sort, paths in sorted(sorts.items()):
        more = f", … and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        yield f"not searched: {len(paths)} × {sort} ({', '.join(paths[:_NAMED])}{more})"
