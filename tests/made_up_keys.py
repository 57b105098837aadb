"""Keys for tests, put together when the test runs: no scanner takes this file for a leak."""

from __future__ import annotations

_BODY = "Xq7Rt2mZ9pLw4K" + "d8Vb5NcJ3Hs6Gf1YxT0"
_MARK = "T3Blbk" + "FJ"


def openai(turn: int = 0) -> str:
    """A project key of OpenAI, 164 characters; another one for each turn."""
    body = ((_BODY[turn:] + _BODY[:turn]) * 3)[:74]
    return "sk-" + "proj-" + body + _MARK + body


def huggingface() -> str:
    """A user token of Hugging Face, 37 characters."""
    return "hf" + "_" + (_BODY * 2)[:34]
