"""What no fold uses of an adapter, and the rename rule that would make it fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.adapters.errors import AdapterLeftOver
from mergec.diagnostics import Report, nearest, safe
from mergec.recipe.pattern import escape
from mergec.recipe.rename_pass import apply_rules
from mergec.recipe.rename_rule import RenameRule
from mergec.recipe.value_place import NoPlace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from mergec.adapters.adapter import Adapter, Reading
    from mergec.adapters.dialect import Dialect
    from mergec.ir.expression import Tensor

_SHOWN = 5
_TRIED = 12  # rules; each is tried on the whole adapter


def left_over(
    adapter: Adapter, reading: Reading, dialect: Dialect, base: Mapping[str, Tensor], base_name: str
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
    rule = _rule(adapter, unmatched, dialect, base) if unmatched and not strange else None
    return AdapterLeftOver(
        span=adapter.span,
        adapter=adapter.name,
        base=base_name,
        count=len(unmatched) + len(strange),
        notes=tuple(_notes(adapter, unmatched, strange, base, has_rule=rule is not None)),
        help=_advice(adapter, unmatched, rule),
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
    config = adapter.facts.adapter_config or {}
    trained_on = config.get("base_model_name_or_path")
    if isinstance(trained_on, str) and trained_on and not has_rule:
        yield f"its adapter_config.json says that it was trained on `{safe(trained_on)}`"


def _advice(adapter: Adapter, unmatched: Mapping[str, str], rule: str | None) -> str:
    if rule is not None:
        return f'give the source `{adapter.name}` the rule `rename: ["{safe(rule)}"]`: then all of them fit'
    if unmatched:
        return (
            f"fold it into the model that it was trained on, line the names up with `rename:` on the source "
            f"`{adapter.name}`, or leave these tensors out with `drop:` there"
        )
    return f"if these tensors are to be lost, say so with `drop:` on the source `{adapter.name}`"


def _rule(
    adapter: Adapter, unmatched: Mapping[str, str], dialect: Dialect, base: Mapping[str, Tensor]
) -> str | None:
    """The first rule on the adapter's names that makes all of it fit; it has been applied to know that."""
    name, target = next(iter(unmatched.items()))
    candidates = dict.fromkeys(_candidates(name, target, base))
    return next((text for text in list(candidates)[:_TRIED] if _fits(text, adapter, dialect, base)), None)


def _candidates(name: str, target: str, base: Mapping[str, Tensor]) -> Iterator[str]:
    """Rules that make the target one of the base's names, those that change least of it first."""
    wanted = target.split(".")
    path = ".".join(wanted[:-1])
    begin = f".{name}".find(f".{path}.")
    if begin < 0:
        return
    before = name[:begin]  # what the dialect puts before the path, up to its last dot
    for common in range(len(wanted), 1, -1):
        ending = "." + ".".join(wanted[-common:])
        for found in sorted((one for one in base if f".{one}".endswith(ending)), key=len):
            given = found.split(".")
            old, new = wanted[: len(wanted) - common], given[: len(given) - common]
            for shared in range(3):  # longer prefixes leave more of the adapter's other names alone
                if shared < common - 1:
                    more = wanted[len(wanted) - common :][:shared]
                    yield _rule_text(before, [*old, *more], [*new, *more])


def _rule_text(before: str, old: list[str], new: list[str]) -> str:
    left, right = (before + "".join(f"{escape(part)}." for part in parts) for parts in (old, new))
    return f"{left}{{rest:**}} -> {right}{{rest}}"


def _fits(text: str, adapter: Adapter, dialect: Dialect, base: Mapping[str, Tensor]) -> bool:
    report = Report()
    rule = RenameRule.parse(text, NoPlace())
    # Rules without a shape change move values and never look at them.
    tensors: Any = adapter.tensors
    renamed, _ = apply_rules(tensors, [rule], adapter.name, report)
    if report.diagnostics:
        return False
    moved: Any = renamed
    reading = dialect.read(replace(adapter, tensors=moved), base)
    if reading.problems or reading.unmatched:
        return False
    used = {name for fold in reading.folds for name in fold.uses}
    return all(name in used or name in reading.ignored for name in moved)
