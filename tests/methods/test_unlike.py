from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.methods.registry import method_names, methods
from mergec.methods.worked_example import tensors_of
from tests.conftest import Raw

if TYPE_CHECKING:
    from tests.conftest import Workbench

# Of one model, or with a rule of its own for larger tensors.
_OTHERS = {"apply", "delta", "passthrough"}
NAMES = [name for name in method_names() if name not in _OTHERS]
SCOPED = {"scope": "model"}


def keys_of(name: str) -> dict[str, Any]:
    found = methods()[name].method
    assert found.example is not None
    takes_scope = any(parameter.key == "scope" for parameter in found.parameters)
    return {"op": name, **found.example.keys, **(SCOPED if takes_scope else {})}


def write(bench: Workbench, name: str, odd: Any) -> None:
    """The models of a method's example, with larger matrices; the last of them holds an odd tensor."""
    example = methods()[name].method.example
    assert example is not None
    models = list(example.tensors)
    companions = [model for model in models if model.startswith("f") and name == "fisher"]
    last = [model for model in models if model not in companions][-1]
    for model in models:
        tensors: dict[str, Any] = {
            key: np.ones((4, 6), np.float32) for key in tensors_of(example.tensors[model])
        }
        key = next(iter(tensors))
        tensors = {f"{key}.{i}": value for key, value in tensors.items() for i in range(2)}
        if model == last:
            tensors[f"{key}.1"] = odd
        bench.source(model, tensors, kind="delta" if model in example.deltas else "weights")


@pytest.mark.parametrize("shape", [(4, 5), (6, 4), (1, 6), (4, 1), (24,)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_of_another_shape_is_told_once(name: str, shape: tuple[int, ...], bench: Workbench) -> None:
    write(bench, name, np.ones(shape, np.float32))
    assert bench.codes(keys_of(name)) == ["MC0401"]


@pytest.mark.parametrize("name", NAMES)
def test_numbers_without_arithmetic_are_told_once(name: str, bench: Workbench) -> None:
    write(bench, name, Raw("F8_E4M3", np.zeros((4, 6), np.uint8)))
    assert bench.codes(keys_of(name)) == ["MC0402"]
