from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IMAGES, plain
from tests.symmetries.tables.resnets import ChannelNorm, ResNet, groups_of, no_norm

if TYPE_CHECKING:
    from tests.symmetries.tables.resnets import Norm

DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
NORMS: dict[str, Norm] = {
    "BatchNorm": nn.BatchNorm2d,
    "LayerNorm": ChannelNorm,
    "GroupNorm of one group": groups_of(1),
    "none": no_norm,
}


@DTYPES
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("expansion", [0, 2])
def test_the_function_is_unchanged(*, expansion: int, before: bool, norm: str, dtype: torch.dtype) -> None:
    model = plain(ResNet(NORMS[norm], expansion=expansion, before=before), IMAGES, dtype)
    # A bottleneck's first stage is wider than the stem, a basic one's is not: it adds the stem's channels.
    streams = 4 if expansion else 3
    inner = 12 if expansion else 6
    assert_unchanged(built_in("resnet-preact" if before else "resnet"), model, groups=streams + inner)


@DTYPES
@pytest.mark.parametrize("expansion", [0, 2])
def test_group_norm(expansion: int, dtype: torch.dtype) -> None:
    model = plain(ResNet(groups_of(4), expansion=expansion), IMAGES, dtype)
    streams, inner = (4, 12) if expansion else (3, 6)
    table = built_in("resnet-groupnorm")
    assert_unchanged(table, model, groups=2 * (streams + inner), sizes={"groups": 4})


def test_a_backbone_keeps_its_last_stage() -> None:
    model = plain(ResNet(nn.BatchNorm2d, classes=0), IMAGES, torch.float64)
    assert_unchanged(built_in("resnet"), model, groups=2 + 6)


def test_other_names() -> None:
    """Those of the CIFAR ResNets in wide use."""
    model = plain(ResNet(nn.BatchNorm2d), IMAGES, torch.float64)
    theirs = {
        name: name.replace("downsample", "shortcut").replace("fc.", "linear.") for name in model.tensors
    }
    ours = {there: here for here, there in theirs.items()}
    renamed = model._replace(
        tensors={theirs[name]: value for name, value in model.tensors.items()},
        forward=lambda tensors: model.forward({ours[name]: value for name, value in tensors.items()}),
    )
    assert_unchanged(built_in("resnet"), renamed, groups=3 + 6)
