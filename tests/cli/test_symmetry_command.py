from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

BLOCK = {
    "norm_a": (16,),
    "norm_b": (16,),
    "attn.wq": (16, 16),
    "attn.wk": (16, 16),
    "attn.wv": (16, 16),
    "attn.wo": (16, 16),
    "mlp.up": (20, 16),
    "mlp.down": (16, 20),
}
OUTER = {"tok_emb": (30, 16), "pos_emb": (8, 16), "norm_out": (16,), "head": (30, 16)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A transformer whose names are its own."""
    shapes = {f"blocks.{i}.{name}.weight": shape for i in range(2) for name, shape in BLOCK.items()}
    shapes |= {f"{name}.weight": shape for name, shape in OUTER.items()}
    tensors = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"dim": 16, "n_heads": 4}))
    return tmp_path


def test_a_draft_is_a_table(mergec_command: Callable[..., Result], folder: Path) -> None:
    result = mergec_command("symmetry", "infer", folder)
    assert result.exit_code == 0, result.stderr
    assert result.output.startswith("# Drafted by `mergec symmetry infer`")
    assert '    "attn.wq.weight, attn.wk.weight": (h qk[h]) res\n' in result.output.replace(
        "attn.wk.weight, attn.wq.weight", "attn.wq.weight, attn.wk.weight"
    )
    assert "review:" not in result.output.replace("review it", "")


def test_the_same_draft_for_one_file_and_for_the_folder(
    mergec_command: Callable[..., Result], folder: Path
) -> None:
    whole = mergec_command("symmetry", "infer", folder).output
    assert mergec_command("symmetry", "infer", folder / "model.safetensors").output == whole


def test_a_missing_file(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    result = mergec_command("symmetry", "infer", tmp_path / "none.safetensors")
    assert result.exit_code == 5
    assert "Traceback" not in result.stderr


def test_another_action(mergec_command: Callable[..., Result], folder: Path) -> None:
    assert mergec_command("symmetry", "guess", folder).exit_code == 2


def test_torch_is_not_imported(mergec_process: Callable[..., subprocess.Popen[str]], folder: Path) -> None:
    code = (
        "import sys; from mergec.cli import main\n"
        f"main(['symmetry', 'infer', {str(folder)!r}], standalone_mode=False)\n"
        f"main(['explain', 'symmetry:mlp'], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    process = mergec_process(code=code)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
