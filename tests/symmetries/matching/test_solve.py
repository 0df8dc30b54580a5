from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.ir.symmetry import Mask, Symmetry
from mergec.symmetries.element import identity, permuted, random_element, rows_of
from mergec.symmetries.matching.objective import NotFiniteError
from tests.symmetries.matching.topologies import (
    ALL,
    Made,
    experts,
    llama,
    lstm,
    match,
    mlp,
    noisy,
    objective,
    planted,
    residual,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mergec.symmetries.matching.solution import Step
    from tests.symmetries.matching.topologies import Tensors

SEEDS = 20


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("name", ALL)
def test_a_planted_element_is_recovered(name: str, noise: float) -> None:
    symmetry = ALL[name]
    for seed in range(SEEDS):
        anchor, moved, element = planted(symmetry, seed, noise)
        found = match(symmetry, anchor, moved, seed=seed)
        np.testing.assert_array_equal(found.elements[0], element)
        if not noise:
            back = permuted(symmetry, found.elements[0], moved)
            assert all(np.array_equal(back[tensor], anchor[tensor]) for tensor in anchor)


def test_a_nested_llama_is_recovered_from_twice_the_noise() -> None:
    symmetry = llama(layers=4, heads=8, kv=2, head=8, width=64)
    for seed in range(10):
        anchor, moved, element = planted(symmetry, seed, noise=2.0)
        np.testing.assert_array_equal(match(symmetry, anchor, moved).elements[0], element)


@pytest.mark.parametrize("name", ALL)
class TestOfUnrelatedModels:
    def test_the_objective_never_falls_and_is_what_it_says(self, name: str) -> None:
        symmetry = ALL[name]
        anchor, moved = weights(symmetry, 1), weights(symmetry, 2)
        steps: list[Step] = []
        found = match(symmetry, anchor, moved, steps=steps)
        objectives = [step.objective for step in steps if step.sweep > 0]
        assert objectives == sorted(objectives)
        model = found.models[0]
        assert model.identity < model.objective <= model.norm
        start = identity(symmetry)
        assert model.identity == pytest.approx(objective(symmetry, anchor, moved, start), rel=1e-9)
        assert model.objective == pytest.approx(
            objective(symmetry, anchor, moved, found.elements[0]), rel=1e-9
        )
        assert model.sweeps[-1] == pytest.approx(model.objective, rel=1e-12)

    def test_the_objective_is_the_distance(self, name: str) -> None:
        symmetry = ALL[name]
        anchor, moved = (weights(symmetry, seed, "float64") for seed in (1, 2))
        found = match(symmetry, anchor, moved)
        turned = permuted(symmetry, found.elements[0], moved)
        names = [name for tensor in symmetry.tensors if tensor.weight for name in tensor.names]
        squares = [
            sum(float((side[name] ** 2).sum()) for name in names)
            for side in (anchor, moved, {name: anchor[name] - turned[name] for name in names})
        ]
        expected = (squares[0] + squares[1] - squares[2]) / 2
        assert found.models[0].objective == pytest.approx(expected, rel=1e-9)

    def test_nobody_sees_how_many_worked_on_it(self, name: str) -> None:
        symmetry = ALL[name]
        anchor, moved = weights(symmetry, 1), weights(symmetry, 2)
        alone, *others = (match(symmetry, anchor, moved, workers=workers) for workers in (1, 2, 4))
        for other in others:
            np.testing.assert_array_equal(other.elements[0], alone.elements[0])
            assert other.models == alone.models

    def test_the_order_of_tensors_does_not_matter(self, name: str) -> None:
        symmetry = ALL[name]
        anchor, moved = weights(symmetry, 1), weights(symmetry, 2)
        turned = Symmetry(symmetry.groups, symmetry.tensors[::-1])
        found, other = match(symmetry, anchor, moved), match(turned, anchor, moved)
        np.testing.assert_array_equal(found.elements[0], other.elements[0])


@pytest.mark.parametrize("name", ALL)
def test_a_model_is_matched_to_itself_by_the_identity_in_one_sweep(name: str) -> None:
    symmetry = ALL[name]
    anchor = weights(symmetry, 3)
    for moved in (anchor, noisy(anchor, 0.1, 0)):
        found = match(symmetry, anchor, moved)
        np.testing.assert_array_equal(found.elements[0], identity(symmetry))
        assert len(found.models[0].sweeps) == 2
        assert all(gain.is_identity and gain.identity == gain.found for gain in found.models[0].gains)


def test_aligning_twice_changes_nothing() -> None:
    symmetry = residual(8, 20, 30, 3, 4)
    anchor, moved = weights(symmetry, 1), weights(symmetry, 2)
    first = match(symmetry, anchor, moved)
    again = match(symmetry, anchor, permuted(symmetry, first.elements[0], moved), max_sweeps=1)
    assert again.models[0].objective >= first.models[0].objective * (1 - 1e-12)


class TestTies:
    def test_equal_and_dead_units_stay(self) -> None:
        symmetry = mlp(6, 12, 12, 3)
        anchor, moved, element = planted(symmetry, 0)
        for tensors in (anchor, moved):
            for i in (0, 1):
                tensors[f"{i}.weight"][[2, 5, 7]] = 0
                tensors[f"{i}.bias"][[2, 5, 7]] = 0
                tensors[f"{i + 1}.weight"][:, [2, 5, 7]] = 0
        found = match(symmetry, anchor, moved)
        rows = [rows_of(symmetry, found.elements[0], number)[0] for number in (0, 1)]
        for row in rows:
            np.testing.assert_array_equal(row[[2, 5, 7]], [2, 5, 7])
        assert not np.array_equal(found.elements[0], identity(symmetry))
        assert len(element) == len(found.elements[0])

    def test_models_of_equal_values_stay(self) -> None:
        symmetry = residual(4, 6, 8, 2, 3)
        same = {name: np.ones_like(value) for name, value in weights(symmetry, 0).items()}
        np.testing.assert_array_equal(match(symmetry, same, same).elements[0], identity(symmetry))


def _elements(symmetry: Symmetry) -> Iterator[NDArray[np.int32]]:
    """All of them."""
    choices = [
        list(permutations(range(group.size)))
        for number, group in enumerate(symmetry.groups)
        for _ in range(symmetry.members(number))
    ]
    for chosen in product(*choices):
        yield np.concatenate([np.array(each, np.int32) for each in chosen])


def _single(kind: str) -> Symmetry:
    made = Made()
    if kind == "one group":
        made.group("p", 6)
        made.tensor("w", "p;5")
        made.tensor("b", "p")
    elif kind == "heads":
        made.group("h", 3)
        made.group("qk", 3, "h")
        made.group("v", 2, "h")
        made.tensor("q", "h qk;4")
        made.tensor("k", "h qk;4")
        made.tensor("v", "h v;4")
        made.tensor("o", "5;h v")
        made.tensor("scale", "h")
    elif kind == "three deep":
        made.group("a", 2)
        made.group("b", 2, "a")
        made.group("c", 3, "b")
        made.tensor("w", "a b c;4")
        made.tensor("x", "2;a b")
    else:
        made.group("e", 3)
        made.group("f", 3, "e")
        made.tensor("w", "e;f;4")
        made.tensor("x", "e;4;f")
        made.tensor("y", "2 e")
    return made.symmetry()


@pytest.mark.parametrize("kind", ["one group", "heads", "three deep", "experts"])
def test_a_single_cluster_is_solved_exactly(kind: str) -> None:
    symmetry = _single(kind)
    for seed in range(3):
        anchor, moved = weights(symmetry, seed), weights(symmetry, seed + 100)
        best = max(_worth(symmetry, anchor, moved))
        assert match(symmetry, anchor, moved).models[0].objective == pytest.approx(best, rel=1e-6)


def _worth(symmetry: Symmetry, anchor: Tensors, moved: Tensors) -> Iterator[float]:
    return (objective(symmetry, anchor, moved, element) for element in _elements(symmetry))


def test_queries_and_values_that_share_a_projection_are_near_the_best() -> None:
    made = Made()
    made.group("kv", 2)
    made.group("q", 2, "kv")
    made.group("v", 3, "kv")
    made.tensor("q", "kv q 2;3")
    made.tensor("v", "kv v;3")
    made.tensor("o", "4;kv q v")
    symmetry = made.symmetry()
    found, best = [], []
    for seed in range(6):
        anchor, moved = weights(symmetry, seed), weights(symmetry, seed + 100)
        best.append(max(_worth(symmetry, anchor, moved)))
        found.append(match(symmetry, anchor, moved).models[0].objective)
    assert all(one <= other + 1e-4 for one, other in zip(found, best, strict=True))
    assert sum(found) > 0.97 * sum(best)


def test_a_quadratic_group_takes_only_what_raises_the_objective() -> None:
    symmetry = lstm(inputs=2, hidden=24, outputs=2)  # mostly quadratic
    for seed in range(5):
        anchor, moved = weights(symmetry, seed), weights(symmetry, seed + 50)
        sweeps = match(symmetry, anchor, moved).models[0].sweeps
        assert list(sweeps) == sorted(sweeps)


class TestFrozen:
    def test_groups_keep_the_identity(self) -> None:
        symmetry = llama(layers=2)
        frozen = Symmetry(
            tuple(group._replace(is_frozen=group.name == "res") for group in symmetry.groups),
            symmetry.tensors,
        )
        anchor = weights(symmetry, 0)
        only = [number for number, group in enumerate(frozen.groups) if not group.is_frozen]
        element = random_element(frozen, 1, only)
        found = match(frozen, anchor, permuted(frozen, element, anchor))
        back = permuted(frozen, found.elements[0], permuted(frozen, element, anchor))
        assert all(np.array_equal(back[name], anchor[name]) for name in anchor)
        np.testing.assert_array_equal(rows_of(frozen, found.elements[0], 0)[0], np.arange(32))

    @pytest.mark.parametrize("which", ["kv", "q", "v"])
    def test_a_parent_or_a_family_alone(self, which: str) -> None:
        symmetry = llama(layers=2)
        groups = tuple(
            group._replace(is_frozen=group.name.endswith(f"/{which}")) for group in symmetry.groups
        )
        frozen = Symmetry(groups, symmetry.tensors)
        anchor, moved, element = planted(frozen, 4)
        np.testing.assert_array_equal(match(frozen, anchor, moved).elements[0], element)

    def test_everything(self) -> None:
        symmetry = mlp(4, 6, 3)
        frozen = Symmetry(
            tuple(group._replace(is_frozen=True) for group in symmetry.groups), symmetry.tensors
        )
        found = match(frozen, weights(symmetry, 0), weights(symmetry, 1))
        np.testing.assert_array_equal(found.elements[0], identity(frozen))
        assert found.models[0].gains == ()

    def test_experts_whose_order_is_fixed(self) -> None:
        symmetry = experts()
        groups = tuple(group._replace(is_frozen=group.name == "e") for group in symmetry.groups)
        frozen = Symmetry(groups, symmetry.tensors)
        anchor, moved, element = planted(frozen, 4)
        np.testing.assert_array_equal(match(frozen, anchor, moved).elements[0], element)


def test_rows_that_are_masked_do_not_count() -> None:
    symmetry = residual(40, 10, 20, 2, 3)
    anchor, moved, element = planted(symmetry, 0)
    anchor["in"][:, 5:39] = 100 * np.random.default_rng(9).standard_normal((10, 34))
    masked = Symmetry(
        symmetry.groups,
        (symmetry.tensors[0]._replace(masks=(Mask(1, 5, 39),)), *symmetry.tensors[1:]),
    )
    np.testing.assert_array_equal(match(masked, anchor, moved).elements[0], element)
    assert not np.array_equal(match(symmetry, anchor, moved).elements[0], element)


def test_rows_on_the_first_axis_can_be_masked() -> None:
    made = Made()
    made.group("res", 10)
    made.tensor("embed", "50;res")
    made.tensor("out", "4;res")
    plain = made.symmetry()
    symmetry = Symmetry(plain.groups, (plain.tensors[0]._replace(masks=(Mask(0, 0, 45),)), plain.tensors[1]))
    anchor, moved, element = planted(symmetry, 0)
    anchor["embed"][:45] = 100 * np.random.default_rng(9).standard_normal((45, 10))
    np.testing.assert_array_equal(match(symmetry, anchor, moved).elements[0], element)


def test_weights_of_tensors_count() -> None:
    made = Made()
    made.group("p", 8)
    made.tensor("a", "p;3", 1000.0)
    made.tensor("b", "p;3", 0.001)
    symmetry = made.symmetry()
    anchor, moved, element = planted(symmetry, 0)
    moved["b"] = moved["b"][::-1].copy() * 10
    found = match(symmetry, anchor, moved)
    np.testing.assert_array_equal(found.elements[0], element)
    assert found.models[0].objective == pytest.approx(objective(symmetry, anchor, moved, element), rel=1e-9)


@pytest.mark.parametrize(("model", "value"), [(0, np.nan), (1, np.inf)])
@pytest.mark.parametrize("name", ["0.weight", "1.bias"])
def test_a_value_that_is_not_finite_is_named(model: int, value: float, name: str) -> None:
    symmetry = mlp(4, 6, 3)
    models = [weights(symmetry, 0), weights(symmetry, 1)]
    models[model][name].reshape(-1)[2] = value
    with pytest.raises(NotFiniteError) as raised:
        match(symmetry, *models)
    assert (raised.value.model, raised.value.tensor, raised.value.element) == (model, name, 2)


def test_a_value_of_a_stacked_tensor_that_is_not_finite_is_named() -> None:
    symmetry = experts()
    models = [weights(symmetry, 0), weights(symmetry, 1)]
    models[1]["down.2"][1, 1] = np.nan
    with pytest.raises(NotFiniteError) as raised:
        match(symmetry, *models)
    assert (raised.value.model, raised.value.tensor, raised.value.element) == (1, "down.2", 7)


@pytest.mark.parametrize("dtypes", [("float64", "float64"), ("float32", "float64"), ("float64", "float32")])
def test_float64_models(dtypes: tuple[str, str]) -> None:
    symmetry = llama(layers=2)
    anchor, moved, element = planted(symmetry, 3)
    models = [
        {name: value.astype(dtype) for name, value in tensors.items()}
        for tensors, dtype in zip((anchor, moved), dtypes, strict=True)
    ]
    np.testing.assert_array_equal(match(symmetry, *models).elements[0], element)


def test_progress_counts_the_clusters_of_each_sweep() -> None:
    symmetry = llama(layers=2)
    anchor, moved, _ = planted(symmetry, 0)
    steps: list[Step] = []
    found = match(symmetry, anchor, moved, anchor, workers=2, steps=steps)
    for model, account in enumerate(found.models, start=1):
        own = [step for step in steps if step.model == model]
        for sweep in range(len(account.sweeps)):
            assert [step.done for step in own if step.sweep == sweep] == [1, 2, 3, 4, 5]
        assert {step.cluster for step in own} == {"res", "0/kv", "0/ffn", "1/kv", "1/ffn"}
        assert own[-1].objective == account.sweeps[-1]
