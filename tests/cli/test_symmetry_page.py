from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from mergec.symmetries.table import built_in, built_in_names, built_in_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    """Two layers, three query heads for each of two key heads."""
    shapes: dict[str, tuple[int, ...]] = {
        "input_layernorm": (24,),
        "post_attention_layernorm": (24,),
        "self_attn.q_proj": (24, 24),
        "self_attn.k_proj": (8, 24),
        "self_attn.v_proj": (8, 24),
        "self_attn.o_proj": (24, 24),
        "mlp.gate_proj": (20, 24),
        "mlp.up_proj": (20, 24),
        "mlp.down_proj": (24, 20),
    }
    shapes = {f"model.layers.{i}.{name}.weight": shape for i in range(2) for name, shape in shapes.items()}
    shapes |= {"model.embed_tokens.weight": (30, 24), "model.norm.weight": (24,), "lm_head.weight": (30, 24)}
    shapes["model.layers.0.self_attn.rotary_emb.inv_freq"] = (2,)
    tensors = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    config = {"hidden_size": 24, "num_attention_heads": 6, "num_key_value_heads": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_the_topic_lists_all_tables(mergec_command: Callable[..., Result]) -> None:
    lines = mergec_command("explain", "symmetries").output.splitlines()
    rows = dict(line.split(maxsplit=1) for line in lines if line.startswith("  ") and " " in line.strip())
    for name, summary in built_in_tables().items():
        assert rows[name] == summary


@pytest.mark.parametrize("name", built_in_names())
def test_every_table_has_a_page(mergec_command: Callable[..., Result], name: str) -> None:
    result = mergec_command("explain", f"symmetry:{name}")
    assert result.exit_code == 0
    head, comments, _ = result.output.partition("\n  # ")
    told = built_in(name)
    assert comments
    assert " ".join(head.split()) == f"{name} {told.summary} {told.caution}".strip()
    assert "summary:" not in result.output
    assert "caution:" not in result.output
    assert "\nAxes, one for each dimension of a tensor:\n" in result.output


def test_the_groups_of_a_checkpoint(mergec_command: Callable[..., Result], llama: Path) -> None:
    result = mergec_command("explain", "symmetry:llama", "--model", llama)
    assert result.exit_code == 0, result.stderr
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines[0] == f"llama on {llama}: 21 of 22 tensors have groups"
    assert "group times size" in lines
    assert "res 1 24 on 21 tensors" in lines
    assert "kv 2 2 on 8 tensors" in lines
    assert "q 2 3 for each kv on 4 tensors" in lines
    assert "v 2 4 for each kv on 4 tensors" in lines
    assert "ffn 2 20 on 6 tensors" in lines
    assert "model.layers.{0-1}.self_attn.q_proj.weight 24 x 24 (kv q[kv] 4) res" in lines
    assert lines[-2:] == ["As they are:", "model.layers.0.self_attn.rotary_emb.inv_freq"]


def test_a_size_by_hand(mergec_command: Callable[..., Result], llama: Path) -> None:
    (llama / "config.json").unlink()
    result = mergec_command("explain", "symmetry:llama", "--model", llama)
    assert result.exit_code == 1
    assert "MC0506" in result.stderr
    sizes = ["--size", "kv=2", "--size", "q=3", "--size", "_hd=4"]
    result = mergec_command("explain", "symmetry:llama", "--model", llama / "model.safetensors", *sizes)
    assert result.exit_code == 0, result.stderr


def test_a_table_that_does_not_fit(mergec_command: Callable[..., Result], llama: Path) -> None:
    result = mergec_command("explain", "symmetry:bert", "--model", llama)
    assert result.exit_code == 1
    assert "MC0508" in result.stderr
    assert result.output == result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["symmetry:lama"], "did you mean `symmetry:llama`?"),
        (["symmetry:lama", "--model", "x"], "did you mean `symmetry:llama`?"),
        (["linear", "--model", "x"], "--model goes with a symmetry table, and `linear` is none"),
        (["symmetry:llama", "--size", "kv=2"], "--nest and --size go with --model"),
        (["symmetry:llama", "--model", "x", "--size", "kv"], "`kv` is not of the form NAME=NUMBER"),
        (["symmetry:llama", "--model", "x", "--size", "kv=0"], "`kv=0` is not of the form NAME=NUMBER"),
    ],
)
def test_wrong_use(mergec_command: Callable[..., Result], arguments: list[str], said: str) -> None:
    result = mergec_command("explain", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_no_such_checkpoint(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    result = mergec_command("explain", "symmetry:bert", "--model", tmp_path / "none")
    assert result.exit_code == 5
    assert "Traceback" not in result.stderr
