"""Rename rules tried on an adapter or its base, to know whether they make the adapter fit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mergec.adapters.constant import constant
from mergec.diagnostics import Report
from mergec.ir.layout import views
from mergec.ir.strided_view import StridedView
from mergec.recipe.rename_pass import apply_rules
from mergec.recipe.source_names import parse_rules
from mergec.recipe.value_place import NoPlace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.adapters.adapter import Adapter
    from mergec.adapters.dialect import Dialect
    from mergec.ir.expression import Tensor
    from mergec.ir.layout import Layout

Rule = str | dict[str, object]
_NUMBER = re.compile(r"(?<![^.])[0-9]+(?![^.])")  # a whole segment of a name


@dataclass(frozen=True, slots=True)
class Trial:
    """An adapter that does not fit its base. Rules are those of a `rename:` list, as a recipe holds them.

    `unmatched` gives, for each of the adapter's tensors whose target the base does not have, the name that
    was looked for. A few names are asked first: layers that are alike fit alike.
    """

    adapter: Adapter
    dialect: Dialect
    base: Mapping[str, Tensor]
    unmatched: Mapping[str, str]

    def fits_if_renamed(self, rules: Sequence[Rule]) -> bool:
        """Whether all of the adapter fits after these rules on its source."""
        for tensors in (_one_of_each(self.adapter.tensors), self.adapter.tensors):
            renamed = _renamed(tensors, rules)
            if renamed is None or not self._fits(replace(self.adapter, tensors=renamed), self.base):
                return False
        return True

    def fits_if_base_is_renamed(self, rules: Sequence[Rule]) -> bool:
        """Whether all of the adapter fits after these rules on the base."""
        few = _renamed(_one_of_each(self.base), rules)
        modules = {_module(name) for name in few or ()}
        if not all(_module(target) in modules for target in self.unmatched.values()):
            return False
        renamed = _renamed(self.base, rules)
        return renamed is not None and self._fits(self.adapter, renamed)

    def _fits(self, adapter: Adapter, base: Mapping[str, Tensor]) -> bool:
        was_recognised = self.dialect.recognises(self.adapter.tensors, adapter.facts)
        if was_recognised and not self.dialect.recognises(adapter.tensors, adapter.facts):
            return False
        reading = self.dialect.read(adapter, base)
        if reading.problems or reading.unmatched:
            return False
        used = {name for fold in reading.folds for name in fold.uses}
        return all(name in used or name in reading.ignored for name in adapter.tensors)


def _one_of_each(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The first of all tensors whose names differ only in numbers."""
    firsts: dict[str, str] = {}
    for name in tensors:
        firsts.setdefault(_NUMBER.sub("0", name), name)
    return {name: tensors[name] for name in firsts.values()}


def _module(name: str) -> str:
    """The module of a tensor, whatever its number."""
    return _NUMBER.sub("0", name.rpartition(".")[0])


def _renamed(tensors: Mapping[str, Tensor], rules: Sequence[Rule]) -> dict[str, Tensor] | None:
    """The tensors under their new names, those of changed shapes without values; None if a rule is amiss."""
    report = Report()
    given = list(tensors.values())
    layouts: dict[str, Layout] = {
        name: StridedView.contiguous(number, 0, tensor.dtype, tensor.shape)
        for number, (name, tensor) in enumerate(tensors.items())
    }
    renamed, _ = apply_rules(layouts, parse_rules(rules, NoPlace(), report), "", report)
    return None if report.diagnostics else {name: _shaped(one, given) for name, one in renamed.items()}


def _shaped(layout: Layout, given: Sequence[Tensor]) -> Tensor:
    """The tensor that a layout is all of, or one of its shape."""
    tensor = given[views(layout)[0].file]
    if layout == StridedView.contiguous(views(layout)[0].file, 0, tensor.dtype, tensor.shape):
        return tensor
    return constant(0.0, tensor, layout.shape)
