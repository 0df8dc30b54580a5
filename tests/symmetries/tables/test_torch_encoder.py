from __future__ import annotations

import pytest
import torch
from torch import nn

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IDS, VOCABULARY, plain

LAYERS = {"h": 2, "qk": 2, "v": 2, "ffn": 2}


class Encoder(nn.Module):
    """An embedding, torch's encoder, and a linear head."""

    def __init__(self, *, positions: bool, norm_first: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 24)
        if positions:
            self.pos_embed = nn.Parameter(torch.zeros(1, IDS.shape[1], 24))
        layer = nn.TransformerEncoderLayer(24, 4, 20, batch_first=True, norm_first=norm_first)
        norm = nn.LayerNorm(24) if norm_first else None
        self.encoder = nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False)
        self.fc = nn.Linear(24, 5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embedding(ids)
        x = x + (self.pos_embed if hasattr(self, "pos_embed") else torch.sin(torch.arange(24).to(x.dtype)))
        out: torch.Tensor = self.fc(self.encoder(x))
        return out


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("norm_first", [False, True])
def test_the_function_is_unchanged(*, norm_first: bool, dtype: torch.dtype) -> None:
    model = plain(Encoder(positions=True, norm_first=norm_first), IDS, dtype)
    assert_unchanged(built_in("torch-encoder"), model, {"res": 1, **LAYERS}, sizes={"h": 4})


def test_computed_positions_keep_the_stream() -> None:
    """They are in no file, so that nothing can permute them."""
    model = plain(Encoder(positions=False, norm_first=False), IDS, torch.float64)
    assert_unchanged(built_in("torch-encoder"), model, LAYERS, sizes={"h": 4})


def test_the_layers_alone() -> None:
    layer = nn.TransformerEncoderLayer(24, 4, 20, batch_first=True)
    module = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    points = torch.randn(2, 7, 24, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    model = plain(module, points, torch.float64)
    assert "layers.0.self_attn.in_proj_weight" in model.tensors
    assert_unchanged(built_in("torch-encoder"), model, LAYERS, sizes={"h": 4})
