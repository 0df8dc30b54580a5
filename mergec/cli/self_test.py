"""The symmetries of a recipe's aligned models, tested on their weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec import pipeline
from mergec.cli.self_test_text import self_test_text
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_message
from mergec.diagnostics import MergecError, safe
from mergec.symmetries.self_test_errors import NoForward, NothingToTest, UselessForward
from mergec.testing.checkpoint_test import check_checkpoint
from mergec.testing.given_function import given_forward
from mergec.testing.pretrained import LIBRARY, pretrained_forward

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from mergec.ir.matching import AlignedModel
    from mergec.symmetries.self_test.report import SymmetryReport


def self_test(
    compiled: pipeline.Compiled, options: pipeline.Options, forward: str | None, seed: int
) -> list[SymmetryReport]:
    """Test each aligned model with its table once.

    Raises:
        MergecError: MC0550 to MC0555, with all that was found; what `pipeline.tensors_of` raises.
    """
    aligned = _each_once(compiled.checked.aligned)
    if not aligned:
        raise MergecError([NothingToTest(span=compiled.recipe.place.child("output").child("model").span())])
    given = given_forward(forward) if forward is not None and forward != LIBRARY else None
    reports: list[SymmetryReport] = []
    problems = []
    for one in aligned:
        function = _pretrained(one, seed) if forward == LIBRARY else given
        with pipeline.tensors_of(compiled, one.model, options) as tensors:
            report = check_checkpoint(one.symmetry, tensors, one.model.name, function, seed)
        reports.append(report)
        for problem in report.problems:
            is_about_function = isinstance(problem, UselessForward)
            problems.append(problem if is_about_function else replace(problem, span=one.span))
    if problems:
        compared = [one for one in reports if one.limit is not None]
        if compared and not current_settings().wants_json:
            print_message("\n".join(map(self_test_text, compared)))
        raise MergecError(problems)
    return reports


def _each_once(aligned: Iterable[AlignedModel]) -> list[AlignedModel]:
    """Each model with each of its symmetries; how much tensors count in matching is no matter."""
    found: dict[object, AlignedModel] = {}
    for one in aligned:
        axes = tuple((tensor.names, tensor.axes) for tensor in one.symmetry.tensors)
        found.setdefault((one.model.name, one.symmetry.groups, axes), one)
    return list(found.values())


def _pretrained(aligned: AlignedModel, seed: int) -> Callable[[dict[str, Any]], Any]:
    facts = aligned.model.facts
    if facts is None or not facts.config:
        problem = f"there is no config.json beside the weights of `{safe(aligned.model.name)}`"
        raise MergecError([NoForward(what=LIBRARY, problem=problem)])
    return pretrained_forward(facts.folder, seed)
