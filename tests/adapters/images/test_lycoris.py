"""Folds of LyCORIS modules against what the library itself computes with them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from mergec.adapters.images.kohya import Kohya
from tests.adapters.evaluate import folded_by

lycoris = pytest.importorskip("lycoris.modules", reason="an oracle of development only")

FLAT = "lora_unet_middle_block_1_proj_in"
PATH = "middle_block.1.proj_in"
LINEAR = {"linear": lambda: torch.nn.Linear(24, 32)}
CONVOLUTIONS = {
    "conv 3x3": lambda: torch.nn.Conv2d(8, 16, 3, padding=1),
    "conv 1x1": lambda: torch.nn.Conv2d(8, 16, 1),
    "conv 1d": lambda: torch.nn.Conv1d(8, 16, 5, padding=2),
}
LAYERS: dict[str, Any] = {**LINEAR, **CONVOLUTIONS}
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("LoConModule", {}),
    ("LoConModule", {"weight_decompose": True}),
    ("LoConModule", {"weight_decompose": True, "wd_on_out": False}),
    ("LoConModule", {"use_tucker": True}),
    ("LoConModule", {"use_tucker": True, "weight_decompose": True}),
    ("LoConModule", {"rs_lora": True, "use_scalar": True}),
    ("LohaModule", {}),
    ("LohaModule", {"use_tucker": True}),
    ("LohaModule", {"weight_decompose": True}),
    ("LokrModule", {"factor": 2}),
    ("LokrModule", {"factor": 4, "decompose_both": True, "lora_dim": 1}),
    ("LokrModule", {"factor": 2, "use_tucker": True, "lora_dim": 2}),
    ("LokrModule", {"full_matrix": True}),
    ("LokrModule", {"factor": 4, "unbalanced_factorization": True, "weight_decompose": True}),
    ("GLoRAModule", {}),
    ("IA3Module", {}),
    ("IA3Module", {"train_on_input": True}),
    ("DiagOFTModule", {}),
    ("DiagOFTModule", {"rescaled": True}),
    ("DiagOFTModule", {"constraint": 0.002}),
    ("DiagOFTModule", {"constraint": 1000.0}),
    ("ButterflyOFTModule", {}),
    ("ButterflyOFTModule", {"rescaled": True, "constraint": 0.01}),
]


def adapter_of(kind: str, layer: torch.nn.Module, options: dict[str, Any]) -> Any:
    """A trained module: the library's own, with random values instead of its start."""
    module = getattr(lycoris, kind)("m", layer, **{"lora_dim": 4, "alpha": 3, **options})
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("kind", "options"), KINDS)
@torch.no_grad()
def test_the_folded_weight_computes_what_the_library_computes(
    layer: str, kind: str, options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    base = LAYERS[layer]()
    module = adapter_of(kind, base, options)
    stored = {f"{FLAT}.{part}": np.asarray(value) for part, value in module.state_dict().items()}
    weights = {f"{PATH}.{name}": value.numpy().copy() for name, value in base.state_dict().items()}
    folded = folded_by(Kohya(), weights, stored)
    x = torch.randn(2, *((24,) if layer == "linear" else (8, 9, 9)[: 3 if "1d" not in layer else 2]))
    expected = module(x)
    for name, value in folded.items():
        base.get_parameter(name.removeprefix(f"{PATH}.")).copy_(torch.from_numpy(value))
    torch.testing.assert_close(base(x), expected, rtol=1e-4, atol=3e-5)


def test_every_form_is_among_the_kinds() -> None:
    """What LoKr stores depends on its sizes: all combinations of whole and divided factors must occur."""
    found = set()
    for (kind, options), layer in itertools.product(KINDS, LAYERS.values()):
        if kind == "LokrModule":
            found.add(frozenset(adapter_of(kind, layer(), options).state_dict()) - {"alpha", "dora_scale"})
    whole = {"lokr_w1", "lokr_w2"}
    assert {
        frozenset(whole),
        frozenset({"lokr_w1", "lokr_w2_a", "lokr_w2_b"}),
        frozenset({"lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b"}),
        frozenset({"lokr_w1", "lokr_w2_a", "lokr_w2_b", "lokr_t2"}),
    } <= found
