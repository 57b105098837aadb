"""What is written in a layout is read back from it, whole."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings

from governor.azure_model import Export
from governor.sources.azure.exports import LAYOUTS
from governor.sources.azure.exports.writing import Layout
from sources.azure.exported import definition, everything, exports, held, round_trip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_export_with_something_of_everything(layout: Layout, tmp_path: Path) -> None:
    assert round_trip(everything(), layout, tmp_path) == held(everything(), layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(export=exports())
@example(export=Export(definitions=(definition(".hidden", display_name=""),)))
def test_any_export(layout: Layout, export: Export) -> None:
    wanted = held(export, layout)
    if wanted == Export():
        return
    with TemporaryDirectory() as folder:
        assert round_trip(export, layout, Path(folder)) == wanted
