"""Tensors on their way from the old output into the new one, while others are computed."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby
from typing import TYPE_CHECKING

from mergec.output.journal import Entry
from mergec.output.shard_files import read, write
from mergec.output.tensor_digests import CHUNK, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from mergec.ir.plan import OutputLayout, PlacedTensor
    from mergec.output.old_output import OldOutput, OldTensor
    from mergec.output.shard_files import ShardFiles

# How much a thread copies before it tells of what has arrived, and looks whether to stop.
_AT_ONCE = 64 << 20
# File systems that share blocks between files share whole ones; none has larger ones by itself.
_BLOCK = 4096
# What a thread holds: no more than is left of the share of those that digest sources, which are done by now.
_BUFFER = 1 << 17


class Copies:
    """Threads that copy tensors, by number, and tell `arrived` of each that is there.

    Tensors that lie side by side in both outputs are moved together: the threads ask the kernel for much at
    a time, so they neither wait for the interpreter nor keep it from whoever computes.
    """

    def __init__(
        self, layout: OutputLayout, files: ShardFiles, arrived: Callable[[int, Entry], None]
    ) -> None:
        """Copy into these files, once it is known what; nothing is done yet."""
        self._layout, self._files, self._arrived = layout, files, arrived
        self._stopped = threading.Event()
        self._threads: ThreadPoolExecutor | None = None
        self._under_way: list[Future[list[int]]] = []

    def start(
        self, old: OldOutput, wanted: Mapping[int, OldTensor], causes: Sequence[str], workers: int
    ) -> None:
        """Begin to copy the `wanted` tensors of an old output, with so many threads at most.

        Each file is one thread's: the system lets only one write to it, and the others would wait busily.
        """
        runs = _runs(self._layout, wanted)
        files = [list(some) for _, some in groupby(runs, lambda run: self._layout.tensors[run[0]].shard)]
        if files:
            self._threads = ThreadPoolExecutor(min(workers, len(files)), "mergec-kept")
            self._under_way = [
                self._threads.submit(self._move_all, some, old, wanted, causes) for some in files
            ]

    def finish(self) -> list[int]:
        """Wait for all; the numbers of those that are not there, or not as the old output tells of them.

        Raises:
            OSError: the system refuses to write.
        """
        try:
            return sorted(chain.from_iterable(one.result() for one in self._under_way))
        finally:
            self.stop()

    def stop(self) -> None:
        """Copy no more. Afterwards no thread uses the files."""
        self._stopped.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None
        self._under_way = []

    def _move_all(
        self,
        runs: Sequence[Sequence[int]],
        old: OldOutput,
        wanted: Mapping[int, OldTensor],
        causes: Sequence[str],
    ) -> list[int]:
        return [number for run in runs for number in self._move(run, old, wanted, causes)]

    def _move(
        self, run: Sequence[int], old: OldOutput, wanted: Mapping[int, OldTensor], causes: Sequence[str]
    ) -> list[int]:
        """Copy tensors that lie side by side; the numbers of those that have not arrived."""
        first, placed = wanted[run[0]], self._layout.tensors[run[0]]
        nbytes = sum(self._layout.tensors[number].nbytes for number in run)
        with old.opened(first) as source:
            if source is None or not self._copy(source, first.offset, placed, nbytes):
                return list(run)
        lost = []
        for number in run:
            one, placed = wanted[number], self._layout.tensors[number]
            # What comes from a file that is as it was published is not hashed again.
            if one.file in old.unchanged or one.digest == digest_here(placed, self._files, _BUFFER):
                self._arrived(number, Entry(causes[number], one.digest, one.is_finite))
            else:
                lost.append(number)
        return lost

    def _copy(self, source: int, start: int, placed: PlacedTensor, nbytes: int) -> bool:
        """Copy bytes to a place of a shard's file; False where there is an end to what can be read.

        Raises:
            OSError: the system refuses to write.
        """
        target = self._files.descriptors[placed.shard]
        done, buffer = 0, memoryview(b"")
        while done < nbytes:
            if self._stopped.is_set():
                return False
            at = start + done
            count = 0
            if not buffer:
                # From the first whole block on, so that blocks are shared where the file system can.
                wanted = min(nbytes - done, -at % _BLOCK or _AT_ONCE)
                count = _in_kernel(source, target, wanted, at, placed.offset + done)
            if not count:  # what is really wrong shows when the bytes are moved the other way
                buffer = buffer or memoryview(bytearray(_BUFFER))
                part = buffer[: nbytes - done]
                try:
                    read(source, at, part)
                except OSError:
                    return False
                write(target, placed.offset + done, part)
                count = len(part)
            done += count
        return True


def digest_here(tensor: PlacedTensor, files: ShardFiles, buffer: int = CHUNK) -> str:
    """The digest of a tensor as it is in the output's files, read with a buffer of so many bytes."""
    return digest_of(
        tensor.nbytes, lambda at, part: files.read(tensor.shard, tensor.offset + at, part), buffer
    )


def _in_kernel(source: int, target: int, count: int, start: int, offset: int) -> int:
    """How many of the bytes the kernel has copied: 0 where it cannot."""
    if not hasattr(os, "copy_file_range"):
        return 0
    try:
        return os.copy_file_range(source, target, count, start, offset)
    except OSError:
        return 0


def _runs(layout: OutputLayout, wanted: Mapping[int, OldTensor]) -> list[list[int]]:
    """The numbers of tensors that lie side by side, there as here, in the order of the new output."""
    runs: list[list[int]] = []
    end = None
    nbytes = 0
    for number in sorted(wanted, key=lambda n: (layout.tensors[n].shard, layout.tensors[n].offset)):
        placed, one = layout.tensors[number], wanted[number]
        if end == (one.file, one.offset, placed.shard, placed.offset) and nbytes < _AT_ONCE:
            runs[-1].append(number)
        else:
            runs.append([number])
            nbytes = 0
        nbytes += placed.nbytes
        end = one.file, one.offset + placed.nbytes, placed.shard, placed.offset + placed.nbytes
    return runs
