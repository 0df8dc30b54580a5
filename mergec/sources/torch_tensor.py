"""From a torch tensor to a view of the bytes of its storage."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView

if TYPE_CHECKING:
    from typing import TypeGuard

    import torch

_PACKED_F4 = "float4_e2m1fn_x2"  # torch counts its bytes, of two elements each


class Record(NamedTuple):
    """Where the bytes of a storage are."""

    offset: int
    size: int


class UnsupportedTensorError(ValueError):
    """Why a tensor has no view, as a clause for a message."""


@cache
def _dtypes() -> dict[torch.dtype, DType]:
    """The dtypes by torch's own; torch's names are the recipe's names, but older torches lack some."""
    import torch

    known = {getattr(torch, d.recipe_name): d for d in DType if hasattr(torch, d.recipe_name)}
    if hasattr(torch, _PACKED_F4):
        known[getattr(torch, _PACKED_F4)] = DType.F4
    return known


def is_tensor(value: object) -> TypeGuard[torch.Tensor]:
    """Whether a value is a tensor of any kind."""
    import torch

    return isinstance(value, torch.Tensor)


def check_plain(tensor: torch.Tensor) -> None:
    """Refuse what is more than numbers at regular distances.

    Raises:
        UnsupportedTensorError: it is.
    """
    import torch

    if type(tensor) not in {torch.Tensor, torch.nn.Parameter}:
        raise UnsupportedTensorError(f"it is a {type(tensor).__name__}")
    if tensor.is_nested:
        raise UnsupportedTensorError("it is a nested tensor")
    if tensor.layout is not torch.strided:
        raise UnsupportedTensorError("it is sparse")
    if tensor.is_quantized:
        raise UnsupportedTensorError("it is quantised")
    if tensor.is_conj() or tensor.is_neg():
        raise UnsupportedTensorError("its sign is applied on reading (conjugate or negative view)")
    if tensor.dtype not in _dtypes():
        raise UnsupportedTensorError(f"safetensors has no dtype {str(tensor.dtype).removeprefix('torch.')}")


def view_of(tensor: torch.Tensor, file_index: int, record: Record | None) -> StridedView:
    """The view of a plain tensor whose storage is this record of the file.

    Raises:
        UnsupportedTensorError: it has no storage, reaches beyond it, or is packed and not contiguous.
    """
    if record is None:
        raise UnsupportedTensorError("it was saved without data (device meta)")
    dtype = _dtypes()[tensor.dtype]
    shape, strides = tuple(tensor.shape), tuple(tensor.stride())
    width = tensor.element_size()
    offset = record.offset + int(tensor.storage_offset()) * width
    reach = sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if 0 not in shape and offset + (reach + 1) * width > record.offset + record.size:
        raise UnsupportedTensorError("it reaches beyond the bytes that the file has for it")
    view = StridedView(file_index, offset, dtype, shape, strides)
    if dtype is DType.F4:
        if not shape or not view.is_contiguous:
            raise UnsupportedTensorError("its packed elements are not contiguous")
        shape = (*shape[:-1], shape[-1] * 2)
    # Strides of axes that have one element, or none, may be anything; equal tensors should look equal.
    return StridedView.contiguous(file_index, offset, dtype, shape) if view.is_contiguous else view
