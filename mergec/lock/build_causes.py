"""What each tensor of a build is made from, as far as the next build on this machine has to know."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.lock.file_stamp import stamp_of
from mergec.lock.tensor_keys import content_names, tensor_keys
from mergec.sources.open_file import why_not

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.graph import CheckedGraph
    from mergec.sources.checkpoint import WeightFile


def stamps_of(files: Sequence[WeightFile]) -> list[str]:
    """The files as the system describes them: without reading any of them.

    Raises:
        MergecError: one is not there any more.
    """
    stamps: list[str] = []
    for file in files:
        try:
            stamps.append(str(stamp_of(file.path)))
        except OSError as error:
            raise MergecError([why_not(file.path, error)]) from error
    return stamps


def build_causes(
    checked: CheckedGraph, files: Sequence[WeightFile], stamps: Iterable[str], decided: Iterable[bytes]
) -> dict[str, str]:
    """The cause of every output tensor, by its name: a key in which stamps stand for contents of files.

    `decided` are the permutations that were found or given. Another build may find others, so tensors of
    builds with other permutations have other causes, whether or not a permutation is behind them.
    """
    hasher = sha256()
    for vector in decided:
        hasher.update(sha256(vector).digest())
    salt = hasher.hexdigest()
    return tensor_keys(checked, content_names(files, [f"{stamp} {salt}" for stamp in stamps]))
