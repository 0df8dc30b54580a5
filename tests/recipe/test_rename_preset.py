from __future__ import annotations

import time
from typing import Any

import pytest

from mergec.diagnostics import Diagnostic, Report
from mergec.recipe.rename_pass import RuleUse, apply_rules
from mergec.recipe.rename_preset import load_preset, preset_names
from mergec.recipe.source_names import parse_rules
from mergec.recipe.value_place import NoPlace
from tests.recipe.rule_runs import tensor


def run(names: list[str], *rules: Any) -> tuple[list[str], list[RuleUse], tuple[Diagnostic, ...]]:
    report = Report()
    parsed = parse_rules(rules, NoPlace(), report)
    tensors, uses = apply_rules({name: tensor(6, 6) for name in names}, parsed, "chat", report)
    return list(tensors), uses, report.diagnostics


def renamed(names: list[str], *rules: Any) -> list[str]:
    found, _, diagnostics = run(names, *rules)
    assert diagnostics == ()
    return found


def test_the_presets_are_sorted_files() -> None:
    assert "llava-to-hf" in preset_names()
    assert list(preset_names()) == sorted(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_what_it_is_for(name: str) -> None:
    preset = load_preset(name)
    assert preset.summary.endswith(".")
    assert "\n" not in preset.summary + preset.facts
    assert preset.facts.endswith(".")
    assert preset.rules
    assert all(rule.optional for rule in preset.rules)
    assert preset.inverse is None or preset.inverse in preset_names()


@pytest.mark.parametrize("name", preset_names())
def test_the_examples_are_what_the_rules_do(name: str) -> None:
    examples = load_preset(name).examples
    assert examples
    for before, after in examples:
        assert renamed([before], {"preset": name, "optional": True}) == list(after)


@pytest.mark.parametrize("name", preset_names())
def test_the_uses_are_those_of_the_rules_that_applied(name: str) -> None:
    preset = load_preset(name)
    names = [before for before, _ in preset.examples]
    _, uses, diagnostics = run(names, {"preset": name})
    assert diagnostics == ()
    assert uses
    assert {use.rule for use in uses} <= {f"{rule.text} (preset {name})" for rule in preset.rules}


@pytest.mark.parametrize("name", [name for name in preset_names() if load_preset(name).inverse])
def test_an_inverse_leads_back(name: str) -> None:
    preset = load_preset(name)
    before = [before for before, _ in preset.examples]
    again = renamed(before, {"preset": name}, {"preset": preset.inverse}, {"preset": name})
    assert again == [name for _, after in preset.examples for name in after]


LLAVA = [
    "model.embed_tokens.weight",
    "model.layers.31.mlp.down_proj.weight",
    "model.norm.weight",
    "lm_head.weight",
    "model.mm_projector.0.weight",
    "model.mm_projector.2.bias",
    "model.vision_tower.vision_tower.vision_model.embeddings.class_embedding",
    "model.vision_tower.vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight",
]


def test_llava_there_and_back() -> None:
    there = renamed(LLAVA, {"preset": "llava-to-hf"})
    assert there == [
        "language_model.model.embed_tokens.weight",
        "language_model.model.layers.31.mlp.down_proj.weight",
        "language_model.model.norm.weight",
        "language_model.lm_head.weight",
        "multi_modal_projector.linear_1.weight",
        "multi_modal_projector.linear_2.bias",
        "vision_tower.vision_model.embeddings.class_embedding",
        "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight",
    ]
    assert renamed(there, {"preset": "hf-to-llava"}) == LLAVA


def test_only_llava_next_moves_the_newline() -> None:
    names = ["model.image_newline", "model.norm.weight"]
    kept, moved = "model.image_newline", "image_newline"
    assert renamed(names, {"preset": "llava-to-hf"})[0] == kept
    assert renamed(names, {"preset": "llava-next-to-hf"})[0] == moved
    assert renamed([moved], {"preset": "hf-to-llava"}) == [kept]


def test_wrappers_come_off_at_any_depth() -> None:
    path = "_fsdp_wrapped_module.model._orig_mod.layers._fsdp_wrapped_module.0._fsdp_wrapped_module.w"
    names = [f"module._orig_mod.module.{path}", "module.module.b", "block.module.w"]
    found, (first, second), _ = run(names, {"preset": "strip-wrappers"})
    assert found == ["model.layers.0.w", "b", "block.module.w"]
    assert (first.count, second.count) == (4 + 2, 3)


def test_a_preset_among_rules() -> None:
    rules = [{"preset": "strip-wrappers"}, "model.{rest:**} -> {rest}", {"preset": "strip-peft"}]
    found, uses, diagnostics = run(["module.model.base_model.model.a", "module.model.b"], *rules)
    assert diagnostics == ()
    assert found == ["a", "b"]
    assert [use.count for use in uses] == [2, 2, 1]
    assert uses[1] == RuleUse("model.{rest:**} -> {rest}", 2)
    assert uses[2] == RuleUse("base_model.model.{rest:**} -> {rest} (preset strip-peft)", 1)


def test_a_preset_that_matches_nothing() -> None:
    _, uses, (found,) = run(["a", "b.c"], {"preset": "strip-peft"})
    assert (uses, found.code) == ([], "MC0146")
    assert found.notes[-1] == "names begin with `a`, `b`"
    assert run(["a"], {"preset": "strip-peft", "optional": True})[2] == ()
    _, _, (found,) = run(["visual.a.b"], {"preset": "qwen2-vl-memory-to-file"})
    assert "`qwen2-vl-file-to-memory`" in (found.help or "")


def test_two_uses_of_a_preset_are_told_apart() -> None:
    _, uses, (found,) = run(["base_model.model.a"], {"preset": "strip-peft"}, {"preset": "strip-peft"})
    assert [use.count for use in uses] == [1]
    assert found.code == "MC0146"


def test_a_collision_names_the_preset_and_its_rule() -> None:
    _, _, (found,) = run(["module.a", "a"], {"preset": "strip-wrappers"})
    assert found.code == "MC0137"
    assert "of the preset `strip-wrappers`" in found.notes[0]


def test_misses_after_a_failed_preset_are_not_reported() -> None:
    _, _, found = run(["module.a", "a"], {"preset": "strip-wrappers"}, {"preset": "strip-peft"}, "x -> y")
    assert [one.code for one in found] == ["MC0137"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"preset": "lava-to-hf"}, "MC0145"),
        ({"preset": "../llava-to-hf"}, "MC0145"),
        ({"preset": ["llava-to-hf"]}, "MC0135"),
        ({"preset": None}, "MC0135"),
        ({"preset": "llava-to-hf", "optional": 1}, "MC0135"),
        ({"preset": "llava-to-hf", "from": "a"}, "MC0110"),
        ({"presset": "llava-to-hf"}, "MC0110"),
        ({"from": "a", "to": "b", "repeat": True}, "MC0110"),
    ],
)
def test_mistakes(value: Any, code: str) -> None:
    _, _, (found,) = run(["a"], value)
    assert found.code == code
    assert found.help or code == "MC0135"


def test_many_names_take_little_time() -> None:
    parts = ("self_attn.q_proj.weight", "mlp.experts.7.up_proj.weight", "input_layernorm.weight")
    names = [f"model.layers.{i}.block.{j}.{part}" for i in range(128) for j in range(240) for part in parts]
    assert len(names) > 92_000
    wrapped = [f"module._orig_mod.{name}" for name in names]
    begin = time.process_time()
    found = renamed(wrapped, {"preset": "strip-wrappers"}, {"preset": "llava-to-hf"})
    # It takes some 3 s; what grows with the square of the names takes hours.
    assert time.process_time() - begin < 30
    assert found[0] == f"language_model.{names[0]}"
