"""What Terraform complains of, without the values it quotes: text in, one line out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import shorten

from governor.catalog import ai_keys
from governor.judge import Blotter

SHOWN = 3
_LONGEST = 300
"""Characters of one error."""

_FRAME = re.compile(r"^[│╷╵] ?", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"\s+on (\S+) line (\d+)")


def summary(text: str, secrets: Iterable[str], *, details: bool = False) -> str:
    """`No value for required variable (main.tf:1); …`: the first errors. Empty when there is none.

    The source that stands below an error quotes values, and so may the words below it, which only `details` asks for.
    `secrets` and AI keys are left out wherever they stand.
    """
    errors: list[str] = []
    for paragraph in re.split(r"\n\s*\n", _FRAME.sub("", _COLOUR.sub("", text))):
        lines = paragraph.strip("\n").splitlines()
        if lines and lines[0].startswith("Error: "):
            errors.append(lines[0].removeprefix("Error: ").strip())
            told = False
        elif errors and lines and (place := _PLACE.match(lines[0])):
            errors[-1] += f" ({place[1]}:{place[2]})"
        elif errors and lines and details and not told and not lines[0].startswith(" "):
            errors[-1] += f": {' '.join(lines)}"
            told = True
    errors = list(dict.fromkeys(errors))
    shown = "; ".join(shorten(_blotted(error, secrets), _LONGEST, placeholder=" …") for error in errors[:SHOWN])
    return f"{shown}; {len(errors) - SHOWN} more" if len(errors) > SHOWN else shown


def _blotted(text: str, secrets: Iterable[str]) -> str:
    text = Blotter(sorted(secrets, key=len, reverse=True)).text(text)
    for key in reversed(ai_keys.find(text)):
        text = f"{text[: key.start]}(sensitive){text[key.end :]}"
    return re.sub(r"://[^/\s@]*@", "://…@", text)
