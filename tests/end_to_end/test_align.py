"""Alignment from recipe to bytes: planted permutations found again, and what may stand around it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from tests.conftest import bf16, read_checkpoint, tree, write_checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.conftest import Workbench

    Array = NDArray[Any]

ROOT = Path(__file__).resolve().parents[2]
ALIGN = {"op": "align", "model": "b", "to": "a", "symmetry": "mlp"}
WIDTHS = [12, 64, 48, 7]


def network(seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    made: dict[str, Array] = {}
    for layer, (narrow, wide) in enumerate(itertools.pairwise(WIDTHS)):
        made[f"{2 * layer}.weight"] = rng.standard_normal((wide, narrow), np.float32)
        made[f"{2 * layer}.bias"] = rng.standard_normal(wide, np.float32)
    return made


def shuffled(model: dict[str, Array], seed: int) -> dict[str, Array]:
    """The same function with its hidden units in another order: an oracle that knows of no table."""
    rng = np.random.default_rng(seed)
    first, second = rng.permutation(WIDTHS[1]), rng.permutation(WIDTHS[2])
    return {
        "0.weight": model["0.weight"][first],
        "0.bias": model["0.bias"][first],
        "2.weight": model["2.weight"][second][:, first],
        "2.bias": model["2.bias"][second],
        "4.weight": model["4.weight"][:, second],
        "4.bias": model["4.bias"],
    }


def arrays(path: Path) -> dict[str, Array]:
    return {name: tensor.values for name, tensor in read_checkpoint(path).items()}


def equal(found: dict[str, Array], wanted: dict[str, Array]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, name)


def build(bench: Workbench, models: dict[str, object], **options: Any) -> dict[str, Array]:
    return arrays(bench.recipe(models).build(force=True, **options).path)


class TestPlanted:
    @pytest.mark.parametrize("seed", range(5))
    def test_the_average_is_bitwise_the_anchor(self, bench: Workbench, seed: int) -> None:
        a = network(seed)
        bench.source("a", a)
        bench.source("b", shuffled(a, seed + 100))
        equal(build(bench, {"aligned": ALIGN, "out": "0.5 * a + 0.5 * aligned"}), a)

    def test_under_other_names_and_of_another_dtype(self, bench: Workbench) -> None:
        a = network(1)
        bench.source("a", {name: bf16(value) for name, value in a.items()})
        renamed = {f"module.net.{name}": value for name, value in shuffled(a, 2).items()}
        bench.source("b", renamed, rename=["module.net.{rest:**} -> {rest}"])
        equal(build(bench, {"aligned": ALIGN}), a)

    def test_with_noise_beside_it(self, bench: Workbench) -> None:
        a = network(1)
        rng = np.random.default_rng(0)
        noisy = {
            name: value + 0.3 * rng.standard_normal(value.shape, np.float32) for name, value in a.items()
        }
        bench.source("a", a)
        bench.source("b", shuffled(noisy, 2))
        equal(build(bench, {"aligned": ALIGN}), noisy)

    def test_frozen_groups_stay(self, bench: Workbench) -> None:
        a = network(1)
        b = shuffled(a, 2)
        bench.source("a", a)
        bench.source("b", b)
        found = build(bench, {"aligned": {**ALIGN, "freeze": ["0/units"]}})
        np.testing.assert_array_equal(found["0.weight"], b["0.weight"])
        assert not np.array_equal(found["4.weight"], b["4.weight"])

    def test_what_is_left_out_does_not_count(self, bench: Workbench) -> None:
        """Half of the inputs are noise that would drown the rest."""
        a = network(1)
        b = shuffled(a, 2)
        rng = np.random.default_rng(0)
        for model in (a, b):
            model["0.weight"][:, 6:] = 50 * rng.standard_normal((WIDTHS[1], 6))
            model["0.bias"][:] = 0
        for name in ("2.weight", "2.bias", "4.weight"):
            b[name] = b[name] + 0.5 * rng.standard_normal(b[name].shape, np.float32)
        bench.source("a", a)
        bench.source("b", b)
        masked = {**ALIGN, "leave_out": {"0.weight": {"axis": 1, "at": ["6:12"]}}}
        found = build(bench, {"aligned": masked})
        np.testing.assert_array_equal(found["0.weight"][:, :6], a["0.weight"][:, :6])
        lost = build(bench, {"aligned": ALIGN})
        assert not np.array_equal(lost["0.weight"][:, :6], a["0.weight"][:, :6])

    def test_tensors_of_weight_0_do_not_count_and_are_permuted(self, bench: Workbench) -> None:
        a = network(1)
        b = shuffled(a, 2)
        clean = b["4.weight"]
        b["4.weight"] = 1000 * np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
        bench.source("a", a)
        bench.source("b", b)
        found = build(bench, {"aligned": {**ALIGN, "weights": {"4.weight": 0}}})
        np.testing.assert_array_equal(found["2.weight"], a["2.weight"])
        assert not np.array_equal(found["4.weight"], b["4.weight"])


class TestAround:
    def test_a_task_vector_is_permuted_as_its_base(self, bench: Workbench) -> None:
        a, task = network(1), network(9)
        b = shuffled(a, 2)
        bench.source("a", a)
        bench.source("b", b)
        bench.source("tuned", {name: b[name] + value for name, value in shuffled(task, 2).items()})
        moved = {**ALIGN, "model": "task", "using": "b"}
        found = build(bench, {"task": "tuned - b", "moved": moved, "out": "a + 0.5 * moved"})
        for name, value in a.items():
            np.testing.assert_allclose(found[name], value + 0.5 * task[name], rtol=1e-5, atol=1e-5)

    def test_a_fold_before_is_a_fold_after_of_the_permuted_factors(self, bench: Workbench) -> None:
        a = network(1)
        b = shuffled(a, 2)
        rng = np.random.default_rng(3)
        out, into = (
            rng.standard_normal((WIDTHS[2], 4), np.float32),
            rng.standard_normal((4, WIDTHS[1]), np.float32),
        )
        order = np.random.default_rng(2)
        first, second = order.permutation(WIDTHS[1]), order.permutation(WIDTHS[2])
        adapter(bench, "for_b", out[second], into[:, first])
        adapter(bench, "for_a", out, into)
        bench.source("a", a)
        bench.source("b", b)
        before = {
            "folded": {"op": "lora", "base": "b", "adapters": {"for_b": 1.0}},
            "aligned": {**ALIGN, "model": "folded", "using": "b"},
        }
        after = {"aligned": ALIGN, "folded": {"op": "lora", "base": "aligned", "adapters": {"for_a": 1.0}}}
        equal(build(bench, before), build(bench, after))

    def test_names_that_share_a_tensor_stay_equal(self, bench: Workbench) -> None:
        rng = np.random.default_rng(0)
        embedding = rng.standard_normal((30, 16), np.float32)
        inner = {"in.weight": rng.standard_normal((16, 16), np.float32)}
        table = {
            "shared": ["res"],
            "tensors": {
                "embed.weight": "_ res",
                "head.weight": "_ res",
                "in.weight": "_ res",
                "out.weight": "res _",
            },
        }
        model = {
            "embed.weight": embedding,
            "head.weight": embedding,
            **inner,
            "out.weight": inner["in.weight"].T.copy(),
        }
        order = rng.permutation(16)
        moved = {
            name: value[order] if name == "out.weight" else value[:, order] for name, value in model.items()
        }
        bench.source("a", model)
        bench.source("b", moved)
        found = build(bench, {"aligned": {**ALIGN, "symmetry": table}})
        equal(found, model)

    def test_statistics_move_and_counters_do_not(self, bench: Workbench) -> None:
        rng = np.random.default_rng(0)
        a: dict[str, Array] = {
            "0.weight": rng.standard_normal((32, 5), np.float32),
            "1.weight": rng.standard_normal(32, np.float32),
            "1.bias": rng.standard_normal(32, np.float32),
            "1.running_mean": rng.standard_normal(32, np.float32),
            "1.running_var": rng.random(32, np.float32),
            "1.num_batches_tracked": np.array(7),
            "3.weight": rng.standard_normal((3, 32), np.float32),
        }
        order = rng.permutation(32)
        b = {name: value[order] if value.shape[:1] == (32,) else value for name, value in a.items()}
        b["3.weight"] = a["3.weight"][:, order]
        bench.source("a", a)
        bench.source("b", b)
        made = bench.recipe({"aligned": ALIGN}).build(force=True)
        assert [warning.code for warning in made.warnings] == ["MC0368"]
        equal(arrays(made.path), a)

    def test_to_a_model_that_is_computed(self, bench: Workbench) -> None:
        a = network(1)
        bench.source("a", a)
        bench.source("b", shuffled(a, 2))
        bench.source("c", shuffled(a, 3))
        models: dict[str, object] = {
            "ab": ALIGN,
            "mean": "0.5 * a + 0.5 * ab",
            "abc": {**ALIGN, "model": "c", "to": "mean"},
            "out": "0.5 * mean + 0.5 * abc",
        }
        equal(build(bench, models), a)

    def test_several_together(self, bench: Workbench) -> None:
        a = network(1)
        bench.source("a", a)
        for number, name in enumerate("bcd"):
            bench.source(name, shuffled(a, number + 2))
        each = {
            f"{name}_aligned": {**ALIGN, "model": name, "together": ["d", "b", "c"], "refine": True}
            for name in "bcd"
        }
        mean = "0.25 * a + 0.25 * b_aligned + 0.25 * c_aligned + 0.25 * d_aligned"
        recipe = bench.recipe({**each, "out": mean})
        assert len(recipe.plan().matches) == 1, "equal lists share one match"
        made = recipe.build(force=True)
        equal(arrays(made.path), a)
        assert [use.made for use in made.plan.matches[0].uses] == ["b_aligned", "c_aligned", "d_aligned"]


def adapter(bench: Workbench, name: str, out: Array, into: Array) -> None:
    factors = {"base_model.model.2.lora_A.weight": into, "base_model.model.2.lora_B.weight": out}
    write_checkpoint(bench.folder / name / "adapter_model.safetensors", factors)
    config = {"peft_type": "LORA", "r": len(into), "lora_alpha": len(into), "target_modules": ["2"]}
    (bench.folder / name / "adapter_config.json").write_text(json.dumps(config))
    bench.sources[name] = {"path": name}


class TestFiles:
    def test_what_is_saved_gives_the_same_bytes_without_a_match(self, bench: Workbench) -> None:
        bench.source("a", network(1))
        bench.source("b", network(2))
        found = build(bench, {"aligned": {**ALIGN, "save_permutations": "p.safetensors"}})
        recipe = bench.recipe({"aligned": {**ALIGN, "permutations": "p.safetensors"}})
        plan = recipe.plan()
        assert not plan.matches
        assert {tensor.reproducibility.value for tensor in plan.layout.tensors} == {"R0"}
        equal(arrays(recipe.build(force=True).path), found)

    def test_a_folder_that_is_not_there_fails_before_anything_is_published(self, bench: Workbench) -> None:
        bench.source("a", network(1))
        bench.source("b", network(2))
        recipe = bench.recipe({"aligned": {**ALIGN, "save_permutations": "nowhere/p.safetensors"}})
        with pytest.raises(mergec.MergecError) as caught:
            recipe.build()
        assert [one.code for one in caught.value.errors] == ["MC0806"]
        assert not bench.out.exists()


class TestDeterminism:
    @pytest.fixture
    def models(self, bench: Workbench) -> dict[str, object]:
        """Two networks with nothing in common: every choice is a close one."""
        bench.source("a", network(1))
        bench.source("b", network(2))
        return {"aligned": ALIGN, "out": "0.5 * a + 0.5 * aligned"}

    def test_of_workers_memory_and_shards(
        self, bench: Workbench, models: dict[str, object], tmp_path: Path
    ) -> None:
        found = []
        for number, (workers, memory) in enumerate([(1, "1GiB"), (2, "1GiB"), (4, "96MiB"), (3, "4GiB")]):
            out = tmp_path / str(number)
            bench.recipe(models).build(out=out, workers=workers, memory=memory)
            found.append(tree(out))
        assert all(one == found[0] for one in found)
        sharded = bench.recipe(models, max_shard_size="8KB").build(out=tmp_path / "shards")
        equal(arrays(sharded.path), arrays(tmp_path / "0"))

    def test_of_the_order_of_tensors_in_the_files(self, bench: Workbench, models: dict[str, object]) -> None:
        first = build(bench, models)
        for name, seed in (("a", 1), ("b", 2)):
            bench.source(name, dict(sorted(network(seed).items(), reverse=True)))
        equal(build(bench, models), first)

    def test_of_the_hash_seed(self, bench: Workbench, models: dict[str, object], tmp_path: Path) -> None:
        recipe = bench.recipe(models)
        script = "import sys, mergec; mergec.load(sys.argv[1]).build(out=sys.argv[2], workers=2)"
        for seed in "01":
            environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", script, str(recipe.path), str(tmp_path / seed)]
            subprocess.run(command, check=True, env=environment)
        assert tree(tmp_path / "0") == tree(tmp_path / "1")


SCRIPT = """
import sys
import mergec
mergec.load(sys.argv[1]).build()
print(sorted({"torch", "scipy"} & set(sys.modules)))
"""


def test_small_networks_are_aligned_without_torch(bench: Workbench) -> None:
    a = network(0)
    bench.source("a", {name: bf16(value) for name, value in a.items()})
    bench.source("b", shuffled(a, 1))
    bench.recipe({"aligned": ALIGN, "out": "0.5 * a + 0.5 * aligned"})
    argv = [sys.executable, "-c", SCRIPT, str(bench.folder / "recipe.yaml")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("many", [0, 1 << 60], ids=["torch", "NumPy"])
def test_either_library_gives_the_same_bytes_with_any_workers(
    bench: Workbench, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = network(0)
    bench.source("a", a)
    moved = shuffled(a, 1)
    bench.source("b", moved)
    monkeypatch.setattr("mergec.symmetries.matching.times.MANY", many)
    for workers in (1, 3):
        equal(build(bench, {"aligned": ALIGN}, workers=workers, fresh=True), a)
