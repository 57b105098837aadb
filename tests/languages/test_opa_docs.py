"""docs/opa.md is true: its settings load, its servers start, and the engines differ where it says so."""

from __future__ import annotations

import json
import re
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import regorus
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import real_opa
from core.policy_folders import TODAY, rego, resource, write
from governor import bundle, config, library
from governor.judge import judge
from governor.languages import nested
from governor.languages.opa import Language
from governor.languages.opa_server import Server
from governor.model import Inventory

PAGE = (Path(__file__).parents[2] / "docs" / "opa.md").read_text("utf-8")
DIFFERENCES = re.findall(
    r"^\| (`.+`) \| (.+?) \| (.+?) \| .+ \|$", PAGE.partition("## Where the engines differ")[2], re.M
)


def example(name: str) -> str:
    """The block that begins with a comment naming its file."""
    (found,) = re.findall(rf"```\w+\n(# {name}\n.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_settings_load_and_each_is_described(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, {"governor.yaml": example("governor.yaml")}) / "governor.yaml")

    assert settings.engine == "opa"
    assert settings.opa is not None
    described = re.findall(r"^\| (`.+?`(?:, `.+?`)?) \|", PAGE.partition("## Settings")[2].partition("##")[0], re.M)
    assert re.findall(r"`(\w+)`", " ".join(described)) == list(config.Opa.__struct_fields__)
    assert f"further tries; {settings.opa.timeout}." in PAGE


def test_the_policy_lets_in_who_has_the_token(opa: str, tmp_path: Path) -> None:
    write(tmp_path, {"authz.rego": example("authz.rego")})
    options = ("--authentication=token", "--authorization=basic", "authz.rego")

    with real_opa.serve(opa, tmp_path, *options) as server:
        assert requests.get(f"{server.url}/v1/data", timeout=9).status_code == 401
        allowed = {"Authorization": "Bearer correct-horse"}
        assert requests.get(f"{server.url}/v1/data", headers=allowed, timeout=9).status_code == 200


def test_opa_fetches_the_signed_bundle_and_governor_judges_by_it(opa: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": rego()})
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    loaded = library.load([folder])
    sources = [source for concern in loaded.concerns.values() for source in concern.sources]
    texts = bundle.files(nested.nest(sources, loaded.known, {name: c.config for name, c in loaded.concerns.items()}))
    texts[".signatures.json"] = bundle.signatures(texts, private, "ES256")
    (tmp_path / "governor.tar.gz").write_bytes(bundle.archive(texts))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as registry:
        threading.Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        written = example("opa.yaml").replace("https://bundles.example.com", f"http://127.0.0.1:{registry.server_port}")
        key_block = re.compile(r"^( +)-----BEGIN.*END PUBLIC KEY-----\n", re.DOTALL | re.MULTILINE)
        indented = "".join(f"      {line}\n" for line in public.splitlines())
        write(tmp_path, {"opa.yaml": key_block.sub(indented, written)})
        with real_opa.serve(opa, tmp_path, "--config-file", "opa.yaml") as server:
            wait_for_bundles(server)
            engine = Language(Server(server.url, seconds=9), "governor")
            judged = library.load([folder], languages={".rego": engine})
            judgement = judge(Inventory(stage="plan", resources=(resource("r"),)), judged.evaluators, TODAY)
        registry.shutdown()

    assert [finding.resource for finding in judgement.findings] == ["r"]


def wait_for_bundles(server: real_opa.Server) -> None:
    deadline = time.monotonic() + 20
    while requests.get(f"{server.url}/health?bundles", timeout=9).status_code != 200:
        assert time.monotonic() < deadline, (server.folder / "opa.log").read_text()
        time.sleep(0.05)


@pytest.mark.parametrize(("written", "embedded", "in_opa"), DIFFERENCES)
def test_the_engines_differ_as_the_table_says(
    opa: str, tmp_path: Path, written: str, embedded: str, in_opa: str
) -> None:
    expression = written.strip("`") if not written.startswith("``") else written[2:-2]
    module = f"package a\n\nx := {expression}\n"
    if expression.startswith("not "):
        module = f"package a\n\nx if {expression}\n"

    assert told(ours(module)) == meant(embedded)
    assert told(theirs(opa, tmp_path, module)) == meant(in_opa)
    assert meant(embedded) != meant(in_opa)


UNDEFINED, FAILS, DIGEST = "undefined", "fails", "a digest"


def ours(module: str) -> Any:
    engine = regorus.Engine()
    engine.add_policy("a.rego", module)
    engine.set_input_json("{}")
    try:
        found = engine.eval_rule_as_json("data.a.x")
    except RuntimeError:
        return FAILS
    return UNDEFINED if "undefined" in found else json.loads(found)


def theirs(opa: str, folder: Path, module: str) -> Any:
    write(folder, {"a.rego": module, "input.json": "{}"})
    options = ("--strict-builtin-errors", "--input", folder / "input.json", "--data", folder / "a.rego")
    answered = json.loads(real_opa.run(opa, "eval", *options, "data.a.x").stdout)
    if "errors" in answered:
        return FAILS
    return answered["result"][0]["expressions"][0]["value"] if "result" in answered else UNDEFINED


def told(outcome: Any) -> Any:
    return DIGEST if re.fullmatch("[0-9a-f]{64}", str(outcome)) else outcome


def meant(cell: str) -> Any:
    return json.loads(cell.strip("`")) if cell.startswith("`") else cell


def test_the_table_is_read() -> None:
    assert len(DIFFERENCES) >= 15
