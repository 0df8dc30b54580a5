"""What the disk can do while the processor does something else."""

from __future__ import annotations

import errno
import os
import queue
import threading

# How much is written to a file before the disk is told to start on it.
_WRITE_BACK = 128 << 20
_UNABLE = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM}


class BackgroundDisk:
    """A thread that reserves room for files, and starts writing back what was written.

    Both only move work forward in time: the room is reserved while the libraries that compute are
    still being loaded, and the disk writes while later tensors are computed, so that the last `fsync`
    finds little left to do.
    """

    def __init__(self) -> None:
        """Start the thread."""
        self._tasks: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
        self._failure: OSError | None = None
        self._written: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, name="mergec-disk", daemon=True)
        self._thread.start()

    def reserve(self, descriptor: int, size: int) -> None:
        """Have blocks set aside for the whole file, where the file system can."""
        self._tasks.put((descriptor, size))

    def note_written(self, descriptor: int, nbytes: int) -> None:
        """So many more bytes were written; have them go to the disk when that pays."""
        # Two threads may lose each other's count: it only times the next call, and no byte depends on it.
        written = self._written.get(descriptor, 0) + nbytes
        if written >= _WRITE_BACK:
            written = 0
            self._tasks.put((descriptor, 0))
        self._written[descriptor] = written

    def finish(self) -> None:
        """Wait until all is done.

        Raises:
            OSError: what went wrong first, such as no room.
        """
        if self._thread.is_alive():
            self._tasks.put(None)
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def raise_failure(self) -> None:
        """Tell early what went wrong.

        Raises:
            OSError: as `finish`.
        """
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            descriptor, size = task
            try:
                if size:
                    _reserve(descriptor, size)
                else:
                    getattr(os, "fdatasync", os.fsync)(descriptor)  # macOS has only the latter
            except OSError as error:
                self._failure = self._failure or error


def _reserve(descriptor: int, size: int) -> None:
    # Not os.posix_fallocate: where the file system cannot reserve, the C library writes zeros
    # instead, which here would race with the workers' writes.
    import ctypes

    try:
        fallocate = ctypes.CDLL(None, use_errno=True).fallocate64
    except (AttributeError, OSError):
        return
    while fallocate(descriptor, 0, ctypes.c_int64(0), ctypes.c_int64(size)) != 0:
        code = ctypes.get_errno()
        if code in _UNABLE:
            return
        if code != errno.EINTR:  # a signal; Python itself would begin again as well
            raise OSError(code, os.strerror(code))
