"""A rename rule, read from a recipe. Language reference, section 3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, did_you_mean, nearest
from mergec.recipe.errors import MissingKey, UnknownKey
from mergec.recipe.finite_number import described
from mergec.recipe.name_errors import PatternError
from mergec.recipe.pattern import CaptureKind, Pattern
from mergec.recipe.rename_errors import BadRule
from mergec.recipe.shape_change import Concat, ShapeChange, Split, Stack
from mergec.recipe.shape_change_syntax import CHANGES, parse_change
from mergec.recipe.template import Template
from mergec.recipe.value_place import within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from mergec.diagnostics import Diagnostic, Span
    from mergec.recipe.value_place import Place

    R = TypeVar("R")

ARROW = "->"
_KEYS = ("from", "to", *CHANGES, "optional")
_HELP = "a rule looks like `h.{i:int}.{rest:**} -> model.layers.{i}.{rest}`"


@dataclass(frozen=True, slots=True, eq=False)
class PresetUse:
    """A preset where a recipe names it. Two uses differ, also of one preset."""

    name: str
    optional: bool
    span: Span | None


@dataclass(frozen=True, slots=True)
class RenameRule:
    """What the names that fit become. Several `sources` need a Concat, several `targets` a Split.

    A rule that `repeats` runs until it matches nothing; those of presets may.
    """

    sources: tuple[Pattern, ...]
    targets: tuple[Template, ...]
    change: ShapeChange | None = None
    optional: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)
    repeats: bool = False
    preset: PresetUse | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, value: object, place: Place) -> RenameRule:
        """Read `"FROM -> TO"` or `{from, to, split | concat | stack | transpose, optional}`.

        Raises:
            MergecError: all that is wrong with it: MC0110, MC0111, MC0120 to MC0123, MC0135.
        """
        found: list[Diagnostic] = []
        rule: RenameRule | None = None
        if isinstance(value, str):
            rule = _from_text(value, place.span(), found)
        elif isinstance(value, dict):
            rule = _from_mapping(value, place, found)
        else:
            reason = f"{described(value)} is not a text or a mapping"
            found.append(BadRule(span=place.span(), reason=reason, help=_HELP))
        if found or rule is None:
            raise MergecError(found)
        return rule

    @property
    def text(self) -> str:
        """The rule on one line, for messages and for `plan`."""
        sides = (tuple(map(str, self.sources)), tuple(map(str, self.targets)))
        source, target = (side[0] if len(side) == 1 else f"[{', '.join(side)}]" for side in sides)
        change = f" ({type(self.change).__name__.lower()})" if self.change else ""
        return f"{source} {ARROW} {target}{change}"

    @property
    def title(self) -> str:
        """The rule in quotes, with the preset that it comes from."""
        return f"`{self.text}`" + (f" of the preset `{self.preset.name}`" if self.preset else "")


def _from_text(value: str, span: Span | None, found: list[Diagnostic]) -> RenameRule | None:
    if value.count(ARROW) != 1:
        reason = "it has no `->`" if ARROW not in value else "it has more than one `->`"
        help_ = _HELP if ARROW not in value else 'use the long form: {from: "...", to: "..."}'
        found.append(BadRule(span=span, reason=reason, help=help_))
        return None
    left, _, right = value.partition(ARROW)
    source, target = left.strip(), right.strip()
    pattern = _attempt(lambda: Pattern.parse(source, within(span, left.find(source), len(source))), found)
    if pattern is None:
        return None
    begin = len(left) + len(ARROW) + right.find(target)
    place = within(span, begin, len(target))
    template = _attempt(lambda: Template.parse(target, place, pattern.captures), found)
    return None if template is None else RenameRule((pattern,), (template,), span=span)


def _from_mapping(value: dict[str, object], place: Place, found: list[Diagnostic]) -> RenameRule | None:
    for key in value:
        if key not in _KEYS:
            help_ = did_you_mean(key, _KEYS) or f"its keys are {', '.join(_KEYS)}"
            found.append(UnknownKey(span=place.key_span(key), key=key, where="a rename rule", help=help_))
    meant = {near for key in value if key not in _KEYS for near in nearest(key, _KEYS, count=1)}
    lacking = [key for key in ("from", "to") if key not in value and key not in meant]
    found.extend(MissingKey(span=place.span(), key=key, where="a rename rule", help=_HELP) for key in lacking)
    optional = value.get("optional", False)
    if not isinstance(optional, bool):
        reason = f"`optional` is `true` or `false`, not {described(optional)}"
        found.append(BadRule(span=place.child("optional").span(), reason=reason))
    change = parse_change(value, place, found)
    if found:
        return None
    sources = _sources(value["from"], place.child("from"), found)
    templates = _targets(value["to"], _common_captures(sources), place.child("to"), found)
    rule = RenameRule(sources, templates, change, optional is True, place.span())
    if not found:
        found.extend(_misfits(rule))
    return rule


def _attempt(read: Callable[[], R], found: list[Diagnostic]) -> R | None:
    try:
        return read()
    except PatternError as error:
        found.extend(error.diagnostics)
        return None


def _texts(value: object, place: Place, found: list[Diagnostic]) -> list[tuple[str, Span | None]]:
    items = value if isinstance(value, list) else [value]
    places = [place.child(number) for number in range(len(items))] if isinstance(value, list) else [place]
    texts: list[tuple[str, Span | None]] = []
    for item, where in zip(items, places, strict=True):
        if isinstance(item, str):
            texts.append((item, where.span()))
        else:
            reason = f"{described(item)} is not the text of a name"
            help_ = "quote it" if isinstance(item, int | float) else None
            found.append(BadRule(span=where.span(), reason=reason, help=help_))
    if isinstance(value, list) and len(value) == 1:
        found.append(BadRule(span=place.span(), reason="a list of one name", help="write the name alone"))
    if not items:
        found.append(BadRule(span=place.span(), reason="an empty list of names"))
    return texts


def _sources(value: object, place: Place, found: list[Diagnostic]) -> tuple[Pattern, ...]:
    patterns: list[Pattern] = []
    for text, span in _texts(value, place, found):
        try:
            patterns.append(Pattern.parse(text, span))
        except PatternError as error:
            found.extend(error.diagnostics)
    return tuple(patterns)


def _targets(
    value: object, captures: Mapping[str, CaptureKind], place: Place, found: list[Diagnostic]
) -> tuple[Template, ...]:
    templates: list[Template] = []
    for text, span in _texts(value, place, found):
        # A pattern that could not be read has no captures: the template cannot be checked.
        if found and not captures:
            continue
        try:
            templates.append(Template.parse(text, span, captures))
        except PatternError as error:
            found.extend(error.diagnostics)
    return tuple(templates)


def _common_captures(sources: tuple[Pattern, ...]) -> dict[str, CaptureKind]:
    """The captures that all of the patterns have; an index only where all have it as an index."""
    if not sources:
        return {}
    first, *others = (pattern.captures for pattern in sources)
    common: dict[str, CaptureKind] = {}
    for name in first:
        if all(name in other for other in others):
            same = all(other[name] is first[name] for other in others)
            common[name] = first[name] if same else CaptureKind.SEGMENT
    return common


def _misfits(rule: RenameRule) -> list[Diagnostic]:
    """What does not fit together in a rule whose parts are each in order."""
    change, count = rule.change, len(rule.targets)
    reasons: list[str] = []
    if len(rule.sources) > 1 and not isinstance(change, Concat):
        reasons.append("a list in `from` needs `concat`")
    if count > 1 and not isinstance(change, Split):
        reasons.append("a list in `to` needs `split`")
    if isinstance(change, Concat) and len(rule.sources) < 2:
        reasons.append("`concat` needs a list in `from`")
    if isinstance(change, Split):
        if count < 2:
            reasons.append("`split` needs a list in `to`")
        elif change.sizes is not None and len(change.sizes) != count:
            reasons.append(f"`split` has {len(change.sizes)} sizes for {count} names")
    if len({target.text for target in rule.targets}) < count:
        reasons.append("a name stands twice in `to`")
    if isinstance(change, Stack):
        reasons.extend(_stack_misfits(rule, change.over))
    return [BadRule(span=rule.span, reason=reason) for reason in reasons]


def _stack_misfits(rule: RenameRule, over: str) -> list[str]:
    if rule.sources[0].captures.get(over) is not CaptureKind.INT:
        return [f"`stack` goes over `{over}`, which `from` does not capture as an index: `{{{over}:int}}`"]
    if any(over in target.captures for target in rule.targets):
        return [f"`stack` goes over `{over}`, so `to` cannot hold it"]
    return []
