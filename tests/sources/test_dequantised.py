"""`dequantize: true` from headers to output: names, dtypes, config, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.conftest import Raw, bf16, read_checkpoint, round_to_bf16

if TYPE_CHECKING:
    from tests.conftest import Array, Workbench

COPY = {"op": "select", "model": "a"}
HALVES = {"op": "linear", "inputs": {"a": 0.5, "b": 0.5}}
# Every float8_e4m3fn below infinity's place: sign, 4 bits of exponent with bias 7, 3 of mantissa.
_EXPONENTS, _MANTISSAS = np.divmod(np.arange(127), 8)
_POSITIVE = np.where(_EXPONENTS == 0, _MANTISSAS * 2.0**-9, (8 + _MANTISSAS) * 2.0 ** (_EXPONENTS - 10.0))
E4M3 = np.concatenate([_POSITIVE, [np.nan], -_POSITIVE, [np.nan]]).astype(np.float32)


def eight_bit(seed: int, rows: int = 200, columns: int = 150) -> tuple[dict[str, Array | Raw], Array]:
    """A block-scaled matrix in a layer, as DeepSeek stores it, and its dense values in float32."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 127, (rows, columns), np.uint8) | generator.integers(
        0, 2, (rows, columns), np.uint8
    ) * np.uint8(128)
    codes = np.where(np.isnan(E4M3[codes]), np.uint8(0), codes)
    scales = generator.random((-(-rows // 128), -(-columns // 128)), np.float32)
    dense = E4M3[codes] * np.repeat(np.repeat(scales, 128, 0)[:rows], 128, 1)[:, :columns]
    tensors: dict[str, Array | Raw] = {
        "up.weight": Raw("F8_E4M3", codes),
        "up.weight_scale_inv": scales,
        "up.input_scale": np.ones(1, np.float32),
        "attn.k_scale": np.ones(1, np.float32),
        "norm.weight": bf16(np.ones(4, np.float32)),
    }
    return tensors, dense


@pytest.fixture(params=[1 << 22, 1], ids=["whole", "in-parts"], autouse=True)
def _parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights read at once, and in the smallest parts that there can be."""
    monkeypatch.setattr("mergec.lower.source_layouts._PART_ELEMENTS", request.param)


class TestEightBitFloats:
    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        stored, self.a = eight_bit(1)
        bench.source("a", stored, dequantize=True)
        stored, self.b = eight_bit(2)
        bench.source("b", stored, dequantize=True)

    def test_the_output_is_dense(self, bench: Workbench) -> None:
        made = bench.build(COPY)
        assert set(made) == {"up.weight", "norm.weight"}
        assert made["up.weight"].code == "BF16"
        np.testing.assert_array_equal(made["up.weight"].values, round_to_bf16(self.a))
        np.testing.assert_array_equal(bench.build(COPY, dtype="float32")["up.weight"].values, self.a)

    def test_dense_weights_are_merged_in_float32(self, bench: Workbench) -> None:
        expected = np.float32(0.5) * self.a + np.float32(0.5) * self.b
        made = bench.build(HALVES, dtype="float32")["up.weight"].values
        np.testing.assert_array_equal(made, expected)
        made = bench.build(HALVES)["up.weight"].values
        np.testing.assert_array_equal(made, round_to_bf16(expected))

    def test_one_may_be_quantised_and_the_other_not(self, bench: Workbench) -> None:
        bench.source("b", {"up.weight": bf16(self.b), "norm.weight": bf16(np.ones(4, np.float32))})
        made = bench.build({"op": "linear", "inputs": {"b": 0.25, "a": 0.75}}, dtype="float32")
        expected = np.float32(0.25) * round_to_bf16(self.b) + np.float32(0.75) * self.a
        np.testing.assert_array_equal(made["up.weight"].values, expected)

    def test_rules_see_the_names_of_dense_weights(self, bench: Workbench) -> None:
        rules: list[Any] = [
            {"from": "up.weight", "to": ["q", "k"], "split": {"dim": 1, "sizes": [100, 50]}},
            {"from": "k", "to": "k", "transpose": [1, 0]},
        ]
        bench.source("a", eight_bit(1)[0], dequantize=True, rename=rules, drop=["norm.*"])
        made = bench.build(COPY, dtype="float32")
        np.testing.assert_array_equal(made["q"].values, self.a[:, :100])
        np.testing.assert_array_equal(made["k"].values, self.a[:, 100:].T)

    def test_experts_are_stacked(self, bench: Workbench) -> None:
        stored: dict[str, Array | Raw] = {}
        dense = []
        for number in range(3):
            tensors, values = eight_bit(number, 130, 20)
            stored |= {f"experts.{number}.{n}": t for n, t in tensors.items() if n.startswith("up.weight")}
            dense.append(values)
        rule = {"from": "experts.{e:int}.up.weight", "to": "experts.up", "stack": {"over": "e"}}
        bench.source("a", stored, dequantize=True, rename=[rule])
        made = bench.build(COPY, dtype="float32")
        np.testing.assert_array_equal(made["experts.up"].values, np.stack(dense))

    def test_the_plan_says_who_did_it(self, bench: Workbench) -> None:
        (remark,) = bench.recipe(COPY).check().checked.remarks
        assert remark.what == "float8_e4m3fn with scales, dequantised by mergec"
        assert remark.names == ("up.weight",)

    @pytest.mark.parametrize("workers", [1, 3])
    @pytest.mark.parametrize("memory", ["64MiB", "1GiB"])
    def test_bytes_depend_on_nothing_else(self, bench: Workbench, workers: int, memory: str) -> None:
        expected = bench.build(HALVES)
        made = bench.recipe(HALVES).build(workers=workers, memory=memory, force=True)
        assert read_checkpoint(made.path) == expected


class TestScales:
    """Shapes that scales are found in, and those that fit nothing."""

    @pytest.mark.parametrize(
        ("shape", "name"),
        [((), "weight_scale"), ((1,), "weight_scale"), ((6,), "weight_scale"), ((6, 1), "weight_scale"),
         ((1, 1), "weight_scale_inv"), ((6, 4), "weight_scale_inv"), ((3, 2), "weight_scale"),
         ((), "scale_weight")],
    )  # fmt: skip
    def test_fitting(self, bench: Workbench, shape: tuple[int, ...], name: str) -> None:
        codes = np.arange(24, dtype=np.uint8).reshape(6, 4)
        scales = (1 + np.arange(np.prod(shape, dtype=int)).reshape(shape) / 4).astype(np.float32)
        grid = scales.reshape(-1, scales.shape[1] if scales.ndim > 1 else 1)
        whole = np.kron(grid, np.ones((6 // grid.shape[0], 4 // grid.shape[1]), np.float32))
        bench.source("a", {"l.weight": Raw("F8_E4M3", codes), f"l.{name}": scales}, dequantize=True)
        made = bench.build(COPY, dtype="float32")
        assert set(made) == {"l.weight"}
        np.testing.assert_array_equal(made["l.weight"].values, E4M3[codes] * whole)

    @pytest.mark.parametrize("shape", [(2,), (4,), (5, 1), (1, 3), (6, 4, 1), (0, 0)])
    def test_not_fitting(self, bench: Workbench, shape: tuple[int, ...]) -> None:
        codes = np.zeros((6, 4), np.uint8)
        scales = np.ones(shape, np.float32)
        bench.source("a", {"l.weight": Raw("F8_E4M3", codes), "l.weight_scale": scales}, dequantize=True)
        assert bench.codes(COPY) == ["MC0228"]

    def test_the_config_may_name_the_blocks(self, bench: Workbench) -> None:
        codes = np.arange(35, dtype=np.uint8).reshape(5, 7)
        scales = np.array([[1, 2], [4, 8], [16, 32]], np.float32)
        tensors: dict[str, Array | Raw] = {"l.weight": Raw("F8_E4M3", codes), "l.weight_scale_inv": scales}
        config = {"quantization_config": {"quant_method": "fp8", "weight_block_size": [2, 4]}}
        bench.folder_source("a", tensors, config__json=json.dumps(config))
        bench.sources["a"] = {"path": "a", "dequantize": True}
        whole = np.repeat(np.repeat(scales, 2, 0)[:5], 4, 1)[:, :7]
        np.testing.assert_array_equal(
            bench.build(COPY, dtype="float32")["l.weight"].values, E4M3[codes] * whole
        )


class TestWithoutScales:
    CODES = Raw("F8_E4M3", np.arange(16, dtype=np.uint8).reshape(4, 4))

    def test_they_are_what_they_say(self, bench: Workbench) -> None:
        bench.source("a", {"l.weight": self.CODES}, dequantize=True)
        np.testing.assert_array_equal(bench.build(COPY)["l.weight"].values, E4M3[:16].reshape(4, 4))

    def test_unless_something_there_may_be_their_scale(self, bench: Workbench) -> None:
        bench.source(
            "a", {"l.weight": self.CODES, "l.weight_scale_2": np.ones(1, np.float32)}, dequantize=True
        )
        assert bench.codes(COPY) == ["MC0228"]

    def test_or_the_config_promises_one(self, bench: Workbench) -> None:
        config = '{"quantization_config": {"quant_method": "modelopt"}}'
        bench.folder_source("a", {"l.weight": self.CODES}, config__json=config)
        bench.sources["a"] = {"path": "a", "dequantize": True}
        assert bench.codes(COPY) == ["MC0228"]


class TestConfig:
    def test_it_forgets_the_quantisation_and_keeps_the_dtype(self, bench: Workbench) -> None:
        stored, dense = eight_bit(3)
        quantisation = {"quant_method": "fp8", "weight_block_size": [128, 128]}
        config = {"torch_dtype": "float16", "hidden_size": 4, "quantization_config": quantisation}
        folder = bench.folder_source("a", stored, config__json=json.dumps(config))
        bench.sources["a"] = {"path": "a", "dequantize": True}
        with np.errstate(over="ignore"):
            expected = dense.astype(np.float16)
        made = bench.build(COPY)
        assert made["up.weight"].code == "F16"
        np.testing.assert_array_equal(made["up.weight"].values, expected)
        written = json.loads((bench.out / "config.json").read_text())
        assert written == {"torch_dtype": "float16", "hidden_size": 4}
        assert json.loads((folder / "config.json").read_text()) == config

    def test_that_of_a_language_model_inside_too(self, bench: Workbench) -> None:
        stored, _ = eight_bit(3)
        inner = {"vocab_size": 8, "quantization_config": {"weight_block_size": [128, 128]}}
        bench.folder_source("a", stored, config__json=json.dumps({"text_config": inner}))
        bench.sources["a"] = {"path": "a", "dequantize": True}
        bench.build(COPY)
        written = json.loads((bench.out / "config.json").read_text())
        assert written["text_config"] == {"vocab_size": 8}

    def test_without_dequantize_it_stays(self, bench: Workbench) -> None:
        stored, _ = eight_bit(3)
        config = {"quantization_config": {"quant_method": "fp8"}}
        bench.folder_source("a", stored, config__json=json.dumps(config))
        bench.build(COPY)
        written = json.loads((bench.out / "config.json").read_text())
        assert written["quantization_config"] == {"quant_method": "fp8"}


class TestPacked:
    """Without `dequantize: true` packed tensors may be moved, and nothing else."""

    def stored(self) -> dict[str, Array | Raw]:
        return eight_bit(4)[0]

    def test_they_are_copied_byte_for_byte(self, bench: Workbench) -> None:
        path = bench.source("a", self.stored())
        assert bench.build(COPY) == read_checkpoint(path)

    @pytest.mark.parametrize(
        "model",
        [
            HALVES,
            {**HALVES, "base": "a"},
            {
                "d": {"op": "delta", "of": "b", "base": "a"},
                "m": {"op": "apply", "base": "a", "deltas": {"d": 1}},
            },
            "0.5 * a + 0.5 * b",
            {"op": "cast", "model": "a", "dtype": "float16"},
            {"op": "interpolate", "from": "a", "to": "b", "t": {"norm.*": 0.5, "**": 0.1}},
        ],
    )
    def test_they_are_not_computed_with(self, bench: Workbench, model: Any) -> None:
        bench.source("a", self.stored())
        bench.source("b", self.stored() | {"up.weight_scale_inv": np.ones((2, 2), np.float32)})
        assert set(bench.codes(model)) == {"MC0226"}

    def test_nor_rounded(self, bench: Workbench) -> None:
        bench.source("a", self.stored())
        assert bench.codes(COPY, dtype="bfloat16") == ["MC0226"]
        assert set(bench.build(COPY, dtype={"norm.*": "float16", "**": "float32"})) == set(self.stored())

    def test_a_merge_that_leaves_them_out_is_fine(self, bench: Workbench) -> None:
        for name in "ab":
            bench.source(name, self.stored())
        assert set(bench.build({**HALVES, "where": ["norm.*"]})) == set(self.stored())

    @pytest.mark.parametrize("base", [{}, {"base": "a"}])
    def test_integer_codes_are_not_taken_from_the_base(self, bench: Workbench, base: dict[str, str]) -> None:
        for number, name in enumerate("ab"):
            blocks = np.full((2, 4, 16), number, np.uint8)
            scales = np.full((2, 4), 120 + number, np.uint8)
            bench.source(name, {"experts.up_blocks": blocks, "experts.up_scales": scales})
        assert set(bench.codes({**HALVES, **base})) == {"MC0226"}

    def test_the_same_file_may_be_read_both_ways(self, bench: Workbench) -> None:
        path = bench.source("a", self.stored(), dequantize=True)
        bench.sources["packed"] = {"path": path.name}
        rename = [{"from": "{r:**}", "to": "packed.{r}"}]
        model = {"op": "graft", "into": "a", "from": "packed", "take": ["up.**"], "rename": rename}
        made = bench.build(model)
        assert made["packed.up.weight"].code == "F8_E4M3"
        assert made["up.weight"].code == "BF16"


def test_a_delta_may_be_quantised(bench: Workbench) -> None:
    stored, dense = eight_bit(5)
    base = {"up.weight": np.ones_like(dense), "norm.weight": np.ones(4, np.float32)}
    bench.source("base", base)
    bench.source("a", stored, dequantize=True, kind="delta")
    made = bench.build({"op": "apply", "base": "base", "deltas": {"a": 0.5}})
    np.testing.assert_array_equal(made["up.weight"].values, base["up.weight"] + dense * np.float32(0.5))


def test_a_dense_source_is_told_that_nothing_was_done(bench: Workbench) -> None:
    bench.source("a", {"w": np.ones(3, np.float32)}, dequantize=True)
    recipe = bench.recipe(COPY)
    recipe.check()
    assert [warning.code for warning in recipe.warnings] == ["MC0229"]


def test_torch_is_not_needed_to_recognise_them(bench: Workbench) -> None:
    bench.source("a", eight_bit(1)[0], dequantize=True)
    recipe = bench.recipe(COPY)
    code = "import sys, mergec; mergec.load(sys.argv[1]).check(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, str(recipe.path)], check=False).returncode == 0
