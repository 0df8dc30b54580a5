"""The symmetry of an aligned model tested on its checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mergec.symmetries.self_test.function import check_function
from mergec.symmetries.self_test.laws import check_laws
from mergec.testing.arrays import as_array, as_outputs, as_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from mergec.execute.tensors_in_memory import TensorsInMemory
    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.self_test.report import SymmetryReport

    Array = NDArray[np.generic]


def check_checkpoint(
    symmetry: Symmetry,
    tensors: TensorsInMemory,
    model: str,
    forward: Callable[[dict[str, torch.Tensor]], object] | None,
    seed: int,
) -> SymmetryReport:
    """The laws on the bytes of one tensor after another; with `forward`, also the function of all.

    It is given floats of 16 bits as float32: the rounding of less would hide what is to be seen.
    """
    report = check_laws(symmetry, tensors, model, seed)
    if forward is None or report.problems:
        return report
    whole = {name: _wide(tensors[name], tensors.dtype(name).recipe_name) for name in tensors}
    dtypes = {name: one.dtype for name, one in whole.items()}
    arrays = {name: as_array(one) for name, one in whole.items()}

    def outputs(changed: Mapping[str, Array]) -> list[Array]:
        return as_outputs(forward({name: as_tensor(one, dtypes[name]) for name, one in changed.items()}))

    return check_function(symmetry, arrays, outputs, report, seed)


def _wide(array: Array, dtype: str) -> torch.Tensor:
    given = getattr(torch, dtype, torch.uint8)
    values = torch.from_numpy(array).view(given)
    return values.float() if given in {torch.float16, torch.bfloat16} else values
