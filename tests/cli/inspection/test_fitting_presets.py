from __future__ import annotations

import pytest

from mergec.cli.inspection.fitting_presets import FittingPreset, fitting_presets
from mergec.cli.inspection.parts import parts_of
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from tests.recipe.proposals.named_models import LLAVA, llama


def presets(names: object) -> list[FittingPreset]:
    assert isinstance(names, dict)
    tensors = {name: StridedView.contiguous(0, 0, DType.F16, (4, 2)) for name in names}
    return list(fitting_presets(parts_of(tensors, {name: name for name in tensors}, {}, {}), {}))


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        # `llava-next-to-hf` would do the same here, where there is no `image_newline`.
        ("original", [("llava-to-hf", "llava-hf (as in files)")]),
        ("memory", [("hf-memory-to-file", "llava-hf (as in files)")]),
    ],
)
def test_presets_that_lead_to_another_layout(layout: str, expected: list[tuple[str, str]]) -> None:
    assert [tuple(one) for one in presets(LLAVA[layout])] == expected


def test_the_preset_of_newer_models_where_it_is_needed() -> None:
    names = {**LLAVA["original"], "model.image_newline": None}
    assert [one.name for one in presets(names)] == ["llava-next-to-hf"]


def test_a_language_model_alone_has_nowhere_to_go() -> None:
    assert presets(llama()) == []
