from __future__ import annotations

from mergec.cli.inspection.quantised_facts import dense_elements, quantised_facts
from mergec.ir.dtype import DType
from mergec.ir.packed import Scheme
from mergec.sources.quantised.group import DenseForm, Group

SCHEME = Scheme("scaled", ("codes", "scales"), (DType.U8, DType.F32))


def group(name: str, what: str = "NF4", problem: str = "") -> Group:
    members = (f"{name}.absmax", name)
    dense = None if problem else DenseForm(SCHEME, (name, members[0]), (8, 16), DType.F16)
    return Group(name, what, members, dense=dense, problem=problem)


def test_weights_by_quantisation() -> None:
    found = quantised_facts([group("a"), group("b", "GPTQ", "no kernel"), group("c")])
    assert [(one.what, one.weights, one.tensors, one.parameters, one.problem) for one in found] == [
        ("NF4", ("a", "c"), 4, 2 * 8 * 16, ""),
        ("GPTQ", ("b",), 2, None, "no kernel"),
    ]


def test_one_tensor_stands_for_all_parameters_of_a_weight() -> None:
    assert dense_elements([group("a"), group("b", problem="no kernel")]) == {"a": 128, "a.absmax": 0}
