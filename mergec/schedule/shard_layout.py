"""Where every output tensor goes, decided before any of them is computed.

Shards are filled as the Hugging Face libraries fill them: tensors in order, a new shard when the
next one would make it larger than the limit, a shard of its own for one that is larger than that.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.natural_order import natural_key
from mergec.ir.plan import OutputLayout, PlacedTensor, Shard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mergec.ir.dtype import DType
    from mergec.ir.primitive import Reproducibility
    from mergec.ir.strided_view import Shape

_ALIGNMENT = 8
_LENGTH_BYTES = 8
# `format: pt` is what transformers looks for; the other key is how mergec knows its own files.
METADATA = {"format": "pt", "mergec": "1"}


class Planned(NamedTuple):
    """An output tensor without a place yet."""

    name: str
    dtype: DType
    shape: Shape
    nbytes: int
    reproducibility: Reproducibility


def lay_out(
    tensors: Iterable[Planned],
    max_shard_size: int,
    single_name: str | None,
    more: Mapping[str, str] | None = None,
) -> OutputLayout:
    """Place the tensors. With `single_name` all go into one file of that name.

    Every header holds METADATA, and `more` beside it.
    """
    metadata = {**(more or {}), **METADATA}
    ordered = sorted(tensors, key=lambda tensor: natural_key(tensor.name))
    groups = [list(ordered)] if single_name is not None else split_into_shards(ordered, max_shard_size)
    placed: list[PlacedTensor] = []
    shards: list[Shard] = []
    for number, group in enumerate(groups):
        name = single_name or _shard_name(number, len(groups))
        shard, tensors_of_shard = _shard(name, number, group, metadata)
        shards.append(shard)
        placed.extend(tensors_of_shard)
    return OutputLayout(tuple(placed), tuple(shards), _index(placed, shards) if len(shards) > 1 else None)


def split_into_shards(tensors: Sequence[Planned], max_shard_size: int) -> list[list[Planned]]:
    """Greedy, in order; a tensor larger than the limit has a shard of its own."""
    shards: list[list[Planned]] = []
    current: list[Planned] = []
    size = 0
    for tensor in tensors:
        if tensor.nbytes > max_shard_size:
            shards.append([tensor])
            continue
        if size + tensor.nbytes > max_shard_size:
            shards.append(current)
            current, size = [], 0
        current.append(tensor)
        size += tensor.nbytes
    if current or not shards:
        shards.append(current)
    return shards


def _shard_name(number: int, count: int) -> str:
    return "model.safetensors" if count == 1 else f"model-{number + 1:05d}-of-{count:05d}.safetensors"


def with_metadata(layout: OutputLayout, more: Mapping[str, str]) -> OutputLayout:
    """The layout with other metadata in its headers, which take the place that they had.

    Raises:
        ValueError: the metadata is longer than what was there.
    """
    metadata = {**more, **METADATA}
    return replace(layout, shards=tuple(_with_metadata(shard, metadata) for shard in layout.shards))


def _with_metadata(shard: Shard, metadata: Mapping[str, str]) -> Shard:
    entries = json.loads(shard.header[_LENGTH_BYTES:])
    text = _header_text({**entries, "__metadata__": metadata})
    missing = len(shard.header) - _LENGTH_BYTES - len(text)
    if missing < 0:
        raise ValueError(f"the metadata is {-missing} bytes too long")
    return replace(shard, header=shard.header[:_LENGTH_BYTES] + text + b" " * missing)


def _shard(
    name: str, number: int, group: Sequence[Planned], metadata: Mapping[str, str]
) -> tuple[Shard, list[PlacedTensor]]:
    # Wide elements first, as the safetensors library does, so that every tensor is aligned to its own.
    by_width = sorted(group, key=lambda tensor: -tensor.dtype.bits)
    starts: dict[str, int] = {}
    end = 0
    for tensor in by_width:
        starts[tensor.name] = end
        end += tensor.nbytes
    entries: dict[str, object] = {"__metadata__": metadata}
    for tensor in group:
        begin = starts[tensor.name]
        entries[tensor.name] = {
            "data_offsets": [begin, begin + tensor.nbytes],
            "dtype": tensor.dtype.code,
            "shape": list(tensor.shape),
        }
    text = _header_text(entries)
    text += b" " * (-len(text) % _ALIGNMENT)
    header = len(text).to_bytes(_LENGTH_BYTES, "little") + text
    placed = [
        PlacedTensor(
            t.name, t.dtype, t.shape, number, len(header) + starts[t.name], t.nbytes, t.reproducibility
        )
        for t in by_width
    ]
    return Shard(name, header, len(header) + end), placed


def _header_text(entries: Mapping[str, object]) -> bytes:
    return json.dumps(entries, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _index(placed: Sequence[PlacedTensor], shards: Sequence[Shard]) -> str:
    weight_map = {t.name: shards[t.shard].name for t in sorted(placed, key=lambda t: t.name)}
    total = sum(tensor.nbytes for tensor in placed)
    document = {"metadata": {"total_size": total}, "weight_map": weight_map}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
