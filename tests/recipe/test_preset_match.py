from __future__ import annotations

import pytest

from mergec.recipe.preset_match import preset_matches_nothing
from mergec.recipe.rename_rule import PresetUse


@pytest.mark.parametrize(
    ("preset", "name", "text"),
    [
        ("llava-to-hf", "language_model.lm_head.weight", "did you mean `hf-to-llava`?"),
        ("hf-memory-to-file", "vision_tower.encoder.x", "did you mean `hf-file-to-memory`?"),
        (
            "hf-memory-to-file",
            "base_model.model.model.language_model.layers.0.q_proj.lora_A.weight",
            'put the rule "base_model.model.{rest:**} -> {rest}" before it',
        ),
        ("llava-to-hf", "x.y", "`optional: true`"),
        ("strip-peft", "x.y", "`optional: true`"),
    ],
)
def test_the_help_knows_the_other_direction(preset: str, name: str, text: str) -> None:
    found = preset_matches_nothing(PresetUse(preset, optional=False, span=None), [name], "chat")
    assert text in (found.help or "")


def test_a_few_beginnings_are_shown() -> None:
    use = PresetUse("strip-peft", optional=False, span=None)
    names = [f"{letter}.{number}" for letter in "abcdefg" for number in range(3)]
    found = preset_matches_nothing(use, names, "chat")
    assert found.notes[1] == "names begin with `a`, `b`, `c`, `d`, `e`, ..."
    assert found.notes[0].startswith("it is for names such as `base_model.model.")
