"""What commands judge: paths and standard input in, an inventory out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from governor import sources
from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Inventory, Stage
from governor.sources import PIPED, snapshot
from governor.sources.terraform_hcl.roots import roots_below, roots_of
from governor.sources.terraform_plan.decode import SHOW
from governor.sources.terraform_plan.locate import Locator

PLAN = "terraform_plan"
CODE = "terraform_hcl"
MANIFESTS = "manifests"
SNAPSHOT = "snapshot"


class Given(Struct, frozen=True):
    """What is judged as one, and what reads it."""

    source: str
    """One of `sources.SOURCES`."""
    paths: Sequence[Path]
    options: sources.Options
    piped: bytes = b""
    """What standard input held, if it is one of them."""
    name: str = ""
    """What reports call a plan; by default its path."""
    notes: Sequence[str] = ()
    """What a reader should know of what was given."""

    @property
    def stage(self) -> Stage:
        """The stage that such inputs are judged in; a snapshot knows its own."""
        if self.source == SNAPSHOT:
            return snapshot.header(self.paths[0], self.piped).stage
        return sources.module(self.source).STAGE

    @property
    def is_plan(self) -> bool:
        return self.source == PLAN

    def read(self, prices: PriceBook) -> Inventory:
        """The inventory of what is no plan."""
        reader = sources.module(self.source)
        inventory = reader.read(self.paths, piped=self.piped, prices=prices, options=self.options)
        return replace(inventory, notes=(*inventory.notes, *self.notes))

    def plan(self) -> tuple[bytes, str, Locator | None]:
        """A plan's bytes, its name for messages, and what finds its HCL."""
        (path,), code = self.paths, self.options.code
        if code is not None and not code.is_dir():
            raise Refusal("--source wants the folder that holds the HCL", place=str(code))
        place = self.name or _shown(path)
        try:
            data = self.piped if path == PIPED else path.read_bytes()
        except IsADirectoryError:
            raise Refusal(
                "no Terraform code (*.tf) and no manifest (*.yaml) lies in this folder or below: give another, or a"
                f" plan ({SHOW})",
                place=place,
            ) from None
        except OSError as error:
            raise Refusal(f"cannot be read: {error.strerror}", place=place, code=CANNOT_JUDGE) from None
        return data, place, Locator(code) if code else None


def sort(names: Sequence[str], options: sources.Options, name: str = "", *, piped: bytes | None = None) -> list[Given]:
    """What each judgement is about: each root module of code, each plan, each snapshot, and all manifests together.

    `piped` is what standard input held, where it was read already.
    """
    if piped is None:
        piped = sys.stdin.buffer.read() if "-" in names else b""
    found: dict[str, list[Path]] = {}
    for path in dict.fromkeys(map(Path, names)):
        for source, each in _told_apart(path, piped):
            found.setdefault(source, []).append(each)
    code = found.pop(CODE, [])
    if not code and (options.workspace or options.var_files or options.variables):
        raise Refusal("--workspace, --var-file and --var are for Terraform code: all else has its values")
    roots = roots_of(code)
    return [
        *(Given(CODE, [root], options, notes=[*_left_out(root, names, roots)]) for root in roots),
        *(Given(PLAN, [plan], options, piped, name) for plan in found.pop(PLAN, [])),
        *(Given(SNAPSHOT, [file], options, piped) for file in found.pop(SNAPSHOT, [])),
        *(Given(source, paths, options, piped) for source, paths in found.items()),
    ]


def only(name: str, options: sources.Options, called: str = "", *, piped: bytes | None = None) -> Given:
    """The one judgement that an input is about. Raises Refusal for a folder that stands for several."""
    found = sort([name], options, called, piped=piped)
    if len(found) > 1:
        raise Refusal(f"{len(found)} judgements are about this folder: name one of {listed(found)}", place=name)
    return found[0]


def listed(found: Sequence[Given]) -> str:
    """What judgements are about."""
    return ", ".join(
        f"the manifests in {one.paths[0]}"
        if one.source == MANIFESTS and one.paths[0].is_dir()
        else _shown(one.paths[0])
        for one in found
    )


def _told_apart(path: Path, piped: bytes) -> Iterator[tuple[str, Path]]:
    """What an input is judged as. A folder that is no root module stands for the roots and manifests below it."""
    if path != PIPED and not path.exists():
        hint = f": {SHOW}" if path.suffix == ".json" else ""
        raise Refusal(f"no such file or folder{hint}", place=str(path))
    source = sources.detect(path, piped)
    if source == PLAN and path.suffix == ".tfvars":
        raise Refusal("values are no code: give the root module, and its values with --var-file", place=str(path))
    roots = roots_below(path) if path.is_dir() and source != CODE else []
    yield from ((CODE, root) for root in roots)
    if not roots or source != PLAN:
        yield source, path


def _left_out(root: Path, names: Sequence[str], roots: Sequence[Path]) -> Iterator[str]:
    """What lies in a root module that was given as a folder, is no part of it, and was not given beside it."""
    if root not in map(Path, names):
        return
    given = {each.resolve() for each in (*roots, *map(Path, names))}
    others = [other for other in roots_below(root) if other.resolve() not in given]
    if others:
        first = f"{others[0]} and {len(others) - 1} more" if len(others) > 1 else f"{others[0]}"
        yield f"root modules below {root} are not judged with it ({first}): name them, too"
    if not any(root.resolve() in each.parents for each in given) and sources.module(MANIFESTS).takes(root, b""):
        yield f"manifests in {root} are not judged with the code: name them, too"


def _shown(path: Path) -> str:
    return "standard input" if path == PIPED else str(path)
