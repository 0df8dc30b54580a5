"""What no fold uses of an adapter, and what would make it fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.errors import AdapterLeftOver
from mergec.adapters.factor_names import is_factor
from mergec.adapters.lining_up import lining_up
from mergec.adapters.trial import Trial
from mergec.diagnostics import nearest, safe

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mergec.adapters.adapter import Adapter, Reading
    from mergec.adapters.dialect import Dialect
    from mergec.adapters.lining_up import LiningUp
    from mergec.adapters.trial import Rule
    from mergec.ir.expression import Tensor

_SHOWN = 5


def left_over(
    adapter: Adapter,
    reading: Reading,
    dialect: Dialect,
    base: Mapping[str, Tensor],
    base_name: str,
    *,
    base_is_source: bool = True,
) -> AdapterLeftOver | None:
    """MC0333 where a tensor of the adapter is neither folded nor rightly ignored."""
    used = {name for fold in reading.folds for name in fold.uses}
    unmatched = {name: target for name, target in reading.unmatched.items() if name not in used}
    strange = [
        name
        for name in adapter.tensors
        if name not in used and name not in unmatched and name not in reading.ignored
    ]
    if not unmatched and not strange:
        return None
    found = lining_up(Trial(adapter, dialect, base, unmatched)) if unmatched and not strange else None
    if found is None:
        advice = _advice(adapter, unmatched, base_name)
    else:
        advice = _renaming(found, adapter.name, base_name, base_is_source=base_is_source)
    return AdapterLeftOver(
        span=adapter.span,
        adapter=adapter.name,
        base=base_name,
        count=len(unmatched) + len(strange),
        notes=tuple(_notes(adapter, unmatched, strange, base, has_rule=found is not None)),
        help=advice,
    )


def _notes(
    adapter: Adapter,
    unmatched: Mapping[str, str],
    strange: list[str],
    base: Mapping[str, Tensor],
    *,
    has_rule: bool,
) -> Iterator[str]:
    targets: dict[str, str] = {}
    for name, target in unmatched.items():
        targets.setdefault(target, name)
    for target, name in list(targets.items())[:_SHOWN]:
        near = nearest(target, base, count=1)
        similar = f"; the nearest name is `{safe(near[0])}`" if near else ""
        yield f"`{safe(name)}` is for `{safe(target)}`, which is not there{similar}"
    if len(targets) > _SHOWN:
        yield f"{len(targets) - _SHOWN} more targets are not there"
    for name in strange[:_SHOWN]:
        yield f"`{safe(name)}` {list(adapter.tensors[name].shape)} is of no kind that its dialect has"
    if len(strange) > _SHOWN:
        yield f"{len(strange) - _SHOWN} more are of no known kind"
    if not has_rule:
        yield from adapter.origin_notes


def _renaming(found: LiningUp, adapter: str, base: str, *, base_is_source: bool) -> str:
    """The lines to write, and those that undo what they do to the names of the result."""
    rules = ", ".join(map(_written, found.rules))
    amount = "rule" if len(found.rules) == 1 else "rules"
    if not found.on_base:
        return f"give the source `{adapter}` the {amount} `rename: [{rules}]`: then all of them fit"
    if base_is_source:
        way = f"give the source `{base}` the {amount} `rename: [{rules}]`: then all of them fit"
    else:
        way = f"fold into `{{op: select, model: {base}, rename: [{rules}]}}`: then all of them fit"
    if found.back is None:
        return f"{way}, and the result has these names too"
    back = f"`{{op: select, model: MERGED, rename: {{preset: {found.back}}}}}`"
    return f"{way}; {back} gives the result the old names"


def _written(value: Rule | object) -> str:
    """A rule, or a part of one, as YAML in one line. Presets and keys need no quotes."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_written(item)}" for key, item in value.items()) + "}"
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case str() if "{" in value:
            return f'"{safe(value)}"'
    return safe(value)


def _advice(adapter: Adapter, unmatched: Mapping[str, str], base: str) -> str:
    """What to do where no renaming helps."""
    if not unmatched:
        return f"if these tensors are to be lost, say so with `drop:` on the source `{adapter.name}`"
    wrapper = _wrapper(adapter.tensors, unmatched)
    if wrapper is not None:
        rule = f'`rename: ["{safe(wrapper)}{{rest:**}} -> {{rest}}"]`'
        naming = f", and give the source `{adapter.name}` the rule {rule}" if wrapper else ""
        return (
            f"these are whole tensors that the base lacks, and no factors: lay them over it, "
            f"`{{op: override, base: {base}, with: [{adapter.name}]}}`{naming}"
        )
    return (
        f"fold it into the model that it was trained on, line the names up with `rename:` on the source "
        f"`{adapter.name}`, or leave these tensors out with `drop:` there"
    )


def _wrapper(names: Collection[str], unmatched: Mapping[str, str]) -> str | None:
    """What is before the names of an adapter that is nothing but whole tensors which the base lacks."""
    if any(name not in unmatched or is_factor(name) or not name.endswith(unmatched[name]) for name in names):
        return None
    wrappers = {name.removesuffix(unmatched[name]) for name in names}
    return wrappers.pop() if len(wrappers) == 1 else None
