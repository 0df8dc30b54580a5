"""Which tensors need not be computed: those whose bytes are there, in this output or in the one before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from mergec.output.copies import digest_here
from mergec.output.journal import Entry
from mergec.output.tensor_digests import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from pathlib import Path
    from typing import TypeVar

    from mergec.ir.plan import OutputLayout
    from mergec.output.old_output import OldOutput, OldTensor
    from mergec.output.shard_files import ShardFiles

    T = TypeVar("T")


class Threads(NamedTuple):
    """How many threads hash tensors, and what the caller does `meanwhile`."""

    workers: int
    meanwhile: Callable[[], None]


def made_anyway(
    layout: OutputLayout, claimed: Container[int], keys: Sequence[str] | None, old: OldOutput | None
) -> list[int]:
    """The numbers of the tensors for which nothing is there, whether or not all is true that is claimed."""
    return [
        number
        for number, tensor in enumerate(layout.tensors)
        if tensor.nbytes
        and number not in claimed
        and (old is None or keys is None or old.same(tensor, keys[number]) is None)
    ]


def empty_tensors(layout: OutputLayout, causes: Sequence[str]) -> dict[int, Entry]:
    """Those without elements."""
    numbers = (number for number, tensor in enumerate(layout.tensors) if not tensor.nbytes)
    return {number: Entry(causes[number], EMPTY, is_finite=True) for number in numbers}


def journaled_tensors(
    layout: OutputLayout, files: ShardFiles, claimed: Mapping[int, Entry], threads: Threads
) -> dict[int, Entry]:
    """Those of the claimed entries whose tensors' bytes in the files have the digest that is claimed."""

    def is_true(number: int) -> bool:
        return digest_here(layout.tensors[number], files) == claimed[number].digest

    return {number: claimed[number] for number in _chosen(sorted(claimed), is_true, threads)}


def linked_shards(
    layout: OutputLayout,
    link: Callable[[int, Path], bool],
    keys: Sequence[str],
    old: OldOutput,
    threads: Threads,
) -> dict[int, Entry]:
    """Have files of the old output stand for the shards that are equal to them; the tensors in these.

    `link` puts a file in the place of a shard, if it can.

    Raises:
        OSError: the system refuses to put back what stood there.
    """
    numbers: list[list[int]] = [[] for _ in layout.shards]
    for number, tensor in enumerate(layout.tensors):
        numbers[tensor.shard].append(number)
    entries: dict[int, Entry] = {}
    for shard, (placed, inside) in enumerate(zip(layout.shards, numbers, strict=True)):
        found = {n: old.tensors.get(layout.tensors[n].name) for n in inside}
        if not old.has_shard(placed) or any(
            one is None or one.key != keys[n] or one.file != placed.name for n, one in found.items()
        ):
            continue
        same = {n: one for n, one in found.items() if one is not None}
        is_known = placed.name in old.unchanged
        is_true = same.values() if is_known else _chosen(list(same.values()), old.is_true, threads)
        if len(is_true) == len(inside) and link(shard, old.folder / placed.name):
            entries |= {n: Entry(keys[n], one.digest, one.is_finite) for n, one in same.items()}
    return entries


def tensors_to_copy(
    layout: OutputLayout, kept: Container[int], keys: Sequence[str] | None, old: OldOutput | None
) -> dict[int, OldTensor]:
    """The tensors of the old output that are to be copied, by the numbers that they are to have."""
    if old is None or keys is None:
        return {}
    found = {
        number: old.same(tensor, keys[number])
        for number, tensor in enumerate(layout.tensors)
        if tensor.nbytes and number not in kept
    }
    return {number: one for number, one in found.items() if one is not None}


def _chosen(candidates: Sequence[T], test: Callable[[T], bool], threads: Threads) -> list[T]:
    """The candidates that pass, in order; they are tested by several threads."""
    if not candidates:
        return []
    pool = ThreadPoolExecutor(threads.workers, "mergec-kept")
    try:
        found = pool.map(test, candidates)
        threads.meanwhile()
        return [one for one, passed in zip(candidates, found, strict=True) if passed]
    finally:
        pool.shutdown(cancel_futures=True)
