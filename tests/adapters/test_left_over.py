"""The rename rule that is proposed for an adapter makes all of it fit, or none is proposed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from mergec.adapters.left_over import left_over
from mergec.adapters.peft.dialect import Peft
from tests.adapters.evaluate import Bench

CONFIG = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "modules_to_save": ["score"]}


def told(adapter: list[str], base: list[str], extra: tuple[str, ...] = ()) -> str:
    """The help for an adapter of these modules on a base of these tensors; empty where all of it fits."""
    bench = Bench()
    factors: dict[str, Any] = {}
    for path in adapter:
        factors[f"base_model.model.{path}.lora_A.weight"] = np.ones((2, 3), np.float32)
        factors[f"base_model.model.{path}.lora_B.weight"] = np.ones((4, 2), np.float32)
    factors |= {f"base_model.model.{name}": np.ones((4, 3), np.float32) for name in extra}
    tensors = bench.tensors({name: np.ones((4, 3), np.float32) for name in base})
    made = bench.adapter(factors, bench.facts(CONFIG))
    lost = left_over(made, Peft().read(made, tensors), Peft(), tensors, "base")
    return "" if lost is None else lost.help or ""


def rule(text: str) -> str | None:
    found = re.search(r'`rename: \["(.*)"\]`', text)
    return found[1] if found else None


def layers(prefix: str, ending: str = "") -> list[str]:
    return [f"{prefix}layers.{i}.{module}{ending}" for i in range(2) for module in ("q", "mlp.up")]


@pytest.mark.parametrize(
    ("adapter", "base", "expected"),
    [
        (
            "model.",
            "model.language_model.",
            "model.{rest:**} -> model.language_model.{rest}",
        ),
        (
            "model.",
            "language_model.model.",
            "{rest:**} -> language_model.{rest}",
        ),
        ("model.", "", "model.{rest:**} -> {rest}"),
        ("", "bert.", "{rest:**} -> bert.{rest}"),
        (
            "model.language_model.",
            "language_model.model.",
            "model.language_model.{rest:**} -> language_model.model.{rest}",
        ),
    ],
)
def test_one_prefix(adapter: str, base: str, expected: str) -> None:
    found = rule(told(layers(adapter), layers(base, ".weight")))
    old, new = expected.split(" -> ")
    assert found == f"base_model.model.{old} -> base_model.model.{new}"


def test_what_fits_already_is_left_alone() -> None:
    """A new head would move along with a rule on all names."""
    base = [*layers("encoder.", ".weight"), "pooler.weight"]
    found = rule(told(layers("bert.encoder."), base, ("score.weight",)))
    assert found == "base_model.model.bert.{rest:**} -> base_model.model.{rest}"
    found = rule(told([*layers(""), "pooler"], [*layers("bert.", ".weight"), "pooler.weight"]))
    assert found == "base_model.model.layers.{rest:**} -> base_model.model.bert.layers.{rest}"


def test_towers_with_layers_of_the_same_names_are_tried_in_turn() -> None:
    base = [*layers("a.", ".weight")[:2], *layers("language.", ".weight")]
    assert rule(told(layers("model."), base)) == (
        "base_model.model.model.{rest:**} -> base_model.model.language.{rest}"
    )


def test_no_rule_is_proposed_that_leaves_something() -> None:
    assert rule(told(layers("model."), layers("language.", ".weight")[:3])) is None
    assert rule(told(["x.y.z"], layers("language.", ".weight"))) is None
    assert told(layers("model."), layers("model.", ".weight")) == ""
