"""The HCL beside a plan: addresses in, file and line out.

Only the first lines of blocks are sought; a full HCL parse would cost more than judging the plan. Modules outside the
folder are found through `.terraform/modules/modules.json`; what is not at hand points at the call that leads to it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from governor.model import Origin
from governor.sources.terraform_plan.configuration import without_indexes

_BLOCK = re.compile(
    r'^[ \t]*(resource|module|variable|provider)[ \t]+"([^"]+)"(?:[ \t]+"([^"]+)")?[ \t]*\{', re.MULTILINE
)
_SOURCE = re.compile(r'^[ \t]*source[ \t]*=[ \t]*"([^"]+)"', re.MULTILINE)

_ALIAS = re.compile(r'^[ \t]*alias[ \t]*=[ \t]*"([^"]+)"', re.MULTILINE)

_HEREDOC = re.compile(r"<<-?([^\W\d][\w-]*)[ \t]*$")
_QUOTED_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|(?:#|//).*')


class Locator:
    """Finds blocks in a directory of HCL. Files are read once, when first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[Path, dict[str, tuple[str, int, str]]] = {}
        self._installed = _installed(root)

    def resource(self, module_address: str, type: str, name: str) -> Origin | None:
        """Where the block of a resource stands; else the call of its module."""
        return self._find(without_indexes(module_address), f"resource.{type}.{name}")

    def address(self, address: str) -> Origin | None:
        """Where the block behind `module.a["x"].aws_instance.b[0]` stands; what is no managed resource has none."""
        module, _, block = without_indexes(address).rpartition(".")
        module, _, type = module.rpartition(".")
        if not type or "data" in module.split(".")[::2]:
            return None
        return self.resource(module, type, block)

    def block(self, address: str) -> Origin | None:
        """Where `module.a.var.b` is declared. Other blocks that are no resources are not sought."""
        module, variable, name = address.rpartition("var.")
        return self._find(module.rstrip("."), f"variable.{name}") if variable else None

    def provider(self, key: str) -> Origin | None:
        """Where a provider is configured: `aws`, `aws.west`, or `module.a:aws` inside a module."""
        module, _, name = key.rpartition(":")
        return self._find(module, f"provider.{name}")

    def _find(self, module: str, block: str) -> Origin | None:
        folder: Path | None = self._root
        call: tuple[str, int] | None = None
        names = module.split(".")[1::2] if module else []
        for depth, name in enumerate(names):
            found = self._blocks(folder).get(f"module.{name}") if folder else None
            if found is None:
                break
            file, line, source = found
            call = call or (file, line)
            folder = self._folder(folder, names[: depth + 1], source)
        if folder and (found := self._blocks(folder).get(block)):
            file, line, _ = found
            return Origin(file, line, f"{call[0]}:{call[1]}" if call else "")
        return Origin(call[0], call[1]) if call else None

    def _folder(self, above: Path | None, names: list[str], source: str) -> Path | None:
        if installed := self._installed.get(".".join(names)):
            return installed
        local = above / source if above and source.startswith(("./", "../")) else None
        return local.resolve() if local and local.is_dir() else None

    def _blocks(self, folder: Path | None) -> dict[str, tuple[str, int, str]]:
        """`resource.type.name`, `module.name`, `provider.name.alias`, … → (file, line, source of a module)."""
        if folder is None:
            return {}
        if folder not in self._folders:
            self._folders[folder] = dict(self._read(folder))
        return self._folders[folder]

    def _read(self, folder: Path) -> list[tuple[str, tuple[str, int, str]]]:
        found = []
        for file in sorted(folder.glob("*.tf")):
            text = _without_heredocs(file.read_text("utf-8", errors="replace"))
            starts = list(_BLOCK.finditer(text))
            for position, match in enumerate(starts):
                kind, first, second = match.groups()
                end = starts[position + 1].start() if position + 1 < len(starts) else len(text)
                source = _SOURCE.search(text, match.end(), end) if kind == "module" else None
                if kind == "provider" and (alias := _ALIAS.search(text, match.end(), end)):
                    second = alias[1]
                key = f"{kind}.{first}.{second}" if second else f"{kind}.{first}"
                line = text.count("\n", 0, match.start()) + 1
                found.append((key, (self._shown(file), line, source[1] if source else "")))
        return found

    def _shown(self, file: Path) -> str:
        """The path as the caller would write it: relative to the working directory, where it lies below."""
        try:
            return file.resolve().relative_to(Path.cwd()).as_posix()
        except ValueError:
            return file.as_posix()


def _without_heredocs(text: str) -> str:
    """The same lines, those inside heredocs empty: what a script or a template holds is no block."""
    if "<<" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    end = ""
    for position, line in enumerate(lines):
        if end:
            lines[position] = ""
            end = "" if line.strip() == end else end
        elif "<<" in line and (start := _HEREDOC.search(_QUOTED_OR_COMMENT.sub("", line))):
            # One without an end is none: in a comment over several lines, say.
            end = start[1] if any(below.strip() == start[1] for below in lines[position + 1 :]) else ""
    return "\n".join(lines)


def _installed(root: Path) -> dict[str, Path]:
    """Modules that `terraform init` installed: `a.b` → folder."""
    try:
        manifest = json.loads((root / ".terraform/modules/modules.json").read_text("utf-8"))
        modules = {str(m["Key"]): root / str(m["Dir"]) for m in manifest["Modules"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {key: folder for key, folder in modules.items() if key and folder.is_dir()}
