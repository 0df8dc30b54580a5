"""The keys of tensors as far as they follow from what is known already: no weight is read for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.lock.tensor_keys import DecidedVectors, content_names, tensor_keys
from mergec.output.reuse import Why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mergec.ir.graph import CheckedGraph, NodeId
    from mergec.sources.checkpoint import WeightFile

# Two values for whatever is not known: what has the same key with both does not rest on it.
_PROBES = "?!"


def known_keys(
    checked: CheckedGraph,
    files: Sequence[WeightFile],
    contents: Mapping[Path, str],
    decided: Mapping[NodeId, DecidedVectors],
) -> dict[str, str | Why]:
    """The key of every output tensor by its name, or why it is not known.

    `contents` are the SHA-256 of files and `decided` what matches came to, as far as they are known.
    """
    unread = [file.path for file in files if file.path not in contents]
    unsolved = checked.matches.keys() - decided.keys()
    keys: dict[str, str | Why] = dict(_keys(checked, files, contents, decided, _PROBES[0], _PROBES[0]))
    if unread:
        others = _keys(checked, files, contents, decided, _PROBES[1], _PROBES[0])
        keys = {name: key if others[name] == key else Why.UNREAD for name, key in keys.items()}
    if unsolved:
        others = _keys(checked, files, contents, decided, _PROBES[0], _PROBES[1])
        keys = {
            name: key if isinstance(key, Why) or others[name] == key else Why.UNSOLVED
            for name, key in keys.items()
        }
    return keys


def _keys(
    checked: CheckedGraph,
    files: Sequence[WeightFile],
    contents: Mapping[Path, str],
    decided: Mapping[NodeId, DecidedVectors],
    unread: str,
    unsolved: str,
) -> dict[str, str]:
    digests = (contents.get(file.path, f"{unread} {number}") for number, file in enumerate(files))
    solved = {node: decided.get(node, DecidedVectors(0, unsolved)) for node in checked.matches}
    return tensor_keys(checked, content_names(files, digests), solved)
