"""Requests to the API of a platform: JSON in, JSON out, or one of the two errors; the token in no word of them."""

from __future__ import annotations

import re
import time
from ipaddress import ip_address
from textwrap import shorten
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import requests

from governor.pull_requests import BusyError, NotPostedError

SECONDS = (10, 30)
"""To connect, and between two bytes."""

_NO_TOKEN = re.compile(r"[^!-~]")
_MINUTE = 60
"""What GitHub wants after a limit that names no time:
https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api"""

_Answer = TypeVar("_Answer")


class _Complaint(msgspec.Struct, frozen=True):
    message: str = ""


class Api:
    """One server, spoken to with one token."""

    def __init__(self, url: str, token: str, token_name: str, *, accept: str, page: str) -> None:
        """`page` is that of docs/ which says what the token needs."""
        address = urlsplit(url)
        here = _is_here(address.hostname or "")
        if address.scheme != "https" and not (here and address.scheme == "http"):
            raise NotPostedError(f"{url} is no https address: the token would travel in the open")
        if _NO_TOKEN.search(token):
            raise NotPostedError(f"{token_name} holds something that no token does: a space, or a line's end?")
        self._url, self._token, self._token_name, self._page = url.rstrip("/"), token, token_name, page
        self._session = requests.Session()
        self._session.trust_env = not here  # what stays on this machine goes through no proxy
        self._session.headers.update({"Accept": accept, "User-Agent": "governor"})
        self._session.auth = self._bear

    def call(
        self, method: str, path: str, answer: type[_Answer], *, body: str | None = None, **query: str | int
    ) -> tuple[_Answer, bool]:
        """What the server answers, and whether there is another page."""
        try:
            response = self._session.request(
                method,
                f"{self._url}/{path}",
                params=query,
                json=None if body is None else {"body": body},
                timeout=SECONDS,
                allow_redirects=False,  # they would take the token elsewhere
            )
            if 200 <= response.status_code < 300:
                return msgspec.json.decode(response.content, type=answer), "next" in response.links
        except requests.exceptions.SSLError:
            raise NotPostedError(f"{self._url} has no certificate that is trusted here") from None
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise BusyError(f"{self._url} cannot be reached ({type(error).__name__})") from None
        except msgspec.DecodeError:
            raise NotPostedError(
                f"{self._url} answers something else than was asked: is it the address of the API?"
            ) from None
        except requests.RequestException as error:
            raise NotPostedError(f"{self._url} cannot be asked ({type(error).__name__})") from None
        raise self._told(response)

    def _bear(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """As `auth`, because a header would give way to a ~/.netrc."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _told(self, response: requests.Response) -> NotPostedError:
        """What an answer that is no success means."""
        status, said = response.status_code, self._message(response)
        told = f"{self._url} answers {status} {said}".rstrip()
        if status == 429 or (status == 403 and _is_limit(response, said)):
            return BusyError(told, _asked_wait(response))
        if status >= 500:
            return BusyError(told, _retry_after(response))
        if status in (401, 403):
            return NotPostedError(f"{told}: {self._token_name} may not do that, see docs/{self._page}", status)
        if status == 404:
            return NotPostedError(f"{told}: it is not there, or {self._token_name} does not see it", status)
        return NotPostedError(told, status)

    def _message(self, response: requests.Response) -> str:
        try:
            text = msgspec.json.decode(response.content, type=_Complaint).message
        except msgspec.DecodeError:
            text = response.reason or ""
        return shorten(text.replace(self._token, "…") if self._token else text, 200, placeholder=" …")


def _is_limit(response: requests.Response, said: str) -> bool:
    headers = response.headers
    return "Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0" or "rate limit" in said.lower()


def _asked_wait(response: requests.Response) -> float:
    """Seconds until a limit is lifted."""
    if (asked := _retry_after(response)) is not None:
        return asked
    reset = response.headers.get("X-RateLimit-Reset", response.headers.get("RateLimit-Reset", ""))
    if reset.isdecimal():
        return max(float(reset) - time.time(), 1)
    return _MINUTE


def _retry_after(response: requests.Response) -> float | None:
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else None


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
