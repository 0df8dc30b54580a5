"""A symmetry table tested on a model in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import MergecError, Report, SourceText
from mergec.recipe.place import TreePlace
from mergec.recipe.yaml_tree import read_yaml
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.model_shape import ModelShape
from mergec.symmetries.self_test.function import check_function
from mergec.symmetries.self_test.laws import check_laws
from mergec.symmetries.table import read_table
from mergec.testing.arrays import AsArrays, as_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.self_test.report import SymmetryReport

_MODEL = "the model"


def check_symmetry(
    table: str | Path | Mapping[str, object],
    tensors: Mapping[str, Any],
    forward: Callable[[dict[str, Any]], Any] | None = None,
    *,
    config: Mapping[str, object] | None = None,
    sizes: Mapping[str, int] | None = None,
    freeze: Sequence[str] = (),
    seed: int = 0,
) -> SymmetryReport:
    """Test a symmetry table on a model, with random permutations of its units.

    The laws of the group are proved on every tensor, bit for bit. With `forward` the function of the
    network is compared as well, for each family of groups alone and for all together: it must stay the
    same to 1e-12 of its largest value where all outputs are float64, and to 2e-6 elsewhere.

    Args:
        table: the name of a built-in table, the path of a table, or one as a mapping.
        tensors: a whole checkpoint by name: torch tensors (such as a state dict) or numpy arrays.
        forward: is given tensors of the same kind, by name, and returns what the network computes from
            them for inputs of its own choice: a tensor, or a list of tensors.
        config: the content of config.json, which tells tables the number of heads and other sizes.
        sizes: sizes of groups that it does not tell, as in `op: align`.
        freeze: groups that are left as they are, as in `op: align`.
        seed: chooses the permutations.

    Returns:
        What was found; the test is passed if `problems` is empty.

    Raises:
        MergecError: the table is wrong, or does not fit the model.
    """
    values = AsArrays(tensors)
    symmetry = _symmetry(table, values, config or {}, sizes or {}, freeze)
    report = check_laws(symmetry, values, _MODEL, seed)
    if forward is None:
        return report

    def outputs(arrays: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        return as_outputs(forward({name: values.restored(name, array) for name, array in arrays.items()}))

    return check_function(symmetry, dict(values), outputs, report, seed)


def _symmetry(
    table: str | Path | Mapping[str, object],
    values: AsArrays,
    config: Mapping[str, object],
    sizes: Mapping[str, int],
    freeze: Sequence[str],
) -> Symmetry:
    report = Report()
    given = str(table) if isinstance(table, str | Path) else dict(table)
    place = TreePlace(read_yaml(SourceText("the table", json.dumps(given))))
    read = read_table(given, place, Path(), report)
    shape = ModelShape(_MODEL, {name: values[name].shape for name in values}, config, values.same)
    symmetry = instantiate(read, shape, report, sizes=sizes, freeze=freeze) if read is not None else None
    if symmetry is None:
        raise MergecError(report.diagnostics)
    return symmetry
