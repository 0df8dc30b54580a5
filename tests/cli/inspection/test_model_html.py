from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.cli.inspection.model_facts import model_facts
from mergec.cli.inspection.model_html import model_html, text_html
from tests.cli.inspection.subjects import made
from tests.recipe.proposals.named_models import LLAVA, kind, prefixed

if TYPE_CHECKING:
    from pathlib import Path


def headings(page: str) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", page)


def test_sections_of_a_model(tmp_path: Path) -> None:
    without = {name: of for name, of in LLAVA["original"].items() if "vision_tower" not in name}
    config = {"mm_vision_tower": "openai/clip", "hidden_size": 63}
    page = model_html(model_facts(made(tmp_path / "m", prefixed("module.", without), config)))
    expected = ["Components", "Joints", "config.json beside the file", "Names", "Tensors"]
    assert headings(page) == expected
    assert "vision tower: not in the file; config.json names openai/clip</li>" in page
    assert '<td>63</td><td>64</td><td class="bad">contradicts</td>' in page
    assert "<code>module</code> in " in page
    assert "`" not in page


def test_an_adapter_is_a_table_of_its_targets(tmp_path: Path) -> None:
    tensors = {f"base_model.model.l.{i}.q.lora_{side}.weight": kind(2, 2) for side in "AB" for i in range(3)}
    tensors["base_model.model.head.weight"] = kind(2)
    found = made(tmp_path / "a", tensors, adapter={"peft_type": "LORA", "r": 2, "lora_alpha": 4})
    page = model_html(model_facts(found))
    cells = "".join(f'<td class="n">{cell}</td>' for cell in (2, 4, 2, 3))
    assert f"<tr><td><code>l.{{0-2}}.q</code></td><td>LoRA</td>{cells}</tr>" in page
    assert headings(page) == ["Adapter", "Full tensors", "Names", "Tensors"]


def test_bars_are_as_long_as_parts_are_large(tmp_path: Path) -> None:
    page = model_html(model_facts(made(tmp_path / "m", LLAVA["hub"])))
    widths = [float(width) for width in re.findall(r"width:([0-9.]+)%", page)]
    assert len(widths) == 4
    assert max(widths) == 100
    assert min(widths) < 50


def test_every_heading_of_numbers_stands_over_them(tmp_path: Path) -> None:
    page = model_html(model_facts(made(tmp_path / "m", {"x.w": kind(2)})))
    heads, cells = (re.search(f"<tr>(<t{cell}.*?)</tr>", page) for cell in "hd")
    assert heads is not None
    assert cells is not None
    classes = [re.findall('<t[hd]( class="n")?', row[1]) for row in (heads, cells)]
    assert classes[0] == classes[1]


def test_a_page_is_readable_in_the_dark_and_on_a_small_screen() -> None:
    page = text_html("a & b", "<x>\n\x1b")
    assert "prefers-color-scheme: dark" in page
    assert '<meta name="viewport"' in page
    assert "<title>a &amp; b</title>" in page
    assert "<pre>&lt;x&gt;\n\\x1b</pre>" in page
