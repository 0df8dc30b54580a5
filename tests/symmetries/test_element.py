from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.symmetry import Factor, Group, SymmetricTensor, Symmetry
from mergec.symmetries.element import (
    compose,
    identity,
    inverse,
    is_element,
    permuted,
    random_element,
    rows_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

RES, KV, Q, V, E, FFN, H = range(7)
GROUPS = (
    Group("res", 5),
    Group("0/kv", 2),
    Group("0/q", 3, parent=KV),
    Group("0/v", 2, parent=KV),
    Group("0/e", 3),
    Group("0/ffn", 4, parent=E),
    Group("0/h", 3),
)
HEAD = Factor(2)


def tensor(name: str, *axes: tuple[tuple[Factor, ...], ...]) -> SymmetricTensor:
    shape = tuple(sum(prod(factor.size for factor in segment) for segment in axis) for axis in axes)
    return SymmetricTensor((name,), shape, axes)


def group(number: int) -> Factor:
    return Factor(GROUPS[number].size, number)


TENSORS = (
    tensor("q", ((group(KV), group(Q), HEAD),), ((group(RES),),)),
    tensor("k", ((group(KV), HEAD),), ((group(RES),),)),
    tensor("o", ((group(RES),),), ((group(KV), group(Q), group(V)),)),
    tensor("qkv", ((group(KV), group(Q), HEAD), (group(KV), HEAD), (group(KV), group(V))), ((group(RES),),)),
    tensor("fused", ((group(E),),), ((Factor(2), group(FFN)),), ((group(RES),),)),
    tensor("down", ((group(RES),),), ((Factor(2), group(E)),), ((group(FFN),),)),
    tensor("recurrent", ((Factor(4), group(H)),), ((group(H),),)),
    SymmetricTensor(("w.0", "w.1", "w.2"), (3, 4, 5), (((group(E),),), ((group(FFN),),), ((group(RES),),))),
)
SYMMETRY = Symmetry(GROUPS, TENSORS)
SEEDS = st.integers(0, 2**32)


def values(dtype: str) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)
    shapes = {name: t.shape[t.is_stacked :] for t in TENSORS for name in t.names} | {"other": (3,)}
    return {name: rng.integers(0, 100, shape).astype(dtype) for name, shape in shapes.items()}


def assert_equal(found: dict[str, NDArray[Any]], expected: dict[str, NDArray[Any]]) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


@given(seed=SEEDS)
def test_an_element_drawn_is_one(seed: int) -> None:
    assert is_element(SYMMETRY, random_element(SYMMETRY, seed))


@given(seed=SEEDS)
def test_identity_and_inverse(seed: int) -> None:
    e, g = identity(SYMMETRY), random_element(SYMMETRY, seed)
    for found, expected in (
        (compose(SYMMETRY, e, g), g),
        (compose(SYMMETRY, g, e), g),
        (compose(SYMMETRY, g, inverse(SYMMETRY, g)), e),
        (compose(SYMMETRY, inverse(SYMMETRY, g), g), e),
    ):
        np.testing.assert_array_equal(found, expected)


@given(seeds=st.tuples(SEEDS, SEEDS, SEEDS))
def test_composition_is_associative(seeds: tuple[int, int, int]) -> None:
    f, g, h = (random_element(SYMMETRY, seed) for seed in seeds)
    np.testing.assert_array_equal(
        compose(SYMMETRY, compose(SYMMETRY, f, g), h), compose(SYMMETRY, f, compose(SYMMETRY, g, h))
    )


@pytest.mark.parametrize("dtype", ["float32", "uint16", "int8"])
@given(seeds=st.tuples(SEEDS, SEEDS))
def test_a_composition_acts_as_one_after_the_other(dtype: str, seeds: tuple[int, int]) -> None:
    g, h = (random_element(SYMMETRY, seed) for seed in seeds)
    start = values(dtype)
    both = permuted(SYMMETRY, compose(SYMMETRY, g, h), start)
    assert_equal(both, permuted(SYMMETRY, h, permuted(SYMMETRY, g, start)))
    assert_equal(permuted(SYMMETRY, inverse(SYMMETRY, g), permuted(SYMMETRY, g, start)), start)


def test_the_identity_leaves_everything() -> None:
    start = values("float32")
    assert_equal(permuted(SYMMETRY, identity(SYMMETRY), start), start)


class TestPermuted:
    """Against loops that read as the definition does."""

    element = random_element(SYMMETRY, 7)
    start = values("float32")
    out = permuted(SYMMETRY, element, start)

    def p(self, number: int, member: int = 0) -> NDArray[np.int32]:
        row: NDArray[np.int32] = rows_of(SYMMETRY, self.element, number)[member]
        return row

    def test_nested_families_on_one_axis(self) -> None:
        before, after = (side["o"].reshape(5, 2, 3, 2) for side in (self.start, self.out))
        for r, k, q, v in np.ndindex(after.shape):
            source = before[self.p(RES)[r], self.p(KV)[k], self.p(Q, member=k)[q], self.p(V, member=k)[v]]
            assert after[r, k, q, v] == source

    def test_stretches_one_after_another(self) -> None:
        before, after = (side["qkv"] for side in (self.start, self.out))
        for k, v, r in np.ndindex(2, 2, 5):
            row = 12 + 4 + self.p(KV)[k] * 2 + self.p(V, member=k)[v]
            assert after[12 + 4 + k * 2 + v, r] == before[row, self.p(RES)[r]]

    @pytest.mark.parametrize(("name", "order"), [("fused", "e z f r"), ("down", "r z e f")])
    def test_a_parent_on_another_axis(self, name: str, order: str) -> None:
        sizes = {"e": 3, "z": 2, "f": 4, "r": 5}
        letters = order.split()
        before, after = (
            side[name].reshape([sizes[letter] for letter in letters]) for side in (self.start, self.out)
        )
        for place in np.ndindex(after.shape):
            at = dict(zip(letters, place, strict=True))
            source = at | {"e": self.p(E)[at["e"]], "f": self.p(FFN, member=at["e"])[at["f"]]}
            source["r"] = self.p(RES)[at["r"]]
            assert after[place] == before[tuple(source[letter] for letter in letters)]

    def test_stacked_names(self) -> None:
        for e, f, r in np.ndindex(3, 4, 5):
            before = self.start[f"w.{self.p(E)[e]}"]
            assert self.out[f"w.{e}"][f, r] == before[self.p(FFN, member=e)[f], self.p(RES)[r]]

    def test_the_same_group_twice(self) -> None:
        before, after = self.start["recurrent"], self.out["recurrent"]
        for gate, row, column in np.ndindex(4, 3, 3):
            source = before[gate * 3 + self.p(H)[row], self.p(H)[column]]
            assert after[gate * 3 + row, column] == source

    def test_what_has_no_group_stays(self) -> None:
        assert self.out["other"] is self.start["other"]


class TestFrozen:
    symmetry = Symmetry(
        tuple(group._replace(is_frozen=number in (KV, FFN)) for number, group in enumerate(GROUPS)), TENSORS
    )

    def test_keeps_the_identity(self) -> None:
        element = random_element(self.symmetry, 3)
        for number in (KV, FFN):
            expected = rows_of(self.symmetry, identity(self.symmetry), number)
            np.testing.assert_array_equal(rows_of(self.symmetry, element, number), expected)
        assert not np.array_equal(
            rows_of(self.symmetry, element, Q), rows_of(self.symmetry, identity(self.symmetry), Q)
        )

    def test_a_family_of_a_frozen_parent_still_moves_within_it(self) -> None:
        element = random_element(self.symmetry, 3)
        start = values("float32")
        out = permuted(self.symmetry, element, start)["q"].reshape(2, 3, 2, 5)
        for k, q in np.ndindex(2, 3):
            source = start["q"].reshape(2, 3, 2, 5)[k, rows_of(self.symmetry, element, Q)[k, q]]
            np.testing.assert_array_equal(out[k, q], source[:, rows_of(self.symmetry, element, RES)[0]])

    def test_what_moves_it_is_no_element(self) -> None:
        assert not is_element(self.symmetry, random_element(SYMMETRY, 3))


def test_only_some_groups_are_drawn_and_do_not_depend_on_the_others() -> None:
    some, everything = random_element(SYMMETRY, 5, only={Q}), random_element(SYMMETRY, 5)
    np.testing.assert_array_equal(rows_of(SYMMETRY, some, Q), rows_of(SYMMETRY, everything, Q))
    np.testing.assert_array_equal(rows_of(SYMMETRY, some, RES)[0], np.arange(5))


@pytest.mark.parametrize("wrong", ["short", "twice", "outside", "float", "square"])
def test_what_is_no_element(wrong: str) -> None:
    vector: NDArray[Any] = identity(SYMMETRY)
    if wrong == "twice":
        vector[1] = vector[0]
    elif wrong == "outside":
        vector[0] = 17
    else:
        shaped = {"short": vector[:-1], "float": vector.astype(np.float32), "square": vector[:, None]}
        vector = shaped[wrong]
    assert not is_element(SYMMETRY, vector)
