"""Register programs: what is computed once, and which registers it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.execute.bench import Bench

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor
    from mergec.ir.program import Program

HALF = np.ones(8, np.float16)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def program(bench: Bench, value: Tensor) -> Program:
    bench.outputs["w"] = value
    (region,) = bench.plan().regions
    return region.program


def test_an_operand_of_several_is_widened_once(bench: Bench) -> None:
    base, a, b = (bench.leaf(HALF) for _ in range(3))
    found = program(bench, base + (a - base) + (b - base))
    assert [step.kernel for step in found.instructions].count("cast") == 3
    np.testing.assert_array_equal(bench.run()["w"], np.ones(8, np.float32))


def test_what_was_widened_leaves_its_register_to_what_is_loaded_next(bench: Bench) -> None:
    base, a, b = (bench.leaf(HALF) for _ in range(3))
    found = program(bench, base + (a - base) + (b - base))
    assert sum(register.dtype.itemsize == 2 for register in found.registers) <= 2


def test_one_value_as_both_operands_is_widened_once(bench: Bench) -> None:
    a = bench.leaf(HALF)
    found = program(bench, a + a)
    assert [step.kernel for step in found.instructions] == ["load", "cast", "add", "settle_nans"]
    np.testing.assert_array_equal(bench.run()["w"], np.full(8, 2, np.float32))


def test_what_is_still_wanted_as_it_is_keeps_its_register(bench: Bench) -> None:
    a, b = bench.leaf(HALF), bench.leaf(np.ones(8, np.float64))
    double = a.cast(b.dtype)
    found = program(bench, (a + a) + double * b)
    assert [step.kernel for step in found.instructions].count("load") == 2
    np.testing.assert_array_equal(bench.run()["w"], np.full(8, 3.0))
