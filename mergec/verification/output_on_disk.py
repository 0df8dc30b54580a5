"""An output as it lies on the disk: its files, and the tensors that their headers declare."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import MergecError, safe
from mergec.ir.primitive import Reproducibility
from mergec.schedule.shard_layout import METADATA, Planned, lay_out
from mergec.sources.safetensors_header import open_safetensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mergec.ir.strided_view import StridedView
    from mergec.sources.checkpoint import WeightFile

WEIGHTS = ".safetensors"
INDEX = "model.safetensors.index.json"
_LONGEST_INDEX = 128 << 20


class StoredView(NamedTuple):
    """Where a tensor lies: the name of its file in the output, and its place there."""

    file: str
    view: StridedView


@dataclass(frozen=True, slots=True)
class OutputOnDisk:
    """Tensors by name, from the headers of all files that could be read.

    `root` is the folder that file names start from; of a single file, the one that it lies in. `path` is
    how the user calls the output.
    """

    path: Path
    root: Path
    is_folder: bool
    tensors: Mapping[str, StoredView]

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors."""
        return sum(one.view.nbytes for one in self.tensors.values())

    def place(self, name: str) -> str:
        """Where a tensor lies, for people."""
        file, view = self.tensors[name]
        return f"bytes {view.offset:,} to {view.offset + view.nbytes:,} of {safe(file)}"


class Faults(NamedTuple):
    """What is wrong with files and tensors, as clauses for messages, by their names."""

    files: dict[str, str]
    tensors: dict[str, str]


def read_headers(path: Path, root: Path, files: Iterable[str] | None, faults: Faults) -> OutputOnDisk:
    """The tensors of the named weight files of a folder, or without them of the file at `path`.

    What is wrong with a file is noted in `faults`; its tensors are left out then.
    """
    tensors: dict[str, StoredView] = {}
    names = [path.resolve().name] if files is None else sorted(files)
    for name in names:
        try:
            file, views = open_safetensors(root / name)
        except MergecError as error:
            faults.files[name] = _clause(error)
            continue
        for tensor, view in views.items():
            if tensor in tensors:
                faults.tensors[tensor] = f"is in {safe(tensors[tensor].file)} and in {safe(name)}"
            tensors.setdefault(tensor, StoredView(name, view))
        if not METADATA.items() <= file.metadata.items() or not _is_as_laid_out(file, views):
            faults.files[name] = "has another header than mergec writes for these tensors"
    return OutputOnDisk(path, root, files is not None, tensors)


def _clause(error: MergecError) -> str:
    one = error.errors[0]
    reason = getattr(one, "reason", None)
    return {
        "MC0201": "is missing",
        "MC0202": f"cannot be read: {reason}",
        "MC0210": f"is no valid safetensors file: {reason}",
    }.get(one.code, f"cannot be used: {one.message}")


def _is_as_laid_out(file: WeightFile, views: Mapping[str, StridedView]) -> bool:
    """Whether the tensors of a file lie where mergec places them: no header tells of their order alone."""
    planned = [
        Planned(name, view.dtype, view.shape, view.nbytes, Reproducibility.R0) for name, view in views.items()
    ]
    layout = lay_out(planned, 1, file.path.name)
    shift = file.identity.size - layout.shards[0].size  # more metadata makes a longer header
    return all(views[one.name].offset == one.offset + shift for one in layout.tensors)


def index_fault(output: OutputOnDisk) -> str | None:
    """What is wrong with the index, which folders of several weight files have; None where nothing is."""
    if len({one.file for one in output.tensors.values()}) < 2:
        return None
    expected = {name: one.file for name, one in output.tensors.items()}
    try:
        with (output.root / INDEX).open("rb") as stream:
            document = json.loads(stream.read(_LONGEST_INDEX))
        found = document["weight_map"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "cannot be read as an index"
    return None if found == expected else "names other tensors or files than there are"
