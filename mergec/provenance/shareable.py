"""What may leave this machine with a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath


def shareable(value: object) -> object:
    """A tree of plain values in which every absolute path is cut to its last part.

    Where somebody keeps their files is nobody else's business, and an output has the same bytes wherever
    it is built. Names of tensors and patterns never look like absolute paths.
    """
    if isinstance(value, Mapping):
        return {key: shareable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shareable(one) for one in value]
    return _last_part(value) if isinstance(value, str) else value


def _last_part(text: str) -> str:
    for path in (PurePosixPath(text), PureWindowsPath(text)):
        if path.is_absolute():
            return path.name or text
    return PurePosixPath(text).name if text.startswith("~") else text
