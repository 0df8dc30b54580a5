"""The laws of a group of permutations, proved on the bytes of each tensor."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from mergec.ir.symmetry import Symmetry
from mergec.symmetries.element import compose, identity, inverse, permuted
from mergec.symmetries.self_test.moving import families, moving_element
from mergec.symmetries.self_test.report import FamilyResult, SymmetryReport
from mergec.symmetries.self_test_errors import LawBroken, NothingMoved

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from mergec.diagnostics import Diagnostic

    Array = NDArray[np.generic]


def check_laws(symmetry: Symmetry, tensors: Mapping[str, Array], model: str, seed: int) -> SymmetryReport:
    """Prove the laws on each tensor. Of `tensors` no more than one stack is asked for at once."""
    known = families(symmetry)
    elements = {family: moving_element(symmetry, family, seed, groups) for family, groups in known.items()}
    moved: Counter[str] = Counter()
    broken: dict[str, list[str]] = {}
    for tensor in symmetry.tensors:
        one = Symmetry(symmetry.groups, (tensor,))
        values = {name: tensors[name] for name in tensor.names}
        for fault in _faults(one, values, seed):
            broken.setdefault(fault, []).append(tensor.names[0])
        for family, groups in known.items():
            if not set(groups).isdisjoint(tensor.groups()):
                after = permuted(one, elements[family], values)
                moved[family] += sum(not _equal(after[name], values[name]) for name in values)
    results = tuple(FamilyResult(family, len(groups), moved[family]) for family, groups in known.items())
    names = sum(len(tensor.names) for tensor in symmetry.tensors)
    return SymmetryReport(model, names, results, None, tuple(_problems(model, broken, results)))


def _problems(
    model: str, broken: Mapping[str, list[str]], results: Collection[FamilyResult]
) -> Iterator[Diagnostic]:
    for fault, (tensor, *others) in broken.items():
        more = f" and {len(others)} more" if others else ""
        yield LawBroken(fault=fault, tensor=tensor, more=more, model=model)
    still = [f"`{one.family}`" for one in results if not one.moved] if results else ["all groups"]
    for family in still:
        yield NothingMoved(model=model, family=family)


def _faults(symmetry: Symmetry, values: Mapping[str, Array], seed: int) -> Iterator[str]:
    """The laws that do not hold for the tensors of a stack."""

    def holds(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
        return all(_equal(one[name], other[name]) for name in values)

    g, h = (moving_element(symmetry, salt, seed) for salt in ("first", "second"))
    by_g = permuted(symmetry, g, values)
    if not holds(permuted(symmetry, identity(symmetry), values), values):
        yield "the identity changes something"
    if not holds(permuted(symmetry, inverse(symmetry, g), by_g), values):
        yield "an inverse does not undo its permutation"
    if not holds(permuted(symmetry, h, by_g), permuted(symmetry, compose(symmetry, g, h), values)):
        yield "two permutations are not their product"
    if not np.array_equal(_sorted(by_g.values()), _sorted(values.values())):
        yield "permuting does more than move values"


def _equal(one: Array, other: Array) -> bool:
    is_alike = one.dtype == other.dtype and one.shape == other.shape
    return bool(is_alike and np.array_equal(_bits(one), _bits(other)))


def _bits(values: Array) -> NDArray[np.unsignedinteger]:
    """The elements as whole numbers: a NaN equals itself, and all can be sorted."""
    return np.ascontiguousarray(values).reshape(-1).view(f"u{min(values.dtype.itemsize, 8)}")


def _sorted(values: Collection[Array]) -> NDArray[np.unsignedinteger]:
    return np.sort(np.concatenate([_bits(one) for one in values]))
