from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged, symmetry_of
from tests.symmetries.tables.models import IDS, VOCABULARY, plain

DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)


class Recurrent(nn.Module):
    """An embedding, recurrent layers, and a linear head."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU], *, head: bool = True, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.rnn = kind(6, 10, batch_first=True, **options)
        width = (options.get("proj_size") or 10) * (2 if options.get("bidirectional") else 1)
        self.fc = nn.Linear(width, 5) if head else nn.Identity()

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc(self.rnn(self.embedding(ids))[0])
        return out


OPTIONS: dict[str, tuple[dict[str, Any], int]] = {
    "one layer": ({}, 1),
    "three layers": ({"num_layers": 3}, 3),
    "both directions": ({"num_layers": 2, "bidirectional": True}, 4),
    "no bias": ({"num_layers": 2, "bias": False}, 2),
}
PROJECTED: dict[str, tuple[dict[str, Any], int]] = {
    "projected": ({"num_layers": 2, "proj_size": 4}, 4),
    "projected, both directions": ({"num_layers": 2, "proj_size": 4, "bidirectional": True}, 8),
}


@DTYPES
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("case", [*OPTIONS, *PROJECTED])
def test_lstm(case: str, dtype: torch.dtype) -> None:
    options, groups = {**OPTIONS, **PROJECTED}[case]
    assert_unchanged(built_in("lstm"), plain(Recurrent(nn.LSTM, **options), IDS, dtype), groups=groups)


@DTYPES
@pytest.mark.parametrize("case", OPTIONS)
def test_gru(case: str, dtype: torch.dtype) -> None:
    options, groups = OPTIONS[case]
    assert_unchanged(built_in("gru"), plain(Recurrent(nn.GRU, **options), IDS, dtype), groups=groups)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_what_reads_two_layers_at_once_is_not_taken_for_two_directions(kind: type[nn.LSTM | nn.GRU]) -> None:
    """The last states of both layers side by side are as wide as both directions of the last one."""
    model = plain(Recurrent(kind, num_layers=2), IDS, torch.float64)
    wide = {
        name: np.zeros((5, 20)) if name == "fc.weight" else value for name, value in model.tensors.items()
    }
    symmetry, said = symmetry_of(built_in(kind.__name__.lower()), model._replace(tensors=wide).shape)
    assert symmetry is None
    assert [one.code for one in said] == ["MC0515"]
    assert "axis 1 of `fc.weight`" in said[0].message


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_without_a_head_the_last_layer_stays(kind: type[nn.LSTM | nn.GRU]) -> None:
    model = plain(Recurrent(kind, head=False, num_layers=3), IDS, torch.float64)
    assert_unchanged(built_in(kind.__name__.lower()), model, groups=2)
