from __future__ import annotations

import pytest

from mergec.importing.block_presets import presets

PRESETS = presets()


def test_there_are_as_many_as_people_know() -> None:
    assert len(PRESETS) == 38
    assert {len(values) for values in PRESETS.values()} == {26}
    assert all(0 <= value <= 1 for values in PRESETS.values() for value in values)


def test_only_one_of_them_changes_the_text_encoder() -> None:
    assert [name for name, values in PRESETS.items() if values[0] != 0] == ["ALL_B"]


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("GRAD_V", 2, 0.9166666667),
        ("GRAD_A", 13, 1.0),
        ("FLAT_75", 25, 0.75),
        ("WRAP14", 7, 1),
        ("WRAP14", 8, 0),
        ("MID12_50", 6, 0.5),
        ("MID12_50", 19, 0.5),
        ("MID12_50", 20, 0),
        ("OUT07", 18, 0),
        ("OUT07", 19, 1),
        ("OUT12_5", 13, 0.5),
        ("RING08_SOFT", 10, 0.5),
        ("RING08_5", 16, 1),
        ("RING10_3", 15, 1),
        ("SMOOTHSTEP", 7, 0.15625),
        ("REVERSE-SMOOTHSTEP", 2, 0.994936342592593),
        ("SMOOTHSTEP*2", 14, 0.875289351851852),
        ("SMOOTHSTEP*3", 11, 0.871527777777778),
        ("R_SMOOTHSTEP*4", 9, 0.0370370370370372),
        ("SMOOTHSTEP/2", 13, 1),
        ("R_SMOOTHSTEP/3", 5, 0.5),
        ("SMOOTHSTEP/4", 7, 1),
        ("COSINE", 2, 0.995722430686905),
        ("TRUE_CUBIC_HERMITE", 1, 0),
        ("TRUE_CUBIC_HERMITE", 2, 0.199031876929012),
        ("TRUE_REVERSE_CUBIC_HERMITE", 25, 0),
        ("FAKE_CUBIC_HERMITE", 2, 0.157576195987654),
    ],
)
def test_values_are_those_of_the_tables(name: str, at: int, value: float) -> None:
    assert PRESETS[name][at] == pytest.approx(value, abs=1e-9)
