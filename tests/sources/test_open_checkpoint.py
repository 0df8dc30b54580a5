from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from mergec.diagnostics import Report, SourceText, Span, registered_diagnostics
from mergec.sources import open_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_TORCH = """
import sys
from pathlib import Path
from mergec.diagnostics import Report
from mergec.sources import open_bytes, open_checkpoint
report = Report()
checkpoint = open_checkpoint(Path(sys.argv[1]), nest=None, span=None, report=report)
open_bytes(checkpoint.files[0]).close()
assert not report.diagnostics
assert "torch" not in sys.modules, "torch was imported"
"""


def test_safetensors_sources_do_not_import_torch(tmp_path: Path) -> None:
    save_file({"a": np.ones(3)}, tmp_path / "model.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, tmp_path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_diagnostics_point_into_the_recipe(tmp_path: Path) -> None:
    span = Span(SourceText("recipe.yaml", "base: gone"), 1, 7, 11)
    report = Report()
    assert open_checkpoint(tmp_path / "gone", nest=None, span=span, report=report) is None
    assert [found.span for found in report.diagnostics] == [span]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@given(
    name=st.sampled_from(["a.safetensors", "a.bin", "a.index.json", "a"]),
    content=st.one_of(st.binary(max_size=100), st.text(max_size=50).map(str.encode)),
)
def test_any_file_gives_a_checkpoint_or_a_diagnostic(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    report = Report()
    checkpoint = open_checkpoint(folder / name, nest=None, span=None, report=report)
    assert (checkpoint is None) == bool(report.diagnostics)
    for found in report.diagnostics:
        assert found.help
        assert found.message.isprintable()


def test_every_diagnostic_of_this_part_explains_itself() -> None:
    ours = [
        made
        for made in registered_diagnostics().values()
        if made.__module__.endswith(("sources.errors", "torch_errors"))
    ]
    assert [made.code for made in ours] == [
        *(f"MC02{number:02}" for number in range(1, 26)),
        "MC0290",
        "MC0291",
    ]
    for made in ours:
        assert (made.__doc__ or "").count(".") >= 2
        assert len(made.__doc__ or "") > 150
