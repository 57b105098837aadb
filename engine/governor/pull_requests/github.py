"""GitHub: comments of a pull request are those of an issue. https://docs.github.com/rest/issues/comments"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from governor.pull_requests import Comment, NotPostedError

if TYPE_CHECKING:
    from governor.pull_requests.api import Api

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class _User(msgspec.Struct, frozen=True):
    login: str
    type: str = "User"


class _Comment(msgspec.Struct, frozen=True):
    id: int
    body: str | None = None
    user: _User | None = None
    """None: the account is gone."""


class _Numbered(msgspec.Struct, frozen=True):
    number: int
    pull_request: dict[str, Any] | None = None
    """An issue has it when it is a pull request."""


class _Event(msgspec.Struct, frozen=True):
    pull_request: _Numbered | None = None
    issue: _Numbered | None = None


class Issue:
    """The comments of one pull request."""

    def __init__(self, api: Api, repository: str, number: int) -> None:
        self.name = f"{repository}#{number}"
        self._api = api
        self._comments = f"repos/{repository}/issues/comments"
        self._comments_of_issue = f"repos/{repository}/issues/{number}/comments"

    def author(self) -> str:
        """Empty for the token that a workflow is given: it speaks for no user, and may not ask."""
        try:
            user, _ = self._api.call("GET", "user", _User)
        except NotPostedError as error:
            if error.status == 403:
                return ""
            raise
        return user.login

    def page(self, number: int) -> tuple[list[Comment], bool]:
        found, more = self._api.call("GET", self._comments_of_issue, list[_Comment], per_page=100, page=number)
        return [
            Comment(comment.id, comment.body or "", comment.user.login, by_program=comment.user.type == "Bot")
            for comment in found
            if comment.user
        ], more

    def create(self, body: str) -> None:
        self._api.call("POST", self._comments_of_issue, _Comment, body=body)

    def update(self, comment: Comment, body: str) -> None:
        self._api.call("PATCH", f"{self._comments}/{comment.id}", _Comment, body=body)


def thread(environment: Mapping[str, str]) -> Issue | None:
    """The pull request of a workflow's run."""
    number = _number(environment)
    if number is None:
        return None
    repository = environment.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository):
        raise NotPostedError("GITHUB_REPOSITORY is not OWNER/NAME: is this GitHub Actions?")
    token = environment.get("GITHUB_TOKEN", "").strip()
    if not token:
        raise NotPostedError("GITHUB_TOKEN is not set: pass it in `env`, as docs/ci-github.md shows")
    url = environment.get("GITHUB_API_URL") or "https://api.github.com"
    from governor.pull_requests.api import Api

    api = Api(url, token, "GITHUB_TOKEN", accept="application/vnd.github+json", page="ci-github.md")
    return Issue(api, repository, number)


def _number(environment: Mapping[str, str]) -> int | None:
    path = environment.get("GITHUB_EVENT_PATH", "")
    try:
        event = msgspec.json.decode(Path(path).read_bytes(), type=_Event) if path else _Event()
    except (OSError, msgspec.DecodeError):
        event = _Event()
    if event.pull_request:
        return event.pull_request.number
    if event.issue:  # comments on an issue that is no pull request make a run, too
        return event.issue.number if event.issue.pull_request is not None else None
    found = re.fullmatch(r"refs/pull/(\d+)/(?:merge|head)", environment.get("GITHUB_REF", ""))
    return int(found[1]) if found else None
