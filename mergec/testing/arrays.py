"""Tensors of torch as numpy arrays of the same bits, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.generic]

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class AsArrays(Mapping[str, "Array"]):
    """Tensors of torch or numpy, all as arrays; those whose dtype numpy lacks as whole numbers."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        """Refer to these tensors, whose values are not copied.

        Raises:
            TypeError: one of them is neither a torch tensor nor a numpy array.
        """
        self._tensors = {name: _checked(name, tensor) for name, tensor in tensors.items()}

    def __len__(self) -> int:
        return len(self._tensors)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __getitem__(self, name: str) -> Array:
        tensor = self._tensors[name]
        return as_array(tensor) if isinstance(tensor, torch.Tensor) else tensor

    @property
    def same(self) -> dict[str, str]:
        """The names whose memory is that of an earlier name, such as a tied head, and that name."""
        first: dict[object, str] = {}
        found: dict[str, str] = {}
        for name, tensor in self._tensors.items():
            if not isinstance(tensor, torch.Tensor) or not tensor.numel():
                continue
            place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
            if first.setdefault(place, name) != name:
                found[name] = first[place]
        return found

    def restored(self, name: str, array: Array) -> torch.Tensor | Array:
        """An array as what the tensor of that name was given as."""
        tensor = self._tensors[name]
        return as_tensor(array, tensor.dtype) if isinstance(tensor, torch.Tensor) else array


def as_array(tensor: torch.Tensor) -> Array:
    """The bits of a tensor, under its dtype where numpy has that."""
    plain = tensor.detach().cpu().contiguous()
    try:
        array: Array = plain.numpy()
    except TypeError:
        array = plain.view(_BITS[plain.element_size()]).numpy()
    return array


def as_tensor(array: Array, dtype: torch.dtype) -> torch.Tensor:
    """A tensor of its own memory with the bits of an array."""
    return torch.from_numpy(np.array(array, order="C")).view(dtype)


def as_outputs(value: object) -> list[Array]:
    """What a forward function returned: one tensor or several, each as an array of floats.

    Raises:
        TypeError: it is something else.
    """
    found: list[Array] = []
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, torch.Tensor):
            floats = one.detach().cpu()
            found.append((floats if floats.dtype == torch.float64 else floats.float()).numpy())
        elif isinstance(one, np.ndarray):
            found.append(one)
        else:
            raise TypeError(f"it returned {type(one).__name__}, and neither a tensor nor a list of them")
    return found


def _checked(name: str, tensor: object) -> Any:  # noqa: ANN401  # either library's
    if isinstance(tensor, torch.Tensor | np.ndarray):
        return tensor
    raise TypeError(f"`{name}` is {type(tensor).__name__}, and neither a torch tensor nor a numpy array")
