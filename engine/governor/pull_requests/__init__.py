"""The one comment that a pull request keeps for an environment: found by its first line, written over, never twice.

GitHub and GitLab differ in addresses and in what they call things; everything else is here, and a module for each says
the rest.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Literal, Protocol, cast

from msgspec import Struct

Kept = Literal["created", "updated", "unchanged"]

PLATFORMS: dict[str, str] = {
    "github": "governor.pull_requests.github",
    "gitlab": "governor.pull_requests.gitlab",
}
"""Name → module that satisfies `Platform`, loaded when it is asked for."""

TRIES = 4
LONGEST_WAIT = 60
"""Seconds; a server that wants more is left alone."""
PAGES = 100
"""Of 100 comments each."""


class Comment(Struct, frozen=True):
    """One that is there already."""

    id: int
    body: str
    author: str
    """Login or user name."""
    by_program: bool = False
    """Whether the author is known to be no person."""


class NotPostedError(Exception):
    """One line that says why, for people; it holds no token."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """Of the server's answer, if it gave one."""


class BusyError(NotPostedError):
    """What may be otherwise in a moment."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait
        """Seconds that the server asks for."""


class Thread(Protocol):
    """The comments of one pull request."""

    name: str
    """For people: `acme/platform#12`."""

    def author(self) -> str:
        """Who the token speaks for; empty when the server does not say, as it does not to a program."""

    def page(self, number: int) -> tuple[list[Comment], bool]:
        """Comments of a page, the first being 1, the oldest first; and whether there are more."""

    def create(self, body: str) -> None: ...

    def update(self, comment: Comment, body: str) -> None: ...


class Platform(Protocol):
    """What a module in this folder offers."""

    def thread(self, environment: Mapping[str, str]) -> Thread | None:
        """What the environment of a CI run says; None when it runs for no pull request.

        Raises NotPostedError when something is missing.
        """


def thread(platform: str, environment: Mapping[str, str]) -> Thread | None:
    """The comments of the pull request that CI runs for; None when it runs for none."""
    return cast("Platform", import_module(PLATFORMS[platform])).thread(environment)


def keep(thread: Thread, body: str, marker: str, *, wait: Callable[[float], None] = time.sleep) -> tuple[Kept, str]:
    """Have the one comment that begins with `marker` say `body`; what was done, and a note or "".

    The first line of `body` stands for all of it: a comment with the same is left alone. Whatever goes wrong on the
    way, the next try looks again at what is there: a comment that was made though the answer was lost is found.
    Raises NotPostedError.
    """
    for number in range(TRIES):
        try:
            return _kept(thread, body, marker)
        except BusyError as busy:
            pause = 2**number if busy.wait is None else busy.wait
            if number + 1 == TRIES:
                raise NotPostedError(f"{busy} (tried {TRIES} times)") from None
            if pause > LONGEST_WAIT:
                raise NotPostedError(f"{busy}, and wants to be left alone for {pause:.0f} s") from None
            wait(pause)
    raise AssertionError("the last try returns or raises")


def _kept(thread: Thread, body: str, marker: str) -> tuple[Kept, str]:
    author = thread.author()
    mine = [
        comment
        for comment in _comments(thread)
        if comment.body.startswith(marker) and (comment.author == author if author else comment.by_program)
    ]
    note = f"{len(mine)} comments of governor are there: the first was kept up to date" if len(mine) > 1 else ""
    if not mine:
        thread.create(body)
        return "created", note
    if _first_line(mine[0].body) == _first_line(body):
        return "unchanged", note
    thread.update(mine[0], body)
    return "updated", note


def _comments(thread: Thread) -> Iterator[Comment]:
    for number in range(1, PAGES + 1):
        comments, more = thread.page(number)
        yield from comments
        if not more:
            return
    raise NotPostedError(f"{thread.name} has more than {PAGES * 100:,} comments: none was written")


def _first_line(body: str) -> str:
    return re.split(r"\r?\n", body, maxsplit=1)[0]
