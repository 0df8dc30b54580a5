"""Tables that others published, or that look right: refused, or found out by the invariance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from mergec.diagnostics import MergecError
from mergec.symmetries.table import built_in
from tests.symmetries.invariance import EVERYTHING, deviations, symmetry_of
from tests.symmetries.reading import made, read
from tests.symmetries.tables import test_llama
from tests.symmetries.tables.models import IDS, IMAGES, plain, pretrained
from tests.symmetries.tables.resnets import ResNet, groups_of
from tests.symmetries.tables.test_bert import bert
from tests.symmetries.tables.test_t5 import t5
from tests.symmetries.tables.test_vgg import Vgg

if TYPE_CHECKING:
    from pathlib import Path

    from tests.symmetries.reading import Shapes
    from tests.symmetries.tables.models import Model

FOUND_OUT = 0.01


def broken(text: str, model: Model) -> set[str]:
    """The families of a table that change the function."""
    table, said = read(text)
    assert table is not None, [one.message for one in said]
    symmetry, found = symmetry_of(table, model.shape)
    assert symmetry is not None, [one.message for one in found]
    off = deviations(symmetry, model.tensors, model.forward)
    assert all(one.output > FOUND_OUT or one.output < 1e-12 for one in off.values())
    return {family for family, one in off.items() if one.output > FOUND_OUT}


def refused(text: str, shapes: Shapes) -> list[str]:
    """The codes with which a table is refused for these shapes."""
    found = made(text, shapes)
    assert found.symmetry is None
    return [one.code for one in found.said]


def test_permuting_inside_rotary_heads(tmp_path: Path) -> None:
    text = """
extends: llama
tensors:
  "model.layers.*":
    "self_attn.q_proj.weight": (kv q[kv] d[kv]) res
    "self_attn.k_proj.weight": (kv d[kv]) res
"""
    model = pretrained(test_llama.made("Llama"), {"input_ids": IDS}, ("logits",), tmp_path, torch.float64)
    assert broken(text, model) == {"d", EVERYTHING}


def test_query_heads_across_groups(tmp_path: Path) -> None:
    text = """
extends: llama
sizes: {qh: num_attention_heads}
tensors:
  "model.layers.*":
    "self_attn.q_proj.weight": (qh _hd) res
    "self_attn.k_proj.weight, self_attn.v_proj.weight": _ res
    "self_attn.o_proj.weight": res (qh _hd)
"""
    model = pretrained(test_llama.made("Llama"), {"input_ids": IDS}, ("logits",), tmp_path, torch.float64)
    assert broken(text, model) == {"qh", EVERYTHING}


def test_heads_of_t5_free_in_each_layer(tmp_path: Path) -> None:
    text = """
sizes: {h: num_heads}
extends: t5
tensors:
  "encoder.block.*":
    "layer.0.SelfAttention.(q|k).weight": (h _) res
    "layer.0.SelfAttention.v.weight": (h _) res
    "layer.0.SelfAttention.o.weight": res (h _)
    "layer.0.SelfAttention.relative_attention_bias.weight": _ h
"""
    model = t5(tmp_path, torch.float64)
    assert broken(text, model) == {"h", EVERYTHING}


def test_queries_and_values_free_across_heads(tmp_path: Path) -> None:
    """The table of a public port of Git Re-Basin to transformers."""
    text = """
extends: bert
tensors:
  "bert.encoder.layer.*":
    "attention.self.(query|key).weight": qk res
    "attention.self.(query|key).bias": qk
    "attention.self.value.weight": v res
    "attention.self.value.bias": v
    "attention.output.dense.weight": res v
"""
    model = pretrained(bert("ForMaskedLM")(), {"input_ids": IDS}, ("logits",), tmp_path, torch.float64)
    assert broken(text, model) == {"qk", "v", EVERYTHING}


def test_channels_free_under_group_norm() -> None:
    """The table `resnet` does not see how many groups a GroupNorm has."""
    model = plain(ResNet(groups_of(4)), IMAGES, torch.float64)
    assert EVERYTHING in broken("extends: resnet", model)


def test_running_statistics_left_behind() -> None:
    text = """
extends: resnet
tensors: {"**.running_(mean|var)": _}
"""
    model = plain(ResNet(nn.BatchNorm2d), IMAGES, torch.float64)
    assert broken(text, model) == {"S0", "S2", "S3", "in", EVERYTHING}


def test_running_statistics_forgotten() -> None:
    shapes = {"0.weight": (8, 4), "0.running_mean": (8,), "1.weight": (2, 8)}
    text = 'tensors: {"0.weight": c _, "1.weight": _ c}'
    assert refused(text, shapes) == ["MC0508"]


def test_permuted_logits() -> None:
    """As a public table for VGG16 has them."""
    text = """
extends: vgg
tensors:
  "classifier.0.weight": P_Dense_0 _
  "classifier.0.bias": P_Dense_0
"""
    hidden = plain(Vgg(norms=False, small=False), IMAGES, torch.float64)
    logits = {
        name: value.shape for name, value in hidden.tensors.items() if not name.startswith("classifier.")
    }
    logits |= {"classifier.0.weight": (5, 36), "classifier.0.bias": (5,)}
    assert refused(text, logits) == ["MC0520"]


def test_a_group_on_one_module_only() -> None:
    """As public tables for Stable Diffusion have it: the next convolution bears another group."""
    text = """
tensors:
  "model.diffusion_model.out.0.(weight|bias)": P_bg324
  "model.diffusion_model.out.2.weight": _ P_bg325 _ _
  "model.diffusion_model.out.2.bias": _
"""
    out = "model.diffusion_model.out"
    shapes: Shapes = {f"{out}.0.weight": (320,), f"{out}.0.bias": (320,)}
    shapes |= {f"{out}.2.weight": (4, 320, 3, 3), f"{out}.2.bias": (4,)}
    assert set(refused(text, shapes)) == {"MC0519", "MC0520"}


def test_a_key_twice() -> None:
    """As the first table for ResNet50 had it, in which the second silently took the first one's place."""
    text = 'tensors:\n  "conv2.weight": a b _ _\n  "conv2.weight": b a _ _\n'
    with pytest.raises(MergecError) as caught:
        read(text)
    assert [one.code for one in caught.value.diagnostics] == ["MC0102"]


@pytest.mark.parametrize("family", ["S0", "in"])
def test_the_harness_moves_what_it_says(family: str) -> None:
    model = plain(ResNet(nn.BatchNorm2d), IMAGES, torch.float64)
    symmetry, _ = symmetry_of(built_in("resnet"), model.shape)
    assert symmetry is not None
    seen: list[int] = []

    def forward(tensors: object) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        seen.append(id(tensors))
        return np.ones(1)

    found = deviations(symmetry, model.tensors, forward)
    assert found[family].moved >= 4
    assert len(seen) == len(found) + 1
