from __future__ import annotations

import json

from mergec.diagnostics import Label, SourceText, Span
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.diagnostics.internal import InternalFault, OutOfMemory
from mergec.recipe.errors import DuplicateKey

SOURCE = SourceText("recipe.yaml", "a: 1\na: 2\n")


def test_every_fact_is_there() -> None:
    first = Label(Span(SOURCE, 1, 1, 2), "first written here")
    found = DuplicateKey(key="a", span=Span(SOURCE, 2, 1, 2), others=(first,), notes=("n",), help="h")
    assert json.loads(json.dumps(diagnostic_as_json(found))) == {
        "code": "MC0102",
        "severity": "error",
        "message": "the key `a` is written twice",
        "exit_code": 1,
        "place": {"file": "recipe.yaml", "line": 2, "column": 1, "end_column": 2},
        "label": "",
        "help": "h",
        "notes": ["n"],
        "others": [
            {
                "place": {"file": "recipe.yaml", "line": 1, "column": 1, "end_column": 2},
                "label": "first written here",
            }
        ],
    }


def test_no_place_is_null() -> None:
    assert diagnostic_as_json(InternalFault(problem="x"))["place"] is None


def test_faults_of_mergec_itself_have_exit_codes_of_their_own() -> None:
    assert InternalFault.exit_code == 7
    assert OutOfMemory.exit_code == 6
