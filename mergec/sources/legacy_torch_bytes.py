"""The bytes of a PyTorch file of the old format: loaded once, then held."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.sources.nest import named_tensors
from mergec.sources.open_file import changed, check_path, identity_of, open_descriptor
from mergec.sources.torch_legacy import StorageSpace, load_legacy
from mergec.sources.torch_tensor import is_tensor

if TYPE_CHECKING:
    from mergec.sources.checkpoint import WeightFile


class LegacyTorchFile:
    """The storages of an old file laid end to end, as its views count. Nothing is loaded before a read."""

    def __init__(self, file: WeightFile) -> None:
        """Remember the file.

        Raises:
            MergecError: it is not the file whose header was read any more.
        """
        self._file = file
        self._lock = threading.Lock()
        self._loaded: StorageSpace | None = None
        self._contents: list[memoryview] = []
        self.check_unchanged()

    @property
    def size(self) -> int:
        """The bytes of the storages that the chosen tensors use."""
        return self._space().size

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes from `offset` on.

        Raises:
            MergecError: the file cannot be loaded, or has changed.
        """
        if not buffer.nbytes:
            return
        rest = buffer.cast("B")
        space = self._space()
        at = bisect_right(space.starts, offset) - 1
        while rest.nbytes:
            if at >= len(self._contents):
                raise MergecError([changed(self._file.path, "it became shorter")])
            begin = offset - space.starts[at]
            piece = self._contents[at][begin : begin + rest.nbytes]
            rest[: piece.nbytes] = piece
            rest = rest[piece.nbytes :]
            offset += piece.nbytes
            at += 1

    def check_unchanged(self) -> None:
        """Make sure that the file at the path is the one whose header was read.

        Raises:
            MergecError: it was replaced, rewritten, cut or removed.
        """
        check_path(self._file.path, self._file.identity)

    def close(self) -> None:
        """Let go of the memory."""
        with self._lock:
            self._loaded, self._contents = None, []

    def _space(self) -> StorageSpace:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
                self._contents = self._loaded.contents()
            return self._loaded

    def _load(self) -> StorageSpace:
        path = self._file.path
        with os.fdopen(open_descriptor(path), "rb") as stream:
            if identity_of(stream.fileno()) != self._file.identity:
                raise MergecError([changed(path, "it was written to")])
            tree = load_legacy(stream, path, data=True)
        return StorageSpace(named_tensors(tree, self._file.nest, is_tensor, path).values())
