"""Stage 2 of 8: sources. Takes: Recipe. Gives: SourceTable. Errors: MC02xx."""

from mergec.sources.byte_source import ByteSource, open_bytes
from mergec.sources.checkpoint import Checkpoint, Container, FileIdentity, WeightFile
from mergec.sources.legacy_torch_bytes import LegacyTorchFile
from mergec.sources.local_file import LocalFile
from mergec.sources.open_checkpoint import open_checkpoint
from mergec.sources.safetensors_header import read_header

__all__ = [
    "ByteSource",
    "Checkpoint",
    "Container",
    "FileIdentity",
    "LegacyTorchFile",
    "LocalFile",
    "WeightFile",
    "open_bytes",
    "open_checkpoint",
    "read_header",
]
