"""What a checkpoint on disk holds, known from its headers alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.ir.strided_view import StridedView


class Container(Enum):
    """How the bytes that a view names are had from a file."""

    PLAIN = "plain"  # offsets are positions in the file itself
    TORCH_LEGACY = "torch-legacy"  # unpickled once and held; offsets are into its tensors laid end to end


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What tells that a file is still the one whose header was read."""

    size: int
    modified_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file with weights. `held_bytes` is what reading from it keeps in memory."""

    path: Path
    identity: FileIdentity
    container: Container = Container.PLAIN
    held_bytes: int = 0
    nest: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as found: its weight files and, by name, the view of each tensor.

    A view's `file` is an index into `files` of this checkpoint. `directory` is set where the
    user named a directory: its side files (config, tokenizer) belong to the checkpoint.
    Names that share bytes (tied tensors) have equal views. `block_types` holds the type of each tensor
    of a GGUF file that is packed in blocks, whose view shows its bytes.
    """

    files: tuple[WeightFile, ...]
    tensors: Mapping[str, StridedView]
    directory: Path | None = None
    block_types: Mapping[str, int] = field(default_factory=dict)
