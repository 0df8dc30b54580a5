from __future__ import annotations

import pytest

from mergec.cli.inspection.spelling import spelled


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
        ("float16", "float16"),
        (["a", 1], '["a", 1]'),
        ("é", "é"),
    ],
)
def test_values_as_json_has_them(value: object, text: str) -> None:
    assert spelled(value) == text
