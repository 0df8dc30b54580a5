"""Where views and slices end up, by what is left in the graph."""

from __future__ import annotations

from collections import Counter

import pytest

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, concatenated
from mergec.ir.graph import CheckedGraph, Graph, OutputTensor
from mergec.ir.primitives import READ
from mergec.ir.strided_view import StridedView
from mergec.optimise import optimise


@pytest.fixture
def graph() -> Graph:
    return Graph()


def leaf(graph: Graph, number: int, *shape: int) -> Tensor:
    view = StridedView.contiguous(number, 0, DType.F32, shape)
    return Tensor(graph, graph.add(READ, (), (view, 1.0)))


def left(tensor: Tensor) -> tuple[str, Counter[str]]:
    """The root's primitive after all passes, and how often each primitive is left below it."""
    made = optimise(CheckedGraph(tensor.graph, (OutputTensor("w", tensor.node),), {}))
    (output,) = made.outputs
    nodes = [made.graph[node].primitive.name for node in made.graph.reachable([output.node])]
    return nodes[-1], Counter(nodes)


class TestViews:
    def test_go_into_the_leaves(self, graph: Graph) -> None:
        total = leaf(graph, 0, 4, 6) + leaf(graph, 1, 4, 6)
        assert left(total.transposed.reshape(6, 2, 2)) == ("add", Counter(read=2, add=1))

    def test_a_reshape_that_no_strides_can_say_stays(self, graph: Graph) -> None:
        assert left(leaf(graph, 0, 4, 6).transposed.reshape(24))[0] == "reshape"

    def test_of_a_low_rank_product_go_into_its_factors(self, graph: Graph) -> None:
        product = leaf(graph, 0, 9, 2) @ leaf(graph, 1, 2, 7)
        root, nodes = left(leaf(graph, 2, 7, 9) + product.transposed)
        assert (root, nodes["permute"]) == ("add", 0)

    def test_of_a_product_of_high_rank_go_to_the_output(self, graph: Graph) -> None:
        product = leaf(graph, 0, 9, 8) @ leaf(graph, 1, 8, 7)
        root, nodes = left(leaf(graph, 2, 7, 9) + product.transposed)
        assert (root, nodes["permute"]) == ("permute", 1)

    def test_of_two_values_that_cannot_be_turned_one_goes_to_the_output(self, graph: Graph) -> None:
        def norms(number: int) -> Tensor:
            value = leaf(graph, number, 4, 6)
            return value / value.row_norm()

        root, nodes = left(norms(0).transposed + norms(1).reshape(6, 4))
        assert root == "permute"
        assert nodes["reshape"] == 1  # held: nothing can be done about it
        assert left(norms(0).transposed + norms(1).transposed)[1]["permute"] == 1

    def test_pass_through_joins(self, graph: Graph) -> None:
        whole = concatenated([leaf(graph, 0, 4, 6), leaf(graph, 1, 2, 6)], 0)
        assert left(whole.transposed)[1]["permute"] == 0
        assert left(whole.reshape(6, 2, 3))[1]["reshape"] == 0
        assert left(whole.reshape(3, 12))[1]["reshape"] == 0
        assert left(whole.reshape(2, 18))[0] == "reshape"  # a row of it lies in both parts


class TestSlices:
    @pytest.mark.parametrize("axis", [0, 1])
    def test_of_a_product_go_into_one_factor(self, graph: Graph, axis: int) -> None:
        product = leaf(graph, 0, 9, 2) @ leaf(graph, 1, 2, 7)
        assert left(product.part(axis, 1, 3)) == ("matmul", Counter(read=2, matmul=1))

    def test_of_rotations_go_into_their_entries(self, graph: Graph) -> None:
        rotations = leaf(graph, 0, 5, 6).skew(4).cayley()
        assert left(rotations.part(0, 1, 3)) == ("cayley", Counter(read=1, skew=1, cayley=1))
        assert left(rotations.part(1, 1, 3))[0] == "slice"

    def test_of_repeated_rows_leave_them_alone(self, graph: Graph) -> None:
        scaled = leaf(graph, 0, 8, 6) * leaf(graph, 1, 1, 6)
        assert left(scaled.part(0, 2, 4)) == ("multiply", Counter(read=2, multiply=1))

    def test_of_views_are_views_of_slices(self, graph: Graph) -> None:
        value = leaf(graph, 0, 4, 6)
        norms = value / value.row_norm()
        assert left(norms.transposed.part(1, 0, 2))[1]["slice"] == 0
        assert left(norms.reshape(8, 3).part(0, 2, 4))[1]["slice"] == 0
        assert left(norms.reshape(8, 3).part(0, 1, 4))[1]["slice"] == 1  # half a row

    def test_of_a_mean_stay(self, graph: Graph) -> None:
        assert left(leaf(graph, 0, 9, 4).mean_rows().part(1, 0, 2))[0] == "slice"


def test_joined_rows_are_multiplied_part_by_part(graph: Graph) -> None:
    rows = concatenated([leaf(graph, 0, 3, 2), leaf(graph, 1, 4, 2)], 0)
    root, nodes = left(leaf(graph, 2, 7, 5) + rows @ leaf(graph, 3, 2, 5))
    assert root == "concat"
    assert nodes["matmul"] == 2
