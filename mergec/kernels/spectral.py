"""Kernels for singular values and vectors: from Gram matrices, in float64, with fixed signs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from mergec.ir.spectral_primitives import Kept
from mergec.kernels.matrix import wide_blocks
from mergec.kernels.stream_states import total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# An eigenvalue of a Gram matrix below this share of the largest is what rounding left: singular values
# are told apart down to 2^-20 of the largest.
_RESOLUTION = 2.0**-40


class ColumnGram:
    """The Gram matrix of columns, from rows that stream by: block by block, in their order."""

    def __init__(self, columns: int) -> None:
        """Take in rows of so many columns in all."""
        self._columns = columns

    def begin(self) -> torch.Tensor:
        """Zeros."""
        return torch.zeros((self._columns, self._columns), dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Sequence[torch.Tensor]) -> None:
        """Add the products of some rows."""
        for blocks in zip(*(wide_blocks(value) for value in values), strict=True):
            rows = [block for _, block in blocks]
            block = rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)
            state.addmm_(block.T, block)

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor:
        """The sum over the streams."""
        return total(states)


class _Decomposed(NamedTuple):
    """Eigenvectors in ascending order of their eigenvalues, and the singular values, all but the kept 0."""

    vectors: torch.Tensor
    kept: torch.Tensor  # (n,): singular values, 0 for those that are not kept
    mean: float  # of all singular values


def spectrum(out: torch.Tensor, sources: Sequence[torch.Tensor], kept: Kept) -> None:
    """Vectors, values and inverses, the largest first."""
    gram = sources[0]
    found = _decomposed(gram, kept)
    if found is None:
        out.fill_(torch.nan)
        return
    side, rank = len(gram), out.shape[1]
    values = found.kept[side - rank :].flip(0)
    _write_vectors(out[:side], found.vectors, values)
    out[side].copy_(values)
    out[side + 1].copy_(_inverses(values))


def principal(out: torch.Tensor, sources: Sequence[torch.Tensor], kept: Kept) -> None:
    """The vectors alone."""
    found = _decomposed(sources[0], kept)
    if found is None:
        out.fill_(torch.nan)
        return
    side, rank = out.shape
    _write_vectors(out, found.vectors, found.kept[side - rank :].flip(0))


def spectral_matrix(out: torch.Tensor, sources: Sequence[torch.Tensor], kept: Kept, function: str) -> None:
    """V f(S) V^T over what is kept."""
    found = _decomposed(sources[0], kept)
    if found is None:
        out.fill_(torch.nan)
        return
    if function == "projection":
        factors = (found.kept > 0).double()
    else:
        factors = _inverses(found.kept) * (found.mean if function == "isotropic" else 1.0)
    first = int((factors != 0).sum())
    vectors = found.vectors[:, len(factors) - first :]
    torch.mm(vectors * factors[len(factors) - first :], vectors.T, out=out)


def orthogonalised(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Columns by the inverse root of their Gram matrix."""
    columns = sources[0]
    gram = torch.mm(columns.T, columns)
    root = torch.empty_like(gram)
    spectral_matrix(root, (gram,), Kept(len(gram)), "whitening")
    torch.mm(columns, root, out=out)


def held(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The same values."""
    out.copy_(sources[0])


def _decomposed(gram: torch.Tensor, kept: Kept) -> _Decomposed | None:
    """The eigenvectors and what is kept of them; None where a value is not finite."""
    if not bool(torch.isfinite(gram).all()):
        return None
    eigenvalues, vectors = torch.linalg.eigh(gram)
    eigenvalues = torch.where(eigenvalues > _RESOLUTION * eigenvalues[-1], eigenvalues, 0.0)
    values = eigenvalues.sqrt()
    chosen = values.clone()
    chosen[: max(len(chosen) - kept.rank, 0)] = 0.0
    if kept.energy < 1.0:
        squares = eigenvalues.flip(0)
        before = squares.cumsum(0) - squares
        chosen[(before >= kept.energy * squares.sum()).flip(0)] = 0.0
    chosen[values <= kept.epsilon] = 0.0
    return _Decomposed(vectors, chosen, float(values.mean()))


def _write_vectors(out: torch.Tensor, vectors: torch.Tensor, values: torch.Tensor) -> None:
    """The last columns in reverse order with their signs fixed; zeros where the value is 0."""
    side, rank = out.shape
    out.copy_(vectors[:, side - rank :].flip(1))
    if out.numel():
        largest = out.abs().argmax(dim=0, keepdim=True)
        signs = torch.where(out.gather(0, largest) < 0, -1.0, 1.0)
        out.mul_(torch.where(values > 0, signs, 0.0))


def _inverses(values: torch.Tensor) -> torch.Tensor:
    return torch.where(values > 0, 1.0 / values, 0.0)


KERNELS: dict[str, Callable[..., Any]] = {
    "spectrum": spectrum,
    "principal": principal,
    "spectral_matrix": spectral_matrix,
    "orthogonalised": orthogonalised,
    "held": held,
}
