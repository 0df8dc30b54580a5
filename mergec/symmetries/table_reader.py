"""The validated keys of a symmetry table -> Table: patterns, axes and sizes are read, all faults reported."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.pattern import CaptureKind, Pattern
from mergec.recipe.pattern_syntax import REGEX_MARK
from mergec.recipe.shown_value import shown
from mergec.recipe.template import Template
from mergec.recipe.value_place import within
from mergec.symmetries.axis_syntax import parse_axes
from mergec.symmetries.errors import BadSize, BadTable
from mergec.symmetries.group_names import names_in
from mergec.symmetries.size_expression import UnreadableSizeError, parse_size
from mergec.symmetries.table_entries import Chain, Groups, Layers, Size, Table, Tensors, Tied
from mergec.symmetries.table_spec import TiedSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mergec.diagnostics import Report, Span
    from mergec.recipe.place import TreePlace
    from mergec.symmetries.axis_syntax import AxesText
    from mergec.symmetries.size_expression import SizeExpression
    from mergec.symmetries.table_entries import Entry
    from mergec.symmetries.table_spec import GroupsSpec, TableSpec

    Captures = Mapping[str, CaptureKind]

# What lies between commas, but for commas behind a backslash or in brackets of any kind that are closed.
_PART = re.compile(r"(?:\\.|\{[^}]*\}|\[[^]]*\]|\([^)]*\)|[^,\\{\[(]|[{\[(])+")


@dataclass(frozen=True, slots=True)
class TableReader:
    """Reads the parts of one table. `last` are the names that `last:` gives, which are indices."""

    report: Report
    is_built_in: bool
    last: Captures

    def table(self, name: str, spec: TableSpec, place: TreePlace) -> Table:
        """The table, without what it extends; what is wrong with it is reported and left out."""
        fixed = self._fixed(spec.fixed, place.child("fixed"))
        entries = self._entries(spec.tensors, place.child("tensors"), {})
        groups = {name for entry in entries for name in names_in(entry)}
        return Table(
            name=name,
            entries=tuple(self._with_stacks(entry, groups) for entry in (*fixed, *entries)),
            span=place.span(),
            summary=spec.summary,
            caution=spec.caution,
            shared=frozenset(spec.shared),
            sizes=self._sizes(spec.sizes, place.child("sizes")),
            chain=self._chain(spec.chain, place.child("chain")),
            equal=tuple(self._groups(spec.equal, place.child("equal"))),
            frozen=tuple(self._groups(spec.frozen, place.child("frozen"))),
            tied=tuple(self._tied(spec.tied, place.child("tied"))),
            last=dict(self._last(spec.last, place.child("last"))),
            is_built_in=self.is_built_in,
        )

    def _chain(self, texts: str | list[str] | None, place: TreePlace) -> Chain | None:
        if texts is None:
            return None
        patterns = self._patterns([texts] if isinstance(texts, str) else texts, place)
        return Chain(tuple(patterns), place.span(), self.is_built_in)

    def _fixed(self, texts: Sequence[str], place: TreePlace) -> list[Entry]:
        patterns = self._patterns(texts, place)
        return [Tensors(pattern, (), pattern.span or place.span(), self.is_built_in) for pattern in patterns]

    def _entries(self, held: Mapping[str, object], place: TreePlace, outer: Captures) -> tuple[Entry, ...]:
        made: list[Entry] = []
        for key, value in held.items():
            below = place.child(key)
            for pattern in self._several(key, place.key_span(key)):
                captures = {**outer, **pattern.captures}
                if isinstance(value, dict):
                    made.append(Layers(pattern, self._entries(value, below, captures), self.is_built_in))
                elif axes := self._choices(value, below, captures):
                    made.append(Tensors(pattern, axes, below.span(), self.is_built_in))
        return tuple(made)

    def _choices(self, value: object, place: TreePlace, captures: Captures) -> tuple[AxesText, ...]:
        texts = value if isinstance(value, list) and value else [value]
        places = [place.child(index) for index in range(len(texts))] if isinstance(value, list) else [place]
        made: list[AxesText] = []
        for text, at in zip(texts, places, strict=True):
            if isinstance(text, bool) or not isinstance(text, str | int):
                problem = f"expected the axes of a tensor, found {shown(text)}"
                self.report.add(BadTable(span=at.span(), problem=problem, help="write them as `_ res`"))
                continue
            try:
                made.append(parse_axes(str(text), at.span(), {**self.last, **captures}))
            except MergecError as error:
                self.report.extend(error.diagnostics)
        return tuple(made) if len(made) == len(texts) else ()

    def _with_stacks(self, entry: Entry, groups: set[str]) -> Entry:
        """The entry, knowing which of its captures are groups of the table."""
        indices = [name for name, kind in entry.pattern.captures.items() if kind is CaptureKind.INT]
        stacked = [name for name in indices if name in groups]
        if isinstance(entry, Layers):
            if stacked:
                self._refuse_stack(entry.pattern, f"`{{{stacked[0]}:int}}` is a group in a pattern of layers")
            return replace(entry, entries=tuple(self._with_stacks(one, groups) for one in entry.entries))
        if not stacked or not entry.axes:
            return entry
        if stacked != indices[:1]:
            self._refuse_stack(entry.pattern, f"`{{{stacked[-1]}:int}}` is a group and not the first index")
        return replace(entry, stacked=stacked[0])

    def _refuse_stack(self, pattern: Pattern, problem: str) -> None:
        help_ = "what stands before its number is a pattern of layers, and the rest a pattern below it"
        self.report.add(BadTable(span=pattern.span, problem=problem, help=help_))

    def _sizes(self, held: Mapping[str, int | str], place: TreePlace) -> dict[str, Size]:
        made: dict[str, Size] = {}
        for group, text in held.items():
            span = place.child(group).span()
            if (expression := self._size(f"the size of `{group}`", str(text), span)) is not None:
                made[group] = Size(expression, span)
        return made

    def _size(self, what: str, text: str, span: Span) -> SizeExpression | None:
        try:
            return parse_size(text)
        except UnreadableSizeError as error:
            help_ = "write a number, a key of config.json, or arithmetic on these"
            self.report.add(BadSize(span=span, what=what, problem=str(error), help=help_))
            return None

    def _groups(self, specs: Sequence[GroupsSpec], place: TreePlace) -> Iterator[Groups]:
        for index, spec in enumerate(specs):
            here = place.child(index)
            each = self._pattern(spec.for_each, here.child("for").span()) if spec.for_each else None
            unless = self._several(spec.unless, here.child("unless").span()) if spec.unless else []
            captures = {**self.last, **(each.captures if each is not None else {})}
            groups = self._templates(spec.groups, here.child("groups"), captures)
            when = self._size("`when`", spec.when, here.child("when").span())
            if len(groups) == len(spec.groups) and when is not None:
                yield Groups(tuple(groups), when, each, tuple(unless))

    def _tied(self, specs: Sequence[list[str] | TiedSpec], place: TreePlace) -> Iterator[Tied]:
        for index, spec in enumerate(specs):
            here = place.child(index)
            names = here.child("names") if isinstance(spec, TiedSpec) else here
            if isinstance(spec, list) and len(spec) != 2:
                help_ = "write `[embeddings, head]`: the tensor and the one tied to it"
                problem = f"an item of `tied` is a pair of names, found {len(spec)}"
                self.report.add(BadTable(span=here.span(), problem=problem, help=help_))
                continue
            full = spec if isinstance(spec, TiedSpec) else TiedSpec(names=spec)
            first = self._pattern(full.names[0], names.child(0).span())
            captures = first.captures if first is not None else {}
            second = self._templates(full.names[1:], names, captures, start=1)
            when = self._size("`when`", full.when, here.child("when").span())
            if first is not None and second and when is not None:
                yield Tied(first, second[0], when, here.span())

    def _last(self, held: Mapping[str, str], place: TreePlace) -> Iterator[tuple[str, Pattern]]:
        for name, text in held.items():
            pattern = self._pattern(text, place.child(name).span())
            if pattern is None:
                continue
            if list(pattern.captures.values()) == [CaptureKind.INT]:
                yield name, pattern
            else:
                problem = f"`{text}` does not capture one index"
                help_ = "write `{k:int}` where the index stands, and no other capture"
                span = place.child(name).span()
                self.report.add(BadTable(span=span, problem=problem, help=help_))

    def _templates(
        self, texts: Sequence[str], place: TreePlace, captures: Captures, start: int = 0
    ) -> list[Template]:
        made: list[Template] = []
        for index, text in enumerate(texts, start):
            try:
                made.append(Template.parse(text, place.child(index).span(), captures))
            except MergecError as error:
                self.report.extend(error.diagnostics)
        return made

    def _patterns(self, texts: Iterable[str], place: TreePlace) -> list[Pattern]:
        found = (self._pattern(text, place.child(index).span()) for index, text in enumerate(texts))
        return [pattern for pattern in found if pattern is not None]

    def _several(self, text: str, span: Span) -> list[Pattern]:
        """Patterns with commas between them."""
        found = (self._pattern(part, within(span, start, len(part))) for start, part in _split(text))
        return [pattern for pattern in found if pattern is not None]

    def _pattern(self, text: str, span: Span | None) -> Pattern | None:
        try:
            return Pattern.parse(text, span)
        except MergecError as error:
            self.report.extend(error.diagnostics)
            return None


def _split(key: str) -> Iterator[tuple[int, str]]:
    """The patterns of a key with commas between them, and where each begins."""
    if key.startswith(REGEX_MARK):
        yield 0, key
        return
    for part in _PART.finditer(key):
        text = part[0].strip()
        yield part.start() + part[0].find(text), text
