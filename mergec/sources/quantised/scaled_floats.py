"""8-bit floats with scales: one for the tensor, one for each row, or one for each block of a matrix."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.packed import WHOLE_OPERAND, Scheme
from mergec.sources.quantised.group import DenseForm, Group, Stored

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mergec.ir.strided_view import Shape

# DeepSeek's name promises an inverse, and the weight is the product all the same.
SCALES = ("_scale_inv", "_scale")
FLOATS = {DType.F8_E4M3, DType.F8_E5M2, DType.F8_E4M3FNUZ, DType.F8_E5M2FNUZ}
_SCALE_DTYPES = {DType.F32, DType.F16, DType.BF16, DType.F8_E8M0, DType.U8}
_BLOCK = 128  # of DeepSeek-V3 and what follows it
# What image tools call the scale of `weight`.
SCALE_OF_WEIGHT = ".scale_weight"
# What else a quantised layer keeps: scales of activations, of no use to dense weights.
_BESIDE = (
    ".input_scale",
    ".input_scale_inv",
    ".activation_scale",
    ".activation_scale_inv",
    ".output_scale",
    ".scale_input",
)


def scaled_groups(stored: Stored, scales: list[str]) -> Iterator[Group]:
    """The weights that these tensors scale."""
    for scale in scales:
        name = _scaled_name(scale)
        weight = stored.tensors.get(name)
        if weight is None or weight.dtype not in FLOATS:
            continue
        module = name.rpartition(".")[0]
        beside = stored.present(tuple(module + ending for ending in _BESIDE))
        what = f"{weight.dtype} with scales"
        members = (name, scale, *beside)
        grid = _grid(weight.shape, stored.tensors[scale].shape)
        blocks = _blocks(weight.shape, grid, _configured(stored)) if grid is not None else None
        if grid is None or blocks is None or stored.tensors[scale].dtype not in _SCALE_DTYPES:
            shape, dtype = list(stored.tensors[scale].shape), stored.tensors[scale].dtype
            problem = f"scales {shape} of {dtype} do not fit a weight {list(weight.shape)}"
            yield Group(name, what, members, problem=problem)
            continue
        dtypes = (weight.dtype, stored.tensors[scale].dtype)
        parameters = (("block_rows", blocks[0]), ("block_columns", blocks[1]))
        rows = _rows(weight.shape, grid, blocks)
        scheme = Scheme("scaled", ("weight", "scale"), dtypes, parameters, rows)
        yield Group(name, what, members, dense=DenseForm(scheme, (name, scale), weight.shape, DType.F32))


def _rows(weight: Shape, grid: Shape, blocks: Shape) -> tuple[tuple[int, int], ...]:
    """How weight and scales follow the first axis: rows of a matrix, or matrices of a stack."""
    if len(weight) > 2:
        return (1, 1), (1, 1)
    return (1, 1), WHOLE_OPERAND if grid[0] == 1 else (blocks[0], 1)


def _scaled_name(scale: str) -> str:
    if scale.endswith(SCALE_OF_WEIGHT):
        return scale.removesuffix(SCALE_OF_WEIGHT) + ".weight"
    return next(scale.removesuffix(ending) for ending in SCALES if scale.endswith(ending))


def plain_groups(stored: Stored, taken: Collection[str]) -> Iterator[Group]:
    """The 8-bit floats that no scale belongs to: they are what they say, where nothing speaks against it."""
    plain = [name for name, view in stored.tensors.items() if view.dtype in FLOATS and name not in taken]
    parted = [name.rpartition(".") for name in stored.tensors] if plain else []
    scales = {module: f"{module}.{last}" for module, _, last in parted if "scale" in last}
    for name in plain:
        view, scale = stored.tensors[name], scales.get(name.rpartition(".")[0])
        what, problem = str(view.dtype), ""
        if scale is not None:
            problem = f"mergec does not know what `{scale}` is to it"
        elif stored.quantisation:
            problem = "it has no scales, which `quantization_config` in config.json promises"
        scheme = Scheme("scaled", ("weight",), (view.dtype,), (), ((1, 1),))
        dense = None if problem else DenseForm(scheme, (name,), view.shape, DType.F32)
        yield Group(name, what, (name,), dense=dense, problem=problem)


def _grid(weight: Shape, scales: Shape) -> Shape | None:
    """How many scales there are down and across a matrix; None where they fit no weight of this shape."""
    if len(weight) < 2:
        return (1, 1) if prod(scales) == 1 else None
    leading, rows = weight[:-2], weight[-2]
    if scales[: len(leading)] == leading and len(scales) == len(weight):
        return scales[-2:]
    if prod(scales) == 1:
        return (1, 1) if not leading else None
    return (rows, 1) if scales == (rows,) and not leading else None


def _blocks(weight: Shape, grid: Shape, configured: Shape) -> Shape | None:
    """The rows and columns of a block, so that the grid covers the matrix; its last blocks may be partial."""
    rows, columns = weight[-2:] if len(weight) > 1 else (1, prod(weight))
    found = [_block(*axis) for axis in zip((rows, columns), grid, configured, strict=True)]
    return None if None in found else tuple(size for size in found if size is not None)


def _block(size: int, count: int, configured: int) -> int | None:
    if count == 1:
        return max(size, 1)
    if configured and -(-size // configured) == count:
        return configured
    return size // count if count and size % count == 0 else None


def _configured(stored: Stored) -> Shape:
    named = stored.quantisation.get("weight_block_size")
    if isinstance(named, list) and len(named) == 2 and all(isinstance(n, int) and n > 0 for n in named):
        return tuple(named)
    return (_BLOCK, _BLOCK)
