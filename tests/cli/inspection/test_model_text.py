from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.inspection.config_check import ConfigLine
from mergec.cli.inspection.model_facts import model_facts
from mergec.cli.inspection.model_text import begins, config_texts, joint_lines, layout_text, model_text
from mergec.cli.inspection.parts import Part
from tests.cli.inspection.subjects import made
from tests.recipe.proposals.named_models import LLAVA, kind, llama

if TYPE_CHECKING:
    from pathlib import Path


def test_sections_in_order_and_none_that_is_empty(tmp_path: Path) -> None:
    def titles(text: str) -> list[str]:
        return [block.splitlines()[0] for block in text.split("\n\n")[1:]]

    plain = model_text(model_facts(made(tmp_path / "a", {"x.w": kind(2)})), every_tensor=False)
    assert titles(plain) == ["Components", "Tensors"]
    whole = model_facts(made(tmp_path / "b", LLAVA["hub"], {"text_config": {"hidden_size": 64}}))
    expected = ["Components", "Joints", "config.json beside the file", "Names", "Tensors"]
    assert titles(model_text(whole, every_tensor=False)) == expected


def test_every_tensor_has_a_line_where_that_is_wanted(tmp_path: Path) -> None:
    facts = model_facts(made(tmp_path / "a", llama()))
    lines = model_text(facts, every_tensor=True).splitlines()
    assert all(any(line.split()[:1] == [name] for line in lines) for name in llama())
    assert "model.layers.1.mlp.up_proj.weight" not in model_text(facts, every_tensor=False)


def test_joints_line_up(tmp_path: Path) -> None:
    rows, width = llama()["lm_head.weight"].shape
    assert list(joint_lines(model_facts(made(tmp_path / "a", llama())))) == [
        f"hidden size       {width}  model.embed_tokens.weight",
        f"vocabulary rows  {rows}  model.embed_tokens.weight",
        f"head rows        {rows}  lm_head.weight",
    ]


def test_contradictions_stand_out() -> None:
    lines = (ConfigLine("tied", False, True, "no head"), ConfigLine("size\x1b", 8, 8, "w"))  # noqa: FBT003
    assert list(config_texts(lines)) == [
        "tied      false  CONTRADICTS the file: true  (no head)",
        "size\\x1b  8      agrees                      (w)",
    ]


def test_what_names_begin_with_is_kept_short() -> None:
    assert begins(Part("x", {}, ("a", "b"))) == "a, b"
    assert begins(Part("x", {}, tuple("abcdef"))) == "a, b, c, d and 2 more"
    long = tuple(letter * 50 for letter in "abc")
    assert begins(Part("x", {}, long)) == f"{long[0]} and 2 more"


def test_a_layout_that_is_not_known(tmp_path: Path) -> None:
    text = layout_text(model_facts(made(tmp_path / "a", {"x.w": kind(2)})))
    assert text == "layout: none that is known, so no component can be named"
