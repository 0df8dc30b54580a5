"""`python -m benchmarks.accuracy`: how far each method is from its oracle, written into docs/accuracy.md.

The oracles and the tensors are those of the tests. What the page says about time and memory stays.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.parity import PAGE as PARITY
from tests.conftest import Workbench
from tests.methods.cases import CASES
from tests.methods.harness import Arithmetic, Case, build, expected, in_last_places, masks, models_of

PAGE: Final = Path(__file__).parents[1] / "docs" / "accuracy.md"
BEGIN: Final = "<!-- written by python -m benchmarks.accuracy -->"
END: Final = "<!-- end -->"
HEAD: Final = (
    "| method | uses | float64 | default, 16 bits | default, float32 | mergekit | time | memory |\n"
    "|---|---|---|---|---|---|---|---|"
)


class Errors(NamedTuple):
    """Units in the last place: in float64 arithmetic, and in the default one for short and long results."""

    wide: float
    short: float
    long: float


def main() -> int:
    """Write the table."""
    kept = dict(_kept_cells())
    parity = dict(_parity())
    rows = []
    for method in sorted({case.method for case in CASES}):
        uses = [case for case in CASES if case.method == method]
        found = [errors_of(case) for case in uses]
        worst = Errors(*(max(column) for column in zip(*found, strict=True)))
        cells = [f"{worst.wide:.0f}", f"{worst.short:.0f}", f"{worst.long:.1f}", parity.get(method, "")]
        rows.append(f"| {method} | {len(uses)} | {' | '.join(cells)} | {kept.get(method, ' | ')} |")
        print(rows[-1], flush=True)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", HEAD, *rows, f"{END}{rest.partition(END)[2]}"]))
    return 0


def errors_of(case: Case) -> Errors:
    """The largest errors of a case over all its situations."""
    (wide,) = _worst(case, "float64", {("F32", "BF16", "F16"): 2.0**-20})
    short, long = _worst(case, "float32", {("BF16", "F16"): 2.0**-8, ("F32",): 1.0})
    return Errors(wide, short, long)


def _worst(case: Case, arithmetic: Arithmetic, least: Mapping[tuple[str, ...], float]) -> list[float]:
    """The largest error of the tensors of each group of dtypes, by the unit that `least` says."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Workbench(Path(folder))
        models = models_of(case, arithmetic)
        more: dict[str, Mapping[str, object]] = {}
        if case.random:
            drawn = masks(bench, case, models, arithmetic)
            more["masks"] = {name: [mask[name] for mask in drawn] for name in models[0]}
        made = build(bench, case, models, arithmetic)
    wanted = expected(case, models, arithmetic, **more)
    return [in_last_places(models, made, wanted, codes=codes, least=x) for codes, x in least.items()]


def _kept_cells() -> Iterator[tuple[str, str]]:
    """The last two cells of each row that is there."""
    for row in re.findall(r"^\| (\w+) \|.*\|([^|]*\|[^|]*)\|$", PAGE.read_text(), re.MULTILINE):
        yield row[0], row[1].strip(" ")


def _parity() -> Iterator[tuple[str, str]]:
    """The largest difference from mergekit, of all rows of a method."""
    largest: dict[str, float] = {}
    for method, cells in re.findall(r"^\| (\w+)(?: \([^)]*\))? \|(.*)\|$", PARITY.read_text(), re.MULTILINE):
        numbers = [float(number) for number in re.findall(r"\b\d\.\de[-+]\d\d\b", cells)]
        if numbers:
            largest[method] = max(largest.get(method, 0.0), *numbers)
        elif "deviations" in cells or "otherwise" in cells:
            yield method, "by statistics" if "deviations" in cells else "by choices"
    for method, number in largest.items():
        yield method, f"{number:.0e}"


if __name__ == "__main__":
    raise SystemExit(main())
