"""What a file is, by the ending of its name and by its first bytes."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.sources.errors import GitLfsPointer, UnknownFormat
from mergec.sources.open_file import identity_of, opened, read_exactly

if TYPE_CHECKING:
    from pathlib import Path

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
TORCH_ENDINGS = (".bin", ".pt", ".pth", ".ckpt", ".pt.tar", ".pth.tar")
SAFETENSORS_ENDING = ".safetensors"
INDEX_ENDING = ".index.json"
GGUF_ENDING = ".gguf"
GGUF_MAGIC = b"GGUF"
ZIP_MAGIC = b"PK\x03\x04"

_PICKLE = b"\x80\x02"  # protocol 2, which torch.save has always used
FIRST_BYTES = 64
_ANY_PICKLE = re.compile(rb"\x80[\x02-\x05][^\x00]")
_PAGE = re.compile(rb"\s*<(!doctype|html|head|\?xml)", re.IGNORECASE)
_JSON_AT = 8
_NOT_OURS = {
    b"GGUF": "this is a GGUF file; give it the ending .gguf",
    b"\x89HDF": "this is an HDF5 file (Keras, TensorFlow); export its weights to safetensors",
    b"\x93NUM": "this is a NumPy array; save it under a name with `safetensors.numpy.save_file`",
}


class Form(Enum):
    """What kinds of file a source can begin with."""

    SAFETENSORS = "safetensors"
    TORCH = "torch"
    INDEX = "index"
    GGUF = "gguf"


def form_by_name(name: str) -> Form | None:
    """The form that the ending of a file's name promises, if it promises one."""
    lowered = name.lower()
    if lowered.endswith(INDEX_ENDING):
        return Form.INDEX
    if lowered.endswith(SAFETENSORS_ENDING):
        return Form.SAFETENSORS
    return Form.TORCH if lowered.endswith(TORCH_ENDINGS) else None


def form_of(path: Path) -> Form:
    """The form of a regular file: what its name promises, or else what its first bytes show.

    A name that ends in .safetensors is taken at its word, so that no pickle hides behind it.

    Raises:
        MergecError: the file cannot be read, or neither tells.
    """
    promised = form_by_name(path.name)
    if promised in {Form.INDEX, Form.SAFETENSORS}:
        return promised
    start, size = _start_of(path)
    if start.startswith(LFS_POINTER):
        raise MergecError([GitLfsPointer(path=str(path), help="run `git lfs pull` in the clone")])
    if start.startswith(GGUF_MAGIC):
        return Form.GGUF
    if _looks_like_safetensors(start, size):
        return Form.SAFETENSORS
    if promised is Form.TORCH or looks_like_torch(start):
        return Form.TORCH
    advice = "give the path of a .safetensors, .bin, .pt, .pth, .ckpt or .gguf file"
    raise MergecError([UnknownFormat(path=str(path), help=_NOT_OURS.get(start[:4], advice))])


def looks_like_torch(start: bytes) -> bool:
    """Whether a file that begins so may be PyTorch's: a zip archive, or a bare pickle."""
    return start.startswith((ZIP_MAGIC, _PICKLE))


def what_it_looks_like(start: bytes) -> tuple[str, str] | None:
    """What a file is that is no safetensors file, as a clause, and what to do about it; None if unknown."""
    if start.startswith(ZIP_MAGIC):
        return "it is a zip archive, such as PyTorch writes", "give a PyTorch file the ending .pt or .bin"
    if _ANY_PICKLE.match(start):
        return "it is a pickle, such as PyTorch writes", "give a PyTorch file the ending .pt or .bin"
    if _PAGE.match(start):
        return "it is a web page", "the download failed: fetch the file again, logged in if it needs that"
    if start.lstrip().startswith(b"{"):
        return "it is a JSON text", "fetch the weights themselves: this may be an index, or a server's answer"
    advice = _NOT_OURS.get(start[:4])
    return None if advice is None else ("it is of another format", advice)


def _looks_like_safetensors(start: bytes, size: int) -> bool:
    length = int.from_bytes(start[:_JSON_AT], "little")
    return start[_JSON_AT : _JSON_AT + 1] == b"{" and _JSON_AT + length <= size


def _start_of(path: Path) -> tuple[bytes, int]:
    with opened(path) as descriptor:
        size = identity_of(descriptor).size
        return read_exactly(descriptor, min(size, FIRST_BYTES), 0, path), size
