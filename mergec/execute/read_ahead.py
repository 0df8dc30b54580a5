"""Sources brought into the page cache before they are needed."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from mergec.sources.local_file import LocalFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.ir.plan import Plan, Region
    from mergec.ir.strided_view import StridedView
    from mergec.sources.byte_source import ByteSource

# How far the disk may be ahead of the workers. The page cache holds it; none of it counts as ours.
_WINDOW = 256 << 20
_CHUNK = 8 << 20
# How long it waits before it looks again how far the workers are, in seconds. Being told of every tile
# would cost them more than it gains.
_PAUSE = 0.01


class ReadAhead:
    """A thread that asks the disk for what the workers will read next.

    It pays where the disk would otherwise stand still: while torch loads, and while tiles are
    computed. Chunks that are in the page cache already are found by a read that does not wait, and
    left alone.
    """

    def __init__(self, plan: Plan, sources: Sequence[ByteSource]) -> None:
        """Start at the first region."""
        self._plan = plan
        self._sources = sources
        self._read = 0
        self._nbytes: dict[int, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mergec-read-ahead", daemon=True)
        self._thread.start()

    def note_read(self, region: Region, elements: int) -> None:
        """A worker has computed this many elements of the region, and read their share of its leaves.

        Two workers may lose each other's count; that shifts the window a little and no byte.
        """
        nbytes = self._nbytes.get(id(region))
        if nbytes is None:
            nbytes = self._nbytes[id(region)] = sum(view.nbytes for view in _views(region))
        self._read += nbytes * elements // region.target.elements

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        if not hasattr(os, "posix_fadvise") or not hasattr(os, "RWF_NOWAIT"):
            return  # the system knows no way to ask
        asked = 0
        for descriptor, offset, nbytes in self._chunks():
            while asked - self._read > _WINDOW and not self._stopped.wait(_PAUSE):
                pass
            if self._stopped.is_set():
                return
            asked += nbytes
            try:
                if not _is_there(descriptor, offset):
                    os.posix_fadvise(descriptor, offset, nbytes, os.POSIX_FADV_WILLNEED)
            except OSError:
                return  # not every file system knows how; the workers read all the same

    def _chunks(self) -> Iterator[tuple[int, int, int]]:
        """(descriptor, offset, bytes) of what will be read, in the order of the regions' tiles."""
        for region in self._plan.regions:
            files = [
                (source.fileno(), view)
                for view in _views(region)
                if isinstance(source := self._sources[view.file], LocalFile)
            ]
            longest = max((view.nbytes for _, view in files), default=0)
            for start in range(0, longest, _CHUNK):
                for descriptor, view in files:
                    if start < view.nbytes:
                        yield descriptor, view.offset + start, min(_CHUNK, view.nbytes - start)


def _views(region: Region) -> list[StridedView]:
    """What of the files a region reads in one run."""
    leaves = (leaf for leaf in region.all_leaves if leaf.read_bytes)
    views = (view for leaf in leaves for view in (leaf.picked.parts if leaf.picked else (leaf.view,)))
    return [view for view in views if view.is_contiguous]


def _is_there(descriptor: int, offset: int) -> bool:
    """Whether a read would not have to wait for the disk."""
    try:
        os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT)
    except BlockingIOError:
        return False
    return True
