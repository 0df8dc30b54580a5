"""Weights of compressed-tensors, the format of llm-compressor: how config.json says each is packed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import re2

from mergec.diagnostics import MergecError
from mergec.ir.dtype import DType
from mergec.ir.packed import WHOLE_OPERAND, Scheme
from mergec.sources.quantised.group import DenseForm, Group, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mergec.ir.strided_view import Shape

LIBRARY = "compressed-tensors"
PACKED = ".weight_packed"
SHAPE = "weight_shape"
SCALE = ".weight_scale"
_PARTS = (
    "weight_packed",
    "weight",
    "weight_scale",
    "weight_zero_point",
    "weight_global_scale",
    SHAPE,
)
_BESIDE = (
    "weight_g_idx",
    "input_scale",
    "input_zero_point",
    "input_global_scale",
    "output_scale",
    "output_zero_point",
)
_AS_STORED = {"naive-quantized", "int-quantized", "float-quantized", "mxfp8-quantized"}
_HALF_BYTES = {"nvfp4-pack-quantized", "mxfp4-pack-quantized"}
_RESULTS = {DType.F32, DType.F16, DType.BF16}
_DEFAULT_BITS = 8  # of the library


def is_method(stored: Stored) -> bool:
    """Whether config.json says that the checkpoint is in this format."""
    return stored.quantisation.get("quant_method") == LIBRARY


def compressed_groups(stored: Stored, markers: list[str]) -> Iterator[Group]:
    """The weights of the modules that have one of these tensors: packed codes or scales."""
    modules = dict.fromkeys(marker.rpartition(".")[0] for marker in markers)
    for module in modules:
        parts = tuple(part for part in _PARTS if f"{module}.{part}" in stored.tensors)
        beside = tuple(part for part in _BESIDE if f"{module}.{part}" in stored.tensors)
        members = tuple(f"{module}.{part}" for part in (*parts, *beside))
        name = f"{module}.weight"
        if "weight" in parts and stored.tensors[name].dtype.is_float:
            continue  # a dense weight that keeps the scale it was trained with
        try:
            form, dense = _dense_form(stored, module, parts)
        except _NotReadable as reason:
            yield Group(name, LIBRARY, members, LIBRARY, problem=str(reason))
        else:
            yield Group(name, f"{LIBRARY} {form}", members, LIBRARY, dense)


class _NotReadable(Exception):  # noqa: N818  # told as the problem of a group
    """Why a module's weight cannot be made dense."""


def _dense_form(stored: Stored, module: str, parts: tuple[str, ...]) -> tuple[str, DenseForm]:
    if f"{module}.weight_g_idx" in stored.tensors:
        raise _NotReadable("its columns are in the order of their activations (`actorder: group`)")
    group = _scheme_of(stored, module)
    form, weights = str(group.get("format")), group.get("weights")
    if form in {"None", "mixed-precision"} or not isinstance(weights, dict):
        raise _NotReadable("config.json does not say how it is packed")
    arguments = _arguments(weights)
    shape = _dense_shape(stored, module, form, parts, arguments)
    _check_scales(stored, module, shape, arguments)
    parts = tuple(part for part in parts if part != SHAPE)  # known by now
    views = [stored.tensors[f"{module}.{part}"] for part in parts]
    dtype = DType.F32
    if form not in _HALF_BYTES and (scale := stored.tensors[f"{module}{SCALE}"].dtype) in _RESULTS:
        dtype = scale
    parameters = (("format", form), ("weights", json.dumps(arguments, sort_keys=True)))
    rows = tuple(_rows_of(part, form, arguments) for part in parts)
    scheme = Scheme("compressed_tensors", parts, tuple(view.dtype for view in views), parameters, rows)
    return form, DenseForm(scheme, tuple(f"{module}.{part}" for part in parts), shape, dtype)


# What tells how to read the codes, and which values it may have; other keys tell how they were found.
_ARGUMENTS: dict[str, Callable[[Any], bool]] = {
    "num_bits": lambda value: type(value) is int and 1 <= value <= 8,
    "type": lambda value: value in ("int", "float"),
    "symmetric": lambda value: isinstance(value, bool),
    "strategy": lambda value: value in ("tensor", "channel", "group", "block", "tensor_group"),
    "group_size": lambda value: type(value) is int,
    "block_structure": lambda value: isinstance(value, list) and [type(n) for n in value] == [int, int],
    "scale_dtype": lambda value: isinstance(value, str),
}


def _arguments(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The library's arguments, checked here: it would only be asked when the weights are read."""
    chosen = {key: weights[key] for key in _ARGUMENTS if weights.get(key) is not None}
    for key, value in chosen.items():
        if not _ARGUMENTS[key](value):
            raise _NotReadable(f"config.json gives it the {key} `{value}`")
    return chosen


def _scheme_of(stored: Stored, module: str) -> Mapping[str, Any]:
    """The group of config.json that the module belongs to, with the format of the whole where it has none."""
    config = stored.quantisation
    if not is_method(stored):
        raise _NotReadable("there is no config.json that says how it is packed")
    if config.get("transform_config"):
        raise _NotReadable("its weights were rotated (`transform_config`)")
    sparsity = config.get("sparsity_config")
    if isinstance(sparsity, dict) and sparsity.get("format", "dense") != "dense":
        raise _NotReadable("its weights are stored sparsely")
    named = config.get("config_groups")
    groups = [g for g in named.values() if isinstance(g, dict)] if isinstance(named, dict) else []
    chosen = [group for group in groups if _is_target(group, module)]
    # A class of modules, such as `Linear`, is told by no header: it stands for what no name chooses.
    chosen = chosen or [group for group in groups if _is_for_classes(group)]
    if len(chosen) != 1:
        raise _NotReadable(f"{len(chosen) or 'none'} of the groups of config.json may be meant for it")
    return {"format": config.get("format"), **{k: v for k, v in chosen[0].items() if v is not None}}


def _targets(group: Mapping[str, Any]) -> list[str]:
    targets = group.get("targets")
    return [target for target in targets if isinstance(target, str)] if isinstance(targets, list) else []


def _is_target(group: Mapping[str, Any], module: str) -> bool:
    return any(
        _matches(target.removeprefix("re:"), module) if target.startswith("re:") else target == module
        for target in _targets(group)
    )


def _matches(regex: str, module: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(regex, options).match(module) is not None
    except re2.error:
        raise _NotReadable(f"config.json has the pattern `{regex}`, which mergec cannot read") from None


def _is_for_classes(group: Mapping[str, Any]) -> bool:
    return any(target[:1].isupper() and "." not in target for target in _targets(group))


def _dense_shape(
    stored: Stored, module: str, form: str, parts: tuple[str, ...], arguments: Mapping[str, Any]
) -> Shape:
    lacking = [part for part in _needed(form) if part not in parts]
    if lacking:
        raise _NotReadable(f"`{lacking[0]}` is not there")
    if form in _AS_STORED:
        return stored.tensors[f"{module}.weight"].shape
    packed = stored.tensors[f"{module}{PACKED}"].shape
    if form in _HALF_BYTES and len(packed) == 2:
        return packed[0], 2 * packed[1]
    try:
        sizes = stored.read_values(stored.tensors[f"{module}.{SHAPE}"])
    except (ValueError, MergecError) as error:
        raise _NotReadable(f"`weight_shape` cannot be read: {error}") from error
    shape = tuple(int(size) for size in sizes)
    bits = arguments.get("num_bits", _DEFAULT_BITS)
    if len(shape) != len(packed) or (*shape[:-1], -(-shape[-1] * bits // 32)) != packed or min(shape) < 0:
        raise _NotReadable(f"`weight_shape` {list(shape)} does not fit packed codes {list(packed)}")
    return shape


def _check_scales(stored: Stored, module: str, shape: Shape, arguments: Mapping[str, Any]) -> None:
    """Refuse scales whose number is not that of the parts of the weight that they are for."""
    if len(shape) != 2:
        raise _NotReadable(f"it is no matrix, but {list(shape)}")
    if not arguments.get("symmetric", True) and f"{module}.weight_zero_point" not in stored.tensors:
        raise _NotReadable("`weight_zero_point` is not there")
    rows, columns = shape
    size, strategy = arguments.get("group_size") or 0, _strategy(arguments)
    height, width = {
        "tensor": (rows, columns),
        "channel": (1, columns),
        "group": (1, size),
        "tensor_group": (1, size),
        "block": tuple(arguments.get("block_structure") or (0, 0)),
    }[strategy]
    scales = stored.tensors[f"{module}{SCALE}"].elements
    if height < 1 or width < 1 or scales != -(-rows // height) * -(-columns // width):
        raise _NotReadable(f"{scales} scales do not fit a weight {list(shape)} with one for each {strategy}")


def _rows_of(part: str, form: str, arguments: Mapping[str, Any]) -> tuple[int, int]:
    """How a part follows the rows of the weight."""
    if part in {"weight", "weight_packed"}:
        return 1, 1
    strategy = _strategy(arguments)
    if strategy == "tensor" or part == "weight_global_scale":
        return WHOLE_OPERAND
    if part == "weight_zero_point" and form == "pack-quantized":
        return 32, int(arguments.get("num_bits", _DEFAULT_BITS))  # packed down the rows
    return (int(arguments["block_structure"][0]), 1) if strategy == "block" else (1, 1)


def _strategy(arguments: Mapping[str, Any]) -> str:
    """What shares a scale; the library's choice where the arguments do not say."""
    size = arguments.get("group_size") or 0
    return str(arguments.get("strategy") or ("group" if size > 0 else "channel" if size < 0 else "tensor"))


def _needed(form: str) -> tuple[str, ...]:
    if form in _AS_STORED:
        return ("weight", "weight_scale")
    if form in _HALF_BYTES:
        return ("weight_packed", "weight_scale")
    if form == "pack-quantized":
        return ("weight_packed", "weight_scale", SHAPE)
    raise _NotReadable(f"mergec does not know the format `{form}`")
