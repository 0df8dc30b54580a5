from __future__ import annotations

from typing import Any

import pytest

from mergec.adapters.peft.config import PeftConfig, check_scales, read_peft_config
from mergec.diagnostics import MergecError
from tests.adapters.evaluate import Bench


def read(**values: Any) -> PeftConfig:
    bench = Bench()
    config = read_peft_config(bench.adapter({}, bench.facts({"peft_type": "LORA", **values})))
    check_scales(config)
    return config


def test_the_first_pattern_that_fits_the_end_of_a_path_gives_its_rank_and_alpha() -> None:
    config = read(
        r=8,
        lora_alpha=16,
        rank_pattern={"q_proj": 4, "layers.1.q_proj": 2, "^model.k": 3},
        alpha_pattern={r"layers\.\d+\.q_proj": 1.5},
    )
    assert config.rank_of("model.layers.1.q_proj") == 4
    assert config.rank_of("model.layers.1.my_q_proj") == 8
    assert config.rank_of("model.k") == 3
    assert config.rank_of("other.model.k") == 8
    assert config.scale_of("model.layers.12.q_proj", 4) == 1.5 / 4
    assert config.scale_of("model.layers.x.q_proj", 4) == 16 / 4


def test_rank_stabilised_adapters_divide_by_the_root() -> None:
    assert read(r=4, lora_alpha=6, use_rslora=True).scale_of("q", 4) == 3


def test_adalora_keeps_masks_where_others_keep_ranks() -> None:
    config = read(peft_type="AdaLora", init_r=8, lora_alpha=16, rank_pattern={"q.lora_E": [True, False]})
    assert config.kind == "ADALORA"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"peft_type": None}, "MC0335"),
        ({"r": "8"}, "MC0335"),
        ({"r": -1}, "MC0335"),
        ({"r": True}, "MC0335"),
        ({"lora_alpha": 4}, "MC0335"),
        ({"peft_type": "IA3", "feedforward_modules": "("}, "MC0335"),
        ({"r": 8}, "MC0338"),
        ({"r": 8, "lora_alpha": None}, "MC0338"),
        ({"r": 8, "lora_alpha": "16"}, "MC0338"),
        ({"r": 8, "lora_alpha": float("inf")}, "MC0338"),
        ({"r": 8, "lora_alpha": 0}, "MC0338"),
        ({"r": 8, "lora_alpha": -16}, "MC0338"),
        ({"r": 8, "lora_alpha": 1, "alpha_pattern": {"q": 0}}, "MC0335"),
        ({"r": 8, "lora_alpha": 1, "use_rslora": "yes"}, "MC0335"),
        ({"r": 8, "lora_alpha": 1, "use_dora": 1}, "MC0335"),
        ({"r": 8, "lora_alpha": 1, "rank_pattern": ["q"]}, "MC0335"),
        ({"r": 8, "lora_alpha": 1, "rank_pattern": {"q": 0}}, "MC0335"),
        ({"r": 8, "lora_alpha": 1, "rank_pattern": {"q": 1.5}}, "MC0335"),
        ({"r": 8, "lora_alpha": 1, "alpha_pattern": {"q": "1"}}, "MC0335"),
        ({"r": 8, "lora_alpha": 1, "alpha_pattern": {"(?=q)": 1}}, "MC0335"),
    ],
)
def test_what_cannot_be_used_is_refused(values: dict[str, Any], code: str) -> None:
    with pytest.raises(MergecError) as caught:
        read(**values)
    assert [one.code for one in caught.value.diagnostics] == [code]
