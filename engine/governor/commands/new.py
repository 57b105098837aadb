"""`governor new policy`: a policy that works, to be changed into the one that is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from governor import cases, scaffold
from governor import config as configuration
from governor.commands import workspace
from governor.errors import Refusal


def policy(
    *,
    name: str,
    language: Literal["rego", "python"],
    concern: str | None,
    folder: Path | None,
    config: Path | None,
    allow_floating: bool,
) -> int:
    """Write the files of a new policy. Refuses to write over one that is there."""
    space = workspace.enter(config, [], floating=allow_floating)
    target = folder or next((f for f in space.own if f not in space.raw), space.home / "policies")
    around = workspace.enter(config, [str(target.absolute())], floating=allow_floating)
    filled = tuple(folder for folder in around.folders if folder.is_dir() and any(folder.iterdir()))
    known = workspace.everything(replace(around, folders=filled)).known
    plain = scaffold.plain_name(name)
    room = scaffold.plain_name(concern) if concern else plain
    id = scaffold.next_id(room, known)
    written = {target / room / path: text for path, text in scaffold.policy(plain, room, id, language).items()}
    shared = target / room / cases.FILE
    for path in written:
        if path.exists() and path != shared:
            raise Refusal("this file is there already: choose another name", place=str(path))
    for path, text in written.items():
        before = path.read_text("utf-8").rstrip() + "\n\n" if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(before + text, "utf-8", newline="\n")
        print(f"{'added to' if before else 'written'}: {workspace.near(str(path))}")
    print(f"\n{id} asks for a tag named {plain.replace('_', '-')}. Change the rule and its cases, and try:\n")
    print(f"  governor test {workspace.near(str(target / room))} --watch")
    _tell_settings(space, target)
    return 0


def _tell_settings(space: workspace.Workspace, target: Path) -> None:
    """`check` asks the policies of the folders that governor.yaml names."""
    if target.resolve() in {folder.resolve() for folder in space.folders}:
        return
    entry = workspace.near(str(target.absolute()))
    print(
        f"\nIt is asked by governor check once {configuration.FILE} names its folder:\n\n  policies: [builtin, {entry}]"
    )
