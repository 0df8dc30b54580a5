from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def test_dot(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("graph", recipe)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "digraph recipe {\n"
        "  rankdir=LR;\n"
        '  "base" [shape=cylinder, label="base\\nbase.safetensors"];\n'
        '  "tuned" [shape=cylinder, label="tuned\\ntuned.safetensors"];\n'
        '  "merged" [shape=box, label="merged\\nlinear"];\n'
        '  "output:" [shape=note, label="output\\nout.safetensors"];\n'
        '  "base" -> "merged";\n'
        '  "tuned" -> "merged";\n'
        '  "merged" -> "output:";\n'
        "}\n"
    )


def test_mermaid(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("path: out.safetensors", "path: 'o<\"ut'"))
    assert mergec_command("graph", recipe, "--format", "mermaid").stdout == (
        "graph LR\n"
        '  n0[("base<br/>base.safetensors")]\n'
        '  n1[("tuned<br/>tuned.safetensors")]\n'
        '  n2["merged<br/>linear"]\n'
        '  n3[["output<br/>o&lt;&quot;ut"]]\n'
        "  n0 --> n2\n"
        "  n1 --> n2\n"
        "  n2 --> n3\n"
    )


def test_a_recipe_that_is_wrong(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("inputs: {base: rest,", "inputs: {bsae: rest,"))
    assert mergec_command("graph", recipe).exit_code == 1
