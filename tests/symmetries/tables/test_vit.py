from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from torch import nn

from mergec.symmetries.self_test.moving import families
from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged, symmetry_of
from tests.symmetries.tables.models import IMAGES, plain, pretrained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

LAYERS = {"h": 2, "qk": 2, "v": 2, "ffn": 2}
SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 8,
    "patch_size": 4,
}


def vit(kind: str) -> Callable[[], Any]:
    return lambda: getattr(transformers, f"ViT{kind}")(transformers.ViTConfig(intermediate_size=20, **SIZES))


def deit() -> Any:
    config = transformers.DeiTConfig(intermediate_size=20, **SIZES)
    return transformers.DeiTForImageClassificationWithTeacher(config)


def dinov2(kind: str, **more: Any) -> Callable[[], Any]:
    config = transformers.Dinov2Config
    return lambda: getattr(transformers, f"Dinov2{kind}")(config(mlp_ratio=2, **SIZES, **more))


def with_registers() -> Any:
    config = transformers.Dinov2WithRegistersConfig(mlp_ratio=2, num_register_tokens=3, **SIZES)
    return transformers.Dinov2WithRegistersForImageClassification(config)


CASES: dict[str, tuple[Callable[[], Any], tuple[str, ...], Mapping[str, int]]] = {
    "ViT": (vit("ForImageClassification"), ("logits",), {"res": 1, **LAYERS}),
    "ViT, no head": (vit("Model"), ("last_hidden_state", "pooler_output"), LAYERS),
    "DeiT": (deit, ("cls_logits", "distillation_logits"), {"res": 1, **LAYERS}),
    "DINOv2": (dinov2("ForImageClassification"), ("logits",), {"res": 1, **LAYERS}),
    "DINOv2, SwiGLU, no head": (dinov2("Model", use_swiglu_ffn=True), ("last_hidden_state",), LAYERS),
    "DINOv2, registers": (with_registers, ("logits",), {"res": 1, **LAYERS}),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_the_function_is_unchanged(case: str, dtype: torch.dtype, tmp_path: Path) -> None:
    make, outputs, expected = CASES[case]
    model = pretrained(make(), {"pixel_values": IMAGES}, outputs, tmp_path, dtype)
    assert_unchanged(built_in("vit"), model, expected)


class Attention(nn.Module):
    """As timm and DINO write it: fused queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        out: torch.Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return out


class Plain(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc2(nn.functional.gelu(self.fc1(x)))
        return out


class Gated(nn.Module):
    """DINOv2's SwiGLU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, up = self.w12(x).chunk(2, -1)
        out: torch.Tensor = self.w3(nn.functional.silu(gate) * up)
        return out


class Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gamma


class Block(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int, *, dino: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.ls1 = Scale(width) if dino else nn.Identity()
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Gated(width, hidden) if dino else Plain(width, hidden)
        self.ls2 = Scale(width) if dino else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        out: torch.Tensor = x + self.ls2(self.mlp(self.norm2(x)))
        return out


class PatchEmbed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, 4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return out


class Timm(nn.Module):
    def __init__(self, *, dino: bool, classes: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 24))
        self.pos_embed = nn.Parameter(torch.zeros(1, 5, 24))
        self.patch_embed = PatchEmbed(24)
        self.blocks = nn.Sequential(*(Block(24, 4, 20, dino=dino) for _ in range(2)))
        self.norm = nn.LayerNorm(24)
        self.head = nn.Linear(24, classes) if classes else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        out: torch.Tensor = self.head(self.norm(self.blocks(x))[:, 0])
        return out


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("dino", [False, True])
@pytest.mark.parametrize("classes", [0, 5])
def test_timm_and_dino(*, dino: bool, classes: int, dtype: torch.dtype) -> None:
    model = plain(Timm(dino=dino, classes=classes), IMAGES, dtype)
    expected = {"res": 1, **LAYERS} if classes else LAYERS
    assert_unchanged(built_in("vit"), model, expected, sizes={"h": 4})


def test_without_stored_positions_queries_keep_their_order() -> None:
    """They may be rotary, of which the file shows nothing."""
    model = plain(Timm(dino=False, classes=5), IMAGES, torch.float64)
    rotary = {name: value for name, value in model.tensors.items() if name != "pos_embed"}
    symmetry, said = symmetry_of(built_in("vit"), model._replace(tensors=rotary).shape, sizes={"h": 4})
    assert symmetry is not None, said
    assert families(symmetry).keys() == {"res", "h", "v", "ffn"}
