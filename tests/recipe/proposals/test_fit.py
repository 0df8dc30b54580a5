from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mergec.recipe.proposals import fit as module
from mergec.recipe.proposals.families import MARK, Reading, families
from mergec.recipe.proposals.fit import Fit, fits
from tests.recipe.proposals.named_models import kind

if TYPE_CHECKING:
    import pytest

    from tests.recipe.proposals.named_models import Tensors

LAYER = f"{MARK}i"  # the number of a layer


def found(sources: Tensors, targets: Tensors, *, is_strict: bool = False) -> list[Fit]:
    counts = Counter(sources.values()), Counter(targets.values())
    one, other = (families(those, Reading.SEGMENTS) for those in (sources, targets))
    return fits(one, other, counts, is_strict=is_strict)


def layers(pattern: str, numbers: range) -> Tensors:
    return {pattern.format(i): kind(4, 4) for i in numbers}


def test_what_a_fit_says() -> None:
    (only,) = found(layers("a.{}.mlp.w", range(3)), layers("x.y.{}.mlp.w", range(2, 5)))
    assert only.begins == (("a",), ("x", "y"))
    assert (only.common, only.shifts) == (3, (2,))
    assert only.lists == (("a", LAYER), ("x", "y", LAYER))
    assert only.is_whole
    assert list(only.names()) == [(f"a.{i}.mlp.w", f"x.y.{i + 2}.mlp.w") for i in range(3)]


def test_fewer_layers_fit_only_where_that_is_allowed() -> None:
    fewer, more = layers("a.{}.w", range(2)), layers("b.{}.w", range(4))
    (only,) = found(fewer, more)
    assert not only.is_whole
    assert [name for name, _ in only.names()] == list(fewer)
    assert found(fewer, more, is_strict=True) == []


def test_other_shapes_do_not_fit_and_neither_does_one_layer_elsewhere() -> None:
    assert found({"a.0.w": kind(2)}, {"b.0.w": kind(3)}) == []
    assert found({"a.0.w": kind(2)}, {"b.5.w": kind(2)}) == []


def test_a_shape_is_telling_that_hardly_any_other_tensor_has() -> None:
    rare, common = {"a.w": kind(7)}, {f"b{n}.w": kind(7) for n in range(3)}
    assert [one.is_telling for one in found(rare, {"x.w": kind(7), "y.w": kind(7)})] == [True, True]
    assert [one.is_telling for one in found(rare, common)] == [False] * 3


def test_parts_that_cannot_mean_the_same_do_not_fit() -> None:
    assert found({"query.w": kind(2)}, {"key.w": kind(2)}) == []
    (only,) = found({"query.w": kind(2)}, {"q_proj.w": kind(2)})
    assert only.likeness > 0


def test_of_large_sets_of_one_shape_only_namesakes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {f"m{n}.end{n}": kind(2) for n in range(5)} | {f"small{n}": kind(3) for n in range(2)}
    targets = {f"o{n}.end{n}": kind(2) for n in range(5)} | {f"tiny{n}": kind(3) for n in range(2)}
    assert len(found(sources, targets)) == 25 + 4
    monkeypatch.setattr(module, "_MOST_PAIRS", 10)
    pairs = [(next(iter(one.source.names.values())), one.common) for one in found(sources, targets)]
    assert pairs == [(f"m{n}.end{n}", 1) for n in range(5)] + [(f"small{n}", 0) for n in (0, 0, 1, 1)]


def test_pairs_are_counted_over_all_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {f"a{n}.{m}x": kind(n) for n in range(10) for m in range(3)}
    targets = {f"b{n}.{m}y": kind(n) for n in range(10) for m in range(3)}
    monkeypatch.setattr(module, "_MOST_PAIRS", 40)
    assert len(found(sources, targets)) == 4 * 9
