"""Graphs of comparisons, choices and functions carried out by the real executor, against numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.ir.dtype import DType
from mergec.ir.expression import concatenated
from mergec.schedule import memory
from tests.execute.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

UNARY = ["abs", "sign", "sqrt", "exp", "log", "cos"]
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "minimum": np.minimum,
    "maximum": np.maximum,
    "at_least": np.greater_equal,
    "above": np.greater,
    "below": np.less,
    "equals": np.equal,
    "power": np.power,
}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def numbers(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    drawn = np.random.default_rng([seed, *shape]).standard_normal(shape)
    return (np.round(drawn * 4) / 4).astype(dtype)  # with ties


@pytest.mark.usefixtures("small_tiles")
class TestEachOne:
    @pytest.mark.parametrize("name", UNARY)
    def test_of_one_operand(self, bench: Bench, name: str) -> None:
        values = np.abs(numbers(37, 11)) if name in {"sqrt", "log"} else numbers(37, 11)
        bench.outputs["w"] = getattr(bench.leaf(values), name)()
        with np.errstate(divide="ignore"):
            expected = getattr(np, name)(values)
        np.testing.assert_array_max_ulp(
            bench.run()["w"], expected, 0 if name in {"abs", "sign", "sqrt"} else 2
        )

    @pytest.mark.parametrize("name", BINARY)
    def test_of_two(self, bench: Bench, name: str) -> None:
        left, right = np.abs(numbers(37, 11)), numbers(37, 11, seed=1)
        bench.outputs["w"] = getattr(bench.leaf(left), name)(bench.leaf(right))
        with np.errstate(divide="ignore"):
            expected = BINARY[name](left, right).astype(np.float32)
        np.testing.assert_array_max_ulp(bench.run()["w"], expected, 2 if name == "power" else 0)

    @pytest.mark.parametrize("mask", [(37, 11), (1, 11), (37, 1), (1, 1)])
    def test_a_choice(self, bench: Bench, mask: tuple[int, ...]) -> None:
        chooses, left, right = numbers(*mask), numbers(37, 11, seed=1), numbers(37, 11, seed=2)
        left[3, :] = np.nan
        bench.outputs["w"] = bench.leaf(chooses).repeated(37, 11).where(bench.leaf(left), bench.leaf(right))
        np.testing.assert_array_equal(bench.run()["w"], np.where(chooses != 0, left, right))

    def test_values_of_sixteen_bits_are_widened(self, bench: Bench) -> None:
        values = np.abs(numbers(500, dtype=np.float16))
        bench.outputs["w"] = bench.leaf(values).sqrt()
        np.testing.assert_array_equal(bench.run()["w"], np.sqrt(values.astype(np.float32)))


def trimmed(bench: Bench, *shape: int) -> Array:
    """A mask, a choice and a function of values that are used several times; what numpy makes of them."""
    left, right = numbers(*shape, seed=1), numbers(*shape, seed=2)
    a, b = bench.leaf(left), bench.leaf(right)
    bench.outputs["w"] = abs(a).above(abs(b)).where(a, b * 0.5) + (a.minimum(b) - a.maximum(b)).exp()
    kept: Array = np.where(np.abs(left) > np.abs(right), left, right * np.float32(0.5))
    kept += np.exp(np.minimum(left, right) - np.maximum(left, right))
    return kept


@pytest.mark.parametrize("tile", [64, 1 << 10, 1 << 14])
@pytest.mark.parametrize("workers", [1, 3])
def test_the_size_of_tiles_changes_no_bit(
    tile: int, workers: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trimmed(bench, 113, 127)
    whole = bench.run()["w"]
    np.testing.assert_allclose(whole, expected, rtol=1e-6, atol=1e-6)
    monkeypatch.setattr(memory, "LARGEST_TILE", tile)
    monkeypatch.setattr(memory, "SMALLEST_TILE", tile)
    np.testing.assert_array_equal(bench.run(workers=workers)["w"], whole)


@pytest.mark.usefixtures("small_tiles")
class TestUnderViews:
    """What moves joins, slices and views past elementwise nodes moves them past these."""

    def test_transposed_and_cut(self, bench: Bench) -> None:
        expected = trimmed(bench, 40, 30)
        bench.outputs["w"] = bench.outputs["w"].transposed.part(0, 3, 17).reshape(14 * 40)
        np.testing.assert_allclose(bench.run()["w"], expected.T[3:17].ravel(), rtol=1e-6, atol=1e-6)

    def test_an_operand_that_is_joined(self, bench: Bench) -> None:
        left, right, other = numbers(8, 6, seed=1), numbers(9, 6, seed=2), numbers(17, 6, seed=3)
        mask = numbers(17, 6, seed=4)
        joined = concatenated([bench.leaf(left), bench.leaf(right)], axis=0)
        bench.outputs["w"] = bench.leaf(mask).where(joined, bench.leaf(other))
        assert len(bench.plan().regions) == 2
        expected = np.where(mask != 0, np.concatenate([left, right]), other)
        np.testing.assert_array_equal(bench.run()["w"], expected)

    def test_a_mask_of_rows_that_is_joined_along_the_other_axis(self, bench: Bench) -> None:
        left, right, mask = numbers(8, 6, seed=1), numbers(8, 5, seed=2), numbers(8, 1, seed=3)
        joined = concatenated([bench.leaf(left), bench.leaf(right)], axis=1)
        bench.outputs["w"] = bench.leaf(mask).repeated(8, 11).where(joined, joined * 2.0)
        expected = np.concatenate([left, right], axis=1)
        np.testing.assert_array_equal(bench.run()["w"], np.where(mask != 0, expected, 2 * expected))


@pytest.mark.usefixtures("small_tiles")
class TestLaws:
    def test_a_term_of_weight_zero_is_left_out_below_a_choice(self, bench: Bench) -> None:
        a, dropped = numbers(50), np.full(50, np.nan, np.float32)
        kept, left_out = bench.leaf(a), bench.leaf(dropped)
        mask = kept.above(bench.leaf(numbers(50, seed=1)))
        bench.outputs["w"] = mask.where(kept + left_out * 0.0, kept * 1.0)
        np.testing.assert_array_equal(bench.run()["w"], a)
        assert {leaf.view.file for region in bench.plan().regions for leaf in region.leaves} == {0, 2}

    def test_every_nan_of_the_output_has_the_same_bits(self, bench: Bench) -> None:
        odd = np.full(40, 0xFFC12345, np.uint32).view(np.float32)
        bench.outputs["w"] = bench.leaf(np.ones(40, np.float32)).where(bench.leaf(odd), bench.leaf(odd) * 2.0)
        assert set(bench.run()["w"].view(np.uint32)) == {0x7FC00000}

    def test_float64_and_back(self, bench: Bench) -> None:
        values = np.abs(numbers(50)).astype(np.float64) + 0.5
        made = bench.leaf(values).log().cos().power(2.0)
        bench.outputs["w"] = made.cast(DType.F16)
        expected = (np.cos(np.log(values)) ** 2).astype(np.float16)
        np.testing.assert_array_equal(bench.run()["w"], expected)


def test_what_a_choice_takes_beside_its_registers_is_in_the_proof(bench: Bench) -> None:
    trimmed(bench, 113, 127)
    (region,) = bench.plan().regions
    assert region.program.scratch >= 1 << 17
