"""Tiny models with random weights, and how to run one on other weights."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file

from mergec.symmetries.model_shape import ModelShape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Tensors = Mapping[str, Array]

transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]

VOCABULARY = 30
IDS = torch.randint(3, VOCABULARY, (2, 7), generator=torch.Generator().manual_seed(5))
IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


class Model(NamedTuple):
    """A checkpoint in memory, as it stands on disk, and its function."""

    tensors: Tensors
    config: Mapping[str, object]
    forward: Callable[[Tensors], Array]

    @property
    def shape(self) -> ModelShape:
        return ModelShape("tiny", {name: value.shape for name, value in self.tensors.items()}, self.config)


def plain(module: torch.nn.Module, inputs: torch.Tensor, dtype: torch.dtype) -> Model:
    """A module whose checkpoint is its state dict."""
    _randomise(module)
    module = module.to(dtype).eval()
    given = _as_dtype(inputs, dtype)
    state = {name: value.numpy().copy() for name, value in module.state_dict().items()}

    def forward(tensors: Tensors) -> Array:
        module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in tensors.items()})
        with torch.no_grad():
            result: Array = module(given).numpy()
        return result

    return Model(state, {}, forward)


def pretrained(
    module: Any,
    inputs: Mapping[str, torch.Tensor],
    outputs: tuple[str, ...],
    folder: Path,
    dtype: torch.dtype,
    **options: str,
) -> Model:
    """A model of transformers: it writes its checkpoint, and reads it anew, so, for each call."""
    _randomise(module)
    module.to(dtype).save_pretrained(folder)
    file = folder / "model.safetensors"
    given = {name: _as_dtype(value, dtype) for name, value in inputs.items()}

    def forward(tensors: Tensors) -> Array:
        # safetensors writes the memory of an array, whatever its strides.
        save_file(
            {name: np.ascontiguousarray(value) for name, value in tensors.items()}, file, {"format": "pt"}
        )
        again = type(module).from_pretrained(folder, dtype=dtype, **options).eval()
        with torch.no_grad(), _computing_in(dtype):
            result = again(**given)
        return np.concatenate([result[output].numpy().reshape(-1) for output in outputs])

    return Model(load_file(file), json.loads((folder / "config.json").read_text()), forward)


def _randomise(module: torch.nn.Module) -> None:
    """Weights and running statistics as no training leaves them: any exchange of two that matters is seen."""
    generator = torch.Generator().manual_seed(0)
    statistics = [pair for pair in module.named_buffers() if ".running_" in f".{pair[0]}"]
    for name, values in [*module.named_parameters(), *statistics]:
        noise = torch.randn(values.shape, generator=generator, dtype=torch.float64)
        if values.ndim > 1:
            noise *= 0.7 * values[0].numel() ** -0.5
        elif name.endswith(("weight", "running_var")):
            noise = 0.5 + noise.abs()
        with torch.no_grad():
            values.copy_(noise)


def _as_dtype(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return values.to(dtype) if values.is_floating_point() else values


@contextmanager
def _computing_in(dtype: torch.dtype) -> Iterator[None]:
    """Norms and softmax of transformers go through float32 whatever the weights are: here through `dtype`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "float32", dtype)
        patch.setattr(torch, "float", dtype)
        patch.setattr(torch.Tensor, "float", lambda values: values.to(dtype))
        yield
