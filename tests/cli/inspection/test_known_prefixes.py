from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.inspection.known_prefixes import known_prefixes, unwrapped
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView

if TYPE_CHECKING:
    from collections.abc import Mapping


def tensors(*names: str) -> Mapping[str, StridedView]:
    return {name: StridedView.contiguous(0, 8 * n, DType.F32, (2,)) for n, name in enumerate(names)}


def test_wrappers_and_the_presets_against_them() -> None:
    found = known_prefixes(tensors("module._orig_mod.a.w", "module._orig_mod.b._fsdp_wrapped_module.w", "c"))
    assert [tuple(one) for one in found] == [
        ("module", 2, "strip-wrappers"),
        ("_orig_mod", 2, "strip-wrappers"),
        ("_fsdp_wrapped_module", 1, "strip-wrappers"),
    ]


def test_what_peft_leaves_in_a_raw_state_dict() -> None:
    head = "base_model.model.head"
    found = known_prefixes(
        tensors(f"{head}.original_module.w", f"{head}.modules_to_save.default.w", "x.base_layer.w")
    )
    assert [tuple(one) for one in found] == [
        ("base_model.model", 2, "strip-peft"),
        ("base_layer", 1, "strip-peft"),
        ("original_module", 1, "strip-peft"),
        ("modules_to_save", 1, None),
    ]


def test_a_module_of_the_model_may_have_such_a_name() -> None:
    assert known_prefixes(tensors("encoder.module.w", "my_module.w", "x.base_model.model.w")) == []


def test_names_without_wrappers() -> None:
    names = ("module.base_model.model.a.base_layer.w", "module.base_model.model.b.original_module.w")
    assert unwrapped(tensors(*names)) == {names[0]: "a.w", names[1]: "b.w"}


def test_names_stay_where_two_would_become_one() -> None:
    names = ("module.a", "a")
    assert unwrapped(tensors(*names)) == {name: name for name in names}
