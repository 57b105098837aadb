"""The one comment of an environment, on real servers that answer as GitHub and GitLab do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import platforms
from governor.pull_requests import LONGEST_WAIT, TRIES, NotPostedError, keep, thread
from platforms import TOKEN, Answer, Platform

PROD = "<!-- governor:prod "
RED = f"{PROD}aaaa -->\nred\n"
GREEN = f"{PROD}bbbb -->\ngreen\n"
STAGING = "<!-- governor:staging aaaa -->\nstaging\n"


@pytest.fixture(params=["github", "gitlab"])
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with platforms.serve(request.param) as running:
        yield running


@pytest.fixture
def github() -> Iterator[Platform]:
    with platforms.serve("github") as running:
        yield running


@pytest.fixture
def gitlab() -> Iterator[Platform]:
    with platforms.serve("gitlab") as running:
        yield running


class Waits(list[float]):
    """What was waited for, without the wait."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def post(platform: Platform, body: str = RED, *, wait: Callable[[float], None] | None = None) -> tuple[str, str]:
    found = thread(platform.kind, platform.environment)
    assert found is not None
    return keep(found, body, PROD, wait=Waits() if wait is None else wait)


def refused(platform: Platform, body: str = RED, *, wait: Callable[[float], None] | None = None) -> str:
    with pytest.raises(NotPostedError) as refusal:
        post(platform, body, wait=wait)
    assert TOKEN not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_a_comment_is_made_left_alone_and_written_over(platform: Platform) -> None:
    platform.add("looks good", author="ada")
    platform.add(STAGING)

    assert post(platform) == ("created", "")
    assert post(platform) == ("unchanged", "")
    assert post(platform, GREEN) == ("updated", "")

    assert platform.bodies == ["looks good", STAGING, GREEN]
    assert len(platform.written) == 2


def test_it_is_found_on_the_third_page(platform: Platform) -> None:
    for number in range(250):
        platform.add(f"comment {number}", author="ada")
    platform.add(RED)
    platform.add("later", author="ada")

    assert post(platform, GREEN) == ("updated", "")

    assert len(platform.comments) == 252
    assert [r.rpartition("page=")[2] for r in platform.requests if "per_page" in r] == ["1", "2", "3"]


def test_of_two_the_first_is_kept_up_to_date(platform: Platform) -> None:
    platform.add(RED)
    platform.add(RED)

    kept, note = post(platform, GREEN)

    assert (kept, platform.bodies) == ("updated", [GREEN, RED])
    assert note == "2 comments of governor are there: the first was kept up to date"


def test_what_somebody_else_wrote_in_our_words_is_theirs(platform: Platform) -> None:
    """A person who writes the first line of ours can neither hide the verdict nor have governor speak for them."""
    platform.add(RED, author="mallory")

    assert post(platform) == ("created", "")

    assert platform.bodies == [RED, RED]
    assert platform.comments[0]["user"]["login"] == "mallory"


def test_a_token_of_a_person_finds_their_own() -> None:
    with platforms.serve("github", me="ada") as platform:
        platform.add(RED, author="grace")
        platform.add(RED)

        assert post(platform, GREEN) == ("updated", "")
        assert platform.bodies == [RED, GREEN]


def test_line_ends_of_the_platform_make_no_change(platform: Platform) -> None:
    platform.add(RED.replace("\n", "\r\n"))

    assert post(platform) == ("unchanged", "")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_in_trouble_is_tried_again(platform: Platform, status: int) -> None:
    troubles = iter([Answer(status, b"<html>"), Answer(status, b"<html>")])
    platform.spoil = lambda _, usual: next(troubles, None) or usual()
    waits = Waits()

    assert post(platform, wait=waits) == ("created", "")
    assert (waits, platform.bodies) == ([1, 2], [RED])


def test_a_comment_whose_answer_was_lost_is_not_made_twice(platform: Platform) -> None:
    """The server wrote it down, and then broke: looking again finds it."""
    lost = iter([Answer(502, b""), Answer(0, lost=True)])

    def spoil(request: str, usual: Callable[[], Answer]) -> Answer:
        answer = usual()
        return next(lost, answer) if request.startswith("POST") else answer

    platform.spoil = spoil

    assert post(platform) == ("unchanged", "")
    assert platform.bodies == [RED]


def test_it_gives_up(platform: Platform) -> None:
    platform.spoil = lambda _, __: Answer(503, b"")
    waits = Waits()

    assert f"answers 503 Service Unavailable (tried {TRIES} times)" in refused(platform, wait=waits)
    assert waits == [1, 2, 4]


def test_a_server_that_hangs_up_is_busy(platform: Platform) -> None:
    platform.spoil = lambda _, __: Answer(0, lost=True)

    assert "cannot be reached (ConnectionError) (tried 4 times)" in refused(platform)


@pytest.mark.parametrize(
    ("answer", "waited"),
    [
        (Answer(429, {"message": "Too Many Requests"}, {"Retry-After": "7"}), 7),
        (Answer(403, {"message": "You have exceeded a secondary rate limit."}, {"Retry-After": "9"}), 9),
        (Answer(403, {"message": "You have exceeded a secondary rate limit. Please wait."}), 60),
        (Answer(403, {"message": "None left"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}), 1),
        (Answer(503, b"", {"Retry-After": "5"}), 5),
    ],
)  # fmt: skip
def test_a_limit_is_waited_for(platform: Platform, answer: Answer, waited: float) -> None:
    limits = iter([answer])

    def spoil(request: str, usual: Callable[[], Answer]) -> Answer:
        return (next(limits, None) if request.startswith("POST") else None) or usual()

    platform.spoil = spoil
    waits = Waits()

    assert post(platform, wait=waits) == ("created", "")
    assert (waits, platform.bodies) == ([waited], [RED])


def test_a_limit_that_lasts_is_not_waited_for(platform: Platform) -> None:
    platform.spoil = lambda _, __: Answer(429, {"message": "Slow down"}, {"Retry-After": str(LONGEST_WAIT + 1)})
    waits = Waits()

    assert refused(platform, wait=waits).endswith("answers 429 Slow down, and wants to be left alone for 61 s")
    assert waits == []


def test_a_token_that_may_only_read(platform: Platform) -> None:
    """As that of a pull request from a fork."""

    def spoil(request: str, usual: Callable[[], Answer]) -> Answer:
        return Answer(403, {"message": "Forbidden"}) if request.startswith("POST") else usual()

    platform.spoil = spoil
    waits = Waits()

    told = refused(platform, wait=waits)
    assert f"answers 403 Forbidden: {platform.kind.upper()}_TOKEN may not do that, see docs/ci-" in told
    assert waits == []


def test_a_wrong_token(platform: Platform) -> None:
    wrong = platform.environment | {f"{platform.kind.upper()}_TOKEN": "another"}
    found = thread(platform.kind, wrong)
    assert found

    with pytest.raises(NotPostedError, match="answers 401"):
        keep(found, RED, PROD)
    assert platform.written == []


def test_no_such_pull_request(platform: Platform) -> None:
    platform.spoil = lambda request, usual: Answer(404, {"message": "Not Found"}) if "per_page" in request else usual()

    assert "answers 404 Not Found: it is not there" in refused(platform)


def test_a_redirect_does_not_get_the_token(platform: Platform) -> None:
    with platforms.serve(platform.kind) as elsewhere:
        platform.spoil = lambda _, __: Answer(301, b"", {"Location": f"{elsewhere.url}/user"})

        assert "answers 301" in refused(platform)
        assert elsewhere.requests == []


@pytest.mark.parametrize("body", [b"<html>", b'{"an": "object"}', b"[1]", b""])
def test_an_answer_of_something_else(platform: Platform, body: bytes) -> None:
    platform.spoil = lambda request, usual: Answer(200, body) if "per_page" in request else usual()

    assert "answers something else than was asked: is it the address of the API?" in refused(platform)
    assert platform.written == []


def test_a_server_that_repeats_the_token_is_not_quoted(platform: Platform) -> None:
    platform.spoil = lambda _, __: Answer(400, {"message": f"no such token: {TOKEN}\nat all"})

    assert "answers 400 no such token: … at all" in refused(platform)


@pytest.mark.parametrize("token", [f"{TOKEN}\nX-Admin: 1", f"{TOKEN} x", "tokén"])
def test_a_token_that_cannot_be_one_is_not_sent_and_not_shown(platform: Platform, token: str) -> None:
    name = f"{platform.kind.upper()}_TOKEN"

    with pytest.raises(NotPostedError) as refusal:
        thread(platform.kind, platform.environment | {name: token})

    assert str(refusal.value) == f"{name} holds something that no token does: a space, or a line's end?"


def test_a_netrc_does_not_take_the_place_of_the_token(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    found: Any = thread(platform.kind, platform.environment)
    found._api._session.trust_env = True  # as for every server that is not on this machine

    assert keep(found, RED, PROD) == ("created", "")


def test_http_is_for_this_machine_only(platform: Platform) -> None:
    name = "GITHUB_API_URL" if platform.kind == "github" else "CI_API_V4_URL"

    with pytest.raises(NotPostedError, match=r"http://git\.example\.com is no https address: the token would travel"):
        thread(platform.kind, platform.environment | {name: "http://git.example.com"})


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_without_a_pull_request_there_is_no_thread(kind: str) -> None:
    environment = {
        "GITHUB_REPOSITORY": "acme/platform", "GITHUB_REF": "refs/heads/main", "GITHUB_TOKEN": TOKEN,
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4", "CI_PROJECT_ID": "42", "GITLAB_TOKEN": TOKEN,
    }  # fmt: skip

    assert thread(kind, environment) is None


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ({"pull_request": {"number": 9}}, "acme/platform#9"),
        ({"issue": {"number": 9, "pull_request": {"url": "…"}}}, "acme/platform#9"),
        ({"issue": {"number": 9}}, None),
        ({"ref": "refs/heads/main"}, "acme/platform#7"),
        ("not an event", "acme/platform#7"),
    ],
)
def test_the_event_names_the_pull_request(github: Platform, tmp_path: Path, event: object, name: str | None) -> None:
    (tmp_path / "event.json").write_text(json.dumps(event))

    found = thread("github", github.environment | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")})

    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("without", "complaint"),
    [
        ("GITHUB_TOKEN", "GITHUB_TOKEN is not set: pass it in `env`, as docs/ci-github.md shows"),
        ("GITHUB_REPOSITORY", "GITHUB_REPOSITORY is not OWNER/NAME: is this GitHub Actions?"),
    ],
)
def test_what_github_must_say(github: Platform, without: str, complaint: str) -> None:
    with pytest.raises(NotPostedError) as refusal:
        thread("github", github.environment | {without: ""})

    assert str(refusal.value) == complaint


def test_what_gitlab_must_say(gitlab: Platform) -> None:
    with pytest.raises(NotPostedError, match="CI_JOB_TOKEN may not write notes"):
        thread("gitlab", gitlab.environment | {"GITLAB_TOKEN": "", "CI_JOB_TOKEN": "job"})
    with pytest.raises(NotPostedError, match="are not all set: is this GitLab CI"):
        thread("gitlab", gitlab.environment | {"CI_API_V4_URL": ""})


def test_no_line_is_an_order_to_gitlab(gitlab: Platform) -> None:
    assert post(gitlab, f"{RED}/merge\n a/b\n  /approve\n") == ("created", "")
    assert not re.search(r"^\s*/", gitlab.bodies[0], re.MULTILINE)
    assert "/merge" in gitlab.bodies[0]

    assert post(gitlab, f"{GREEN}/merge\n") == ("updated", "")
    assert not re.search(r"^\s*/", gitlab.bodies[0], re.MULTILINE)


def test_from_a_fork_gitlab_means_the_project_it_goes_to(gitlab: Platform) -> None:
    environment = gitlab.environment | {"CI_PROJECT_ID": "77", "CI_MERGE_REQUEST_PROJECT_ID": "42"}
    found = thread("gitlab", environment)
    assert found

    assert keep(found, RED, PROD) == ("created", "")
