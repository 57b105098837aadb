"""Terraform and OpenTofu, run to make a plan: a folder of HCL in, a plan in JSON out, and nothing left behind.

The plan and its JSON lie in a folder that only this user reads, and go when they have been read, whatever happens.
What Terraform prints is never shown: it holds values. Of its errors, the line that sums each up is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal

_NAME_AND_VALUE = re.compile(r"[A-Za-z_][\w-]*=.*", re.DOTALL)


class Options(Struct, frozen=True):
    """How the plan is made."""

    binary: str = ""
    """Name on PATH, or path; empty: terraform, or else tofu."""
    workspace: str = ""
    var_files: tuple[Path, ...] = ()
    variables: tuple[str, ...] = ()
    """`NAME=VALUE`; they are arguments of Terraform, which other users of the machine can see."""
    backend_config: tuple[str, ...] = ()
    """`NAME=VALUE`, or the name of a file."""
    lock: bool = True
    lock_timeout: str = ""
    """As Terraform writes it: `30s`."""
    refresh: bool = True
    timeout: float = 1800
    """Seconds for all commands together."""
    pass_env: tuple[str, ...] = ()
    """Environment variables, beside those in `environment.PASSED`, that providers of this folder need."""


@contextmanager
def planned(folder: Path, options: Options) -> Iterator[Path]:
    """The file with the plan in JSON, until the block ends.

    Raises Refusal: with code 2 for options that cannot be meant, with 3 when there is no plan.
    """
    if not folder.is_dir():
        raise Refusal("no such folder: give the root module to plan, or a plan with --plan FILE", place=str(folder))
    for given in options.variables:
        if not _NAME_AND_VALUE.fullmatch(given):
            raise Refusal("--var wants NAME=VALUE", place=f"--var {given.partition('=')[0]}")
    for file in options.var_files:
        if not file.is_file():
            raise Refusal("no such file of variables", place=str(file))
    try:
        from governor.terraform import driver
    except ModuleNotFoundError:
        raise Refusal(
            "a plan is made through python-terraform: pip install 'gpu-governor[terraform]', or give a plan with"
            " --plan FILE",
            code=CANNOT_JUDGE,
        ) from None
    with driver.planned(folder, options) as file:
        yield file
