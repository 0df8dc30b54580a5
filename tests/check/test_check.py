"""What is known to be wrong from headers alone, and how it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec
from mergec.diagnostics.render import render_plain
from tests.conftest import Raw

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic
    from tests.conftest import Workbench

W = np.zeros((2, 3), np.float32)
HALF = {"op": "linear", "inputs": {"a": 0.5, "b": 0.5}}


def findings(bench: Workbench, model: object, **output: object) -> list[Diagnostic]:
    with pytest.raises(mergec.MergecError) as caught:
        bench.recipe(model, **output).check()
    return list(caught.value.errors)


def test_nothing_is_read_and_nothing_written(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.source("a", {"w": W})

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("mergec.sources.local_file.LocalFile.read_at", refuse)
    bench.recipe("a").check()
    assert sorted(p.name for p in bench.folder.iterdir()) == ["a.safetensors", "recipe.yaml"]


class TestShapes:
    def test_both_tensors_and_files_are_named(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        bench.source("b", {"w": np.zeros((2, 4), np.float32)})
        (found,) = findings(bench, HALF)
        assert found.code == "MC0401"
        assert "`a`: [2, 3] float32" in found.notes[0]
        assert "a.safetensors" in found.notes[0]
        assert "`b`: [2, 4] float32" in found.notes[1]

    def test_a_transpose_is_recognised(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        bench.source("b", {"w": W.T.copy()})
        (found,) = findings(bench, HALF)
        assert "transpose" in (found.help or "")

    def test_many_at_one_place_are_told_once(self, bench: Workbench) -> None:
        bench.source("a", {f"h.{i}.w": W for i in range(30)})
        bench.source("b", {f"h.{i}.w": W.T.copy() for i in range(30)})
        (found,) = findings(bench, HALF)
        assert "and 29 more" in found.message

    def test_one_cause_at_several_places_is_told_once(self, bench: Workbench) -> None:
        bench.source("a", {"w": W})
        bench.source("b", {"w": W.T.copy()})
        models = {"x": HALF, "y": "a - b", "m": "x + y"}
        assert [found.code for found in findings(bench, models)] == ["MC0401"]


class TestWeights:
    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        bench.source("a", {f"h.{i}.w": W for i in range(4)})
        bench.source("b", {f"h.{i}.w": W for i in range(4)})

    def test_the_sum_and_a_tensor_are_told(self, bench: Workbench) -> None:
        model = {"op": "linear", "inputs": {"a": {"weight": {"h.[0:2].**": 0.5, "**": 0.6}}, "b": 0.5}}
        (found,) = findings(bench, model)
        assert found.code == "MC0403"
        assert "sum to 1.1" in found.message
        assert "`h.2.w` and 1 more" in found.message

    def test_rounding_is_no_error(self, bench: Workbench) -> None:
        bench.recipe({"op": "linear", "inputs": {"a": 0.1 + 0.2, "b": 0.7}}).check()
        bench.recipe({"op": "linear", "inputs": {"a": 0.3333333, "b": 0.6666667}}).check()

    def test_the_degree_of_the_output_shows_its_arithmetic(self, bench: Workbench) -> None:
        (found,) = findings(bench, "a + 0.5 * b")
        assert found.code == "MC0405"
        assert "degree 1.5, not 1" in found.message
        assert "1 (`a`) + 0.5 (`b`) = 1.5" in found.notes[0]

    def test_a_difference_is_recognised(self, bench: Workbench) -> None:
        (found,) = findings(bench, "a - b")
        assert "kind: delta" in (found.help or "")


class TestDtypes:
    @pytest.mark.parametrize("code", ["F8_E4M3", "F8_E5M2", "C64"])
    def test_packed_and_complex_numbers_are_copied_but_never_averaged(
        self, bench: Workbench, code: str
    ) -> None:
        bits = {"C64": np.arange(4, dtype=np.uint64)}.get(code, np.arange(4, dtype=np.uint8))
        tensor = Raw(code, bits)
        bench.source("a", {"w": tensor})
        bench.source("b", {"w": tensor})
        assert bench.build("a")["w"].data == bits.tobytes()
        assert bench.build("a", dtype="bfloat16")["w"].code == code
        (found,) = findings(bench, "a - b", kind="delta")
        assert found.code == "MC0402"

    def test_a_name_that_the_format_reserves_is_refused(self, bench: Workbench) -> None:
        bench.source("a", {"w": W}, rename=["w -> __metadata__"])
        assert [found.code for found in findings(bench, "a")] == ["MC0406"]


def test_a_name_that_is_not_unicode(bench: Workbench) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.zeros(1), "\ud800": torch.zeros(1)}, bench.folder / "a.pt")
    bench.sources["a"] = {"path": "a.pt"}
    (found,) = findings(bench, "a")
    assert found.code == "MC0406"
    assert "\\ud800" in render_plain([found])
