"""Every method, in every situation, against its oracle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mergec.methods.registry import methods
from tests.methods.cases import CASES, ELSEWHERE
from tests.methods.harness import build, errors, expected, models_of

if TYPE_CHECKING:
    from tests.conftest import Workbench
    from tests.methods.harness import Arithmetic, Case

_ROOT = Path(__file__).parents[2]


def test_every_method_has_an_oracle() -> None:
    tested = {case.method for case in CASES}
    assert set(methods()) == tested | set(ELSEWHERE)
    assert not tested & set(ELSEWHERE)
    assert all((_ROOT / file).is_file() for file in ELSEWHERE.values())


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("case", [case for case in CASES if not case.random], ids=str)
def test_equals_its_oracle(bench: Workbench, case: Case, arithmetic: Arithmetic) -> None:
    models = models_of(case, arithmetic)
    made = build(bench, case, models, arithmetic)
    wanted = expected(case, models, arithmetic)
    found = errors(case, models, made, wanted, arithmetic)
    assert {name: error for name, error in found.items() if error > 1} == {}
