from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.recipe.proposals import families as families_module
from mergec.recipe.proposals import pairing as module
from mergec.recipe.proposals.families import Reading
from mergec.recipe.proposals.pairing import pair_names
from tests.recipe.proposals.named_models import kind, llama, prefixed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from mergec.recipe.proposals.families import Family, Kind
    from tests.recipe.proposals.named_models import Tensors


def pairs(sources: Tensors, targets: Tensors) -> dict[str, str]:
    return dict(pair for fit in pair_names(sources, targets).fits for pair in fit.names())


def test_names_that_both_have_are_not_looked_at() -> None:
    ours = llama()
    assert pairs(ours, ours) == {}
    theirs = {**prefixed("m.", ours), "model.norm.weight": kind(64)}
    found = pairs(ours, theirs)
    assert "model.norm.weight" not in found
    assert found["lm_head.weight"] == "m.lm_head.weight"


def test_a_later_reading_pairs_what_an_earlier_one_left() -> None:
    sources = {"m.a.w": kind(3), **{f"m.layer_{i}.w": kind(4, 4) for i in range(3)}}
    targets = {"a.w": kind(3), **{f"layers.{i}.w": kind(4, 4) for i in range(3)}}
    assert pairs(sources, targets) == {
        "m.a.w": "a.w",
        **{f"m.layer_{i}.w": f"layers.{i}.w" for i in range(3)},
    }


def test_what_stays_undecided_is_told_once() -> None:
    sources = {f"a.{i}.{name}": kind(8) for i in range(3) for name in ("foo", "bar")}
    targets = {f"a.{i}.{name}": kind(8) for i in range(3) for name in ("ping", "pong")}
    result = pair_names(sources, targets)
    assert result.fits == []
    (tie,) = result.undecided
    assert sorted(name for one in tie.sources for name in one.names.values()) == sorted(sources)
    assert sorted(name for one in tie.targets for name in one.names.values()) == sorted(targets)


def test_readings_that_can_only_divide_finer_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Reading] = []
    families = families_module.families

    def watched(tensors: Mapping[str, Kind], reading: Reading) -> list[Family]:
        read.append(reading)
        return families(tensors, reading)

    monkeypatch.setattr(module, "families", watched)
    sources = {f"s{chr(97 + n)}.q{n}": kind(n) for n in range(10)}
    targets = {f"t{chr(107 + n)}.p": kind(n + 50) for n in range(10)}
    pair_names(sources, targets)
    assert set(read) == set(Reading)
    read.clear()
    monkeypatch.setattr(module, "_MOST_FAMILIES", 5)
    pair_names(sources, targets)
    assert set(read) == {Reading.SEGMENTS, Reading.EMBEDDED}
