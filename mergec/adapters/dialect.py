"""What every adapter dialect is to the fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mergec.adapters.adapter import Adapter, Reading
    from mergec.ir.expression import Tensor
    from mergec.ir.source_facts import SourceFacts


class Dialect(Protocol):
    """A way to name and store adapters, such as PEFT's. `name` is its spelling in `dialect:`."""

    name: str

    def recognises(self, names: Collection[str], facts: SourceFacts) -> bool:
        """Whether a source with these tensor names is an adapter of this dialect."""

    def read(self, adapter: Adapter, base: Mapping[str, Tensor]) -> Reading:
        """The folds that the adapter stands for on this base. Mistakes go into the result's problems."""
