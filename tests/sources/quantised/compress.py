"""Weights packed by compressed-tensors, for the tests of what reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch


def compressed(weight: torch.Tensor, form: str, arguments: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors that stand for a matrix, under the names that they have in its module."""
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam

    weights = QuantizationArgs(**arguments)
    whole = {}
    if weights.strategy == "tensor_group":
        whole["weight_global_scale"] = generate_gparam(weight.min().view(1), weight.max().view(1))
    low, high = _ranges(weight, weights)
    scale, zero = calculate_qparams(low, high, weights, global_scale=whole.get("weight_global_scale"))
    module = {"weight": weight, "weight_scale": scale, "weight_zero_point": zero, **whole}
    scheme = QuantizationScheme(targets=["Linear"], weights=weights)
    made: dict[str, torch.Tensor] = BaseCompressor.get_value_from_registry(form).compress(module, scheme)
    return made


def _ranges(weight: torch.Tensor, weights: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The least and greatest values of the parts that share a scale."""
    rows, columns = weight.shape
    if weights.strategy == "tensor":
        return weight.min().view(1), weight.max().view(1)
    if weights.strategy == "channel":
        return weight.amin(1, keepdim=True), weight.amax(1, keepdim=True)
    if weights.strategy == "block":
        height, width = weights.block_structure
        blocks = weight.view(rows // height, height, columns // width, width)
        return blocks.amin((1, 3)), blocks.amax((1, 3))
    groups = weight.view(rows, -1, weights.group_size)
    return groups.amin(-1), groups.amax(-1)
