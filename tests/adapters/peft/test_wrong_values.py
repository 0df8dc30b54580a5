"""Whatever stands in an adapter_config.json, and whatever shapes the tensors have: folds or findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mergec.adapters.peft.dialect import FOLDABLE, Peft
from tests.adapters.evaluate import Bench

WRONG: list[Any] = [
    None, True, 0, -1, 1, 1.5, 10**400, float("nan"), "", "(", "x", [], [None], [-1], ["("], {}, {"q": None},
    {"(": 1}, {"q": "x"}, {"q": 10**400}, {"q": [0, 99]},
]  # fmt: skip
CONFIG: dict[str, Any] = {
    "r": 2, "lora_alpha": 4, "alpha": 4, "init_r": 2, "use_rslora": False, "use_dora": False,
    "rank_pattern": {}, "alpha_pattern": {}, "fan_in_fan_out": False, "modules_to_save": ["q"],
    "target_parameters": ["q.table"], "trainable_token_indices": [1], "token_indices": [1],
    "task_type": "SEQ_CLS",
    "feedforward_modules": ["q"], "oft_block_size": 2, "use_cayley_neumann": True, "coft": False,
    "num_cayley_neumann_terms": 5, "peft_version": "0.21.2", "init_lora_weights": True,
    "base_model_name_or_path": "x",
}  # fmt: skip
ROLES: dict[str, dict[str, tuple[int, ...]]] = {
    "LORA": {"lora_A.weight": (2, 4), "lora_B.weight": (4, 2), "lora_B.bias": (4,)},
    "ADALORA": {"lora_A": (2, 4), "lora_B": (4, 2), "lora_E": (2, 1)},
    "IA3": {"ia3_l": (4, 1)},
    "LOHA": {"hada_w1_a": (4, 2), "hada_w1_b": (2, 4), "hada_w2_a": (4, 2), "hada_w2_b": (2, 4)},
    "LOKR": {"lokr_w1": (2, 2), "lokr_w2": (2, 2)},
    "OFT": {"oft_R.weight": (2, 1)},
    "BOFT": {"boft_R": (1, 2, 2, 2), "boft_s": (4, 1)},
    "VERA": {"vera_lambda_b": (4,), "vera_lambda_d": (2,), "vera_A": (2, 4), "vera_B": (4, 2)},
    "LN_TUNING": {"ln_tuning_layers.weight": (4, 4), "ln_tuning_layers.bias": (4,)},
    "TRAINABLE_TOKENS": {"trainable_tokens_delta": (1, 4)},
}
SHAPES: list[tuple[int, ...]] = [
    (), (0,), (3,), (4,), (1, 1), (2, 0), (3, 5), (4, 2), (2, 4), (8, 8), (2, 2, 2), (4, 4, 1, 1),
]  # fmt: skip
CORES = ("q.hada_t1", "q.hada_t2", "q.lokr_t2")
EXTRA = {"embed.token_adapter.trainable_tokens_delta": (1, 4), "score.weight": (2, 4)}


def read(
    kind: str, config: dict[str, Any], shapes: dict[str, tuple[int, ...]], weight: tuple[int, ...] = (4, 4)
) -> list[str]:
    """The codes of what is found; what is folded is of the shape of its target."""
    bench = Bench()
    base = {"q.weight": np.ones(weight, np.float32), "q.bias": np.ones(4, np.float32)}
    base["embed.weight"] = np.ones((9, 4), np.float32)
    values = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    facts = bench.facts({"peft_type": kind, **config})
    reading = Peft().read(bench.adapter(values, facts), bench.tensors(base))
    if not reading.problems:
        bench.folded(reading, bench.tensors(base))
        used = {name for fold in reading.folds for name in fold.uses}
        assert values.keys() >= used | reading.unmatched.keys() | reading.ignored.keys()
    return [one.code for one in reading.problems]


def test_every_kind_is_here() -> None:
    assert ROLES.keys() == FOLDABLE


@pytest.mark.parametrize("kind", ROLES)
def test_right_values_are_folded(kind: str) -> None:
    assert read(kind, CONFIG, {f"q.{role}": shape for role, shape in ROLES[kind].items()}) == []


@pytest.mark.parametrize("kind", ROLES)
def test_wrong_values(kind: str) -> None:
    shapes = {f"q.{role}": shape for role, shape in ROLES[kind].items()} | EXTRA
    for key in CONFIG:
        for wrong in WRONG:
            codes = read(kind, {**CONFIG, key: wrong}, shapes)
            assert set(codes) <= {"MC0334", "MC0335", "MC0337", "MC0338", "MC0339", "MC0343"}
        read(kind, {other: value for other, value in CONFIG.items() if other != key}, shapes)


@pytest.mark.parametrize("kind", ROLES)
def test_wrong_shapes(kind: str) -> None:
    right = {f"q.{role}": shape for role, shape in ROLES[kind].items()}
    for name in right:
        read(kind, CONFIG, {other: shape for other, shape in right.items() if other != name})
        for wrong in [
            (),
            (0,),
            (3,),
            (4,),
            (1, 1),
            (2, 0),
            (3, 5),
            (4, 2),
            (2, 4),
            (8, 8),
            (2, 2, 2),
            (4, 4, 1, 1),
        ]:
            read(kind, CONFIG, {**right, name: wrong})
            read(
                kind,
                CONFIG,
                {**right, name: wrong, "q.hada_t1": wrong, "q.hada_t2": wrong, "q.lokr_t2": wrong},
            )


@pytest.mark.parametrize("kind", ROLES)
def test_wrong_shapes_of_the_base(kind: str) -> None:
    right = {f"q.{role}": shape for role, shape in ROLES[kind].items()}
    for weight in [*SHAPES, (0, 4), (4, 0), (4, 0, 3), (0, 4, 4), (2, 2, 4), (4, 2, 2), (4, 4, 1), (1, 4, 4)]:
        for parameters in (["q.table"], ["q.weight"]):
            read(kind, {**CONFIG, "target_parameters": parameters}, right, weight)
