"""A dtype for the tensors of a model. Language reference, sections 1 and 5 (`output.dtype`, `cast`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, did_you_mean
from mergec.ir.dtype import BY_CODE, BY_RECIPE_NAME, DType
from mergec.recipe.finite_number import described
from mergec.recipe.first_match import first_match
from mergec.recipe.name_errors import BadSchedule, PatternError, UnknownDType
from mergec.recipe.no_match import each_matches_nothing
from mergec.recipe.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mergec.diagnostics import Diagnostic, Report
    from mergec.recipe.value_place import Place

# What users of PyTorch and of other tools write, lower case.
_ALIASES = {code.lower(): dtype for code, dtype in BY_CODE.items()} | {
    "fp64": DType.F64,
    "double": DType.F64,
    "fp32": DType.F32,
    "float": DType.F32,
    "single": DType.F32,
    "fp16": DType.F16,
    "half": DType.F16,
    "fp8": DType.F8_E4M3,
    "float8": DType.F8_E4M3,
    "float8_e4m3": DType.F8_E4M3,
    "int": DType.I32,
    "long": DType.I64,
    "short": DType.I16,
    "boolean": DType.BOOL,
}


@dataclass(frozen=True, slots=True)
class DTypeSchedule:
    """Dtypes by pattern. `constant` is set where one dtype holds for all tensors."""

    entries: tuple[tuple[Pattern, DType], ...] = ()
    constant: DType | None = field(default=None)

    @classmethod
    def parse(cls, value: object, place: Place) -> DTypeSchedule:
        """Read a dtype or a mapping of patterns to dtypes.

        Raises:
            MergecError: all that is wrong with it: MC0120, MC0126, MC0129.
        """
        found: list[Diagnostic] = []
        if isinstance(value, dict) and value:
            schedule = cls(tuple(_entries(value, place, found)))
        else:
            schedule = cls(constant=parse_dtype(value, place, found))
        if found:
            raise MergecError(found)
        return schedule

    def resolve(self, names: Collection[str], report: Report | None = None) -> dict[str, DType | None]:
        """The dtype of each tensor, in the order of `names`; None keeps the one it has.

        Adds warnings (MC0128) to `report`.

        Raises:
            MergecError: MC0125 for all patterns that match nothing.
        """
        present = dict.fromkeys(names)
        if self.constant is not None:
            return dict.fromkeys(present, self.constant)
        bound = [(pattern.bind(present), dtype) for pattern, dtype in self.entries]
        missing = list(each_matches_nothing((one.pattern, present) for one, _ in bound if not len(one)))
        if missing:
            raise MergecError(missing)
        given = ((one.pattern, dict.fromkeys(one.matches, dtype)) for one, dtype in bound)
        values = first_match(given, report)
        return {name: values.get(name) for name in present}


def parse_dtype(value: object, place: Place, found: list[Diagnostic]) -> DType | None:
    """The dtype of this name; None, with MC0126 or MC0129 added to `found`, where there is none."""
    if not isinstance(value, str):
        wanted, help_ = "a dtype", "write a name such as `bfloat16`, or a mapping of patterns to names"
        found.append(BadSchedule(span=place.span(), found=described(value), wanted=wanted, help=help_))
        return None
    dtype = BY_RECIPE_NAME.get(value)
    if dtype is None:
        found.append(UnknownDType(span=place.span(), dtype=value, help=meant_dtype(value)))
    return dtype


def meant_dtype(text: str) -> str:
    """The help for a text that is not the name of a dtype."""
    bare = text.lower().removeprefix("torch.")
    alias = _ALIASES.get(bare) or BY_RECIPE_NAME.get(bare)
    if alias is not None:
        return f"did you mean `{alias}`?"
    return did_you_mean(bare, BY_RECIPE_NAME) or "for example `float32`, `bfloat16` or `float16`"


def _entries(
    value: dict[object, object], place: Place, found: list[Diagnostic]
) -> Iterator[tuple[Pattern, DType]]:
    for key, item in value.items():
        text = str(key)
        dtype = parse_dtype(item, place.child(text), found)
        try:
            pattern = Pattern.parse(text, place.key_span(text))
        except PatternError as error:
            found.extend(error.diagnostics)
            continue
        if dtype is not None:
            yield pattern, dtype
