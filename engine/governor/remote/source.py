"""What people write for a folder in a git repository: `git+https://host/org/repo@REF#FOLDER` in, its parts out.

Whatever is not plainly one of these never reaches git: git takes an argument that begins with `-` for an option, and
`ext::` or a host that begins with `-` for a command to run (CVE-2017-1000117, CVE-2022-24439).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from msgspec import Struct

from governor.errors import Refusal

MARK = "git+"
SCHEMES = ("https", "ssh", "file")

_FORM = "git+https://host/org/repo@COMMIT#FOLDER"
_HOST = r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?"
_USER = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_AUTHORITY = {"https": _HOST, "ssh": rf"(?:{_USER}@)?{_HOST}", "file": ""}


class Source(Struct, frozen=True):
    """A folder in a git repository."""

    url: str
    """What git is given. It holds no password."""
    ref: str = ""
    """A commit, a tag or a branch; empty: the branch that the repository shows first."""
    folder: str = ""
    """`a/b`; empty: the whole repository."""

    def __str__(self) -> str:
        ref = f"@{self.ref}" if self.ref else ""
        return f"{MARK}{self.url}{ref}{f'#{self.folder}' if self.folder else ''}"

    @property
    def pinned(self) -> bool:
        """Whether it names a commit, by all of its 40 digits. A shorter one can be made to mean another commit."""
        return re.fullmatch(r"[0-9a-f]{40}", self.ref) is not None


def parse(written: str) -> Source:
    """The parts of what was written; a Refusal, which never quotes it: it may hold a password."""
    found = re.fullmatch(r"git\+([A-Za-z0-9+.:-]*?)://([^/#]*)(/[^@#]*)(?:@([^#]*))?(?:#(.*))?", written, re.DOTALL)
    if found is None:
        raise Refusal(f"this is no address of a git repository: write {_FORM}")
    scheme, authority, path, ref, folder = (part or "" for part in found.groups())
    if scheme not in SCHEMES:
        raise Refusal(f"git policies come over {', '.join(SCHEMES)}: write {_FORM}")
    if "@" in authority and (scheme != "ssh" or ":" in authority.rpartition("@")[0]):
        raise Refusal("a password does not belong here: take it out, and give it to git with a credential helper")
    if not re.fullmatch(_AUTHORITY[scheme], authority):
        raise Refusal(
            "an address of a file begins with git+file:/// and a path"
            if scheme == "file"
            else f"the host of this address cannot be one: write git+{scheme}://host/org/repo, the port in digits"
        )
    if not re.fullmatch(r"/[^\s?\\]+", path) or not unquote(path).isprintable():
        raise Refusal(f"the path of this address cannot be one: write {_FORM}")
    if found[4] is not None and not _is_ref(ref):
        raise Refusal(
            "what follows the @ can be neither commit nor tag: write @ and the 40 digits of a commit, or a tag"
        )
    parts = folder.rstrip("/").split("/") if folder else []
    if any(part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts):
        raise Refusal("what follows the # is no folder of the repository: write it from the top, as in #policies/aws")
    return Source(f"{scheme}://{authority}{path}", ref, "/".join(parts))


def _is_ref(text: str) -> bool:
    """Stricter than `git check-ref-format`: no name that git could take for a pattern or for an option."""
    return re.fullmatch(r"(?!.*(\.\.|//|\.lock$|[./]$))[A-Za-z0-9][A-Za-z0-9._/+@-]*", text) is not None
