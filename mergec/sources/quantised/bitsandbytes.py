"""Weights of bitsandbytes: NF4 and FP4 in blocks, int8 by row."""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import MergecError
from mergec.ir.dtype import BY_RECIPE_NAME, DType
from mergec.ir.packed import WHOLE_OPERAND, Scheme, rows_for
from mergec.sources.quantised.group import DenseForm, Group, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.ir.strided_view import Shape, StridedView

LIBRARY = "bitsandbytes"
STATE = ".quant_state.bitsandbytes__"
SCALES = ".SCB"
_ROLES = ("absmax", "quant_map", "nested_absmax", "nested_quant_map")
_BLOCK_SIZES = [32 << shift for shift in range(8)]
_RESULTS = (DType.F32, DType.F16, DType.BF16)


def four_bit_groups(stored: Stored, states: list[str]) -> Iterator[Group]:
    """The weights whose state these tensors hold: packed codes, a scale per block, and a JSON text."""
    for state in states:
        name, _, kind = state.partition(STATE)
        roles = tuple(role for role in _ROLES if f"{name}.{role}" in stored.tensors)
        members = (*stored.present((name,)), *(f"{name}.{role}" for role in roles), state)
        what = f"bitsandbytes {kind.upper()}"
        try:
            dense = _four_bit_dense_form(stored, name, kind, roles, state)
        except (ValueError, KeyError, TypeError) as error:
            yield Group(name, what, members, LIBRARY, problem=f"its state cannot be read: {error}")
        else:
            yield Group(name, what, members, LIBRARY, dense)


def _four_bit_dense_form(
    stored: Stored, name: str, kind: str, roles: tuple[str, ...], state: str
) -> DenseForm:
    """Raises ValueError, KeyError or TypeError where the tensors make no sense together."""
    if name not in stored.tensors or {"absmax", "quant_map"} - set(roles):
        raise ValueError("its weight or its scales are not there")
    text = bytes(int(value) for value in _read(stored, state))
    facts: dict[str, Any] = json.loads(text)
    shape = tuple(int(size) for size in facts["shape"])
    dtype = BY_RECIPE_NAME[facts["dtype"]]
    if facts["blocksize"] not in _BLOCK_SIZES:
        raise ValueError(f"blocks of {facts['blocksize']}")
    blocks = -(-prod(shape) // facts["blocksize"])
    if dtype not in _RESULTS or any(size < 0 for size in shape):
        raise ValueError(f"a {dtype} of shape {list(shape)}")
    if stored.tensors[name].nbytes != (prod(shape) + 1) // 2:
        raise ValueError(f"the packed weight does not have the size of a weight {list(shape)}")
    if facts.get("nested_blocksize") is not None and "nested_absmax" in roles:
        _check_nested(stored.tensors[f"{name}.nested_absmax"].elements, blocks, facts)
    if stored.tensors[f"{name}.absmax"].elements != blocks:
        raise ValueError(f"there is not one scale for each {facts['blocksize']} values")
    parts = (name, *(f"{name}.{role}" for role in roles))
    dtypes = tuple(stored.tensors[part].dtype for part in parts)
    # The library looks for its type in the name of the text, and here among what the text says.
    parameters = (("state", json.dumps({**facts, "quant_type": kind}, sort_keys=True)),)
    rows = _rows(stored.tensors[name], shape, facts, roles)
    scheme = Scheme("bitsandbytes_4bit", ("weight", *roles), dtypes, parameters, rows)
    return DenseForm(scheme, parts, shape, dtype)


def _check_nested(scales: int, blocks: int, facts: Mapping[str, Any]) -> None:
    """Refuse scales of scales that do not fit.

    Raises:
        ValueError, KeyError: a fact makes no sense, or is not there.
    """
    size = facts["nested_blocksize"]
    if size not in _BLOCK_SIZES or scales != -(-blocks // size):
        raise ValueError(f"there is not one scale for each {size} scales")
    if facts["nested_dtype"] != "float32" or not isinstance(facts["nested_offset"], int | float):
        raise ValueError("its scales are packed in a way that mergec does not know")


def _rows(
    weight: StridedView, shape: Shape, facts: Mapping[str, Any], roles: tuple[str, ...]
) -> tuple[tuple[int, int], ...]:
    """How the operands follow the rows of a matrix of which two values are a byte."""
    if len(shape) < 2 or weight.dtype is not DType.U8 or weight.shape[:1] != (prod(shape) // 2,):
        return ()
    columns, block = prod(shape[1:]), int(facts["blocksize"])
    steps = {"absmax": rows_for(block, columns)}
    if "nested_absmax" in roles:
        steps["nested_absmax"] = rows_for(block * int(facts["nested_blocksize"]), columns)
    return (rows_for(2, columns), *(steps.get(role, WHOLE_OPERAND) for role in roles))


def int8_groups(stored: Stored, scales: list[str]) -> Iterator[Group]:
    """The weights beside these tensors of row scales."""
    for scale in scales:
        module = scale.removesuffix(SCALES)
        name, form = f"{module}.weight", f"{module}.weight_format"
        members = (*stored.present((name,)), scale, *stored.present((form,)))
        problem = _why_not_int8(stored, name, scale, form)
        dense = None
        if not problem:
            scheme = Scheme(
                "bitsandbytes_int8", ("weight", "scales"), (DType.I8, DType.F32), (), ((1, 1), (1, 1))
            )
            dense = DenseForm(scheme, (name, scale), stored.tensors[name].shape, DType.F32)
        yield Group(name, "bitsandbytes int8", members, LIBRARY, dense, problem)


def _why_not_int8(stored: Stored, name: str, scale: str, form: str) -> str:
    weight = stored.tensors.get(name)
    if weight is None or weight.dtype is not DType.I8 or len(weight.shape) != 2:
        return "the scales belong to no int8 matrix"
    scales = stored.tensors[scale]
    if scales.dtype is not DType.F32 or scales.elements != weight.shape[0]:
        return f"there is not one float32 scale for each of the {weight.shape[0]} rows"
    try:
        is_by_row = form not in stored.tensors or not any(_read(stored, form))
    except ValueError as error:
        return f"`weight_format` cannot be read: {error}"
    return "" if is_by_row else "its rows are interleaved as old graphics cards need them"


def _read(stored: Stored, name: str) -> list[float]:
    """The values of a small tensor.

    Raises:
        ValueError: it is not small, holds no numbers, or could not be read.
    """
    try:
        return stored.read_values(stored.tensors[name])
    except MergecError as error:
        raise ValueError(str(error)) from error
