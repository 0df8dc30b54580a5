"""PyTorch's zip archives: tensors by position in the file, without reading them."""

from __future__ import annotations

import zipfile
from typing import IO, TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.sources.torch_errors import TorchScriptArchive
from mergec.sources.torch_file import archive_of, malformed, unpickled
from mergec.sources.torch_tensor import Record

if TYPE_CHECKING:
    from pathlib import Path

    import torch

_LOCAL_HEADER = 30
_LOCAL_MAGIC = b"PK\x03\x04"
_ENCRYPTED = 0x1
_PICKLE = "data.pkl"
_STORAGES = "data/"


class TorchArchive:
    """An open archive: `tree` is what its pickle describes, with tensors that have no memory.

    Torch computes where a storage lies from how it writes archives itself, which is wrong for one
    that was packed again. So it never sees the archive: it loads the pickle from a stand-in
    with an empty record for each storage, whose position there tells which storage it is, and
    the true position is looked up in the real archive.
    """

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        """Read the directory of the archive and load its pickle.

        Raises:
            MergecError: it is damaged, is no checkpoint, or needs code to run.
        """
        self._stream, self._path = stream, path
        self._members = _members(stream, path)
        pickle = self._content(_PICKLE)
        if "byteorder" in self._members and self._content("byteorder").strip() != b"little":
            raise MergecError([malformed(path, "its numbers are big-endian")])
        names = tuple(name for name in self._members if name.startswith(_STORAGES) and name.isascii())
        stand_in = archive_of(pickle, names)
        with zipfile.ZipFile(stand_in) as archive:
            at = [info.header_offset + _LOCAL_HEADER + len(info.filename) for info in archive.infolist()[2:]]
        self._name_at = dict(zip(at, names, strict=True))
        stand_in.seek(0)
        self.tree = unpickled(stand_in, pickle, path, location="meta", data=True)

    def storage_of(self, tensor: torch.Tensor) -> Record | None:
        """Where the storage of a tensor in the tree lies; None if it was saved without data.

        Raises:
            MergecError: the record of the storage is not stored as plain bytes inside the file.
        """
        place = getattr(tensor.untyped_storage(), "_checkpoint_offset", None)
        return None if place is None else self._record(self._name_at[place])

    def _record(self, name: str) -> Record:
        """The bytes of a record, after its own header agreed with the archive's directory."""
        info = self._members.get(name)
        if info is None:
            raise MergecError([malformed(self._path, f"it has no record `{name}`")])
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
            raise MergecError([malformed(self._path, f"its record `{name}` is compressed or encrypted")])
        end = self._stream.seek(0, 2)
        # The directory of a damaged archive can point anywhere, even before the file.
        header = b""
        if 0 <= info.header_offset < end:
            self._stream.seek(info.header_offset)
            header = self._stream.read(_LOCAL_HEADER)
        skipped = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        record = Record(info.header_offset + _LOCAL_HEADER + skipped, info.file_size)
        if not header.startswith(_LOCAL_MAGIC) or record.offset + record.size > end:
            raise MergecError([malformed(self._path, f"its record `{name}` lies outside the file")])
        return record

    def _content(self, name: str) -> bytes:
        record = self._record(name)
        self._stream.seek(record.offset)
        return self._stream.read(record.size)


def _members(stream: IO[bytes], path: Path) -> dict[str, zipfile.ZipInfo]:
    """The records of the archive, by their names below its root folder."""
    try:
        with zipfile.ZipFile(stream) as archive:
            infos = archive.infolist()
    except Exception as error:
        raise MergecError([malformed(path, "its archive is damaged or cut short")]) from error
    names = {info.filename for info in infos}
    if len(names) < len(infos):
        raise MergecError([malformed(path, "its archive has two records of one name")])
    roots = [
        name[: -len(_PICKLE)]
        for name in sorted(names)
        if name.count("/") == 1 and name.endswith(f"/{_PICKLE}")
    ]
    if len(roots) != 1:
        raise MergecError([malformed(path, "it is an archive, but not one that torch.save wrote")])
    root = roots[0]
    if f"{root}constants.pkl" in names or any(name.startswith(f"{root}code/") for name in names):
        advice = "convert it: save `torch.jit.load(path).state_dict()` with `safetensors.torch.save_file`"
        raise MergecError([TorchScriptArchive(path=str(path), help=advice)])
    return {info.filename[len(root) :]: info for info in infos if info.filename.startswith(root)}
