"""What a commit hook is given are files; what is judged are the root modules they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest

from governor.sources.terraform_hcl.roots import roots_of

CODE = {
    "prod/main.tf": 'module "fleet" {\n  source = "../modules/fleet"\n}\n',
    "dev/main.tf": 'module "fleet" {\n  source   =   "../modules/fleet/"\n}\n',
    "dev/also.tf": "locals {}\n",
    "modules/fleet/main.tf": 'module "node" {\n  source = "./node"\n}\nmodule "v" {\n  source = "hashicorp/v/aws"\n}\n',
    "modules/fleet/node/main.tf": "locals {}\n",
    "modules/alone/main.tf.json": '{"module": {"n": {"source": "../fleet/node"}}}',
    "round/a/main.tf": 'module "b" {\n  source = "../b"\n}\n',
    "round/b/main.tf": 'module "a" {\n  source = "../a"\n}\n',
    "prod/.terraform/modules/x/main.tf": 'module "m" {\n  source = "../../../../modules/fleet"\n}\n',
}


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    for name, text in CODE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "judged"),
    [
        (["dev"], ["dev"]),
        (["dev/main.tf", "dev/also.tf"], ["dev"]),
        (["modules/fleet/main.tf"], ["dev", "prod"]),
        (["modules/fleet/node/main.tf"], ["dev", "modules/alone", "prod"]),
        (
            ["modules/fleet/node/main.tf", "dev/main.tf", "modules/fleet"],
            ["dev", "modules/alone", "modules/fleet", "prod"],
        ),
        (["round/a/main.tf"], ["round/a"]),
    ],
)
def test_a_file_belongs_to_the_roots_that_call_it(given: list[str], judged: list[str]) -> None:
    assert sorted(str(root) for root in roots_of(map(Path, given))) == judged


def test_from_a_folder_of_the_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "dev")

    assert roots_of([Path("main.tf")]) == [Path()]
    assert roots_of([Path("../modules/alone/main.tf.json")]) == [repository / "modules" / "alone"]
