from __future__ import annotations

from mergec.cli.inspection.adapter_facts import AdaptedModule, AdapterFacts
from mergec.cli.inspection.adapter_text import TargetRow, about_lines, adapter_lines, target_rows


def facts(**of: object) -> AdapterFacts:
    modules = tuple(AdaptedModule(f"l.{i}.q", "LoRA", 4, 8.0, 2.0, 2) for i in range(3))
    modules += (AdaptedModule("l.3.q", "LoRA", 8, None, None, 2),)
    return AdapterFacts("peft", modules, **{"full": (), **of})  # type: ignore[arg-type]


def test_modules_that_are_alike_are_one_row() -> None:
    assert target_rows(facts()) == [
        TargetRow("l.{0-2}.q", "LoRA", "4", "8", "2", 3),
        TargetRow("l.3.q", "LoRA", "8", "", "", 1),
    ]


def test_columns_line_up_and_say_what_they_are() -> None:
    assert list(adapter_lines(facts())) == [
        "LoRA of 4 modules, dialect peft",
        "l.{0-2}.q  LoRA  rank 4  alpha 8  scale 2  3 modules",
        "l.3.q      LoRA  rank 8                     1 module",
    ]


def test_what_is_said_of_the_whole() -> None:
    told = facts(base_model="a\x1b", names=("x", "y"), settings={"use_dora": True, "modules_to_save": ["h"]})
    assert list(about_lines(told)) == [
        "LoRA of 4 modules, dialect peft",
        "base model: a\\x1b",
        "adapters named inside of keys: x, y",
        'settings: use_dora=true, modules_to_save=["h"]',
    ]


def test_many_full_tensors_are_cut() -> None:
    full = tuple(f"{letter}.weight" for letter in "abcdefghij")
    *_, last = adapter_lines(facts(full=full))
    assert last.startswith("full tensors: a.weight, b.weight, ")
    assert last.endswith("h.weight and 2 more")
    assert "no factors, dialect peft" in adapter_lines(AdapterFacts("peft", (), full))
