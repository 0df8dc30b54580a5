"""PyTorch files from before the zip format: one pickle, then all storages, without a directory.

Where a storage lies cannot be known without its pickle being run, so the file is loaded once,
when the first tensor is read, and held. Until then only sizes are known: a view's offset counts
through the storages that the chosen tensors use, laid end to end in the order of their first use.
"""

from __future__ import annotations

from itertools import accumulate
from typing import IO, TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.sources.torch_file import end_of_pickle, malformed, unpickled
from mergec.sources.torch_tensor import Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import torch

MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
_PREAMBLE = 3  # pickles before the one with the tensors: magic number, protocol, system
_COUNT_BYTES = 8  # before each storage
_StorageKey = tuple[int, int]


def load_legacy(stream: IO[bytes], path: Path, *, data: bool) -> object:
    """What the file holds. Without `data` the tensors have memory that nothing was written to.

    Raises:
        MergecError: it is damaged, or needs code to run.
    """
    stream.seek(0)
    if stream.read(len(MAGIC)) != MAGIC:
        raise MergecError([malformed(path, "it is neither an archive nor an old PyTorch file")])
    begin = stream.seek(0)
    for _ in range(_PREAMBLE):
        begin = end_of_pickle(stream, path)
    end = end_of_pickle(stream, path)
    stream.seek(begin)
    pickle = stream.read(end - begin)
    stream.seek(0)
    tree = unpickled(stream, pickle, path, location="cpu", data=data)
    if not data:
        _check_complete(stream, tree, path)
    return tree


def held_bytes(tree: object) -> int:
    """What the file's storages take in memory while it is loaded, those of an optimizer included."""
    return sum(size for _, size in _distinct(_all_tensors(tree)))


class StorageSpace:
    """The storages of some tensors laid end to end."""

    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        """Lay them out in the order of their first use."""
        self._storages = _distinct(tensors)
        sizes = [size for _, size in self._storages]
        ends = list(accumulate(sizes))
        self.size = ends[-1] if ends else 0
        self.starts = [end - size for end, size in zip(ends, sizes, strict=True)]
        records = map(Record, self.starts, sizes)
        self._records = dict(zip(self._storages, records, strict=True))

    def record_of(self, tensor: torch.Tensor) -> Record:
        """Where the storage of a tensor lies."""
        return self._records[_storage_key(tensor)]

    def contents(self) -> list[memoryview]:
        """The bytes of each storage, in order."""
        import torch

        empty = torch.empty(0, dtype=torch.uint8)
        views = (empty.new_empty(0).set_(storage) for storage in self._storages.values())
        return [view.numpy().data if view.numel() else memoryview(b"") for view in views]


def _storage_key(tensor: torch.Tensor) -> _StorageKey:
    storage = tensor.untyped_storage()
    return storage.data_ptr(), storage.nbytes()


def _distinct(tensors: Iterable[torch.Tensor]) -> dict[_StorageKey, torch.UntypedStorage]:
    return {_storage_key(tensor): tensor.untyped_storage() for tensor in tensors}


def _all_tensors(tree: object) -> list[torch.Tensor]:
    """Every tensor with a storage anywhere in the tree."""
    import torch

    found: list[torch.Tensor] = []
    seen: set[int] = set()
    waiting: list[object] = [tree]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            if value.layout is torch.strided and not value.is_nested:
                found.append(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple, set)):
            waiting.extend(value)
    return found


def _check_complete(stream: IO[bytes], tree: object, path: Path) -> None:
    """The storages follow the pickles, so what is left of the file must have room for them."""
    begin = stream.tell()
    room = stream.seek(0, 2) - begin
    sizes = [size for _, size in _distinct(_all_tensors(tree))]
    needed = sum(sizes) + _COUNT_BYTES * len(sizes)
    if room < needed:
        raise MergecError([malformed(path, f"it is cut short: {needed} bytes of tensors, but {room} follow")])
