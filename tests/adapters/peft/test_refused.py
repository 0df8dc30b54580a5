"""Kinds of PEFT adapters: each that PEFT knows is folded or refused with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import peft
import pytest

from mergec.adapters.peft.dialect import FOLDABLE, Peft
from mergec.adapters.peft.refused import KINDS, RESIDUAL_STARTS, SWITCHES
from tests.adapters.evaluate import Bench


def refused(config: dict[str, Any], *, residual: bool = False) -> list[str]:
    """What a fold of an adapter of this configuration is refused with."""
    bench = Bench()
    facts = bench.facts({"r": 2, "lora_alpha": 4, **config})
    values = {f"q.lora_{role}.weight": np.ones((2, 2), np.float32) for role in "AB"}
    base = bench.tensors({"q.weight": np.ones((2, 2), np.float32)})
    reading = Peft().read(bench.adapter(values, facts, residual=residual), base)
    assert not (reading.problems and reading.folds)
    assert all(one.help and one.notes for one in reading.problems)
    return [one.message for one in reading.problems]


@pytest.mark.parametrize("kind", [kind.value for kind in peft.PeftType])
def test_every_kind_of_peft_is_folded_or_refused_by_name(kind: str) -> None:
    if kind in FOLDABLE:
        return
    (message,) = refused({"peft_type": kind})
    assert (KINDS[kind].kind if kind in KINDS else kind) in message


def test_no_kind_is_both() -> None:
    assert not FOLDABLE & KINDS.keys()


@pytest.mark.parametrize("start", [*RESIDUAL_STARTS, "pissa_niter_16", "OLoRA"])
def test_starts_that_change_the_base_need_the_residual_one(start: str) -> None:
    assert len(refused({"peft_type": "LORA", "init_lora_weights": start})) == 1
    assert refused({"peft_type": "LORA", "init_lora_weights": start}, residual=True) == []


@pytest.mark.parametrize("start", [True, False, "gaussian", "eva", "orthogonal", "mica", None])
def test_other_starts_are_folded(start: object) -> None:
    assert refused({"peft_type": "LORA", "init_lora_weights": start}) == []


@pytest.mark.parametrize("start", ["zzz", "", 3, [], {"pissa": 1}])
def test_starts_that_nobody_knows_may_change_the_base(start: object) -> None:
    assert len(refused({"peft_type": "LORA", "init_lora_weights": start})) == 1
    assert refused({"peft_type": "LORA", "init_lora_weights": start}, residual=True) == []


@pytest.mark.parametrize("switch", SWITCHES)
def test_variants_that_are_no_change_of_weights(switch: str) -> None:
    assert len(refused({"peft_type": "LORA", switch: [1]})) == 1
    assert refused({"peft_type": "LORA", switch: None}) == []


@pytest.mark.parametrize(
    "config",
    [
        {"coft": True, "peft_version": "0.18.1"},
        {"peft_version": "0.17.0"},
        {},
        {"peft_version": "0.21.2", "num_cayley_neumann_terms": 2},
    ],
)
def test_rotations_that_cannot_be_told(config: dict[str, Any]) -> None:
    bench = Bench()
    facts = bench.facts({"peft_type": "OFT", "oft_block_size": 2, **config})
    values = {"q.oft_R.weight": np.ones((2, 1), np.float32)}
    base = bench.tensors({"q.weight": np.ones((2, 4), np.float32)})
    assert [one.code for one in Peft().read(bench.adapter(values, facts), base).problems] == ["MC0339"]
