from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.inspection.pair_facts import pair_facts
from mergec.cli.inspection.pair_text import pair_text
from tests.cli.inspection.subjects import made
from tests.recipe.proposals.named_models import kind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recipe.proposals.named_models import Tensors


def said(tmp_path: Path, one: Tensors, other: Tensors) -> str:
    text = pair_text(pair_facts(made(tmp_path / "a", one), made(tmp_path / "b", other)))
    return text.replace(str(tmp_path), "")


def test_equal_checkpoints_need_three_lines(tmp_path: Path) -> None:
    same = {"x.0": kind(2), "x.1": kind(2)}
    assert said(tmp_path, same, same) == (
        "A: /a: 2 tensors\nB: /b: 2 tensors\nEqual in name, shape and dtype: 2 tensors"
    )


def test_flat_names_are_on_one_line(tmp_path: Path) -> None:
    flat = {f"unet_blocks_{i}_1_proj.w": kind(2, 3) for i in range(4)}
    assert "Only in B: 4 tensors\n  unet_blocks_{0-3}_1_proj.w  4 x [2, 3]  float16" in said(
        tmp_path, {}, flat
    )


def test_rules_and_what_they_leave(tmp_path: Path) -> None:
    one = {"l.w": kind(3), "l.v": kind(5), "a": kind(7, 7)}
    other = {"m.l.w": kind(3), "m.l.v": kind(5), "b": kind(9, 9)}
    *_, rules, only_a, only_b = said(tmp_path, one, other).split("\n\n")
    assert rules.splitlines()[1:] == [
        "  - m.{rest:**} -> {rest}  # lines up 2",
        "After them 2 of 3 names of B have a partner of their shape in A.",
    ]
    assert only_a == "Then only in A: 1 tensor\n  a  [7, 7]  float16"
    assert only_b == "Then only in B: 1 tensor\n  b  [9, 9]  float16"


def test_ties_are_cut(tmp_path: Path) -> None:
    names = ("foo", "bar")
    one = {f"t{n}.{name}": kind(n + 2) for n in range(12) for name in names}
    other = {f"s{n}.{name[::-1]}x": kind(n + 2) for n in range(12) for name in names}
    text = said(tmp_path, one, other)
    assert "No rule is clear enough to be proposed." in text
    assert text.count("<->") == 10
    assert text.endswith("\n  and 2 more")
