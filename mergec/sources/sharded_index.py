"""The index of a sharded checkpoint: which file holds which tensor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, nearest, safe
from mergec.sources.errors import (
    IndexLeavesFolder,
    MalformedIndex,
    ShardMissing,
    SourceMissing,
    TensorNotInShard,
)
from mergec.sources.open_file import identity_of, opened, read_exactly
from mergec.sources.strict_json import JsonError, parse_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mergec.diagnostics import Diagnostic
    from mergec.ir.strided_view import StridedView
    from mergec.sources.checkpoint import WeightFile

    ReadShard = Callable[[Path, int], tuple[WeightFile, dict[str, StridedView]]]

_LONGEST_INDEX = 100_000_000  # far beyond any real one; a wrong file should not fill the memory
_DRIVE = re.compile(r"[A-Za-z]:")


def read_index(path: Path) -> dict[str, str]:
    """The `weight_map` of the index at `path`: by tensor name, the file's path beside the index.

    Raises:
        MergecError: the index cannot be read, is malformed, or names files outside its folder.
    """
    with opened(path) as descriptor:
        size = identity_of(descriptor).size
        if size > _LONGEST_INDEX:
            raise MergecError([_malformed(path, f"it has {size} bytes")])
        raw = read_exactly(descriptor, size, 0, path)
    try:
        index = parse_object(raw.lstrip())
    except JsonError as error:
        raise MergecError([_malformed(path, str(error))]) from error
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict):
        raise MergecError([_malformed(path, "it has no `weight_map` from names to files")])
    for name, shard in weight_map.items():
        if not isinstance(shard, str):
            raise MergecError([_malformed(path, f"the file of `{safe(name)}` is not given as text")])
    leaving = [_leaves(path, shard, why) for shard in _shards(weight_map) if (why := _why_unclean(shard))]
    if leaving:
        raise MergecError(leaving)
    return weight_map


def open_sharded(path: Path, read_shard: ReadShard) -> tuple[tuple[WeightFile, ...], dict[str, StridedView]]:
    """The files that the index at `path` names, and the tensors that it lists, in its order.

    Tensors that a shard holds and the index does not list are left out, as transformers does.

    Raises:
        MergecError: anything that is wrong with the index or its shards, all of it at once.
    """
    weight_map = read_index(path)
    found: list[Diagnostic] = []
    files: list[WeightFile] = []
    held: dict[str, dict[str, StridedView]] = {}
    for shard in _shards(weight_map):
        target = path.parent / shard
        try:
            file, held[shard] = read_shard(target, len(files))
        except MergecError as error:
            found.extend(_of_shard(path, shard, d) for d in error.diagnostics)
        else:
            files.append(file)
    found.extend(_broken_promises(path, weight_map, held))
    if found:
        raise MergecError(found)
    return tuple(files), {name: held[shard][name] for name, shard in weight_map.items()}


def _shards(weight_map: dict[str, str]) -> list[str]:
    return sorted(set(weight_map.values()))


def _of_shard(path: Path, shard: str, diagnostic: Diagnostic) -> Diagnostic:
    """What went wrong with a shard; that it is missing is the index's matter."""
    if not isinstance(diagnostic, SourceMissing):
        return diagnostic
    advice = "fetch the missing file, or remove the index if it is stale"
    return ShardMissing(path=str(path), shard=shard, help=advice)


def _broken_promises(
    path: Path, weight_map: dict[str, str], held: dict[str, dict[str, StridedView]]
) -> Iterable[Diagnostic]:
    """One diagnostic for each shard that lacks tensors which the index says it holds."""
    lacking: dict[str, list[str]] = {}
    for name, shard in weight_map.items():
        if shard in held and name not in held[shard]:
            lacking.setdefault(shard, []).append(name)
    for shard, names in sorted(lacking.items()):
        more = f", nor {len(names) - 1} more" if len(names) > 1 else ""
        near = nearest(names[0], held[shard], count=1)
        advice = f"the file holds `{safe(near[0])}`; " if near else ""
        advice += "fetch the whole checkpoint again: index and files are from different saves"
        yield TensorNotInShard(path=str(path), shard=shard, tensor=names[0], more=more, help=advice)


def _why_unclean(shard: str) -> str | None:
    """Why a file name in an index cannot be trusted to stay in the folder; None if it can.

    Links are not followed up: the cache of the Hugging Face Hub consists of links, and who can
    place a link in the folder needs no index to do harm.
    """
    if "\0" in shard:
        return "it contains a NUL character"
    if "\\" in shard:
        return "it contains a backslash"
    if shard.startswith("/") or _DRIVE.match(shard):
        return "it is an absolute path"
    parts = shard.split("/")
    if ".." in parts:
        return "it leaves the folder of the index"
    return "it is not a plain file name" if {"", "."} & set(parts) else None


def _leaves(path: Path, shard: str, why: str) -> Diagnostic:
    advice = "do not use this index before you know who wrote it; file names must stay beside the index"
    return IndexLeavesFolder(path=str(path), shard=shard, reason=why, help=advice)


def _malformed(path: Path, reason: str) -> Diagnostic:
    advice = "fetch the index again, or save the model anew"
    return MalformedIndex(path=str(path), reason=reason, help=advice)
