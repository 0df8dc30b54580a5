from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mergec
from mergec.diagnostics import Report
from mergec.ir import numerics
from mergec.ir.axis_index import axis_index
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.graph import CheckedGraph, Graph, OutputTensor
from mergec.ir.matching import Matching
from mergec.ir.matrix_primitives import MATMUL
from mergec.ir.permutation_primitives import GIVEN, MATCH
from mergec.ir.primitives import ADD, CAST, FILL, NORMAL, READ, SCALE, SUBTRACT, WITH_DEGREE
from mergec.ir.random_primitives import KEPT, UNIFORM
from mergec.ir.strided_view import StridedView
from mergec.ir.symmetry import Factor, Group, SymmetricTensor, Symmetry
from mergec.lock import tensor_keys as module
from mergec.lock.tensor_keys import DecidedVectors, content_names, tensor_keys
from mergec.pipeline import compile_recipe
from mergec.sources.checkpoint import Container, FileIdentity, WeightFile
from tests.errors.recipes import OPERATIONS, recipe_with, write_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.graph import NodeId
    from tests.conftest import Workbench

SHAPE = (4, 4)
FILES = [sha256(name.encode()).hexdigest() for name in "abc"]

# An expression as nested tuples: what the graph is made of, and what it is compared by.
Expression = tuple[Any, ...]
leaves = st.tuples(st.just("read"), st.integers(0, 2), st.sampled_from([0, 64, 128]))
weights = st.sampled_from([0.1, 0.5, 1, 1.0, -2.0, np.nextafter(0.5, 1).item()])
expressions = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(st.just("add"), inner, inner)
        | st.tuples(st.just("subtract"), inner, inner)
        | st.tuples(st.just("scale"), inner, weights)
        | st.tuples(st.just("cast"), inner, st.sampled_from([DType.F32, DType.F16]))
    ),
    max_leaves=6,
)


def built(graph: Graph, expression: Expression, files: Sequence[int] = (0, 1, 2)) -> NodeId:
    kind, *rest = expression
    if kind == "read":
        view = StridedView.contiguous(files[rest[0]], rest[1], DType.F32, SHAPE)
        return graph.add(READ, (), (view, 1.0))
    if kind in {"add", "subtract"}:
        inputs = tuple(built(graph, one, files) for one in rest)
        return graph.add(ADD if kind == "add" else SUBTRACT, inputs)
    return graph.add(SCALE if kind == "scale" else CAST, (built(graph, rest[0], files),), (rest[1],))


def keys_of(graph: Graph, nodes: Sequence[NodeId], files: Sequence[str] = FILES, **decided: Any) -> list[str]:
    outputs = tuple(OutputTensor(f"t{at}", node) for at, node in enumerate(nodes))
    return list(tensor_keys(CheckedGraph(graph, outputs, {}), files, **decided).values())


def key_of(expression: Expression) -> str:
    graph = Graph()
    (key,) = keys_of(graph, [built(graph, expression)])
    return key


@given(expressions, expressions)
def test_keys_are_equal_exactly_where_expressions_are(one: Expression, other: Expression) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(st.lists(expressions, min_size=1, max_size=4), st.permutations([0, 1, 2]), st.randoms())
def test_neither_numbers_nor_order_matter(wanted: list[Expression], files: list[int], random: Any) -> None:
    graph = Graph()
    order = random.sample(range(len(wanted)), len(wanted))
    graph.add(FILL, (), (SHAPE, DType.F32, random.random(), 1.0))
    nodes = {at: built(graph, wanted[at], files) for at in order}
    numbered = [FILES[files.index(number)] for number in range(3)]
    keys = keys_of(graph, [nodes[at] for at in range(len(wanted))], numbered)
    assert keys == [key_of(expression) for expression in wanted]


def test_a_degree_changes_nothing() -> None:
    graph = Graph()
    view = StridedView.contiguous(-1, 0, DType.F32, SHAPE)
    for primitive, of in (
        (READ, lambda degree: (view._replace(file=0), degree)),
        (NORMAL, lambda degree: (view, degree, 3, "w", 0.5)),
        (UNIFORM, lambda degree: (view, degree, 3, "w")),
        (KEPT, lambda degree: (view, degree, 3, "w", 0.5)),
        (FILL, lambda degree: (SHAPE, DType.F32, 0.5, degree)),
    ):
        one, other = (graph.add(primitive, (), of(degree)) for degree in (1.0, 0.0))
        assert one != other
        keys = keys_of(graph, [one, other, graph.add(WITH_DEGREE, (one,), (0.0,))])
        assert len(set(keys)) == 1


def test_values_that_are_made_up_differ_by_what_makes_them() -> None:
    graph = Graph()
    view = StridedView.contiguous(-1, 0, DType.F32, SHAPE)
    made = [
        (view, 1.0, 3, "w", 0.5),
        (view, 1.0, 4, "w", 0.5),
        (view, 1.0, 3, "v", 0.5),
        (view, 1.0, 3, "w", 1),
    ]
    nodes = [graph.add(NORMAL, (), attributes) for attributes in made]
    nodes.extend(graph.add(UNIFORM, (), attributes[:4]) for attributes in made[:3])
    assert len(set(keys_of(graph, nodes))) == 7


def test_the_version_of_the_arithmetic_enters_what_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph()
    read = built(graph, ("read", 0, 0))
    nodes = [read, graph.add(SCALE, (read,), (0.5,))]
    before = keys_of(graph, nodes)
    monkeypatch.setattr(module, "NUMERICS", numerics.NUMERICS + 1)
    assert [old == new for old, new in zip(before, keys_of(graph, nodes), strict=True)] == [True, False]


def test_the_build_of_torch_enters_what_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph()
    read = built(graph, ("read", 0, 0))
    product = graph.add(MATMUL, (read, read))
    nodes = [graph.add(CAST, (read,), (DType.F16,)), product, graph.add(SCALE, (product,), (0.5,))]
    before = keys_of(graph, nodes)
    monkeypatch.setattr(module, "torch_build", lambda: "0.0.0+other")
    after = keys_of(graph, nodes)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]


SYMMETRY = Symmetry(
    (Group("res", 4),), (SymmetricTensor(("w",), (4, 4), (((Factor(4, 0),),), ((Factor(4),),))),)
)


def gathered(graph: Graph, vectors: NodeId) -> NodeId:
    value = Tensor(graph, built(graph, ("read", 1, 0)))
    index = Tensor(graph, vectors).axis_index(0, axis_index(SYMMETRY, SYMMETRY.tensors[0], 0, {}))
    return value.gathered(index, 0).node


def match(graph: Graph, offset: int, seed: int = 0) -> NodeId:
    inputs = (built(graph, ("read", 0, offset)), built(graph, ("read", 1, 0)))
    return graph.add(MATCH, inputs, (Matching(SYMMETRY, 1, seed, 100),))


class TestMatches:
    def test_undecided_they_are_what_they_are_found_from(self) -> None:
        graph = Graph()
        matches = [match(graph, 0), match(graph, 64), match(graph, 0, seed=1)]
        assert len(set(keys_of(graph, [gathered(graph, one) for one in matches]))) == 3

    def test_decided_they_are_what_was_found(self) -> None:
        graph = Graph()
        one, other = match(graph, 0), match(graph, 64)
        nodes = [gathered(graph, one), gathered(graph, other)]
        same = DecidedVectors(1, "1" * 64)
        assert len(set(keys_of(graph, nodes, decided={one: same, other: same}))) == 1
        differing = {one: same, other: DecidedVectors(1, "2" * 64)}
        assert len(set(keys_of(graph, nodes, decided=differing))) == 2

    def test_decided_they_are_as_if_they_were_given(self) -> None:
        vector = np.array([2, 0, 1, 3], np.int32).tobytes()
        graph = Graph()
        found = match(graph, 0)
        nodes = [gathered(graph, found), gathered(graph, graph.add(GIVEN, (), (vector,)))]
        decided = {found: DecidedVectors(1, sha256(vector).hexdigest())}
        assert len(set(keys_of(graph, nodes, decided=decided))) == 1
        assert len(set(keys_of(graph, nodes))) == 2


def test_the_offsets_of_old_files_count_in_what_nest_leads_to() -> None:
    identity = FileIdentity(1, 1, 1)
    plain = WeightFile(Path("a"), identity)
    old = [WeightFile(Path("a"), identity, Container.TORCH_LEGACY, nest=nest) for nest in (None, "model")]
    names = content_names([plain, *old], ["f" * 64] * 3)
    assert names[0] == "f" * 64
    assert len(set(names)) == 3


def recipe_keys(recipe: Path) -> dict[str, str]:
    compiled = compile_recipe(recipe, {}, Report())
    digests = [sha256(file.path.read_bytes()).hexdigest() for file in compiled.sources.files]
    return tensor_keys(compiled.checked, content_names(compiled.sources.files, digests))


SCRIPT = """
import json, sys
from pathlib import Path
from tests.lock.test_tensor_keys import recipe_keys
print(json.dumps(recipe_keys(Path(sys.argv[1]))))
"""


class TestRecipes:
    @pytest.fixture
    def recipe(self, bench: Workbench) -> Path:
        rng = np.random.default_rng(0)
        for name in "ab":
            tensors = {f"layers.{n}.w": rng.random((4, 4), np.float32) for n in range(3)}
            bench.source(name, tensors)
        bench.recipe({"op": "interpolate", "from": "a", "to": "b", "t": 0.25})
        return bench.folder / "recipe.yaml"

    def test_neither_formatting_nor_names_nor_places_matter(self, recipe: Path, tmp_path: Path) -> None:
        before = recipe_keys(recipe)
        moved = tmp_path / "elsewhere"
        moved.mkdir()
        for name in "ab":
            (tmp_path / f"{name}.safetensors").rename(moved / f"source-{name}.safetensors")
        other = moved / "other.yaml"
        other.write_text(
            "mergec: 1  # the same\n"
            "description: another text\n"
            "params: {share: 0.25}\n"
            "sources:\n  one: source-a.safetensors\n  two: {path: source-b.safetensors}\n"
            "models: {mixed: {op: interpolate, t: '${share}', to: two, from: one}}\n"
            "output: {model: mixed, path: else.safetensors, max_shard_size: 1KB}\n"
        )
        assert recipe_keys(other) == before

    def test_only_what_an_edit_changes_gets_another_key(self, recipe: Path) -> None:
        before = recipe_keys(recipe)
        document = json.loads(recipe.read_text())
        document["models"]["merged"]["t"] = {"layers.1.**": 0.5, "**": 0.25}
        recipe.write_text(json.dumps(document))
        after = recipe_keys(recipe)
        assert [name for name in before if before[name] != after[name]] == ["layers.1.w"]

    def test_every_change_of_a_source_changes_all_that_reads_it(self, recipe: Path) -> None:
        before = recipe_keys(recipe)
        source = recipe.parent / "b.safetensors"
        source.write_bytes(source.read_bytes()[:-1] + b"\x01")
        assert not set(before.values()) & set(recipe_keys(recipe).values())

    def test_the_dtype_of_the_output_enters(self, recipe: Path) -> None:
        before = recipe_keys(recipe)
        document = json.loads(recipe.read_text())
        document["output"]["dtype"] = {"layers.0.**": "bfloat16"}
        recipe.write_text(json.dumps(document))
        after = recipe_keys(recipe)
        assert [name for name in before if before[name] != after[name]] == ["layers.0.w"]

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_every_operation_has_keys(self, operation: str, tmp_path: Path) -> None:
        write_sources(tmp_path)
        recipe = tmp_path / "recipe.yaml"
        # Of an alignment without the keys that are there to be broken: their models are in no common order.
        apart = ("together", "refine", "save_permutations") if operation == "align" else ()
        given = {key: value for key, value in OPERATIONS[operation].items() if key not in apart}
        recipe.write_text(json.dumps(recipe_with(operation, given)))
        keys = recipe_keys(recipe)
        assert keys
        assert recipe_keys(recipe) == keys

    def test_no_hash_seed_enters(self, recipe: Path) -> None:
        root = Path(mergec.__file__).parents[1]
        found = set()
        for seed in ("1", "2"):
            environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
            command = [sys.executable, "-c", SCRIPT, str(recipe)]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment, cwd=root
            )
            found.add(done.stdout)
        assert [json.loads(text) for text in found] == [recipe_keys(recipe)]
