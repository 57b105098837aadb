"""What was known before a run: a file that is kept, or what a commit holds. See docs/ratchet.md."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from governor.baseline import entries, file
from governor.commands.inputs import CODE, MANIFESTS, Given
from governor.errors import Refusal
from governor.model import Baseline, Inventory, Known, Resource, Verdict
from governor.sources import PIPED, Options

if TYPE_CHECKING:
    from governor.revisions import Entry, Repository

Settled = Callable[[Baseline | None], Verdict]
"""Gives the verdict on an input beside what was known before."""
Settler = Callable[[Given], tuple[Inventory, Settled]]
"""What an input holds, judged by the policies of today."""

_CODE = (".tf", ".tofu", ".tfvars", ".tfvars.json")
_LARGEST_OF_CODE = 1_000_000
"""Bytes that code reads of a file."""
_INSTALLED = ".terraform/modules"
"""Where `init` puts modules of registries, which are in no commit."""


class Ratchet:
    """What was known before a run, and where that is kept."""

    def __init__(self, *, base: str | None, file: Path | None, update: bool, today: date) -> None:
        """`base` is a ref of git. Raises Refusal for options that do not go together, and a file that is none."""
        if base is not None and file:
            raise Refusal("--base and --baseline both tell what was known: give one of them")
        if update and file is None:
            raise Refusal("--update-baseline wants to know which file: add --baseline FILE")
        self._base, self._file, self._update, self._today = base, file, update, today
        self._held = self._read(file) if file else Baseline("", ())

    def _read(self, path: Path) -> Baseline:
        if path.exists():
            if self._update and file.is_report(path):
                raise Refusal("this is a report, which is not written over: name another file", place=str(path))
            return Baseline(str(path), file.read(path))
        if not self._update:
            raise Refusal("no such baseline: write it with --update-baseline", place=str(path))
        if in_ci():
            raise Refusal("no such baseline, and in CI none is begun: commit one", place=str(path))
        return Baseline(str(path), ())

    def verdict(self, given: Given, inventory: Inventory, settled: Settled, settler: Settler) -> Verdict:
        """The verdict on an input beside what was known. To update a file is to know what is open now."""
        if self._base is not None:
            return settled(at_base(self._base, given, inventory, settler))
        verdict = settled(self._held)
        if not self._update or verdict.failures or in_ci():
            return verdict
        everything = [*verdict.carried, *entries(verdict.open, self._today)]
        return replace(settled(Baseline(verdict.compared_with, everything)), fixed=verdict.fixed)

    def keep(self, verdict: Verdict) -> str:
        """Write the file anew, where that is asked; what is told of it. Nothing is written beside a failure."""
        if not self._update or self._file is None:
            return ""
        if verdict.failures:
            return f"{self._file} is left as it is: a policy failed, and what it would say is not known"
        write(self._file, verdict.carried)
        before, after = (Counter(e.fingerprint for e in held) for held in (self._held.entries, verdict.carried))
        added, gone = (after - before).total(), (before - after).total()
        told = f"{self._file}: {added} added, {gone} removed, {after.total()} in it"
        return f"{told}; in CI nothing is added" if in_ci() and verdict.open else told


def in_ci() -> bool:
    """Whether nobody looks on. Every CI system sets CI: https://docs.gitlab.com/ci/variables/predefined_variables/,
    https://docs.github.com/actions/reference/workflows-and-actions/variables
    """
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def write(path: Path, known: Iterable[Known]) -> None:
    """Write a baseline file: `write(path, baseline.entries(verdict.open, today))` begins one."""
    try:
        path.write_text(file.written(known), "utf-8", newline="\n")
    except OSError as error:
        raise Refusal(f"cannot be written ({error.strerror}): choose another file", place=str(path)) from None


def at_base(ref: str, given: Given, inventory: Inventory, settler: Settler) -> Baseline:
    """The findings of an input in the commits where this branch left a ref, by today's policies and settings.

    `inventory` is what the input holds today. Raises Refusal where nothing can be compared.
    """
    from governor.revisions import Repository

    if PIPED in given.paths:
        raise Refusal("standard input is in no commit: use --baseline FILE in place of --base")
    first = given.paths[0].resolve()
    repository = Repository(first if first.is_dir() else first.parent)
    try:
        commits = repository.bases(ref)
        known: Counter[Known] = Counter()
        notes: list[str] = []
        for commit in commits:
            found, said = _known_at(repository, commit, given, inventory, settler)
            # After a criss-cross of merges, what any of them holds was there before.
            known |= Counter(found)
            notes += said
    finally:
        repository.close()
    short = " and ".join(commit[:8] for commit in commits)
    name = short if any(commit.startswith(ref) for commit in commits) else f"{ref} ({short})"
    return Baseline(name, list(known.elements()), tuple(dict.fromkeys(notes)))


def _known_at(
    repository: Repository, commit: str, given: Given, inventory: Inventory, settler: Settler
) -> tuple[list[Known], list[str]]:
    """(known findings, under the ids of today; notes) of one commit."""
    import tempfile

    listed, renames = repository.files(commit), repository.renames(commit)
    short = commit[:8]
    was, notes = _places(repository, listed, renames, given, short)
    if not was:
        return [], notes
    with tempfile.TemporaryDirectory(prefix="governor-base-", ignore_cleanup_errors=True) as made:
        root = Path(made).resolve()
        (root / ".git").mkdir()  # what looks for the repository around a file ends here
        paths = [path for former in was.values() for path in former]
        if given.source == CODE:
            wanted = _code(repository, listed)
        else:
            wanted = [entry for entry in listed if any(_below(entry.path, path) for path in paths)]
        notes += [
            f"not read at {short}, so what it holds counts as new: {why}" for why in repository.export(wanted, root)
        ]
        for now, former in was.items():
            for path in former:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                if given.source == CODE:
                    _install(now, root / path)
        then = replace(given, paths=[root / path for path in paths], options=_options(given, repository, root))
        try:
            earlier, settled = settler(then)
            verdict = settled(None)
        except Refusal as refusal:
            why = str(refusal).replace(f"{root}{os.sep}", "")
            return [], [*notes, f"{short} cannot be judged, so all counts as new: {why}"]
        ids = _ids(repository.root, inventory, root, earlier, renames)
    if verdict.failures:
        failed = ", ".join(sorted({failure.policy for failure in verdict.failures}))
        notes.append(f"at {short} these policies failed, so what they find counts as new: {failed}")
    if verdict.gaps:
        notes.append(f"{len(verdict.gaps)} gaps at {short}: what lies there counts as new")
    return [replace(e, resource=ids.get(e.resource, e.resource)) for e in entries(verdict.open)], notes


def _places(
    repository: Repository, listed: Sequence[Entry], renames: Mapping[str, str], given: Given, commit: str
) -> tuple[dict[Path, list[str]], list[str]]:
    """Input → what it was called, from the root of the repository; and a note of each that was not there.

    What was renamed into a folder of manifests was a part of the input under another name.
    """
    from governor.revisions import former

    there = {"", *(entry.path for entry in listed)}
    there.update(folder for entry in listed for folder in _above(entry.path))
    places: dict[Path, list[str]] = {}
    notes = []
    for path in given.paths:
        inside = _inside(repository.root, path)
        if inside is None:
            raise Refusal(f"--base compares what lies in one repository ({repository.root})", place=str(path))
        was = former(inside, there, renames)
        found = [] if was is None else [was]
        if given.source == MANIFESTS:
            found += [b for now, b in renames.items() if _below(now, inside) and not any(_below(b, w) for w in found)]
        if found:
            places[path] = found
        elif given.is_plan and not repository.tracked(inside):
            raise Refusal(
                "this plan is in no commit, so no base has it: use --baseline, with a file that is kept or with the"
                " report (-f json=FILE) on a plan of the base",
                place=str(path),
            )
        else:
            notes.append(f"{path} is not in {commit}: all of it is new")
    return places, notes


def _below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _inside(root: Path, path: Path, name: str = "") -> str | None:
    """A path as it is written from the root of the repository; None where it lies elsewhere."""
    real, base = path.resolve() / name, root.resolve()
    if real == base:
        return ""
    return real.relative_to(base).as_posix() if real.is_relative_to(base) else None


def _code(repository: Repository, listed: Sequence[Entry]) -> list[Entry]:
    """Code, and what it may read: links, what lies beside code, and what a text in it ends with the name of."""
    from governor.revisions import LINK

    small = [entry for entry in listed if 0 < entry.size <= _LARGEST_OF_CODE]
    code = [entry for entry in small if entry.path.endswith(_CODE) and entry.mode != LINK]
    folders = {entry.path.rpartition("/")[0] for entry in code}
    names = {name.decode() for entry in code for name in re.findall(rb'([\w.+-]+)"', repository.read(entry))}

    def wanted(entry: Entry) -> bool:
        folder, _, name = entry.path.rpartition("/")
        return entry.mode == LINK or folder in folders or name in names

    return [entry for entry in small if wanted(entry)]


def _install(now: Path, then: Path) -> None:
    """Modules that `init` installed lie in no commit: those of today stand for those of then."""
    import shutil

    if (now / _INSTALLED).is_dir() and then.is_dir() and not (then / _INSTALLED).exists():
        shutil.copytree(now / _INSTALLED, then / _INSTALLED, symlinks=True)


def _options(given: Given, repository: Repository, root: Path) -> Options:
    """What a person said of the input; files of variables are those of then, where they are in the commit."""
    files = []
    for path in given.options.var_files:
        inside = _inside(repository.root, path)
        files.append(root / inside if inside and (root / inside).is_file() else path)
    return replace(given.options, var_files=files, code=None)


def _ids(root: Path, inventory: Inventory, then: Path, before: Inventory, renames: Mapping[str, str]) -> dict[str, str]:
    """Id then → id now, of resources whose id has their file in it: a name that comes twice is told apart by that."""
    moved = {was: now for now, was in renames.items()}
    today = {key: resource.id for resource in inventory.resources if (key := _key(resource, root, {}))}
    found = {}
    for resource in before.resources:
        key = _key(resource, then, moved)
        if key in today and resource.id != today[key]:
            found[resource.id] = today[key]
    return found


def _key(resource: Resource, root: Path, moved: Mapping[str, str]) -> tuple[str, str, str] | None:
    """(name, file as it is called today, number there) of a resource."""
    if resource.origin is None:
        return None
    file = Path(resource.origin.file)
    inside = _inside(root, file.parent, file.name)  # of a link, the link
    if inside is None:
        return None
    name, _, number = resource.id.partition(f" ({resource.origin.file}")
    return name, moved.get(inside, inside), number.removesuffix(")")
