"""One OPA server, through opa-python-client: what is asked in, the answer or a Refusal out; never silence.

The client has the calls. Its session is made here, because its own trusts no private CA, tries a POST once only and
sends megabytes as they stand.
"""

from __future__ import annotations

import gc
import gzip
import json
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from textwrap import shorten
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import msgspec
import requests
from opa_client import OpaClient
from opa_client.errors import PolicyNotFoundError
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from governor.errors import CANNOT_JUDGE, Refusal
from governor.languages.nested import ASK, INVENTORIES, Nested
from governor.languages.rego_engine import PolicyError

TRIES = 5
"""Further tries after one that met nobody, or a server that is busy. The waits between them double, and together take
half of the time there is."""

REQUEST_BYTES = 8_000_000
"""The most of an inventory that one request holds, before compression."""

KEPT = 10
"""Revisions that stay on the server, the newest. Who needs an older one puts it there again."""

ABANDONED = timedelta(days=1)
"""After this long, whatever put an inventory on the server and did not take it away will not do so any more."""

_BUSY = (429, 502, 503, 504)
_REGISTER = "governor/revisions"
_INVENTORIES = f"governor/{INVENTORIES}"


Given = dict[str, Any]
"""An inventory, or where on the server its parts lie."""


class _Answer(msgspec.Struct, frozen=True):
    """What the module that answers says."""

    revision: str
    violations: dict[str, Any]
    """Policy id → what the policy says."""


class _Location(msgspec.Struct, frozen=True):
    file: str = ""
    row: int = 0


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""
    location: _Location = _Location()

    @property
    def is_of_a_policy(self) -> bool:
        """And not one of the server: an evaluation that was cancelled, a store that is broken."""
        return self.code.startswith(("eval_", "rego_")) and self.code != "eval_cancel_error"

    def __str__(self) -> str:
        """`tagging.rego:12: lower: operand 1 must be string`: no column, it counts what was put in."""
        place = f"{Path(self.location.file).name}:{self.location.row}: " if self.location.file else ""
        return f"{place}{self.message}"


class _Complaint(msgspec.Struct, frozen=True):
    """The body of an error status."""

    message: str = ""
    errors: tuple[_Error, ...] = ()


class _Revision(msgspec.Struct, frozen=True):
    """An entry of the register."""

    at: str
    """When it was put there, UTC."""
    modules: tuple[str, ...]


class _StatusError(Exception):
    """An answer with a status that is no success."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        try:
            self.complaint = msgspec.json.decode(response.content, type=_Complaint)
        except msgspec.DecodeError:
            self.complaint = _Complaint(response.reason or "")


class Server:
    """Every call ends within the time given, whatever the server does, or is a Refusal with exit code 3."""

    def __init__(
        self, url: str, *, token: str = "", ca: Path | None = None, seconds: float, request_bytes: int = REQUEST_BYTES
    ) -> None:
        self.url = url.rstrip("/")
        self._seconds = seconds
        self._request_bytes = request_bytes
        self._client = _Client(self.url, token, ca, seconds)

    @contextmanager
    def given(self, inventory: bytes) -> Iterator[Given]:
        """What `ask` is given of an inventory, in JSON.

        One that is too large for a request is put on the server in parts, and taken away again. The server puts it
        together: policies always see the whole.
        """
        whole = msgspec.json.decode(inventory)
        if len(inventory) <= self._request_bytes:
            yield {"inventory": whole}
            return
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex}"
        parts = list(_parts(whole, self._request_bytes))
        try:
            for number, part in enumerate(parts):
                self._call(self._client.update_or_create_data, part, f"{_INVENTORIES}/{name}/{number:06}")
            lists = [key for key, value in whole.items() if isinstance(value, list)]
            rest = {key: value for key, value in whole.items() if key not in lists}
            yield {"inventory": rest, "parts": {"name": name, "count": len(parts), "lists": lists}}
        finally:
            with suppress(Refusal, PolicyError):  # what is left over does no harm
                self._call(self._delete, self._client.delete_data, f"{_INVENTORIES}/{name}")
                self._forget_abandoned()

    def has_all(self, given: Given) -> bool:
        """Whether all the parts of an inventory are there."""
        parts = given["parts"]
        found = self._call(self._data, f"{_INVENTORIES}/{parts['name']}")
        return isinstance(found, dict) and len(found) == parts["count"]

    def ask(self, nested: Nested, asked: list[str], given: Given) -> dict[str, Any] | None:
        """What each policy says, by id; None when the server does not know them in this revision.

        Raises PolicyError when a policy cannot be evaluated: a failing builtin is an error here, as in the embedded
        engine, and not, as OPA has it by default, undefined.
        """
        package = f"{nested.root}.{ASK}"
        said = self._call(
            self._client.query_rule,
            {"asked": asked, **given},
            package,
            "answer",
            query_params={"strict-builtin-errors": True},
        )
        if not isinstance(said, dict):
            raise self._refusal("answers something that is no decision")
        if "result" not in said:
            return None
        try:
            answer = msgspec.convert(said["result"], _Answer)
        except msgspec.ValidationError as error:
            raise self._refusal(f"answers something that is no decision: {error}") from None
        if answer.revision != nested.revision:
            raise self._refusal(
                f"judges by the revision {answer.revision}, and the policies here are {nested.revision}"
            )
        if missing := [id for id in asked if id not in answer.violations]:
            raise self._refusal(f"does not answer {', '.join(missing)}: its copy of the policies is not whole")
        return answer.violations

    def put(self, nested: Nested) -> None:
        """Put a revision on the server: data, then modules, last of all the one that answers."""

        def put(module: str) -> None:
            self._client.update_policy_from_string(nested.modules[module], module, rego_compat=False)

        self._call(self._client.update_or_create_data, nested.data, nested.root.replace(".", "/"))
        if left := self._in_rounds(nested.modules, put):
            # The module that answers is always among them.
            hint = ": files that need one another in a circle can only be served as a bundle" if len(left) > 2 else ""
            raise self._refusal(f"does not take the policies: {next(iter(left.values()))}{hint}")
        with suppress(Refusal, PolicyError):  # what is left over does no harm
            self._forget_old(nested)

    def bundle_revision(self, name: str) -> str | None:
        """The revision of a bundle that the server has loaded, if it has."""
        path = f"system/bundles/{quote(name, safe='')}/manifest/revision"
        found = self._call(self._data, path)
        return found if isinstance(found, str) else None

    def _in_rounds(self, modules: Iterable[str], call: Callable[[str], Any]) -> dict[str, str]:
        """Call for every module. The server compiles all that it has each time: what comes too early waits a round.

        Gives those that never fit, and why.
        """
        left = list(modules)
        while left:
            refused: dict[str, str] = {}
            for name in left:
                try:
                    self._call(call, name)
                except PolicyError as error:
                    refused[name] = str(error)
            if len(refused) == len(left):
                return refused
            left = list(refused)
        return {}

    def _forget_old(self, nested: Nested) -> None:
        """Register this revision, and delete those that are neither among the newest nor this one."""
        mine = nested.root.rpartition(".")[2]
        entry = {"at": datetime.now(UTC).isoformat(), "modules": list(nested.modules)}
        self._call(self._client.update_or_create_data, entry, f"{_REGISTER}/{mine}")
        register = self._register()
        newest = sorted(register, key=lambda name: register[name].at, reverse=True)
        for name in set(newest[KEPT:]) - {mine}:
            # Whatever the register says, nothing of others is deleted.
            modules = [module for module in register[name].modules if module.startswith(f"governor/{name}/")]
            self._in_rounds(modules, partial(self._delete, self._client.delete_policy))
            self._call(self._delete, self._client.delete_data, f"governor/{name}")
            self._call(self._delete, self._client.delete_data, f"{_REGISTER}/{name}")

    def _forget_abandoned(self) -> None:
        """Delete what runs that were killed left there."""
        query = f"names = object.keys(data.{_INVENTORIES.replace('/', '.')})"
        found = self._call(self._client.ad_hoc_query, query).get("result") or [{"names": []}]
        before = f"{datetime.now(UTC) - ABANDONED:%Y%m%dT%H%M%S}"
        for name in found[0]["names"]:
            if name < before:
                self._call(self._delete, self._client.delete_data, f"{_INVENTORIES}/{name}")

    def _register(self) -> dict[str, _Revision]:
        try:
            return msgspec.convert(self._call(self._data, _REGISTER), dict[str, _Revision])
        except msgspec.ValidationError:
            return {}

    def _delete(self, delete: Callable[[str], Any], name: str) -> None:
        """Delete what another run may have deleted already."""
        try:
            delete(name)
        except _StatusError as error:
            if error.status != 404:
                raise

    def _data(self, path: str) -> Any:
        try:
            return self._client.get_data(path)["result"]
        except PolicyNotFoundError:
            return None

    def _call(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What a call of the client gives, or a Refusal that says in a line what is wrong with the server."""
        try:
            return _within(self._seconds, lambda: call(*arguments, **options))
        except TimeoutError:
            raise self._refusal(f"has not answered within {self._seconds:g} s: see opa.timeout") from None
        except _StatusError as error:
            raise self._told(error.status, error.complaint) from None
        except requests.exceptions.SSLError as error:
            raise self._refusal(f"has no certificate that is trusted here ({_cause(error)}): see opa.ca") from None
        except requests.exceptions.JSONDecodeError:
            raise self._refusal("answers something that is no JSON") from None
        except requests.exceptions.ChunkedEncodingError:
            raise self._refusal("broke off in the middle of its answer") from None
        except requests.ConnectionError as error:
            raise self._refusal(f"cannot be reached: {_cause(error)}") from None
        except requests.RequestException as error:
            raise self._refusal(f"cannot be asked: {_cause(error)}") from None

    def _told(self, status: int, complaint: _Complaint) -> Refusal | PolicyError:
        """What an error status means."""
        message = complaint.message
        if status in (401, 403):
            return self._refusal(f"turns the request away ({status} {message}): see opa.token_env, opa.token_file")
        if complaint.errors and all(error.is_of_a_policy for error in complaint.errors):
            return PolicyError(str(complaint.errors[0]))
        if status == 413 or "too large" in message:
            return self._refusal(
                f"takes no request of this size ({status} {message}): raise its limit, see docs/opa.md"
            )
        hint = ": is opa.url the address of an OPA server?" if 300 <= status < 400 or status == 404 else ""
        return self._refusal(f"answers {status} {message}".rstrip() + hint)

    def _refusal(self, what: str) -> Refusal:
        # What a server says may be long, and have lines of its own.
        return Refusal(shorten(f"the OPA server {what}", 400, placeholder=" …"), place=self.url, code=CANNOT_JUDGE)


def _parts(inventory: Mapping[str, Any], most: int) -> Iterator[dict[str, Any]]:
    """The items of its lists, in order, each time as many as fit into a request, as requests writes it."""
    for name, items in inventory.items():
        part: list[Any] = []
        empty = size = len(json.dumps({"list": name, "items": []}))
        for item in items if isinstance(items, list) else ():
            length = len(json.dumps(item)) + len(", ")
            if part and size + length > most:
                yield {"list": name, "items": part}
                part, size = [], empty
            part.append(item)
            size += length
        if part:
            yield {"list": name, "items": part}


def is_here(url: str) -> bool:
    """Whether what is sent to a URL stays on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Client(OpaClient):  # type: ignore[misc]
    def __init__(self, url: str, token: str, ca: Path | None, seconds: float) -> None:
        self._token, self._ca, self._is_here = token, ca, is_here(url)
        address = urlsplit(url)
        secure = address.scheme == "https"
        port = address.port or (443 if secure else 80)
        super().__init__(str(address.hostname), port, ssl=secure, retries=TRIES, timeout=seconds)
        # The client knows host and port only; a server may lie below a path.
        self.root_url = f"{url}/{self.version}"

    def _init_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = not self._is_here  # what stays on this machine goes through no proxy
        session.hooks["response"].append(_refuse)
        adapter = _Adapter(self._ca, self.timeout)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        if self._token:
            session.auth = self._bear
        return session

    def _bear(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """As `auth`, because a header would give way to a ~/.netrc."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Adapter(HTTPAdapter):
    def __init__(self, ca: Path | None, seconds: float) -> None:
        self._ca = ca
        # Every call is safe to repeat. A certificate that is not trusted stays so: `other`.
        waits = sum(2**number for number in range(1, TRIES))
        super().__init__(
            max_retries=Retry(
                total=TRIES,
                other=0,
                allowed_methods=None,
                status_forcelist=_BUSY,
                raise_on_status=False,
                backoff_factor=seconds / 2 / waits,
            )
        )

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        # Only questions to a document may come compressed.
        if request.method == "POST" and "/data/" in str(request.url) and isinstance(request.body, bytes):
            request.prepare_body(gzip.compress(request.body, 1, mtime=0), None)
            request.headers["Content-Encoding"] = "gzip"
        # As an attribute of the session it would give way to REQUESTS_CA_BUNDLE.
        return super().send(request, stream, timeout, str(self._ca) if self._ca else verify, cert, proxies)


def _refuse(response: requests.Response, **_: Any) -> None:
    """Every answer but a good one is an error, redirects too: a POST would be sent on as a GET."""
    if not 200 <= response.status_code < 300:
        raise _StatusError(response)


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """What `call` gives or raises. A socket's own timeout starts again with every byte: this one does not."""
    results: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            results.put((call(), None))
        except BaseException as error:
            results.put((None, error))

    collecting = gc.isenabled()
    gc.disable()  # an embedded engine may not be dropped in another thread than its own
    threading.Thread(target=work, daemon=True).start()
    try:
        result, error = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    finally:
        if collecting:
            gc.enable()
    if error is not None:
        raise error
    return result


def _cause(error: BaseException) -> str:
    """`Connection refused`: the words of the system in an error that wraps others."""
    for words in (r"certificate verify failed: (.+?)\.? \(_ssl", r"\[(?:Errno -?\d+|SSL[^]]*)\] ([^()'\"]+)"):
        if found := re.search(words, str(error)):
            return found[1].strip()
    return type(error).__name__
