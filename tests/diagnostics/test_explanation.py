from __future__ import annotations

from mergec.diagnostics.explanation import explanation, general_title
from mergec.recipe.errors import DuplicateKey
from mergec.sources.errors import SourceMissing
from mergec.steps.errors import UnusedSource


def test_a_fact_is_named_where_it_goes() -> None:
    assert general_title(DuplicateKey) == "the key `<key>` is written twice"


def test_an_error_says_what_the_run_ends_with() -> None:
    head, kind, blank, *text = explanation(SourceMissing).split("\n")
    assert head.startswith("MC02")
    assert (kind, blank) == ("error, exit code 5", "")
    assert text


def test_a_warning_is_one() -> None:
    assert explanation(UnusedSource).split("\n")[1] == "warning"
