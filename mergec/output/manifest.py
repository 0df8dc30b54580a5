"""mergec.manifest.json: what mergec wrote into an output directory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from blake3 import blake3

from mergec.ir.numerics import NUMERICS
from mergec.output.journal import NAME as JOURNAL
from mergec.output.merkle import TensorDigest, merkle_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mergec.ir.plan import OutputLayout, PlacedTensor
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


def write_manifest(
    folder: Path, layout: OutputLayout, entries: Mapping[int, Entry], keys: Sequence[str] | None
) -> None:
    """List all files of the folder with their sizes, and all tensors, in sorted order.

    `entries` tells of each tensor by number, and `keys` what they are computed from.
    """
    files = {name: (folder / name).stat().st_size for name in sorted(_files(folder)) if name != JOURNAL}
    document = _document(files, layout, entries, keys)
    # In ASCII: the name of a file need not be text, and then only an escape can stand for it.
    (folder / NAME).write_text(_text(document), "ascii")


def foreign_files(folder: Path) -> list[str] | None:
    """The files of a folder that its manifest does not list; None where there is no manifest."""
    listed = (_read(folder) or {}).get("files")
    if not isinstance(listed, dict):
        return None
    return sorted(name for name in _files(folder) if name not in listed and name != NAME)


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
        "merkle": merkle_root(_digests(layout.tensors, entries)),
        "files": files,
        "tensors": tensors,
    }
    return {**document, "checksum": _checksum(document)}


def _digests(tensors: Sequence[PlacedTensor], entries: Mapping[int, Entry]) -> Iterable[TensorDigest]:
    for number, tensor in enumerate(tensors):
        yield TensorDigest(tensor.name, tensor.dtype.code, tensor.shape, entries[number].digest)


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
