"""A checkpoint as a list of its tensors, layers that are alike on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.cli.columns import in_columns
from mergec.cli.name_groups import grouped
from mergec.cli.plan_sources import dtype_counts, form_name, layout_bytes
from mergec.cli.plan_text import counted
from mergec.diagnostics import safe
from mergec.ir.byte_size import format_size
from mergec.recipe.block_index import block_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.cli.inspect_names import Renamed
    from mergec.ir.strided_view import StridedView
    from mergec.sources.checkpoint import Checkpoint

_INDENT = "  "
_MOST_FILES = 4


class _Row(NamedTuple):
    pattern: str
    size: str
    dtype: str
    nbytes: int
    tensors: int
    layers: frozenset[int]


def renamed_text(renamed: Sequence[Renamed]) -> str:
    """The names before and after, layers that are treated alike on one line."""
    before = grouped(
        renamed, lambda r: r.before, lambda r: (tuple(map(_without_numbers, r.after)), r.shape, r.dtype)
    )
    rows = []
    for group in before:
        members = [renamed[i] for i in group.members]
        after = [name for member in members for name in member.after]
        targets = [g.pattern for g in grouped(after, str, lambda _: None)]
        arrow = "->" if after else ""
        shape = _size(len(members), members[0].shape)
        rows.append((group.pattern, arrow, *(targets[:1] or ["left out"]), shape, members[0].dtype))
        rows += [("", "", target, "", "") for target in targets[1:]]
    return "\n".join(in_columns(rows, indent=_INDENT))


def _without_numbers(name: str) -> str:
    return ".".join("#" if segment.isdigit() else segment for segment in name.split("."))


def summary(checkpoint: Checkpoint) -> str:
    """Format, files, tensors and bytes."""
    files = counted(len(checkpoint.files), "file")
    return f"{form_name(checkpoint.files)}, {files}, {_amount(list(checkpoint.tensors.values()))}"


def detail_lines(checkpoint: Checkpoint, *, all_files: bool) -> Iterator[str]:
    """Dtypes, files and metadata. Many files are not listed, unless all are wanted."""
    tensors = list(checkpoint.tensors.values())
    for dtype in dtype_counts(tensors):
        yield f"{dtype}: {_amount([tensor for tensor in tensors if str(tensor.dtype) == dtype])}"
    if 1 < len(checkpoint.files) <= _MOST_FILES or all_files:
        for file in checkpoint.files:
            yield f"{safe(file.path.name)}: {format_size(file.identity.size)}"
    metadata = {key: value for file in checkpoint.files for key, value in file.metadata.items()}
    if metadata:
        pairs = (f"{safe(key)}={safe(metadata[key])}" for key in sorted(metadata))
        yield f"metadata: {', '.join(pairs)}"


def _amount(tensors: Sequence[StridedView]) -> str:
    return f"{counted(len(tensors), 'tensor')}, {format_size(sum(map(layout_bytes, tensors)))}"


def tensor_lines(checkpoint: Checkpoint) -> Iterator[str]:
    """Every tensor on a line of its own."""
    rows = [
        (safe(name), str(list(view.shape)), str(view.dtype), format_size(layout_bytes(view)))
        for name, view in checkpoint.tensors.items()
    ]
    return in_columns(rows, right={3})


def group_lines(checkpoint: Checkpoint) -> Iterator[str]:
    """The tensors by where they stand, layers that are alike on one line."""
    for title, cells in group_rows(checkpoint):
        yield title
        yield from in_columns(cells, indent=_INDENT, right={3})


def group_rows(checkpoint: Checkpoint) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """A title for each place where tensors stand, with pattern, shape, dtype and size of those alike."""
    places: dict[str, list[_Row]] = {}
    items = list(checkpoint.tensors.items())
    for group in grouped(items, lambda item: item[0], lambda item: (item[1].shape, item[1].dtype)):
        members = [items[i] for i in group.members]
        places.setdefault(_place(members[0][0]), []).append(_row(group.pattern, members))
    for name, rows in places.items():
        tensors = sum(row.tensors for row in rows)
        layers = {layer for row in rows for layer in row.layers}
        # Numbers with gaps are parts of a sequence of modules, not layers that are alike.
        is_run = bool(layers) and max(layers) - min(layers) < len(layers)
        in_layers = f"{counted(len(layers), 'layer')}, " if is_run else ""
        nbytes = format_size(sum(row.nbytes for row in rows))
        title = f"{safe(name)}: {in_layers}{counted(tensors, 'tensor')}, {nbytes}"
        yield title, [(row.pattern, row.size, row.dtype, format_size(row.nbytes)) for row in rows]


def _place(name: str) -> str:
    place = block_index(name)
    first = name.partition(".")[0]
    return first if place is None else place[0].removesuffix(".") or "layers without a name"


def _row(pattern: str, members: Sequence[tuple[str, StridedView]]) -> _Row:
    view = members[0][1]
    places = [block_index(name) for name, _ in members]
    return _Row(
        pattern,
        _size(len(members), view.shape),
        str(view.dtype),
        sum(layout_bytes(member) for _, member in members),
        len(members),
        frozenset(place[1] for place in places if place is not None),
    )


def _size(count: int, shape: Sequence[int]) -> str:
    return str(list(shape)) if count == 1 else f"{count:,} x {list(shape)}"
