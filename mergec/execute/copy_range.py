"""Bytes moved from a source to the output without being looked at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mergec.sources.local_file import LocalFile

if TYPE_CHECKING:
    from mergec.execute.worker import Sink
    from mergec.sources.byte_source import ByteSource


def copy_range(
    source: ByteSource, start: int, sink: Sink, target: tuple[int, int], count: int, buffer: memoryview
) -> None:
    """Copy `count` bytes; `target` is (shard, offset).

    The kernel does it where it can (and shares the blocks where the file system can); otherwise the
    bytes go through `buffer`.
    """
    shard, offset = target
    done = 0
    if isinstance(source, LocalFile) and hasattr(os, "copy_file_range"):
        done = _in_kernel(source.fileno(), start, sink.fileno(shard), offset, count)
        sink.note_copied(shard, offset, done, buffer)
    while done < count:
        part = buffer[: min(len(buffer), count - done)]
        source.read_at(start + done, part)
        sink.write_at(shard, offset + done, part)
        done += len(part)


def _in_kernel(source: int, start: int, target: int, offset: int, count: int) -> int:
    """How many bytes the kernel copied before it was done or said that it cannot."""
    done = 0
    while done < count:
        try:
            copied = os.copy_file_range(source, target, count - done, start + done, offset + done)
        except OSError:  # what is really wrong shows when the bytes are moved the other way
            return done
        if copied == 0:  # the source ended: reading it the other way tells the user so
            return done
        done += copied
    return done
