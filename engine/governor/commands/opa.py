"""The settings of an OPA server in, an engine for Rego out."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from governor.config import Opa
from governor.errors import Refusal
from governor.languages import Language
from governor.yamlfile import read_text


def engine(settings: Opa | None, home: Path) -> Language:
    """Rego as an OPA server evaluates it; paths in the settings start at `home`."""
    if settings is None:
        raise Refusal("engine: opa wants a server: set opa.url in governor.yaml, or give --opa-url")
    address = _address(settings.url)
    token = _token(settings, home)
    ca = home / settings.ca if settings.ca else None
    if ca and not ca.is_file():
        raise Refusal("opa.ca names no file: give it the PEM of the authority", place=str(ca))
    try:
        from governor.languages.opa import Language as Rego
        from governor.languages.opa_server import Server, is_here
    except ModuleNotFoundError as error:
        raise missing(error) from None
    if token and address.scheme == "http" and not is_here(settings.url):
        raise Refusal(f"the token would travel to {settings.url} in clear: give opa.url a server that speaks https")
    server = Server(
        settings.url, token=token, ca=ca, seconds=settings.timeout, request_bytes=int(settings.request_mb * 1_000_000)
    )
    return Rego(server, settings.bundle or "")


def missing(error: ModuleNotFoundError) -> Refusal:
    """What to install."""
    return Refusal(f"{error.name} is not installed: pip install 'gpu-governor[opa]'")


def _address(url: str) -> SplitResult:
    """The parts of a URL. It is printed when the server fails, so it may hold no secret."""
    try:
        address = urlsplit(url)
        address.port  # noqa: B018 - raises when it is no number
    except ValueError:
        address = SplitResult("", "", "", "", "")
    if address.scheme not in ("http", "https") or not address.hostname:
        raise Refusal("opa.url is no address of a server: write https://opa.example.com:8181")
    if address.username is not None or address.password is not None or address.query or address.fragment:
        raise Refusal("opa.url holds more than an address: name a token with opa.token_env or opa.token_file")
    return address


def _token(settings: Opa, home: Path) -> str:
    """The bearer token, or "" when the settings name none."""
    if settings.token_env and settings.token_file:
        raise Refusal("opa.token_env and opa.token_file both name a token: keep one of them")
    if settings.token_env:
        token, place = os.environ.get(settings.token_env, ""), f"the environment variable {settings.token_env}"
    elif settings.token_file:
        token, place = read_text(home / settings.token_file), settings.token_file
    else:
        return ""
    if not re.fullmatch(r"[!-~]+", token.strip()):
        raise Refusal(f"{place} holds no bearer token: one word of ASCII, without blanks")
    return token.strip()
