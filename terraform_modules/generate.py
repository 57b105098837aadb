"""Data of the policies in, HCL out: the type and the validations of the taxonomy, and where AWS regions lie.

    python terraform_modules/generate.py [FOLDER …]

Each FOLDER of policies lies over the shipped library, as `policies` in governor.yaml has it. The files are written into
the modules beside this script; with `--check` they are compared instead, and a difference ends with exit code 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from governor import library, yamlfile
from governor.catalog import regions
from governor.errors import Refusal

MODULES = Path(__file__).parent
TAXONOMY = "taxonomy"
"""The module that checks; the others take the same object and hand it on."""

HEADER = "# Made by generate.py from the data of the {concern} policies: change that, then run it again.\n"

_COMMON_SYNTAX = re.compile(
    r"""(?:
      [^\\\[\](){}?*+|]                                # a character that stands for itself, `.`, `^` or `$`
    | \\[^\w\s]                                        # an escaped mark
    | \[\^?(?:[^\\\[\]&~-]|\\[^\w\s]|-(?!-))+\]        # a set of characters and ranges
    | \( (?:\?:)? (?![?*+{]) | [)|]
    | (?:[?*+]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\}) \?? (?![?*+{])
    )*""",
    re.VERBOSE,
)
"""What the engines of Rego (RE2, and Rust's) and Terraform (RE2) read alike. Only Rust's
`\\d`, `\\w` and `\\s` know Unicode."""

_TABLE = re.compile(r"(?<=<!-- taxonomy -->\n).*?(?=<!-- /taxonomy -->)", re.DOTALL)
"""Where the README of the module lists its attributes."""

_ESCAPED = {'"': '\\"', "\\": "\\\\"}


class Attribute(Struct, frozen=True):
    """One tag, as an attribute of the object."""

    name: str
    tag: str
    rule: Mapping[str, Any]
    """What data.yaml knows of the tag."""
    excused: tuple[str, ...] | None
    """Stages that may go without it; none: it is mandatory. None: nobody asks for it."""

    @property
    def value(self) -> str:
        return f"var.taxonomy.{self.name}"

    @property
    def demand(self) -> str:
        """`mandatory`, `optional`, or `mandatory, except for inference`."""
        if self.excused is None:
            return "optional"
        return f"mandatory, except for {' and '.join(self.excused)}" if self.excused else "mandatory"


def generated(folders: Sequence[Path] = ()) -> dict[Path, str]:
    """Every file that is made here, and its text."""
    concerns = library.read_concerns([library.builtin(), *folders])
    attributes = list(read_taxonomy(concerns["tagging"]))
    texts = {}
    for path in sorted(MODULES.glob("*/taxonomy.tf")):
        texts[path] = "".join(_taxonomy_file(attributes, checks=path.parent.name == TAXONOMY))
    for path in MODULES.glob(f"{TAXONOMY}/README.md"):
        texts[path] = _TABLE.sub(lambda _: "".join(_table(attributes)), path.read_text("utf-8"))
    places = {name: region["jurisdiction"] for name, region in regions.document()["aws"].items()}
    places |= concerns["residency"].config["regions"].get("aws", {})
    for path in sorted(MODULES.glob("*/jurisdictions.tf")):
        texts[path] = _jurisdictions_file(places)
    return texts


def read_taxonomy(tagging: library.Concern) -> Iterator[Attribute]:
    """The tags in the order of the data. Refuses what HCL cannot say."""
    names: dict[str, str] = {}
    for tag, rule in tagging.config["tags"].items():
        name = re.sub(r"[^a-z0-9]+", "_", tag.lower()).strip("_")
        if wrong := _untranslatable(name, names, rule.get("pattern", "")):
            place = yamlfile.place(tagging.config_files[-1], ("tags", tag, "pattern"))
            raise Refusal(f"the tag {tag} cannot be checked by Terraform: {wrong}", place=place)
        names[name] = tag
        yield Attribute(name, tag, rule, _excused(tag, tagging.config))


def _untranslatable(name: str, taken: Mapping[str, str], pattern: str) -> str:
    if not name[:1].isalpha():
        return "begin it with a letter"
    if name in taken:
        return f"it reads like {taken[name]} there; rename one"
    if not _COMMON_SYNTAX.fullmatch(pattern):
        return (
            "its pattern means something else there; write it with characters, sets such as [0-9A-Za-z], groups, |"
            " and the repetitions ? * + {1,9}"
        )
    try:
        re.compile(pattern)
    except re.error as error:
        return f"its pattern is no regular expression ({error})"
    return ""


def _excused(tag: str, tagging: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Stages that every set that asks for the tag excuses: one object tags an instance, its volumes and its bucket."""
    demands = [demand for demand in tagging["mandatory"].values() if tag in demand["tags"]]
    if not demands:
        return None
    if "stage" not in tagging["tags"]:
        return ()
    first, *others = (demand.get("except_stages", []) for demand in demands)
    return tuple(stage for stage in first if all(stage in other for other in others))


def _taxonomy_file(attributes: Sequence[Attribute], *, checks: bool) -> Iterator[str]:
    yield HEADER.format(concern="tagging")
    yield '\nvariable "taxonomy" {\n'
    yield '  description = "What the money is spent on: one attribute a tag; the taxonomy module lists them."\n'
    yield "  nullable    = false\n\n"
    yield "  type = object({\n"
    yield "\n".join(_declared(attribute) for attribute in attributes)
    yield "  })\n"
    if checks:
        for attribute in attributes:
            for condition, message in _validations(attribute):
                yield "\n  validation {\n"
                yield f"    condition     = {condition}\n"
                yield f"    error_message = {quoted(f'{attribute.name}: {message}.')}\n"
                yield "  }\n"
    yield "}\n"
    if checks:
        yield "\nlocals {\n  taxonomy = {\n"
        yield from _aligned((quoted(attribute.tag), attribute.value) for attribute in attributes)
        yield "  }\n\n"
        yield "  # What each tag is also called, in lower case and without blanks, hyphens and underscores.\n"
        yield "  read_as = {\n"
        yield from _aligned((quoted(attribute.tag), _list(_spellings(attribute))) for attribute in attributes)
        yield "  }\n}\n"


def _table(attributes: Sequence[Attribute]) -> Iterator[str]:
    yield "| attribute | tag | what it says | rule |\n|---|---|---|---|\n"
    for attribute in attributes:
        says = " ".join(attribute.rule["description"].split())
        rule = "; ".join(message for _, message in _validations(attribute)) or attribute.demand
        cells = (f"`{attribute.name}`", f"`{attribute.tag}`", says, rule)
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n"


def _declared(attribute: Attribute) -> str:
    kind = "string" if attribute.excused == () else "optional(string)"
    says = " ".join(attribute.rule["description"].split())
    return f"    # {says} ({attribute.demand})\n    {attribute.name} = {kind}\n"


def _validations(attribute: Attribute) -> Iterator[tuple[str, str]]:
    """(condition, message) of what TAG001 and TAG002 ask. A value that is blank is no value to either."""
    value, rule = attribute.value, attribute.rule
    if attribute.excused is not None:
        stages = _list(attribute.excused)
        excuse = f"try(contains({stages}, var.taxonomy.stage), false) || " if attribute.excused else ""
        yield f'{excuse}try(trimspace({value}), "") != ""', attribute.demand
    for condition, message in _rules(value, rule):
        yield f'try(trimspace({value}), "") == "" || {condition}', message


def _rules(value: str, rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "values" in rule:
        yield f"try(contains({_list(rule['values'])}, {value}), false)", f"allowed is {', '.join(rule['values'])}"
    if "pattern" in rule:
        yield _matches(f"^(?:{rule['pattern']})$", value), f"it takes {rule['shape']}"
    if rule.get("date"):
        exists = f'can(formatdate("YYYY", "${{{value}}}T00:00:00Z"))'
        yield f"{_matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', value)} && {exists}", "it takes a day, YYYY-MM-DD"
    if "minimum" in rule or "maximum" in rule:
        yield _matches("^-?[0-9]{1,15}([.][0-9]{1,9})?$", value), "it takes a number"
    if "minimum" in rule:
        yield f"try(tonumber({value}) >= {rule['minimum']}, true)", f"the least is {rule['minimum']}"
    if "maximum" in rule:
        yield f"try(tonumber({value}) <= {rule['maximum']}, true)", f"the most is {rule['maximum']}"


def _matches(pattern: str, value: str) -> str:
    return f"can(regex({quoted(pattern)}, {value}))"


def _spellings(attribute: Attribute) -> list[str]:
    keys = (attribute.tag, *attribute.rule.get("aliases", ()))
    return list(dict.fromkeys(re.sub(r"[\s_-]+", "", key).lower() for key in keys))


def _jurisdictions_file(places: Mapping[str, str]) -> str:
    lines = "".join(_aligned((quoted(region), quoted(place)) for region, place in sorted(places.items())))
    return f"{HEADER.format(concern='residency')}\nlocals {{\n  jurisdiction_of = {{\n{lines}  }}\n}}\n"


def quoted(text: str) -> str:
    """A string of HCL."""
    escaped = "".join(_ESCAPED.get(char, char if char.isprintable() else f"\\u{ord(char):04x}") for char in text)
    return f'"{escaped.replace("${", "$${").replace("%{", "%%{")}"'


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, items))}]"


def _aligned(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Lines as `terraform fmt` sets them."""
    pairs = list(pairs)
    width = max(len(key) for key, _ in pairs)
    return (f"    {key:{width}} = {value}\n" for key, value in pairs)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="policies laid over the shipped ones")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    asked = parser.parse_args(arguments)
    try:
        texts = generated(asked.folders)
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return refusal.code
    stale = {path: text for path, text in texts.items() if path.read_text("utf-8") != text}
    for path, text in stale.items():
        print(f"{path}: {'differs from the data' if asked.check else 'written'}")
        if not asked.check:
            path.write_text(text, "utf-8")
    return 1 if stale and asked.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
