"""mergec.manifest.json: what mergec wrote into an output directory."""

from __future__ import annotations

import json
from hashlib import file_digest
from typing import TYPE_CHECKING, Any, NamedTuple

from blake3 import blake3

from mergec.ir.numerics import NUMERICS
from mergec.output.journal import NAME as JOURNAL
from mergec.output.merkle import TensorDigest, merkle_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mergec.ir.plan import OutputLayout
    from mergec.output.journal import Entry

NAME = "mergec.manifest.json"
_FORMAT_VERSION = "2.0"
# That of 92,000 tensors, the most that any model has, takes 30 MB.
_LARGEST = 128 << 20


class StoredTensor(NamedTuple):
    """A tensor as a manifest tells of it; without a `key`, nobody knows what it was computed from."""

    dtype: str
    shape: tuple[int, ...]
    file: str
    key: str | None
    digest: str
    is_finite: bool


class Manifest(NamedTuple):
    """What a manifest tells. Its checksum agrees, so nobody edited it by accident."""

    tensors: dict[str, StoredTensor]
    numerics: int
    checksum: str

    @property
    def merkle(self) -> str:
        """One digest of all tensors."""
        return merkle_root(
            TensorDigest(name, one.dtype, one.shape, one.digest) for name, one in self.tensors.items()
        )


def write_manifest(
    folder: Path, layout: OutputLayout, entries: Mapping[int, Entry], keys: Sequence[str] | None
) -> None:
    """List all files of the folder, those beside the weights with their SHA-256, and all tensors, sorted.

    `entries` tells of each tensor by number, and `keys` what they are computed from.
    """
    files = {name: (folder / name).stat().st_size for name in sorted(_files(folder)) if name != JOURNAL}
    shards = {shard.name for shard in layout.shards}
    digests = {name: _sha256(folder / name) for name in files if name not in shards}
    document = _document(files, digests, layout, entries, keys)
    # In ASCII: the name of a file need not be text, and then only an escape can stand for it.
    (folder / NAME).write_text(_text(document), "ascii")


def foreign_files(folder: Path) -> list[str] | None:
    """The files of a folder that its manifest does not list; None where there is no manifest."""
    listed = (_read(folder) or {}).get("files")
    if not isinstance(listed, dict):
        return None
    return sorted(name for name in _files(folder) if name not in listed and name != NAME)


def changed_files(folder: Path) -> list[str]:
    """The files beside the weights that are there and are not what was written, as far as is known."""
    listed = (_read(folder) or {}).get("side_files")
    if not isinstance(listed, dict):
        return []
    return [
        name for name in sorted(_files(folder)) if name in listed and _is_other(folder / name, listed[name])
    ]


def _is_other(path: Path, digest: object) -> bool:
    try:
        return not path.is_file() or _sha256(path) != digest  # to open a pipe is to wait
    except OSError:
        return True


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def read_manifest(folder: Path) -> Manifest | None:
    """What a manifest tells of tensors; None where there is none, an older one, or a changed one."""
    document = _read(folder)
    if document is None or document.get("format_version") != _FORMAT_VERSION:
        return None
    checksum = document.pop("checksum", None)
    try:
        if checksum != _checksum(document):
            return None
        tensors = {name: _stored(entry) for name, entry in document["tensors"].items()}
        return Manifest(tensors, document["numerics"], checksum)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return None


def _document(
    files: Mapping[str, int],
    side_files: Mapping[str, str],
    layout: OutputLayout,
    entries: Mapping[int, Entry],
    keys: Sequence[str] | None,
) -> dict[str, object]:
    numbered = sorted(enumerate(layout.tensors), key=lambda pair: pair[1].name)
    tensors = {
        tensor.name: {
            "dtype": tensor.dtype.code,
            "shape": list(tensor.shape),
            "file": layout.shards[tensor.shard].name,
            "class": tensor.reproducibility.value,
            "key": keys[number] if keys is not None else None,
            "digest": entries[number].digest,
            **({} if entries[number].is_finite else {"finite": False}),
        }
        for number, tensor in numbered
    }
    document: dict[str, object] = {
        "format_version": _FORMAT_VERSION,
        "numerics": NUMERICS,
        "merkle": merkle_of(layout, entries),
        "files": files,
        "side_files": side_files,
        "tensors": tensors,
    }
    return {**document, "checksum": _checksum(document)}


def merkle_of(layout: OutputLayout, entries: Mapping[int, Entry]) -> str:
    """The Merkle root of all tensors; `entries` tells of each by number."""
    return merkle_root(
        TensorDigest(tensor.name, tensor.dtype.code, tensor.shape, entries[number].digest)
        for number, tensor in enumerate(layout.tensors)
    )


def _text(document: Mapping[str, object]) -> str:
    """As JSON, with a line for each file and tensor: so that differences show."""
    return "{\n" + ",\n".join(f'"{key}": {_lines(value)}' for key, value in document.items()) + "\n}\n"


def _lines(value: object) -> str:
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    lines = (f"  {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _checksum(document: object) -> str:
    return blake3(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        if not (folder / NAME).is_file():  # to open a pipe is to wait
            return None
        with (folder / NAME).open("rb") as stream:
            document = json.loads(stream.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _stored(entry: Mapping[str, object]) -> StoredTensor:
    """An entry of a manifest.

    Raises:
        KeyError, TypeError, ValueError: it is not of the form that we write.
    """
    match entry:
        case {
            "dtype": str(dtype),
            "shape": list(shape),
            "file": str(file),
            "key": key,
            "digest": str(digest),
        }:
            if key is not None and not isinstance(key, str):
                raise ValueError(key)
            return StoredTensor(
                dtype, tuple(shape), file, key, digest, is_finite=bool(entry.get("finite", True))
            )
        case _:
            raise ValueError(entry)


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
