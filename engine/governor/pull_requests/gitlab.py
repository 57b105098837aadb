"""GitLab: notes of a merge request. https://docs.gitlab.com/api/notes/#merge-requests"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from governor.pull_requests import Comment, NotPostedError

if TYPE_CHECKING:
    from governor.pull_requests.api import Api


class _User(msgspec.Struct, frozen=True):
    username: str


class _Note(msgspec.Struct, frozen=True):
    id: int
    body: str
    author: _User


class MergeRequest:
    """The notes of one merge request."""

    def __init__(self, api: Api, project: str, iid: int) -> None:
        self.name = f"project {project}!{iid}"
        self._api, self._path = api, f"projects/{project}/merge_requests/{iid}/notes"

    def author(self) -> str:
        user, _ = self._api.call("GET", "user", _User)
        return user.username

    def page(self, number: int) -> tuple[list[Comment], bool]:
        found, more = self._api.call(
            "GET", self._path, list[_Note], sort="asc", order_by="created_at", per_page=100, page=number
        )
        return [Comment(note.id, note.body, note.author.username) for note in found], more

    def create(self, body: str) -> None:
        self._api.call("POST", self._path, _Note, body=_without_commands(body))

    def update(self, comment: Comment, body: str) -> None:
        self._api.call("PUT", f"{self._path}/{comment.id}", _Note, body=_without_commands(body))


def _without_commands(body: str) -> str:
    """A line that begins with a slash is an order to GitLab: `/merge`. https://docs.gitlab.com/user/project/quick_actions/"""
    return re.sub(r"^(?=[ \t]*/)", "\u2060", body, flags=re.MULTILINE)


def thread(environment: Mapping[str, str]) -> MergeRequest | None:
    """The merge request of a pipeline; a pipeline of a branch has none."""
    iid = environment.get("CI_MERGE_REQUEST_IID", "")
    if not iid:
        return None
    # From a fork the pipeline may run there; the merge request is where it wants to go.
    project = environment.get("CI_MERGE_REQUEST_PROJECT_ID") or environment.get("CI_PROJECT_ID", "")
    url = environment.get("CI_API_V4_URL", "")
    if not (iid.isdecimal() and project.isdecimal() and url):
        raise NotPostedError(
            "CI_API_V4_URL, CI_PROJECT_ID and CI_MERGE_REQUEST_IID are not all set: is this GitLab CI?"
        )
    token = environment.get("GITLAB_TOKEN", "").strip()
    if not token:
        raise NotPostedError(
            "GITLAB_TOKEN is not set: it is a project access token with the scope `api`, for CI_JOB_TOKEN may not write"
            " notes, see docs/ci-gitlab.md"
        )
    from governor.pull_requests.api import Api

    api = Api(url, token, "GITLAB_TOKEN", accept="application/json", page="ci-gitlab.md")
    return MergeRequest(api, project, int(iid))
