"""Rego policies on an OPA server: other people's libraries, policies that fail, revisions and bundles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

import fault_proxy
import real_opa
from core.policy_folders import TODAY, rego, resource, said, write
from governor import bundle, library
from governor.errors import CANNOT_JUDGE, Refusal
from governor.judge import judge
from governor.languages import nested, opa_server
from governor.languages.opa import NARROWING, Language
from governor.languages.opa_server import Server
from governor.model import Inventory, Judgement, Resource

Files = Mapping[str, str]


@pytest.fixture
def proxy(opa_server: real_opa.Server) -> Iterator[fault_proxy.Proxy]:
    with fault_proxy.before(opa_server.url) as proxy:
        yield proxy


def ask(folder: Path, url: str, *resources: Resource, name: str = "", **facts: Any) -> Judgement:
    """What the policies of a folder say on a server."""
    language = Language(Server(url, seconds=20), name)
    loaded = library.load([folder], languages={".rego": language})
    return judge(Inventory(stage="plan", resources=resources, **facts), loaded.evaluators, TODAY)


def embedded(folder: Path, *resources: Resource) -> Judgement:
    return judge(Inventory(stage="plan", resources=resources), library.load([folder]).evaluators, TODAY)


# Libraries of all kinds mean the same below another path


ALIKE: dict[str, Files] = {
    "every way to say data": {
        "names/names.rego": rego(body='_data[resource.id]\n\tdata["config"].names.long == "data é𝄞"; data.names.short')
        + '\n# data\n_data := {"a": data.config["names"][_k] | _k := `long`} # data\n\nshort if not data.nowhere\n',
        "names/data.yaml": 'long: "data é𝄞"\n',
    },
    "rules of another file and another package": {
        "names/names.rego": "package names\n\nimport data.words.sub as w\nimport data.words\n"
        + rego(body="w.ends(resource.id); words.all[_]; _helped").partition("\n")[2],
        "names/zz_helper.rego": 'package names\n\n_helped if data.words.all == {"a"}\n',
        "words/all.rego": 'package words\n\nall contains "a"\n',
        "words/sub.rego": 'package words.sub\n\nends(id) if endswith(id, "a")\n',
    },
    "a walk over all of the data": {
        "names/names.rego": rego(body="count([path | walk(data.config, [path, _])]) == 4\n"
                                 '\tsome k in object.keys(data.config); data.config[k].deep.deeper == resource.id'),
        "names/data.yaml": "deep: {deeper: a}\n",
    },
    "data that is laid over within a policy": {
        "names/names.rego": rego(body="_limit == 9")
        + '\n_limit := found if {\n\tfound := data.config.names.limit with data.config as {"names": {"limit": 9}}\n}\n',
        "names/data.yaml": "limit: 1\n",
    },
    "a package with a name in brackets": {
        "names/names.rego": rego(body='data.words.sub["a-b"].known[resource.id]'),
        "words/words.rego": 'package words.sub["a-b"]\n\nknown := {"a": true}\n',
    },
    "an id that is no plain word": {"names/names.rego": rego(id='odd "id" – 1')},
    "words that JSON writes in two ways": {
        "names/names.rego": rego(body="data.config.names.odd[resource.id]"),
        "names/data.yaml": 'odd: {"a": "<&>\\u2028\\u2029\\b\\f\\x7F𝄞", "1": 1.0, "b": [1e3, -0.0, null]}\n',
    },
    "two files of one name": {"names/names.rego": rego(), "names/Names.rego": rego(rule="deny_any", id="NAM002")},
}  # fmt: skip


@pytest.mark.parametrize("files", ALIKE.values(), ids=ALIKE)
def test_a_library_means_the_same_on_a_server(
    opa: str, opa_server: real_opa.Server, tmp_path: Path, files: Files
) -> None:
    folder = write(tmp_path / "mine", files)
    resources = (resource("a"), resource("b"))

    ours = embedded(folder, *resources)
    assert ours.findings
    assert ask(folder, opa_server.url, *resources) == ours

    with served(opa, tmp_path, folder) as server:
        assert ask(folder, server.url, *resources, name="governor.tar.gz") == ours


def test_files_of_one_name_in_two_folders(opa_server: real_opa.Server, tmp_path: Path) -> None:
    folders = [
        write(tmp_path / name, {"names/names.rego": rego(id=name.upper(), rule=f"deny_{name}")}) for name in ("x", "y")
    ]
    language = Language(Server(opa_server.url, seconds=20))

    loaded = library.load(folders, languages={".rego": language})
    judgement = judge(Inventory(stage="plan", resources=(resource("a"),)), loaded.evaluators, TODAY)

    assert [finding.policy for finding in judgement.findings] == ["X", "Y"]


def test_files_that_need_one_another_in_a_circle_are_served_as_a_bundle(
    opa: str, opa_server: real_opa.Server, tmp_path: Path
) -> None:
    folder = write(
        tmp_path / "mine",
        {
            "names/names.rego": rego(body="_helped") + '\n_word := "a"\n',
            "names/helper.rego": 'package names\n\n_helped if _word == "a"\n',
        },
    )

    with pytest.raises(Refusal, match=r"does not take the policies: helper\.rego:3: var _word is unsafe") as refusal:
        ask(folder, opa_server.url, resource("a"))
    assert refusal.value.code == CANNOT_JUDGE
    assert str(refusal.value).endswith("files that need one another in a circle can only be served as a bundle")
    with served(opa, tmp_path, folder) as server:
        assert ask(folder, server.url, resource("a"), name="governor.tar.gz") == embedded(folder, resource("a"))


def test_half_a_library_never_answers(opa_server: real_opa.Server, tmp_path: Path) -> None:
    # The policy needs a rule that OPA does not take, and would find nothing without it.
    folder = write(
        tmp_path / "mine",
        {
            "names/names.rego": "package names\n\nimport data.words\n" + rego(body="words.long").partition("\n")[2],
            "words/words.rego": "package words\n\nlong := true\n\nodd if no_such_function(1)\n",
        },
    )

    for _ in range(2):
        with pytest.raises(Refusal, match=r"words\.rego:5: undefined function no_such_function$"):
            ask(folder, opa_server.url, resource("a"))


def test_what_opa_does_not_compile_is_told_with_its_line(opa_server: real_opa.Server, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": rego(body="no_such_function(resource.id)")})

    with pytest.raises(Refusal, match=r"names\.rego:10: undefined function no_such_function$"):
        ask(folder, opa_server.url, resource("a"))


# Policies that fail


LOWER = 'lower(resource.attributes.name) == "long"'


def named(*values: object) -> list[Resource]:
    return [resource(f"r{number}", attributes={"name": value}) for number, value in enumerate(values)]


def test_a_policy_fails_on_the_resources_that_it_fails_on_elsewhere(proxy: fault_proxy.Proxy, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "mine",
        {"names/names.rego": rego(body=LOWER), "names/more.rego": rego(rule="deny_any", id="NAM002")},
    )
    resources = named("long", "short", 5, "long", *["x"] * 40)

    theirs = ask(folder, proxy.url, *resources)
    ours = embedded(folder, *resources)

    assert [(f.policy, f.resource) for f in theirs.failures] == [("NAM001", "r2")]
    assert theirs.failures[0].reason == "names.rego:10: lower: operand 1 must be string but got number"
    assert theirs.failures[0].resource == ours.failures[0].resource
    assert (theirs.findings, theirs.policies) == (ours.findings, ours.policies)
    assert len(proxy.requests) < 40


def test_a_rule_that_contradicts_itself_fails(opa_server: real_opa.Server, tmp_path: Path) -> None:
    text = rego(body="_one == 1") + "\n_one := v if some v in [1, 2]\n"
    folder = write(tmp_path / "mine", {"names/names.rego": text})

    (failure,) = ask(folder, opa_server.url, resource("a")).failures

    assert (failure.policy, failure.resource) == ("NAM001", "a")
    assert failure.reason == "names.rego:13: complete rules must not produce multiple outputs"


def test_a_library_that_fails_everywhere_takes_few_questions(proxy: fault_proxy.Proxy, tmp_path: Path) -> None:
    files = {f"names/n{n}.rego": rego(body=LOWER, rule=f"deny_{n}", id=f"NAM{n:03}") for n in range(20)}
    folder = write(tmp_path / "mine", files)

    failures = ask(folder, proxy.url, *named(*range(64))).failures

    assert {failure.policy for failure in failures} == {f"NAM{n:03}" for n in range(20)}
    assert failures[0].resource == "r0"
    assert len([r for r in proxy.requests if r.startswith("POST")]) < NARROWING + 3 * 20


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('"just words"', "Expected `object`, got `str` - at `$[0]`"),
        ('{"resource": resource.id}', "Object missing required field `msg` - at `$[0]`"),
        ('{"resource": "r", "msg": null}', "Expected `str`, got `null` - at `$[0].msg`"),
    ],
)
def test_an_answer_of_another_shape(opa_server: real_opa.Server, tmp_path: Path, answer: str, reason: str) -> None:
    head, _, _ = rego().partition("deny_long contains")
    text = f"{head}deny_long contains {answer} if {{\n\tsome resource in input.resources\n}}\n"
    folder = write(tmp_path / "mine", {"names/names.rego": text})

    theirs = ask(folder, opa_server.url, resource("r"))

    assert theirs == embedded(folder, resource("r"))
    assert theirs.failures[0].reason.endswith(reason)


def test_no_resources_and_no_policies(opa_server: real_opa.Server, proxy: fault_proxy.Proxy, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": rego()})
    assert ask(folder, opa_server.url).findings == []

    loaded = library.load([folder], keep=lambda _: False, languages={".rego": Language(Server(proxy.url, seconds=5))})
    assert judge(Inventory(stage="plan", resources=()), loaded.evaluators, TODAY).policies == []
    assert proxy.requests == []


# Revisions


def nest(folder: Path) -> nested.Nested:
    loaded = library.load([folder])
    sources = [s for c in loaded.concerns.values() for s in c.sources]
    return nested.nest(sources, loaded.known, {name: c.config for name, c in loaded.concerns.items()})


def served(opa: str, place: Path, folder: Path) -> Any:
    """An OPA that has the policies of a folder from a bundle, governor.tar.gz."""
    (place / "governor.tar.gz").write_bytes(bundle.archive(bundle.files(nest(folder))))
    return real_opa.serve(opa, place, "--bundle", "governor.tar.gz")


def test_the_revision_is_that_of_rules_data_and_names_and_of_nothing_else(tmp_path: Path) -> None:
    files = {"names/names.rego": rego(), "names/data.yaml": "a: 1\nb: 2\n"}
    same = [{**files}, {**files, "names/data.yaml": "b: 2\n\na: 1 # reordered\n"}]
    other = [
        {**files, "names/data.yaml": "a: 2\nb: 2\n"},
        {**files, "names/names.rego": rego() + "# a comment\n"},
        {**files, "names/more.rego": "package names\n"},
    ]

    revisions = [
        nest(write(tmp_path / f"{number}", each)).revision for number, each in enumerate((files, *same, *other))
    ]

    assert len(set(revisions[:3])) == 1
    assert len(set(revisions)) == 4


def test_two_libraries_live_side_by_side(opa_server: real_opa.Server, tmp_path: Path) -> None:
    a = write(
        tmp_path / "a", {"names/names.rego": rego(body='data.config.names.w == "a"'), "names/data.yaml": "w: a\n"}
    )
    b = write(tmp_path / "b", {"names/names.rego": rego(id="B"), "names/data.yaml": "w: b\n"})

    for _ in range(2):
        assert said(ask(a, opa_server.url, resource("r"))) == [("NAM001", "r", "too long")]
        assert said(ask(b, opa_server.url, resource("r"))) == [("B", "r", "too long")]


def test_old_revisions_leave_the_server_and_come_back_when_they_are_needed(opa: str, tmp_path: Path) -> None:
    with real_opa.serve(opa, tmp_path) as server:
        first = write(tmp_path / "first", ALIKE["rules of another file and another package"])
        more = [write(tmp_path / f"{n}", {"names/names.rego": rego(id=f"N{n}")}) for n in range(opa_server.KEPT + 1)]
        folders = [first, *more]
        for folder in folders:
            assert len(ask(folder, server.url, resource("a")).findings) == 1

        kept = [nest(folder).root.rpartition(".")[2] for folder in folders[2:]]
        modules = requests.get(f"{server.url}/v1/policies", timeout=9).json()["result"]
        assert {module["id"].split("/")[1] for module in modules} == set(kept)
        data = requests.get(f"{server.url}/v1/data/governor", timeout=9).json()["result"]
        assert set(data) == {"revisions", *kept}
        assert len(ask(first, server.url, resource("a")).findings) == 1


def test_a_server_that_forgets_is_given_them_again(opa: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": rego()})
    for _ in range(2):
        with real_opa.serve(opa, tmp_path) as server:
            assert len(ask(folder, server.url, resource("r")).findings) == 1


def test_what_others_delete_is_put_there_again_or_cannot_be_deleted(
    opa_server: real_opa.Server, tmp_path: Path
) -> None:
    files = {"names/names.rego": rego(body="data.config.names.limit == 1"), "names/data.yaml": "limit: 1\n"}
    folder = write(tmp_path / "mine", files)
    assert len(ask(folder, opa_server.url, resource("r")).findings) == 1
    own = nest(folder)

    url = f"{opa_server.url}/v1"
    module, answer = own.modules
    assert requests.delete(f"{url}/policies/{module}", timeout=9).status_code == 400
    assert len(ask(folder, opa_server.url, resource("r")).findings) == 1
    for gone in (f"policies/{answer}", f"data/{own.root.replace('.', '/')}"):
        assert requests.delete(f"{url}/{gone}", timeout=9).ok
        assert len(ask(folder, opa_server.url, resource("r")).findings) == 1


def test_a_bundle_of_another_revision(opa: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": rego()})
    changed = write(tmp_path / "changed", {"names/names.rego": rego(body="false")})

    with served(opa, tmp_path, folder) as server:
        assert len(ask(folder, server.url, resource("r"), name="governor.tar.gz").findings) == 1
        with pytest.raises(Refusal) as refusal:
            ask(changed, server.url, resource("r"), name="governor.tar.gz")
        with pytest.raises(Refusal, match="the OPA server has no bundle named governor: make it with governor bundle"):
            ask(changed, server.url, resource("r"), name="governor")

    assert refusal.value.code == CANNOT_JUDGE
    assert str(refusal.value) == (
        f"{server.url}: the bundle governor.tar.gz of the OPA server is of the revision {nest(folder).revision}, and"
        f" the policies here are {nest(changed).revision}: make it anew with governor bundle build, or judge by the"
        " policies it was made of"
    )


def test_data_that_json_has_no_word_for(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"names/names.rego": rego(), "names/data.yaml": "limit: .inf\n"})

    with pytest.raises(Refusal, match=r"holds \.nan or \.inf"):
        nest(folder)
