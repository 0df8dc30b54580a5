"""How two locks or two checkpoints differ, for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.verification.compare_checkpoints import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mergec.cli.diff_text import Sides
    from mergec.ir.strided_view import StridedView
    from mergec.verification.compare_checkpoints import TensorPair


def locks_document(a: Path, b: Path, found: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What differs, in words, by the parts of a lock."""
    return {
        "a": str(a),
        "b": str(b),
        "equal": not found,
        "differences": {k: list(v) for k, v in found.items()},
    }


def checkpoints_document(sides: Sides, pairs: Sequence[TensorPair]) -> dict[str, Any]:
    """An entry for each tensor that is not equal; measures that have no value are null."""
    (a, first), (b, second) = sides
    other = [pair for pair in pairs if pair.kind is not Kind.EQUAL]
    return {
        "a": {"path": str(a), "tensors": len(first.tensors)},
        "b": {"path": str(b), "tensors": len(second.tensors)},
        "compared": len(pairs),
        "equal": not other,
        "tensors": [_tensor(pair) for pair in other],
    }


def _tensor(pair: TensorPair) -> dict[str, Any]:
    entry = {"name": pair.name, "what": pair.kind.value, "a": _view(pair.first), "b": _view(pair.second)}
    return entry if pair.values is None else {**entry, **pair.values._asdict()}


def _view(view: StridedView | None) -> dict[str, Any] | None:
    return None if view is None else {"dtype": view.dtype.recipe_name, "shape": list(view.shape)}
