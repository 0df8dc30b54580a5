"""Each pass by what it makes of small programs, and all of them by the bytes of random ones."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.graph import CheckedGraph, Graph, OutputTensor
from mergec.ir.primitives import CONCAT, FILL, READ, SLICE
from mergec.ir.printer import print_graph
from mergec.ir.strided_view import StridedView
from mergec.optimise import optimise, passes
from mergec.optimise.drop_weights import drop_weights
from mergec.optimise.fold_casts import fold_casts
from mergec.optimise.hoist_layout import hoist_layout
from tests.conftest import stored, tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Workbench

SHAPE = (4, 6)


@pytest.fixture
def graph() -> Graph:
    return Graph()


def leaf(graph: Graph, number: int, dtype: DType = DType.BF16, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return Tensor(graph, graph.add(READ, (), (StridedView.contiguous(number, 0, dtype, shape), 1.0)))


def printed(run: Callable[[CheckedGraph], CheckedGraph], *outputs: Tensor) -> list[str]:
    """The nodes after a pass, without the outputs' names."""
    named = tuple(OutputTensor(str(i), tensor.node) for i, tensor in enumerate(outputs))
    made = run(CheckedGraph(outputs[0].graph, named, {}))
    return print_graph(made.graph, made.outputs, {}).splitlines()[: -len(outputs)]


A = "%0 = read() file 0 at 0 by [6, 1] : BF16[4x6] deg 1"
B = "%1 = read() file 1 at 0 by [6, 1] : BF16[4x6] deg 1"


class TestDropWeights:
    def test_a_weight_of_one_is_a_cast(self, graph: Graph) -> None:
        assert printed(drop_weights, leaf(graph, 0) * 1.0) == [A, "%1 = cast(%0) F32 : F32[4x6] deg 1"]

    def test_a_weight_of_one_of_float32_is_nothing(self, graph: Graph) -> None:
        (line,) = printed(drop_weights, leaf(graph, 0, DType.F32) * 1.0)
        assert line.startswith("%0 = read()")

    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_term_of_weight_zero_goes(self, graph: Graph, *, is_first: bool) -> None:
        a, b = leaf(graph, 0), leaf(graph, 1)
        made = b * 0.0 + a * 1.0 if is_first else a * 1.0 + b * 0.0
        assert printed(drop_weights, made) == [A, "%1 = cast(%0) F32 : F32[4x6] deg 1"]

    def test_a_difference_from_nothing_stays(self, graph: Graph) -> None:
        # a - (-0.0) is a + 0.0, which makes a -0.0 of `a` a 0.0.
        found = printed(drop_weights, leaf(graph, 0) - leaf(graph, 1) * 0.0)
        assert [line.split()[2] for line in found] == ["read()", "read()", "scale(%1)", "subtract(%0,"]

    def test_the_sum_of_nothing_stays_one(self, graph: Graph) -> None:
        found = printed(drop_weights, leaf(graph, 0) * 0.0 + leaf(graph, 1) * 0.0)
        assert found == [A, "%1 = scale(%0) 0.0 : F32[4x6] deg 0"]

    def test_statements_of_degree_go(self, graph: Graph) -> None:
        assert printed(drop_weights, leaf(graph, 0).with_degree(1.0)) == [A]

    def test_a_float64_term_of_weight_zero_still_widens(self, graph: Graph) -> None:
        made = leaf(graph, 0) + leaf(graph, 1, DType.F64) * 0.0
        assert printed(drop_weights, made) == [A, "%1 = cast(%0) F64 : F64[4x6] deg 1"]


class TestFoldCasts:
    def test_a_cast_to_the_same_dtype_goes(self, graph: Graph) -> None:
        assert printed(fold_casts, leaf(graph, 0).cast(DType.BF16)) == [A]

    def test_there_and_back_is_nothing(self, graph: Graph) -> None:
        assert printed(fold_casts, leaf(graph, 0).cast(DType.F32).cast(DType.BF16)) == [A]

    def test_widening_twice_is_once(self, graph: Graph) -> None:
        made = leaf(graph, 0).cast(DType.F32).cast(DType.F64)
        assert printed(fold_casts, made) == [A, "%1 = cast(%0) F64 : F64[4x6] deg 1"]

    @pytest.mark.parametrize("middle", [DType.F16, DType.BF16])
    def test_what_rounds_stays(self, graph: Graph, middle: DType) -> None:
        made = leaf(graph, 0, DType.F32).cast(middle).cast(DType.F32)
        assert len(printed(fold_casts, made)) == 3

    def test_float16_and_bfloat16_do_not_hold_each_other(self, graph: Graph) -> None:
        made = leaf(graph, 0).cast(DType.F16).cast(DType.BF16)
        assert len(printed(fold_casts, made)) == 3


class TestHoistJoins:
    def test_moves_a_join_behind_the_arithmetic(self, graph: Graph) -> None:
        top, bottom = leaf(graph, 0, shape=(1, 6)), leaf(graph, 1, shape=(3, 6))
        whole = Tensor(graph, graph.add(CONCAT, (top.node, bottom.node), (0,)))
        assert printed(hoist_layout, whole + leaf(graph, 2)) == [
            "%0 = read() file 0 at 0 by [6, 1] : BF16[1x6] deg 1",
            "%1 = read() file 1 at 0 by [6, 1] : BF16[3x6] deg 1",
            "%2 = read() file 2 at 0 by [6, 1] : BF16[1x6] deg 1",
            "%3 = read() file 2 at 12 by [6, 1] : BF16[3x6] deg 1",
            "%4 = add(%0, %2) : F32[1x6] deg 2",
            "%5 = add(%1, %3) : F32[3x6] deg 2",
            "%6 = concat(%4, %5) 0 : F32[4x6] deg 2",
        ]

    def test_moves_a_slice_into_the_leaves(self, graph: Graph) -> None:
        made = (leaf(graph, 0) * 0.5).node
        part = Tensor(graph, graph.add(SLICE, (made,), (1, 2, 5)))
        assert printed(hoist_layout, part) == [
            "%0 = read() file 0 at 4 by [6, 1] : BF16[4x3] deg 1",
            "%1 = scale(%0) 0.5 : F32[4x3] deg 0.5",
        ]

    def test_joins_on_two_axes_become_a_grid(self, graph: Graph) -> None:
        def halves(first: int, axis: int) -> Tensor:
            shape = tuple(size // 2 if i == axis else size for i, size in enumerate(SHAPE))
            parts = tuple(leaf(graph, first + i, shape=shape).node for i in range(2))
            return Tensor(graph, graph.add(CONCAT, parts, (axis,)))

        found = printed(hoist_layout, halves(0, 0) + halves(2, 1))
        assert sum(" = add(" in line for line in found) == 4
        assert [line.split(" : ")[1] for line in found if " = add(" in line] == ["F32[2x3] deg 2"] * 4

    def test_a_fill_is_cut(self, graph: Graph) -> None:
        ones = graph.add(FILL, (), (SHAPE, DType.F32, 1.0, 1.0))
        part = Tensor(graph, graph.add(SLICE, (ones,), (0, 1, 3)))
        assert printed(hoist_layout, part) == ["%0 = fill() 1.0 : F32[2x6] deg 1"]

    def test_a_join_of_many_parts_takes_as_many_nodes(self, graph: Graph) -> None:
        def whole(first: int) -> Tensor:
            parts = tuple(leaf(graph, first + i, shape=(1, 6)).node for i in range(3000))
            return Tensor(graph, graph.add(CONCAT, parts, (0,)))

        assert len(printed(hoist_layout, whole(0) + whole(3000))) == 9001

    def test_a_deep_expression_is_cut(self, graph: Graph) -> None:
        total = leaf(graph, 0)
        for number in range(1, 3000):
            total = total + leaf(graph, number)
        parts = tuple(leaf(graph, 5000 + i, shape=(2, 6)).node for i in range(2))
        whole = Tensor(graph, graph.add(CONCAT, parts, (0,)))
        assert len(printed(hoist_layout, total - whole)) > 6000

    def test_shared_parts_are_cut_once(self, graph: Graph) -> None:
        total = leaf(graph, 0)
        for _ in range(40):
            total = total + total  # 2**40 paths lead to the leaf
        parts = tuple(leaf(graph, 1 + i, shape=(2, 6)).node for i in range(2))
        whole = Tensor(graph, graph.add(CONCAT, parts, (0,)))
        assert len(printed(hoist_layout, total - whole)) == 2 * (1 + 40 + 1 + 1) + 1


CODES = ["F16", "BF16", "F32", "F64"]


@st.composite
def programs(draw: st.DrawFn) -> dict[str, Any]:
    """Models built on each other, whose weights are often 0 or 1."""
    weights = st.sampled_from([0, 1, 0.5, -1, 0.3, 2.5])
    names = ["a", "b", "c"]
    models: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 5))):
        some = st.sampled_from(names)
        kind = draw(st.sampled_from(["linear", "interpolate", "cast", "arithmetic"]))
        x, y, z = draw(some), draw(some), draw(some)
        if kind == "linear":
            inputs = {name: draw(weights) for name in dict.fromkeys([x, y, z])}
            model: Any = {"op": "linear", "inputs": inputs, "allow_scaling": True}
        elif kind == "interpolate":
            model = {"op": "interpolate", "from": x, "to": y, "t": draw(weights), "allow_scaling": True}
        elif kind == "cast":
            model = {
                "op": "cast",
                "model": x,
                "dtype": draw(st.sampled_from(["float16", "bfloat16", "float32"])),
            }
        else:
            model = f"{x} + {draw(weights)} * ({y} - {z})"
        names.append(f"m{number}")
        models[names[-1]] = model
    return models


@settings(max_examples=40, deadline=None)
@given(
    models=programs(),
    codes=st.tuples(*[st.sampled_from(CODES)] * 3),
    joined=st.booleans(),
    dtype=st.sampled_from(["float16", "bfloat16", "float32", "float64"]),
)
def test_every_set_of_passes_gives_the_same_bytes(
    new_bench: Callable[[], Workbench],
    models: dict[str, Any],
    codes: tuple[str, ...],
    dtype: str,
    *,
    joined: bool,
) -> None:
    bench = new_bench()
    for number, (name, code) in enumerate(zip("abc", codes, strict=True)):
        values = np.random.default_rng(number).standard_normal((5, 6))
        values.flat[:3] = [0.0, -0.0, np.inf if number == 0 else 1.0]
        if joined and number < 2:
            cut = 2 + number
            rule = {"from": ["x", "y"], "to": "w", "concat": {"dim": 0}}
            parts = {"x": stored(code, values[:cut]), "y": stored(code, values[cut:])}
            bench.source(name, parts, rename=[rule])
        else:
            bench.source(name, {"w": stored(code, values)})
    # Statements of degree and joins have no kernels, so these go in any case.
    optional = [drop_weights, fold_casts]
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for count in range(len(optional) + 1):
            for chosen in combinations(optional, count):
                patch.setattr(passes, "PASSES", (*chosen, hoist_layout))
                bench.recipe(models, dtype=dtype).build(workers=1, force=True)
                found.append(tree(bench.out))
    assert all(one == found[0] for one in found)


def test_optimising_twice_changes_nothing(graph: Graph) -> None:
    made = (leaf(graph, 0) * 1.0 + leaf(graph, 1) * 0.0).cast(DType.BF16)
    once = optimise(CheckedGraph(graph, (OutputTensor("w", made.node),), {}))
    twice = optimise(once)
    assert print_graph(once.graph, once.outputs, {}) == print_graph(twice.graph, twice.outputs, {})
    assert once.graph[once.outputs[0].node].primitive is READ
