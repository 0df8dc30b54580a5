"""One adapter of a fold: its keys, its dialect, and what the dialect makes of it on the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mergec.adapters.adapter import Adapter, Replacement
from mergec.adapters.errors import AdapterMisfit, FoldOntoNoWeights, NotAnAdapter
from mergec.adapters.left_over import left_over
from mergec.adapters.problems import summed_up
from mergec.adapters.recognise import dialect_names, dialect_of, find_dialect
from mergec.adapters.tied import missing_heads
from mergec.diagnostics import did_you_mean, nearest, safe
from mergec.ir.expression import Tensor
from mergec.ir.graph import Remark
from mergec.recipe.errors import WrongValue
from mergec.recipe.model_keys import keys_of
from mergec.recipe.recipe_model import Strict
from mergec.recipe.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mergec.adapters.adapter import Reading
    from mergec.adapters.dialect import Dialect
    from mergec.diagnostics import Diagnostic
    from mergec.ir.model_table import Entry, ModelTable
    from mergec.recipe.place import TreePlace
    from mergec.steps.operation import Call

_SHOWN = 3


class AdapterKeys(Strict):
    """The keys of an adapter in its long form."""

    strength: Any = Field(default=1.0, description="The factor of the fold")
    dialect: str | None = Field(default=None, description="How the adapter is written")
    residual_base: bool = Field(default=False, description="The base is the adapter's residual model")


@dataclass(slots=True)
class BaseView:
    """The base of a fold as the dialects see it.

    `entries` and `tensors` gain the heads that an adapter changes and the base's embeddings serve as.
    `current` follows what adapters replace, so that the next one is read against that.
    """

    table: ModelTable
    entries: dict[str, Entry]
    tensors: dict[str, Tensor]
    current: dict[str, Tensor]

    @classmethod
    def of(cls, base: ModelTable, call: Call) -> BaseView:
        """The view of a base that no adapter was read for."""
        tensors = {name: Tensor(call.graph, entry.node, call.span) for name, entry in base.entries.items()}
        return cls(base, dict(base.entries), tensors, dict(tensors))

    @property
    def config(self) -> Mapping[str, object]:
        """The base's config.json."""
        return self.table.facts.config if self.table.facts else {}

    def add_head(self, head: str, embeddings: str) -> None:
        """Give the embeddings the name of the head as well."""
        self.entries[head] = self.entries[embeddings]
        self.tensors[head] = self.tensors[embeddings]
        self.current[head] = self.current[embeddings]


@dataclass(frozen=True, slots=True)
class AdapterUse:
    """An adapter, the strength that the recipe gives it and where, and what it stands for."""

    adapter: Adapter
    strength: object
    place: TreePlace
    reading: Reading

    @property
    def targets(self) -> list[str]:
        """The tensors that it changes."""
        return list(dict.fromkeys(fold.target for fold in self.reading.folds))


def read_adapter(name: str, value: object, place: TreePlace, base: BaseView, call: Call) -> AdapterUse | None:
    """What the adapter stands for on this base; None after reporting what is wrong."""
    options = _options(name, value, place, call)
    dialect = _dialect(call.models[name], options, place, call) if options is not None else None
    if options is None or dialect is None:
        return None
    adapter = _adapter(call.models[name], place, call, is_for_residual=options.residual_base)
    reading = dialect.read(adapter, base.current)
    heads = missing_heads(reading.unmatched.values(), base.current, base.config)
    if heads:
        for head, embeddings in heads.items():
            base.add_head(head, embeddings)
        reading = dialect.read(adapter, base.current)
    problems = summed_up(_about_numbers(reading.problems, adapter, base))
    # What is wrong with an adapter mostly leaves tensors unused too: tell the cause alone.
    lost = None if problems else _left_over(adapter, reading, dialect, base)
    call.report.extend(problems if lost is None else [lost])
    if problems or lost is not None:
        return None
    call.report.extend(reading.warnings)
    base.current.update((f.target, f.value) for f in reading.folds if isinstance(f, Replacement))
    call.remarks.extend(_ignored(reading, name, call))
    strength_place = place.child("strength") if isinstance(value, dict) and "strength" in value else place
    return AdapterUse(adapter, options.strength, strength_place, reading)


def _left_over(adapter: Adapter, reading: Reading, dialect: Dialect, base: BaseView) -> Diagnostic | None:
    name, facts = base.table.name, base.table.facts
    is_source = facts is not None and facts.source == name
    return left_over(adapter, reading, dialect, base.current, name, base_is_source=is_source)


def _options(name: str, value: object, place: TreePlace, call: Call) -> AdapterKeys | None:
    """The long form's keys, or those that a bare strength stands for."""
    known = keys_of(AdapterKeys)
    if isinstance(value, dict) and any(
        key in known or (key.isidentifier() and nearest(key, known, count=1)) for key in value
    ):
        return validate(AdapterKeys, value, place, f"the adapter `{name}`", call.report)
    return AdapterKeys(strength=value)


def _dialect(table: ModelTable, options: AdapterKeys, place: TreePlace, call: Call) -> Dialect | None:
    if options.dialect is None:
        found = dialect_of(table.entries, table.facts)
        if found is None:
            call.report.add(_no_adapter(table, place))
        return found
    forced = find_dialect(options.dialect)
    if forced is None:
        known = dialect_names()
        advice = did_you_mean(options.dialect, known) or f"dialects: {', '.join(known)}"
        problem = f"`dialect`: `{safe(options.dialect)}` is no dialect of adapters"
        call.report.add(WrongValue(span=place.child("dialect").span(), problem=problem, help=advice))
    elif table.facts is None or not table.entries:
        call.report.add(_no_adapter(table, place))
        return None
    return forced


def _no_adapter(table: ModelTable, place: TreePlace) -> NotAnAdapter:
    first = [f"`{safe(name)}`" for name in list(table.entries)[:_SHOWN]]
    more = ", ..." if len(table.entries) > len(first) else ""
    config = table.facts.adapter_config if table.facts else None
    kind = f"; its adapter_config.json says that it is `{safe(config.get('peft_type'))}`" if config else ""
    advice = (
        f"the dialects are {', '.join(dialect_names())}; the change of a fine-tuned model is "
        f"`{safe(table.name)} - BASE`, and `op: override` lays single tensors over a model"
    )
    held = f"its tensors are {', '.join(first)}{more}" if first else "it holds no tensors"
    return NotAnAdapter(span=place.name_span(), adapter=table.name, notes=(held + kind,), help=advice)


def _adapter(table: ModelTable, place: TreePlace, call: Call, *, is_for_residual: bool) -> Adapter:
    assert table.facts is not None
    tensors = {}
    for name, entry in table.entries.items():
        tensor = Tensor(call.graph, entry.node, call.span)
        tensors[name] = tensor.finite() if entry.dtype.is_float else tensor
    return Adapter(table.name, tensors, table.facts, place.name_span(), is_for_residual)


def _about_numbers(problems: Iterable[Diagnostic], adapter: Adapter, base: BaseView) -> Iterator[Diagnostic]:
    """The problems; shapes that do not fit because the base is packed integers are told once, as that."""
    is_told = False
    for one in problems:
        target = base.tensors.get(one.target) if isinstance(one, AdapterMisfit) else None
        if not isinstance(one, AdapterMisfit) or target is None or target.dtype.is_float:
            yield one
        elif not is_told:
            is_told = True
            yield no_weights(adapter, one.target, target)


def no_weights(adapter: Adapter, name: str, tensor: Tensor) -> FoldOntoNoWeights:
    """MC0332 for a target that is not of a float dtype."""
    problem = f"`{name}` is {tensor.dtype}: an adapter cannot be added to numbers that are no weights"
    advice = "the base is quantised: fold into the model before that, or read it with `dequantize: true`"
    return FoldOntoNoWeights(span=adapter.span, problem=problem, help=advice)


def _ignored(reading: Reading, name: str, call: Call) -> Iterator[Remark]:
    for reason in dict.fromkeys(reading.ignored.values()):
        names = tuple(tensor for tensor, why in reading.ignored.items() if why == reason)
        yield Remark(call.name, f"not folded from {name}: {reason}", names)
