"""`dequantize: true`: the tensors of a quantised checkpoint under the names of its dense weights."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.ir.dtype import BY_RECIPE_NAME, DType
from mergec.ir.packed import Packed, PackedPart
from mergec.sources.quantised.recognise import CACHE_SCALES
from mergec.sources.quantised.scaled_floats import plain_groups
from mergec.sources.quantised_errors import (
    CannotDequantise,
    LibraryMissing,
    NothingToDequantise,
    PackedWeights,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.diagnostics import Report, Span
    from mergec.ir.layout import Layout
    from mergec.sources.quantised.group import Group, Stored

_CONFIG_KEYS = ("quantization_config", "compression_config")


def packed_parts(stored: Stored, groups: Sequence[Group]) -> dict[tuple[int, int], PackedPart]:
    """The parts of quantised weights, by the file and the offset where they lie."""
    return {
        (view.file, view.offset): PackedPart(member, group.what, group.problem)
        for group in groups
        for member, view in ((member, stored.tensors[member]) for member in group.members)
    }


def dequantised(
    stored: Stored, groups: Sequence[Group], source: str, span: Span, report: Report
) -> dict[str, Layout]:
    """The tensors with each group in the place of its first member, and nothing else of it.

    Reports MC0227 to MC0229.
    """
    taken = {member for group in groups for member in group.members}
    groups = [*groups, *plain_groups(stored, taken)]
    if not groups:
        report.add(NothingToDequantise(span=span, source=source))
        return dict(stored.tensors)
    _report_problems(groups, source, span, report)
    libraries = dict.fromkeys(group.library for group in groups)
    by = {library: _by(library, source, span, report) for library in libraries}
    taken = {member for group in groups for member in group.members}
    taken |= {name for name in stored.tensors if name.endswith(CACHE_SCALES)}
    dtype = _stored_dtype(stored.config)
    starts = {group.members[0]: group for group in reversed(groups)}
    tensors: dict[str, Layout] = {}
    for name, view in stored.tensors.items():
        group = starts.get(name)
        if group is not None and group.dense is not None:
            scheme, parts, shape, computed = group.dense
            views = tuple(stored.tensors[part] for part in parts)
            what = f"{group.what}, dequantised by {by[group.library]}"
            tensors[group.name] = Packed(scheme, views, computed, dtype, shape, shape, what)
        elif name not in taken:
            tensors[name] = view
    return tensors


def refuse_blocks(groups: Sequence[Group], source: str, span: Span, report: Report) -> None:
    """Report MC0226 for blocks of a GGUF file: no other format has a place for them."""
    if groups:
        what, help_ = groups[0].what, f"say `dequantize: true` on the source `{source}`"
        used = "stored in a safetensors file"
        report.add(PackedWeights(span=span, source=source, what=what, used=used, help=help_))


def without_quantisation(config: Mapping[str, object]) -> dict[str, object]:
    """The config of the dense model."""
    kept = {key: value for key, value in config.items() if key not in _CONFIG_KEYS}
    inner = kept.get("text_config")
    if isinstance(inner, dict):
        kept["text_config"] = {key: value for key, value in inner.items() if key not in _CONFIG_KEYS}
    return kept


def _report_problems(groups: Sequence[Group], source: str, span: Span, report: Report) -> None:
    bad = [group for group in groups if group.dense is None]
    for reason in dict.fromkeys((group.what, group.problem) for group in bad):
        like = [group.name for group in bad if (group.what, group.problem) == reason]
        what, problem = reason
        report.add(
            CannotDequantise(
                span=span,
                tensor=like[0],
                source=source,
                more=f", and {len(like) - 1} more," if len(like) > 1 else "",
                reason=f"it is packed as {what}, and {problem}",
                help="take the dense checkpoint that it was made from",
            )
        )


def _by(library: str, source: str, span: Span, report: Report) -> str:
    """Who does it, for the plan. Reports MC0227."""
    if not library:
        return "mergec"
    try:
        by = f"{library} {version(library)}"
    except PackageNotFoundError:
        help_ = f"install it: `pip install 'mergec[{library}]'`"
        report.add(LibraryMissing(span=span, source=source, library=library, help=help_))
        return library
    try:
        with _quiet(library):
            import_module(library.replace("-", "_"))
    except Exception as error:  # noqa: BLE001  # a broken library may raise anything
        notes = (f"{by} is installed and cannot be imported: {safe(f'{type(error).__name__}: {error}')}",)
        help_ = f"install it anew: `pip uninstall {library}`, then `pip install 'mergec[{library}]'`"
        report.add(LibraryMissing(span=span, source=source, library=library, notes=notes, help=help_))
    return by


@contextmanager
def _quiet(library: str) -> Iterator[None]:
    """Without what bitsandbytes says of graphics cards while it is imported."""
    log = logging.getLogger(library)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _stored_dtype(config: Mapping[str, object]) -> DType:
    """What dense weights are written in where a recipe does not say: the model's dtype, or bfloat16."""
    inner = config.get("text_config")
    for part in (config, inner if isinstance(inner, dict) else {}):
        for key in ("dtype", "torch_dtype"):
            dtype = BY_RECIPE_NAME.get(str(part.get(key)))
            if dtype is not None and dtype.is_float:
                return dtype
    return DType.BF16
