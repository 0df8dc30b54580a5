from __future__ import annotations

import pytest

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, identical
from mergec.ir.graph import Graph, OutputTensor
from mergec.ir.linear_form import linear_form
from mergec.ir.primitives import ADD, CONCAT, FILL, READ, SCALE, SLICE
from mergec.ir.printer import print_graph
from mergec.ir.strided_view import StridedView
from mergec.ir.tensor_type import TensorType


@pytest.fixture
def graph() -> Graph:
    return Graph()


def leaf(
    graph: Graph,
    offset: int = 0,
    dtype: DType = DType.F32,
    shape: tuple[int, ...] = (2, 3),
    degree: float | None = 1.0,
) -> Tensor:
    view = StridedView.contiguous(0, offset, dtype, shape)
    return Tensor(graph, graph.add(READ, (), (view, degree if dtype.is_float else None)))


def type_of(tensor: Tensor) -> TensorType:
    return tensor.graph.type(tensor.node)


class TestNodes:
    def test_equal_expressions_are_one_node(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24)
        assert (a + b * 0.5).node == (leaf(graph) + leaf(graph, 24) * 0.5).node
        assert len(graph) == 4

    def test_the_order_of_operands_matters(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24)
        assert (a + b).node != (b + a).node

    def test_inputs_come_before_their_users(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24)
        last = (a + b * 0.25) - a * 2.0
        for node in range(len(graph)):
            assert all(used < node for used in graph[node].inputs)
        assert graph.reachable([last.node]) == list(range(len(graph)))

    def test_what_no_root_needs_is_not_reachable(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24)
        wanted = a * 2.0
        _ = b * 2.0
        assert graph.reachable([wanted.node]) == [a.node, wanted.node]

    def test_leaves_come_in_order_of_first_use(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24)
        assert list(graph.leaves((b + a + b).node)) == [b.node, a.node]


class TestTypes:
    def test_arithmetic_is_float32_unless_an_operand_is_float64(self, graph: Graph) -> None:
        half, single = leaf(graph, 0, DType.F16), leaf(graph, 24)
        double = leaf(graph, 48, DType.F64)
        assert type_of(half + single).dtype is DType.F32
        assert type_of(half * 2.0).dtype is DType.F32
        assert type_of(single - double).dtype is DType.F64

    def test_degrees_add_up(self, graph: Graph) -> None:
        a, d = leaf(graph), leaf(graph, 24, degree=0.0)
        assert (a * 0.25 + a * 0.5).degree == 0.75
        assert (a - a).degree == 0
        assert (a + d * 3.0).degree == 1
        assert (a * 3.0).with_degree(1.0).degree == 1

    @pytest.mark.parametrize(("shape", "other"), [((2, 3), (3, 2)), ((2, 3), (6,)), ((1,), ())])
    def test_shapes_that_differ_are_kept_for_later(
        self, graph: Graph, shape: tuple[int, ...], other: tuple[int, ...]
    ) -> None:
        made = leaf(graph, shape=shape) + leaf(graph, 24, shape=other)
        assert graph.mismatches == {made.node: "shape"}
        assert type_of(made) == TensorType(shape, DType.F32, None)

    def test_what_follows_from_a_mismatch_is_none(self, graph: Graph) -> None:
        count = leaf(graph, dtype=DType.I64)
        scaled = count * 0.5
        made = scaled + leaf(graph, 48)
        assert graph.mismatches == {scaled.node: "dtype"}
        assert made.degree is None

    def test_integers_are_compared_with_their_like_only(self, graph: Graph) -> None:
        long, short = leaf(graph, dtype=DType.I64), leaf(graph, 48, DType.I32)
        assert identical([long, long]).node == long.node
        made = identical([long, short])
        assert graph.mismatches == {made.node: "dtype"}

    def test_joins_and_slices(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24, shape=(4, 3))
        whole = graph.add(CONCAT, (a.node, b.node), (0,))
        assert graph.type(whole).shape == (6, 3)
        assert graph.type(graph.add(SLICE, (whole,), (0, 1, 5))).shape == (4, 3)
        wrong = graph.add(CONCAT, (a.node, b.node), (1,))
        outside = graph.add(SLICE, (whole,), (0, 1, 7))
        assert graph.mismatches == {wrong: "shape", outside: "shape"}


class TestLinearForm:
    def test_coefficients_of_the_leaves(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24)
        model = a + 0.5 * (b - a) + a * 0.0
        assert linear_form(graph, model.node) == {a.node: 0.5, b.node: 0.5}

    def test_a_term_of_weight_zero_takes_no_part(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24)
        assert linear_form(graph, (a + b * 0.0).node) == {a.node: 1.0}

    def test_parts_count_where_they_are(self, graph: Graph) -> None:
        a, b = leaf(graph), leaf(graph, 24)
        whole = Tensor(graph, graph.add(CONCAT, (a.node, b.node), (0,)))
        assert linear_form(graph, (whole * 0.5).node) == {a.node: 0.5, b.node: 0.5}

    def test_casts_and_fills_are_transparent(self, graph: Graph) -> None:
        ones = Tensor(graph, graph.add(FILL, (), ((2, 3), DType.F32, 1.0, 1.0)))
        assert linear_form(graph, (ones * 2.0).cast(DType.F16).node) == {ones.node: 2.0}

    def test_of_a_very_deep_expression(self, graph: Graph) -> None:
        total = leaf(graph)
        for number in range(1, 5000):
            total = total + leaf(graph, 24 * number)
        form = linear_form(graph, total.node)
        assert form is not None
        assert len(form) == 5000


class TestPrinter:
    def test_prints_one_node_per_line(self, graph: Graph) -> None:
        a, b = leaf(graph, dtype=DType.BF16), leaf(graph, 24)
        made = (a * 0.4 + b).cast(DType.F16)
        outputs = [OutputTensor("w", made.node), OutputTensor("a\x1b", a.node)]
        assert print_graph(graph, outputs, {a.node: ("base", "w")}) == (
            "%0 = read() base:w : BF16[2x3] deg 1\n"
            "%1 = read() file 0 at 24 by [3, 1] : F32[2x3] deg 1\n"
            "%2 = scale(%0) 0.4 : F32[2x3] deg 0.4\n"
            "%3 = add(%2, %1) : F32[2x3] deg 1.4\n"
            "%4 = cast(%3) F16 : F16[2x3] deg 1.4\n"
            "w = %4\n"
            "a\\x1b = %0\n"
        )

    def test_leaves_out_what_no_output_needs(self, graph: Graph) -> None:
        kept = leaf(graph, 24)
        alone = Graph()
        again = leaf(alone, 24)
        _ = leaf(graph) * 2.0
        assert print_graph(graph, [OutputTensor("w", kept.node)], {}) == print_graph(
            alone, [OutputTensor("w", again.node)], {}
        )


def test_an_addition_of_primitives_by_hand_is_the_same_node(graph: Graph) -> None:
    a = leaf(graph)
    half = graph.add(SCALE, (a.node,), (0.5,))
    assert graph.add(ADD, (half, a.node)) == (a * 0.5 + a).node
