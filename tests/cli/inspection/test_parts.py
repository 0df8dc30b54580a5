from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.inspection.parts import Parts, longest_list, parts_of
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from tests.recipe.proposals.named_models import LLAVA, prefixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def parts(
    names: Iterable[str], plain: Mapping[str, str] | None = None, dense: Mapping[str, int] | None = None
) -> Parts:
    tensors = {name: StridedView.contiguous(0, 0, DType.F16, (4, 2)) for name in names}
    return parts_of(tensors, plain or {name: name for name in tensors}, {}, dense or {})


def test_components_hold_the_names_of_the_file() -> None:
    wrapped = prefixed("module.", LLAVA["hub"])
    found = parts(wrapped, {name: name.removeprefix("module.") for name in wrapped})
    assert [part.name for part in found.parts] == ["vision_tower", "connector", "language_model", "head"]
    assert sorted(name for part in found.parts for name in part.tensors) == sorted(wrapped)
    head = found.part("head")
    assert head is not None
    assert (head.title, head.parameters, head.nbytes, head.dtypes) == ("head", 8, 16, {"float16": 1})
    assert head.layers == 0
    assert found.part("generator") is None


def test_what_only_adapters_have_is_a_part_of_its_own() -> None:
    names = ["x.lora_A.default.weight", "head.modules_to_save.default.weight", "y.weight"]
    found = {part.name: list(part.tensors) for part in parts(names).parts}
    assert found == {"adapter": names[:2], "other": names[2:]}


def test_tensors_of_quantised_weights_count_as_what_they_stand_for() -> None:
    (other,) = parts(["q", "q.scale", "w"], dense={"q": 100, "q.scale": 0}).parts
    assert other.parameters == 100 + 8
    assert other.nbytes == 3 * 16


def test_the_list_with_most_tensors_tells_the_layers() -> None:
    names = [f"layers.{i}.{leaf}" for i in range(3) for leaf in "abc"] + [f"experts.{i}" for i in range(8)]
    assert longest_list(names) == 3
    assert longest_list(["a.b"]) == 0
