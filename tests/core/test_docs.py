"""The examples of docs/configuration.md and the table of docs/exit-codes.md are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.policy_folders import write
from governor import cli, config, errors, library, yamlfile
from governor.catalog.prices import PriceBook
from governor.config import Settings
from governor.model import Policy

DOCS = Path(__file__).parents[2] / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text("utf-8")


def example(name: str, kind: str = "yaml") -> str:
    """The block of the page that begins with a comment naming its file, or the only one of its kind."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", CONFIGURATION, re.DOTALL)
    (found,) = [block for block in blocks if kind != "yaml" or block.startswith(f"# {name}\n")]
    return str(found)


def test_every_yaml_example_names_its_file() -> None:
    names = re.findall(r"```yaml\n# (\S+)\n", CONFIGURATION)

    assert sorted(names) == ["exemptions.yaml", "governor.yaml", "policies/tagging/data.yaml"]
    assert CONFIGURATION.count("```yaml") == len(names)


def test_the_settings_load_and_show_every_one(tmp_path: Path) -> None:
    text = example("governor.yaml")
    settings = config.load(write(tmp_path, {"governor.yaml": text}) / "governor.yaml")

    assert set(yamlfile.read(tmp_path / "governor.yaml")) == set(Settings.__struct_fields__)
    assert [rule.level for rule in settings.levels] == ["warn", "off"]
    for name in ("fail_level", "strict", "max_price_age_days", "checkov", "spend"):
        assert getattr(settings, name) == getattr(Settings(), name), (
            "where the example shows a default, it is the default"
        )


@pytest.mark.parametrize(("severity", "level"), config.DEFAULT_LEVELS.items())
def test_the_levels_of_severities(severity: str, level: str) -> None:
    words = " ".join(CONFIGURATION.replace("#", " ").split())

    assert "critical and high are deny, medium is warn, low is note" in words
    assert Settings().level(Policy(id="X", title="x", severity=severity), "plan") == level  # type: ignore[arg-type]
    assert level == {"critical": "deny", "high": "deny", "medium": "warn", "low": "note"}[severity]


def test_the_overlay_lies_over_the_shipped_data(tmp_path: Path) -> None:
    name = "policies/tagging/data.yaml"
    write(tmp_path, {name: example(name)})

    shipped = library.load([library.builtin()]).concerns["tagging"].config["tags"]
    overlaid = library.load([library.builtin(), tmp_path / "policies"]).concerns["tagging"].config["tags"]

    assert "pretraining" in overlaid["stage"]["values"]
    assert "pattern" in shipped["project"]
    assert "pattern" not in overlaid["project"]
    assert overlaid["experiment-id"] == shipped["experiment-id"]


def test_the_exemptions_load(tmp_path: Path) -> None:
    file = write(tmp_path, {"exemptions.yaml": example("exemptions.yaml")}) / "exemptions.yaml"

    (exemption,) = config.load_exemptions(file)
    assert exemption.expires.isoformat() == "2026-09-30"
    assert set(yamlfile.read(file)["exemptions"][0]) == set(exemption.__struct_fields__)


def test_the_prices_load(tmp_path: Path) -> None:
    file = write(tmp_path, {"prices.csv": example("prices.csv", "csv")}) / "prices.csv"

    assert PriceBook.shipped().with_rows(file)


def test_the_table_of_exit_codes_is_complete() -> None:
    codes = {
        int(code) for code in re.findall(r"^\| (\d+) \|", (DOCS / "exit-codes.md").read_text("utf-8"), re.MULTILINE)
    }

    assert codes == {0, 1, errors.USAGE, errors.CANNOT_JUDGE, 4, cli.INTERRUPTED, cli.BROKEN_PIPE}
