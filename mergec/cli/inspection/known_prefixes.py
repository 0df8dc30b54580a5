"""What wrappers put into names, and the preset that takes it out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import Report
from mergec.recipe.rename_pass import apply_rules
from mergec.recipe.rename_preset import load_preset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.strided_view import StridedView

_WRAPPERS, _PEFT = "strip-wrappers", "strip-peft"
# What is found where; a module of the model's own may be called `module` further inside a name.
_LEADING = {"module": _WRAPPERS, "base_model.model": _PEFT}
_ANYWHERE: dict[str, str | None] = {
    "_orig_mod": _WRAPPERS,
    "_fsdp_wrapped_module": _WRAPPERS,
    "_checkpoint_wrapped_module": _WRAPPERS,
    "base_layer": _PEFT,
    "original_module": _PEFT,
    "modules_to_save": None,
}


class KnownPrefix(NamedTuple):
    """Text in names that no model calls its own, the tensors that have it, and the preset against it.

    Without one these are copies of other tensors, which are better left out.
    """

    text: str
    tensors: int
    preset: str | None


def known_prefixes(names: Mapping[str, StridedView]) -> list[KnownPrefix]:
    """The wrappers that left their names, in a fixed order."""
    found = []
    padded = [f".{name}." for name in names]
    for text, preset in {**_LEADING, **_ANYWHERE}.items():
        mark = f".{text}."
        begins = text in _LEADING
        count = sum(mark in name and (not begins or _leads(name, mark)) for name in padded)
        if count:
            found.append(KnownPrefix(text, count, preset))
    return found


def unwrapped(tensors: Mapping[str, StridedView]) -> dict[str, str]:
    """Each name and what it is without wrappers; as it is where two would become the same."""
    prefixes = known_prefixes(tensors)
    names = {name: name for name in tensors}
    if not prefixes:
        return names
    numbered = {name: view._replace(file=number) for number, (name, view) in enumerate(tensors.items())}
    old = list(tensors)
    rules = [rule for preset in (_WRAPPERS, _PEFT) for rule in load_preset(preset).rules]
    report = Report()
    renamed, _ = apply_rules(numbered, rules, "", report)
    if report.diagnostics:
        return names
    return {old[view.file]: name for name, view in renamed.items()}  # type: ignore[union-attr]  # no rule joins


def _leads(name: str, mark: str) -> bool:
    """Whether nothing but wrappers stands before the mark."""
    before = name[: name.index(mark)].strip(".")
    return all(
        part in {"module", "base_model", "model"} or part in _ANYWHERE for part in before.split(".") if part
    )
