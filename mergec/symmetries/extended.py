"""A table that builds on another one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.symmetries.table_entries import Table


def extended(table: Table, base: Table) -> Table:
    """The table with all that the base says after it; its own sizes and last indices count."""
    return replace(
        table,
        entries=(*table.entries, *base.entries),
        summary=table.summary or base.summary,
        shared=table.shared | base.shared,
        sizes={**base.sizes, **table.sizes},
        chain=table.chain or base.chain,
        caution=table.caution or base.caution,
        frozen=(*table.frozen, *base.frozen),
        equal=(*table.equal, *base.equal),
        tied=(*table.tied, *base.tied),
        last={**base.last, **table.last},
    )
