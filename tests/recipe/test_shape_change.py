from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.dtype import DType
from mergec.ir.layout import Joined, Layout
from mergec.ir.strided_view import StridedView
from tests.recipe.rule_runs import run, tensor

Array = np.ndarray[Any, np.dtype[np.float32]]


class File:
    """Tensors laid end to end in bytes, as in a checkpoint."""

    def __init__(self, **arrays: Array) -> None:
        self.data = b""
        self.tensors: dict[str, Layout] = {}
        for name, array in arrays.items():
            view = StridedView.contiguous(0, len(self.data), DType.F32, array.shape)
            self.tensors[name.replace("__", ".")] = view
            self.data += array.tobytes()

    def read(self, layout: Layout) -> Array:
        """Element by element, as the definition of a view says."""
        if isinstance(layout, Joined):
            return np.concatenate([self.read(part) for part in layout.parts], axis=layout.axis)
        assert isinstance(layout, StridedView)
        found = np.empty(layout.shape, np.float32)
        for index in product(*map(range, layout.shape)):
            steps = sum(i * stride for i, stride in zip(index, layout.strides, strict=True))
            start = layout.offset + steps * layout.dtype.itemsize
            found[index] = np.frombuffer(self.data[start : start + 4], np.float32)[0]
        return found


def numbers(*shape: int, start: int = 0) -> Array:
    return (np.arange(np.prod(shape), dtype=np.float32) + start).reshape(shape)


def test_split_concat_stack_and_transpose_move_the_right_bytes() -> None:
    arrays = {"h__0__qkv": numbers(2, 6), "h__0__up": numbers(3, 2, start=50), "e__0": numbers(2, start=70)}
    file = File(**arrays, e__1=numbers(2, start=80), e__10__w=numbers(1))
    found, _, diagnostics = run(
        file.tensors,
        {"from": "h.{i}.qkv", "to": ["h.{i}.q", "h.{i}.k", "h.{i}.v"], "split": {"dim": 1}},
        {"from": "h.{i}.up", "to": "h.{i}.up_t", "transpose": [1, 0]},
        {"from": ["h.{i}.q", "h.{i}.v"], "to": "h.{i}.qv", "concat": {"dim": 0}},
        {"from": "e.{e:int}", "to": "experts", "stack": {"over": "e"}},
    )
    assert diagnostics == ()
    assert list(found) == ["h.0.qv", "h.0.k", "h.0.up_t", "experts", "e.10.w"]
    qkv = arrays["h__0__qkv"]
    expected = {
        "h.0.qv": np.concatenate([qkv[:, :2], qkv[:, 4:]]),
        "h.0.k": qkv[:, 2:4],
        "h.0.up_t": arrays["h__0__up"].T,
        "experts": np.stack([numbers(2, start=70), numbers(2, start=80)]),
    }
    for name, array in expected.items():
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(file.read(found[name]), array)


@given(st.data(), st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_shape_changes_agree_with_numpy(data: st.DataObject, sides: list[int]) -> None:
    rank = len(sides)
    dim = data.draw(st.integers(-rank, rank - 1))
    stack_dim = data.draw(st.integers(-rank - 1, rank))
    order = data.draw(st.permutations(range(rank)))
    count = data.draw(st.integers(2, 3))
    arrays = [numbers(*sides, start=100 * number) for number in range(count)]
    file = File(**{f"p__{number}": array for number, array in enumerate(arrays)})
    parts = [f"p.{number}" for number in range(count)]

    whole, _, _ = run(file.tensors, {"from": parts, "to": "whole", "concat": {"dim": dim}})
    np.testing.assert_array_equal(file.read(whole["whole"]), np.concatenate(arrays, axis=dim))

    again, _, _ = run(whole, {"from": "whole", "to": parts, "split": {"dim": dim}})
    assert list(again) == parts
    for name, array in zip(parts, arrays, strict=True):
        np.testing.assert_array_equal(file.read(again[name]), array)

    stacked, _, _ = run(
        file.tensors, {"from": "p.{i:int}", "to": "s", "stack": {"over": "i", "dim": stack_dim}}
    )
    np.testing.assert_array_equal(file.read(stacked["s"]), np.stack(arrays, axis=stack_dim))

    turned, _, _ = run(whole, {"from": "whole", "to": "t", "transpose": list(order)})
    np.testing.assert_array_equal(file.read(turned["t"]), np.concatenate(arrays, axis=dim).transpose(order))


def test_split_by_sizes() -> None:
    file = File(qkv=numbers(8, 2))
    found, _, _ = run(
        file.tensors, {"from": "qkv", "to": ["q", "k", "v"], "split": {"dim": 0, "sizes": [4, 2, 2]}}
    )
    assert [layout.shape for layout in found.values()] == [(4, 2), (2, 2), (2, 2)]
    np.testing.assert_array_equal(file.read(found["v"]), numbers(8, 2)[6:])


def test_stacks_of_many_layers_keep_their_numbers_apart() -> None:
    tensors = {f"l.{i}.e.{e}.w": tensor(2) for i in range(3) for e in range(12)}
    found, uses, _ = run(tensors, {"from": "l.{i:int}.e.{e:int}.w", "to": "l.{i}.e", "stack": {"over": "e"}})
    assert {name: layout.shape for name, layout in found.items()} == {f"l.{i}.e": (12, 2) for i in range(3)}
    assert uses[0].count == 36


SPLIT = {"from": "w", "to": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("tensors", "value", "code", "text"),
    [
        ({"w": tensor(4, 4)}, {**SPLIT, "split": {"dim": 0}}, "MC0138", "not divisible by 3"),
        ({"w": tensor(4, 4)}, {**SPLIT, "split": {"dim": 0, "sizes": [1, 1, 1]}}, "MC0138", "add up to 3"),
        ({"w": tensor(3)}, {**SPLIT, "split": {"dim": 1}}, "MC0139", "[3] has no dimension 1"),
        ({"w": tensor(3)}, {**SPLIT, "split": {"dim": -2}}, "MC0139", "no dimension -2"),
        ({"w": tensor(6, dtype=DType.F4)}, {**SPLIT, "split": {"dim": 0}}, "MC0143", "float4"),
        ({"w": tensor(6)}, {"from": "w", "to": "v", "transpose": [1, 0]}, "MC0144", "[6]"),
        (
            {"w": tensor(2, 2, dtype=DType.F4)},
            {"from": "w", "to": "v", "transpose": [1, 0]},
            "MC0143",
            "float4",
        ),
        (
            {"a": tensor(2), "b": tensor(2, dtype=DType.F16)},
            {"from": ["a", "b"], "to": "c", "concat": {"dim": 0}},
            "MC0140",
            "dtypes are float32 and float16",
        ),
        (
            {"a": tensor(2, 3), "b": tensor(2, 4)},
            {"from": ["a", "b"], "to": "c", "concat": {"dim": 0}},
            "MC0140",
            "shapes are [2, 3] and [2, 4]",
        ),
        (
            {"a": tensor(2), "b": tensor(2)},
            {"from": ["a", "b"], "to": "c", "concat": {"dim": 1}},
            "MC0139",
            "[2]",
        ),
        (
            {"a.0": tensor(2), "b.0": tensor(2), "a.1": tensor(2)},
            {"from": ["a.{i}", "b.{i}"], "to": "c.{i}", "concat": {"dim": 0}},
            "MC0141",
            "`c.1` lacks a part: no tensor matches `b.{i}`",
        ),
        (
            {"a.0": tensor(2)},
            {"from": ["a.{i}", "b.{i}"], "to": "c.{i}", "concat": {"dim": 0}},
            "MC0125",
            "`b.{i}` matches none",
        ),
        (
            {"a.0": tensor(2), "a.2": tensor(2)},
            {"from": "a.{i:int}", "to": "a", "stack": {"over": "i"}},
            "MC0142",
            "number 1 is missing, and the highest is 2",
        ),
        (
            {"a.0": tensor(2), "a.00": tensor(2)},
            {"from": "a.{i:int}", "to": "a", "stack": {"over": "i"}},
            "MC0137",
            "`a.0` and `a.00`",
        ),
        (
            {"a.0": tensor(2), "a.1": tensor(3)},
            {"from": "a.{i:int}", "to": "a", "stack": {"over": "i"}},
            "MC0140",
            "[2] and [3]",
        ),
        (
            {"a.0": tensor(2), "a.1": tensor(2)},
            {"from": "a.{i:int}", "to": "a", "stack": {"over": "i", "dim": 2}},
            "MC0139",
            "no dimension 2",
        ),
    ],
)
def test_shape_changes_that_cannot_be(tensors: dict[str, Layout], value: Any, code: str, text: str) -> None:
    (found,) = run(tensors, value)[2]
    assert found.code == code
    assert text in found.message
