"""Git itself: an address in; its refs, objects and signatures out.

All of it happens in a repository that lasts for one question. Nothing is checked out, so no hook, filter,
attribute or submodule of anybody has a say. What the user tells git of proxies, certificates and credentials counts.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from governor.errors import CANNOT_JUDGE, Refusal
from governor.remote.objects import Objects
from governor.remote.source import SCHEMES

if TYPE_CHECKING:
    from git import Git

SECONDS = 120
"""Longest that git may take for one thing."""

_OPTIONS = ("-c", f"core.hooksPath={os.devnull}", "-c", "gc.auto=0", "-c", "maintenance.auto=false")

_NO_GIT = "git policies need git: install it, or give a folder in place of the address"


class Repository:
    """A repository without files, in a folder that it makes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._git = _gitpython(folder)
        # Inside a hook, git's variables name the repository that the hook belongs to.
        self._git.update_environment(
            GIT_DIR=str(folder),
            GIT_COMMON_DIR=str(folder),
            GIT_WORK_TREE=str(folder),
            GIT_INDEX_FILE=str(folder / "index"),
            GIT_OBJECT_DIRECTORY=str(folder / "objects"),
            GIT_ALTERNATE_OBJECT_DIRECTORIES="",
            GIT_ALLOW_PROTOCOL=":".join(SCHEMES),
            GIT_NO_REPLACE_OBJECTS="1",
            GIT_TERMINAL_PROMPT="0",
            SSH_ASKPASS_REQUIRE="never",
        )
        self.folder = folder
        self._must("no repository can be made", "init", "--quiet", "--template=")

    def refs(self, url: str, *names: str) -> dict[str, str]:
        """Name → object, for those of the refs that the address has; others that end like them may be there, too."""
        listed = self._must(f"{url} cannot be asked", "ls-remote", "--", url, *names)
        return {name: oid for oid, name in (line.split("\t") for line in listed.splitlines())}

    def fetch(self, url: str, oid: str) -> None:
        """Fetch an object and all below it, without its history where the host can do that."""
        quiet = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
        failed, _, said = self._run(*quiet, "--depth=1", "--", url, oid)
        if failed and "not our ref" not in said:
            # Some hosts give away what a ref names only, and plain files over https know no depth.
            everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            self._must(f"{url} cannot be fetched", *quiet, "--", url, *everything)
        if self._run("cat-file", "-e", oid)[0]:
            raise Refusal(f"{url} has no commit {oid}: take one that is on a branch or under a tag of it")

    def read(self, oid: str) -> tuple[str, bytes]:
        """(kind, what it holds) of an object that was fetched."""
        try:
            _, kind, _, body = self._git.get_object_data(oid)
        except ValueError:
            raise Refusal(f"what was fetched lacks {oid}: have its repository mended", code=CANNOT_JUDGE) from None
        return os.fsdecode(kind), body  # text by its type, bytes in fact

    def close(self) -> None:
        """End the process that reads objects."""
        self._git.clear_cache()

    def signer(self, oid: str, objects: Objects, signers: Path | None) -> str:
        """Who signed a commit or tag: somebody of a file of SSH signers, or without one, of the user's own keys.

        Refuses what is not signed, and what is signed by anybody else.
        """
        kind, body = objects[oid]
        file = self.folder / "signed"
        file.write_bytes(body)
        self._must("no object can be made", "hash-object", "-t", kind, "-w", "--literally", str(file))
        # A file of signers stands alone: no key of the user's own counts beside it.
        only = [f"gpg.ssh.allowedSignersFile={signers}"]
        only += [f"gpg.{program}=false" for program in ("program", "openpgp.program", "x509.program")]
        trusted = [word for setting in only for word in ("-c", setting)] if signers else []
        failed, _, said = self._run(*trusted, f"verify-{kind}", oid)
        if failed:
            wanted = f"one that {signers.name} lists" if signers else "one that your gpg or SSH signers trust"
            reason = f" ({last})" if (last := _last(said)) else ""
            raise Refusal(f"{kind} {oid[:12]} has no good signature by {wanted}{reason}", code=CANNOT_JUDGE)
        found = re.search(r'Good (?:"git" )?signature (?:for (\S+) with|from "(.+)")', said)
        return (found[1] or found[2]) if found else "a trusted key"

    def _must(self, complaint: str, *arguments: str) -> str:
        failed, out, said = self._run(*arguments)
        if failed:
            raise Refusal(f"{complaint}: {_last(said) or f'git ended with {failed}'}", code=CANNOT_JUDGE)
        return out

    def _run(self, *arguments: str) -> tuple[int, str, str]:
        """(exit code, standard output, standard error)."""
        from git import GitCommandNotFound

        command = [self._git.GIT_PYTHON_GIT_EXECUTABLE, *_OPTIONS, *arguments]
        try:
            # In a session of its own it has no terminal to ask anything at, and can be ended with all it started.
            process = self._git.execute(command, as_process=True, start_new_session=True)
        except GitCommandNotFound:
            raise Refusal(_NO_GIT, code=CANNOT_JUDGE) from None
        try:
            out, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            _end(process.pid)
            raise Refusal(f"git took more than {SECONDS} s: see whether the host answers", code=CANNOT_JUDGE) from None
        except BaseException:
            _end(process.pid)
            raise
        return process.returncode, out.decode("utf-8", "replace"), said.decode("utf-8", "replace")


def _gitpython(folder: Path) -> Git:
    try:
        from git import Git
    except ModuleNotFoundError:
        raise Refusal("git policies need GitPython: pip install 'gpu-governor[git]'", code=CANNOT_JUDGE) from None
    except ImportError:
        raise Refusal(_NO_GIT, code=CANNOT_JUDGE) from None
    return Git(str(folder))


def _end(process: int) -> None:
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process, signal.SIGKILL)
        else:
            os.kill(process, signal.SIGTERM)


def _last(said: str) -> str:
    """The line of git's complaint that says most, without what `url.insteadOf` may have put before a host."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    return re.sub(r"://[^/\s]*@", "://…@", re.sub(r"^(fatal|error): ", "", told))
