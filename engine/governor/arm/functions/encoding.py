"""Functions that write and read base64, URIs and JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, NoReturn
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from governor.arm.functions.values import (
    LONGEST,
    Function,
    TemplateError,
    by_name,
    encoded,
    json_of,
    limited,
    number_text,
    shown,
    text_of,
    text_or_null,
    too_deep,
    within,
)

_BLANKS = str.maketrans("", "", " \t\r\n")


def to_base64(arguments: Sequence[Any]) -> str:
    return _base64("base64", text_or_null("base64", arguments[0]))


def to_base64_of_text(arguments: Sequence[Any]) -> str:
    return _base64("base64", text_of("base64", arguments[0]))


def _base64(function: str, text: str) -> str:
    within(function, len(text))
    return limited(function, base64.b64encode(encoded(function, text)).decode("ascii"))


def base64_to_string(arguments: Sequence[Any]) -> str:
    return _from_base64("base64ToString", text_of("base64ToString", arguments[0]))


def base64_to_json(arguments: Sequence[Any]) -> Any:
    return _parsed("base64ToJson", _from_base64("base64ToJson", text_of("base64ToJson", arguments[0])))


def _from_base64(function: str, text: str) -> str:
    try:
        return base64.b64decode(text.translate(_BLANKS).encode("ascii"), validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise TemplateError(f"{function}: {shown(text)} is no text in base64") from None


def from_json(arguments: Sequence[Any]) -> Any:
    """An empty object of null: the linter of Azure Policy."""
    return {} if arguments[0] is None else _parsed("json", text_of("json", arguments[0]))


def from_json_text(arguments: Sequence[Any]) -> Any:
    return _parsed("json", text_of("json", arguments[0]))


def _parsed(function: str, text: str) -> Any:
    if len(text) > LONGEST:
        raise TemplateError(f"{function}: the text has more than {LONGEST:,} characters")

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        return json.loads(text, parse_constant=refuse_constant)
    except RecursionError:
        raise too_deep(function) from None
    except ValueError:
        raise TemplateError(f"{function}: {shown(text)} is no JSON") from None


def uri(arguments: Sequence[Any]) -> str:
    base, relative = (text_or_null("uri", argument) for argument in arguments)
    scheme = base.partition("://")[0]
    if not (len(scheme) < len(base) and scheme.isascii() and scheme[:1].isalpha()):
        raise TemplateError(f"uri: {shown(base)} is no absolute URI")
    return _combined(base, relative)


def uri_of_texts(arguments: Sequence[Any]) -> str:
    base, relative = (text_of("uri", argument) for argument in arguments)
    return _combined(base, relative)


def _combined(base: str, relative: str) -> str:
    """The rules of Microsoft's page: what follows the last slash of a path makes room for the relative part, and of
    two slashes that meet one stays."""
    if relative.startswith(("http://", "https://")):
        return limited("uri", relative)
    if not base.endswith("/"):
        start = base.find("://") + 3 if "://" in base else 0
        slash = base.rfind("/", start)
        base = base[: slash + 1] if slash >= 0 else f"{base}/"
    return limited("uri", base + relative.lstrip("/"))


def uri_component(arguments: Sequence[Any]) -> str:
    return _escaped(text_or_null("uriComponent", arguments[0]))


def uri_component_of_text(arguments: Sequence[Any]) -> str:
    return _escaped(text_of("uriComponent", arguments[0]))


def _escaped(text: str) -> str:
    within("uriComponent", len(text))
    return limited("uriComponent", quote(encoded("uriComponent", text), safe=""))


def uri_component_to_string(arguments: Sequence[Any]) -> str:
    """A plus is a blank, and a percent sign without two digits stays: .NET's HttpUtility.UrlDecode."""
    text = text_or_null("uriComponentToString", arguments[0])
    encoded("uriComponentToString", text)
    return unquote_plus(text)


def uri_component_to_exact_string(arguments: Sequence[Any]) -> str:
    """A plus is a plus, and what is no escape is an error."""
    text = text_of("uriComponentToString", arguments[0])
    data = unquote_to_bytes(encoded("uriComponentToString", text))
    if len(data) == len(text.encode()) - 2 * text.count("%"):
        try:
            return data.decode()
        except UnicodeError:
            pass
    raise TemplateError(f"uriComponentToString: {shown(text)} is not escaped as a URI is")


def data_uri(arguments: Sequence[Any]) -> str:
    value = arguments[0]
    if type(value) is str or value is None:
        return _data_uri("text/plain", value or "")
    if type(value) is bool:
        return _data_uri("application/json", str(value))
    if type(value) is int or type(value) is float:
        return _data_uri("application/json", number_text("dataUri", value))
    return _data_uri("application/json", json_of("dataUri", value))


def data_uri_of_text(arguments: Sequence[Any]) -> str:
    return _data_uri("text/plain", text_of("dataUri", arguments[0]))


def _data_uri(kind: str, text: str) -> str:
    return limited("dataUri", f"data:{kind};charset=utf8;base64,{_base64('dataUri', text)}")


def data_uri_to_string(arguments: Sequence[Any]) -> str:
    """RFC 2397, in UTF-8: with base64 or escaped. `charset=utf8` is what dataUri() writes, so it is read, too."""
    text = text_of("dataUriToString", arguments[0])
    head, comma, data = text.partition(",")
    scheme, colon, description = head.partition(":")
    words = description.split(";")
    charset = words[1].lower() if len(words) > 1 and words[1].lower().startswith("charset=") else "charset=utf-8"
    proper = scheme.lower() == "data" and colon and comma
    if not proper or charset not in ("charset=utf-8", "charset=utf8") or not all(map(str.strip, words[1:])):
        raise TemplateError(f"dataUriToString: {shown(text)} is no data URI of text in UTF-8")
    if words[-1].lower() == "base64":
        return _from_base64("dataUriToString", data)
    encoded("dataUriToString", data)
    return unquote_plus(data)


def base64_of_data_uri(arguments: Sequence[Any]) -> str:
    """Whatever the URI says of its text, what follows the last comma is base64."""
    text = text_of("dataUriToString", arguments[0])
    if not text.startswith("data:") or "," not in text:
        raise TemplateError(f"dataUriToString: {shown(text)} is no data URI")
    return _from_base64("dataUriToString", text.rpartition(",")[2])


_BOTH = by_name(
    [
        Function("base64ToString", base64_to_string, 1, 1),
        Function("base64ToJson", base64_to_json, 1, 1),
    ]
)

DOCUMENTED = _BOTH | by_name(
    [
        Function("base64", to_base64, 1, 1),
        Function("json", from_json, 1, 1),
        Function("uri", uri, 2, 2),
        Function("uriComponent", uri_component, 1, 1),
        Function("uriComponentToString", uri_component_to_string, 1, 1),
        Function("dataUri", data_uri, 1, 1),
        Function("dataUriToString", data_uri_to_string, 1, 1),
    ]
)

REGORUS = _BOTH | by_name(
    [
        Function("base64", to_base64_of_text, 1, 1),
        Function("json", from_json_text, 1, 1),
        Function("uri", uri_of_texts, 2, 2),
        Function("uriComponent", uri_component_of_text, 1, 1),
        Function("uriComponentToString", uri_component_to_exact_string, 1, 1),
        Function("dataUri", data_uri_of_text, 1, 1),
        Function("dataUriToString", base64_of_data_uri, 1, 1),
    ]
)
