"""Which tensors need not be computed: those whose bytes are there, in this output or in the one before."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from mergec.output.journal import Entry
from mergec.output.shard_files import read
from mergec.output.tensor_digests import EMPTY, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from pathlib import Path
    from typing import TypeVar

    from mergec.ir.plan import OutputLayout, PlacedTensor
    from mergec.output.old_output import OldOutput
    from mergec.output.shard_files import ShardFiles

    T = TypeVar("T")

_COPIED_AT_ONCE = 1 << 30


class Threads(NamedTuple):
    """How many threads hash and copy tensors, and what the caller does `meanwhile`."""

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
        return _digest_here(layout.tensors[number], files) == claimed[number].digest

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
        is_true = _chosen(list(same.values()), old.is_true, threads)
        if len(is_true) == len(inside) and link(shard, old.folder / placed.name):
            entries |= {n: Entry(keys[n], one.digest, one.is_finite) for n, one in same.items()}
    return entries


def copied_tensors(
    layout: OutputLayout, files: ShardFiles, keys: Mapping[int, str], old: OldOutput, threads: Threads
) -> dict[int, Entry]:
    """Copy tensors from the old output, by their keys; those that arrived as the old output tells of them.

    What comes from a file that is as it was published is not hashed again.

    Raises:
        OSError: the system refuses to write.
    """
    found = {n: one for n, key in keys.items() if (one := old.same(layout.tensors[n], key)) is not None}

    def is_copied(number: int) -> bool:
        placed, one = layout.tensors[number], found[number]
        with old.opened(one) as source:
            if source is None:
                return False
            _copy(source, one.offset, files.descriptors[placed.shard], placed)
        return one.file in old.unchanged or _digest_here(placed, files) == one.digest

    chosen = _chosen(sorted(found), is_copied, threads)
    return {n: Entry(keys[n], found[n].digest, found[n].is_finite) for n in chosen}


def _digest_here(tensor: PlacedTensor, files: ShardFiles) -> str:
    return digest_of(tensor.nbytes, lambda at, part: files.read(tensor.shard, tensor.offset + at, part))


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


def _copy(source: int, start: int, target: int, placed: PlacedTensor) -> None:
    done = 0
    with suppress(OSError):  # what is really wrong shows when the bytes are moved the other way
        while done < placed.nbytes and hasattr(os, "copy_file_range"):
            count = min(placed.nbytes - done, _COPIED_AT_ONCE)
            copied = os.copy_file_range(source, target, count, start + done, placed.offset + done)
            if not copied:
                break
            done += copied
    buffer = memoryview(bytearray(min(placed.nbytes - done, 1 << 20)))
    while done < placed.nbytes:
        part = buffer[: placed.nbytes - done]
        read(source, start + done, part)
        done += os.pwrite(target, part, placed.offset + done)
