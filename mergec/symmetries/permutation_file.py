"""Files of permutations: safetensors, with an integer tensor for each group, and how they came about."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.element import identity, is_element, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry

_KEY = "mergec"
_FORMAT = 1
_MAX_BYTES = 1 << 30


class UnfitPermutations(Exception):  # noqa: N818  # a finding, reported by the caller
    """A file is no file of permutations, or not one for this symmetry."""


class UnreadablePermutations(UnfitPermutations):
    """A file is missing, may not be read, or is no file of permutations."""


def read_permutations(path: Path, symmetry: Symmetry) -> NDArray[np.int32]:
    """The vector of the element that a file holds.

    Raises:
        UnfitPermutations: it holds none of this symmetry.
        UnreadablePermutations: it is no safetensors file that can be read.
    """
    found = _tensors(path)
    names = {group.name for group in symmetry.groups}
    missing = [group.name for group in symmetry.groups if group.name not in found]
    unknown = sorted(found.keys() - names)
    if missing or unknown:
        raise UnfitPermutations(_differing(missing, unknown))
    vector = identity(symmetry)
    for number, group in enumerate(symmetry.groups):
        rows = rows_of(symmetry, vector, number)
        given = found[group.name]
        shape = (group.size,) if group.parent is None else rows.shape
        if given.shape != shape:
            raise UnfitPermutations(
                f"`{group.name}` is {list(given.shape)}, and the model's is {list(shape)}"
            )
        if not np.issubdtype(given.dtype, np.integer):
            raise UnfitPermutations(f"`{group.name}` is {given.dtype}; indices are integers")
        expected = np.arange(group.size)
        if not np.array_equal(
            np.sort(given.reshape(rows.shape), axis=1), np.broadcast_to(expected, rows.shape)
        ):
            raise UnfitPermutations(f"`{group.name}` is no permutation of 0 to {group.size - 1}")
        rows[:] = given.reshape(rows.shape)
    if not is_element(symmetry, vector):
        frozen = [group.name for group in symmetry.groups if group.is_frozen]
        raise UnfitPermutations(f"it permutes what `freeze:` keeps: {', '.join(frozen)}")
    return vector


def write_permutations(
    path: Path, symmetry: Symmetry, vector: NDArray[np.int32], about: Mapping[str, object]
) -> None:
    """Write the element as int32, one tensor per group, and `about` as JSON in the header's metadata.

    The file appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    from safetensors.numpy import save

    tensors = {
        group.name: rows[0] if group.parent is None else rows
        for number, group in enumerate(symmetry.groups)
        for rows in (np.ascontiguousarray(rows_of(symmetry, vector, number)),)
    }
    # One entry alone: the order of several would change from run to run.
    text = json.dumps({"format": _FORMAT, **about}, ensure_ascii=False, sort_keys=True)
    data = save(tensors, {_KEY: text})
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _tensors(path: Path) -> dict[str, NDArray[np.generic]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadablePermutations("it is no file")
        if status.st_size > _MAX_BYTES:
            raise UnreadablePermutations("it is larger than any file of permutations")
        return dict(load(path.read_bytes()))
    except FileNotFoundError:
        raise UnreadablePermutations("no such file") from None
    except OSError as error:
        raise UnreadablePermutations(error.strerror or str(error)) from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UnreadablePermutations(f"it is no safetensors file of integers ({error})") from None


def _differing(missing: list[str], unknown: list[str]) -> str:
    told = []
    if missing:
        told.append(f"it lacks {_some(missing)}")
    if unknown:
        told.append(f"the model has no {_some(unknown)}")
    return " and ".join(told) + ": it belongs to another model or table"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"group `{names[0]}`{more}"
