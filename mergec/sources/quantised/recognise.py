"""Every quantised weight of a checkpoint, found by the names that quantisers give to its scales."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mergec.sources.quantised import bitsandbytes, compressed_tensors, foreign, scaled_floats

if TYPE_CHECKING:
    from mergec.sources.quantised.group import Group, Stored

_STATES = tuple(bitsandbytes.STATE + kind for kind in ("nf4", "fp4"))
_ENDINGS = (
    *_STATES,
    bitsandbytes.SCALES,
    compressed_tensors.PACKED,
    *scaled_floats.SCALES,
    scaled_floats.SCALE_OF_WEIGHT,
    foreign.QWEIGHT,
    foreign.BLOCKS,
)
# Scales of the key and value cache: of no use to dense weights.
CACHE_SCALES = (".k_scale", ".v_scale", ".q_scale", ".prob_scale", ".k_zero_point", ".v_zero_point")


def recognise(stored: Stored) -> list[Group]:
    """The quantised weights, each with the tensors that it takes up, in the order of the checkpoint."""
    by_ending: defaultdict[str, list[str]] = defaultdict(list)
    for name in stored.tensors:
        if name.endswith(_ENDINGS):
            by_ending[next(ending for ending in _ENDINGS if name.endswith(ending))].append(name)
    if not by_ending:
        return []
    named = (*scaled_floats.SCALES, scaled_floats.SCALE_OF_WEIGHT)
    scales = [name for ending in named for name in by_ending[ending]]
    packed = by_ending[compressed_tensors.PACKED]
    groups = [
        *bitsandbytes.four_bit_groups(stored, [name for ending in _STATES for name in by_ending[ending]]),
        *bitsandbytes.int8_groups(stored, by_ending[bitsandbytes.SCALES]),
        *foreign.integer_groups(stored, by_ending[foreign.QWEIGHT]),
        *foreign.block_groups(stored, by_ending[foreign.BLOCKS]),
    ]
    if packed or compressed_tensors.is_method(stored):
        weights = [name for name in scales if name.endswith(compressed_tensors.SCALE)]
        groups.extend(compressed_tensors.compressed_groups(stored, [*packed, *weights]))
    else:
        groups.extend(scaled_floats.scaled_groups(stored, scales))
    order = {name: number for number, name in enumerate(stored.tensors)}
    return sorted(groups, key=lambda group: min(order[member] for member in group.members))
