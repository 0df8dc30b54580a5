from __future__ import annotations

from unittest.mock import patch

from mergec.diagnostics import nearest
from mergec.recipe.no_match import each_matches_nothing
from mergec.recipe.pattern import Pattern


def test_thousands_of_patterns_are_not_each_compared_with_all_names() -> None:
    names = [f"layers.{number}.weight" for number in range(10)]
    missing = [(Pattern.parse(f"layers.{number}.wieght"), names) for number in range(3000)]
    with patch("mergec.recipe.no_match.nearest", wraps=nearest) as compared:
        found = list(each_matches_nothing(missing))
    assert compared.call_count < 100
    assert [one.pattern for one in found] == [pattern.text for pattern, _ in missing]
    assert found[0].help == "did you mean `weight` instead of `wieght`?"
    assert found[-1].help is None
    assert all(one.count == len(names) for one in found)
