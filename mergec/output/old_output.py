"""The output that a build is about to replace, as a place to take tensors from."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import MergecError
from mergec.output.manifest import read_manifest
from mergec.output.shard_files import has_shard, read
from mergec.output.tensor_digests import digest_of
from mergec.sources.safetensors_header import open_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mergec.ir.plan import PlacedTensor, Shard
    from mergec.ir.strided_view import StridedView
    from mergec.output.manifest import Manifest


class OldTensor(NamedTuple):
    """A tensor in a file of the old output; `digest` is what its manifest claims."""

    key: str
    file: str
    view: StridedView
    digest: str
    is_finite: bool

    @property
    def offset(self) -> int:
        """Where its bytes begin in the file."""
        return self.view.offset

    def fits(self, placed: PlacedTensor) -> bool:
        """Whether its bytes can be those of a tensor of the new output."""
        return (self.view.dtype, self.view.shape) == (placed.dtype, placed.shape)


@dataclass(frozen=True)
class OldOutput:
    """Tensors of a finished output by name, for those whose keys are known.

    `unchanged` names the files that are known to be as they were when they were published; tensors in
    others are hashed before they are believed to be what the manifest claims. `manifest` lists all tensors,
    also those that are no longer in its files.
    """

    folder: Path
    tensors: dict[str, OldTensor]
    unchanged: frozenset[str]
    manifest: Manifest

    def same(self, placed: PlacedTensor, key: str) -> OldTensor | None:
        """The tensor that a key stands for, under whatever name, if it can be one of the new output."""
        found = self.by_key.get(key)
        return found if found is not None and found.fits(placed) else None

    @cached_property
    def by_key(self) -> dict[str, OldTensor]:
        """The tensors by their keys."""
        return {one.key: one for one in self.tensors.values()}

    @cached_property
    def listed_keys(self) -> frozenset[str | None]:
        """The keys of all tensors that the manifest lists."""
        return frozenset(one.key for one in self.manifest.tensors.values())

    def has_shard(self, shard: Shard) -> bool:
        """Whether there is a file of this name, size and header."""
        return has_shard(self.folder / shard.name, shard)

    def is_true(self, tensor: OldTensor) -> bool:
        """Whether a tensor's bytes are what the manifest claims."""
        if tensor.file in self.unchanged:
            return True
        with self.opened(tensor) as descriptor:
            if descriptor is None:
                return False
            try:
                return tensor.digest == digest_of(
                    tensor.view.nbytes, lambda at, part: read(descriptor, tensor.offset + at, part)
                )
            except OSError:
                return False

    @contextmanager
    def opened(self, tensor: OldTensor) -> Iterator[int | None]:
        """The open file of a tensor; None where it cannot be opened."""
        try:
            descriptor = os.open(self.folder / tensor.file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def read_old_output(
    folder: Path, is_unchanged: Callable[[Path, str], bool] = lambda _path, _checksum: False
) -> OldOutput | None:
    """What can be taken from the output directory at a path; None where nothing can.

    `is_unchanged` is asked whether a file is as it was when an output was published whose manifest had
    this checksum.
    """
    manifest = read_manifest(folder)
    return _old_output(folder, manifest, is_unchanged) if manifest is not None else None


def old_file(path: Path, manifest: Manifest, is_unchanged: Callable[[Path, str], bool]) -> OldOutput:
    """What can be taken from a file: as `read_old_output`, by the manifest of what was written there."""
    tensors = {name: tensor._replace(file=path.name) for name, tensor in manifest.tensors.items()}
    return _old_output(path.parent, manifest._replace(tensors=tensors), is_unchanged)


def _old_output(folder: Path, manifest: Manifest, is_unchanged: Callable[[Path, str], bool]) -> OldOutput:
    found: dict[str, OldTensor] = {}
    names = sorted({tensor.file for tensor in manifest.tensors.values()})
    views = {name: _views(folder, name) for name in names}
    for name, tensor in manifest.tensors.items():
        view = views[tensor.file].get(name)
        if view is not None and tensor.key is not None:
            found[name] = OldTensor(tensor.key, tensor.file, view, tensor.digest, tensor.is_finite)
    unchanged = frozenset(n for n in names if views[n] and is_unchanged(folder / n, manifest.checksum))
    return OldOutput(folder, found, unchanged, manifest)


def _views(folder: Path, name: str) -> dict[str, StridedView]:
    """The tensors of a file of the output by name; none of what is not plainly a file in it."""
    path = folder / name
    try:
        if path.parent != folder or path.is_symlink() or not path.is_file():
            return {}
        return open_safetensors(path)[1]
    except (MergecError, OSError, ValueError):  # a manifest may hold anything for a name
        return {}
