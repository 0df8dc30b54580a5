"""Which tensors of a checkpoint are one quantised weight, and what is wrong with those that are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.sources.quantised.group import Group, Stored
from mergec.sources.quantised.recognise import recognise

if TYPE_CHECKING:
    from collections.abc import Mapping

Shapes = dict[str, tuple[DType, tuple[int, ...]]]
STATE = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [8, 32], "nested_blocksize": 256}


def stored(shapes: Shapes, config: Mapping[str, Any] | None = None, **values: list[float]) -> Stored:
    """A checkpoint of these headers; `values` are what small tensors hold, by the end of their names."""
    tensors: dict[str, StridedView] = {}
    offset = 0
    for name, (dtype, shape) in shapes.items():
        tensors[name] = StridedView.contiguous(0, offset, dtype, shape)
        offset += tensors[name].nbytes + 8
    at = {view.offset: name for name, view in tensors.items()}

    def read_values(view: StridedView) -> list[float]:
        found = [held for end, held in values.items() if at[view.offset].endswith(end)]
        if not found:
            raise ValueError("not a small tensor")
        return found[0]

    return Stored(tensors, config or {}, read_values)


def only(found: list[Group]) -> Group:
    (group,) = found
    return group


def four_bit(**changed: object) -> tuple[Shapes, list[float]]:
    text = json.dumps({**STATE, **changed}).encode()
    shapes: Shapes = {
        "l.weight": (DType.U8, (128, 1)),
        "l.weight.absmax": (DType.F32, (4,)),
        "l.weight.quant_map": (DType.F32, (16,)),
        "l.weight.quant_state.bitsandbytes__nf4": (DType.U8, (len(text),)),
    }
    return shapes, [float(byte) for byte in text]


class TestBitsandbytes:
    def test_4_bits(self) -> None:
        shapes, text = four_bit()
        group = only(recognise(stored(shapes, bitsandbytes__nf4=text)))
        assert (group.name, group.what, group.library) == ("l.weight", "bitsandbytes NF4", "bitsandbytes")
        assert set(group.members) == set(shapes)
        assert group.dense is not None
        assert (group.dense.shape, group.dense.dtype) == ((8, 32), DType.BF16)
        assert group.dense.scheme.roles == ("weight", "absmax", "quant_map")

    @pytest.mark.parametrize(
        ("changed", "problem"),
        [
            ({"shape": [8, 33]}, "size"),
            ({"shape": [8, -32]}, "shape"),
            ({"shape": None}, "cannot be read"),
            ({"dtype": "int8"}, "a int8"),
            ({"dtype": "what"}, "what"),
            ({"blocksize": 32}, "one scale for each 32"),
            ({"blocksize": "many"}, "blocks of many"),
            ({"blocksize": 0}, "blocks of 0"),
            ({"blocksize": 48}, "blocks of 48"),
            ({"blocksize": [64]}, "blocks of"),
        ],
    )
    def test_a_state_that_does_not_fit(self, changed: dict[str, object], problem: str) -> None:
        shapes, text = four_bit(**changed)
        group = only(recognise(stored(shapes, bitsandbytes__nf4=text)))
        assert group.dense is None
        assert problem in group.problem

    @pytest.mark.parametrize(
        ("changed", "problem"),
        [
            ({}, ""),
            ({"nested_blocksize": 32}, ""),
            ({"nested_blocksize": 3}, "each 3 scales"),
            ({"nested_dtype": "float16"}, "packed"),
            ({"nested_offset": None}, "packed"),
        ],
    )
    def test_nested_scales(self, changed: dict[str, object], problem: str) -> None:
        shapes, text = four_bit(**{"nested_dtype": "float32", "nested_offset": 0.1, **changed})
        shapes["l.weight.absmax"] = DType.U8, (4,)
        shapes["l.weight.nested_absmax"] = DType.F32, (1,)
        shapes["l.weight.nested_quant_map"] = DType.F32, (256,)
        group = only(recognise(stored(shapes, bitsandbytes__nf4=text)))
        assert (group.dense is None) == bool(problem)
        assert problem in group.problem

    @pytest.mark.parametrize("lacking", ["l.weight", "l.weight.absmax", "l.weight.quant_map"])
    def test_a_part_that_is_not_there(self, lacking: str) -> None:
        shapes, text = four_bit()
        del shapes[lacking]
        group = only(recognise(stored(shapes, bitsandbytes__nf4=text)))
        assert "not there" in group.problem

    @pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"{}", b"null"])
    def test_a_state_that_is_no_json(self, text: bytes) -> None:
        shapes, _ = four_bit()
        group = only(recognise(stored(shapes, bitsandbytes__nf4=[float(b) for b in text])))
        assert "cannot be read" in group.problem

    def test_a_state_that_is_too_large_to_be_one(self) -> None:
        shapes, _ = four_bit()
        assert "not a small tensor" in only(recognise(stored(shapes))).problem

    def int8(self, **changed: tuple[DType, tuple[int, ...]]) -> Shapes:
        shapes: Shapes = {
            "l.weight": (DType.I8, (6, 4)),
            "l.SCB": (DType.F32, (6,)),
            "l.weight_format": (DType.U8, ()),
        }
        return shapes | {f"l.{name}": value for name, value in changed.items()}

    def test_int8(self) -> None:
        group = only(recognise(stored(self.int8(), weight_format=[0.0])))
        assert group.what == "bitsandbytes int8"
        assert group.members == ("l.weight", "l.SCB", "l.weight_format")
        assert group.dense is not None
        assert group.dense.shape == (6, 4)

    def test_int8_that_is_not_stored_by_row(self) -> None:
        assert "interleaved" in only(recognise(stored(self.int8(), weight_format=[2.0]))).problem

    @pytest.mark.parametrize(
        "changed",
        [
            {"SCB": (DType.F32, (4,))},
            {"SCB": (DType.F16, (6,))},
            {"weight": (DType.BF16, (6, 4))},
            {"weight": (DType.I8, (24,))},
        ],
    )
    def test_int8_that_does_not_fit(self, changed: Any) -> None:
        assert only(recognise(stored(self.int8(**changed), weight_format=[0.0]))).dense is None


def compressed(form: str = "pack-quantized", *groups: object, **more: object) -> dict[str, Any]:
    weights = {"type": "int", "num_bits": 4, "strategy": "group", "group_size": 32, "observer": "minmax"}
    named = groups or ({"targets": ["Linear"], "weights": weights, "input_activations": None},)
    config = {"quant_method": "compressed-tensors", "format": form}
    config["config_groups"] = {f"group_{i}": group for i, group in enumerate(named)}  # type: ignore[assignment]
    return {"quantization_config": {**config, **more}}


class TestCompressedTensors:
    SHAPES: ClassVar[Shapes] = {
        "l.weight_packed": (DType.I32, (6, 8)),
        "l.weight_scale": (DType.BF16, (6, 2)),
        "l.weight_shape": (DType.I64, (2,)),
        "l.input_scale": (DType.F32, (1,)),
    }

    def found(self, config: dict[str, Any], shapes: Shapes | None = None, sizes: Any = (6, 64)) -> Group:
        return only(recognise(stored(shapes or self.SHAPES, config, weight_shape=list(sizes))))

    def test_packed_codes(self) -> None:
        group = self.found(compressed())
        assert (group.name, group.what) == ("l.weight", "compressed-tensors pack-quantized")
        assert set(group.members) == set(self.SHAPES)
        assert group.dense is not None
        assert (group.dense.shape, group.dense.dtype) == ((6, 64), DType.BF16)
        weights = json.loads(str(dict(group.dense.scheme.parameters)["weights"]))
        assert weights == {"type": "int", "num_bits": 4, "strategy": "group", "group_size": 32}

    def test_groups_by_name_come_before_those_by_class(self) -> None:
        meant = {"type": "int", "num_bits": 4, "group_size": 32}
        other = {"type": "int", "num_bits": 2, "group_size": 32}
        by_class = {"targets": ["Linear"], "weights": other}
        for targets in (["l"], ["re:^l$"], ["re:.*l"]):
            group = self.found(compressed("pack-quantized", by_class, {"targets": targets, "weights": meant}))
            assert group.dense is not None
            assert '"num_bits": 4' in str(group.dense.scheme.parameters)

    def test_a_group_may_have_a_format_of_its_own(self) -> None:
        weights = {"num_bits": 4, "group_size": 32}
        one = {"targets": ["Linear"], "weights": weights, "format": "pack-quantized"}
        assert self.found(compressed("mixed-precision", one)).dense is not None

    @pytest.mark.parametrize(
        ("config", "problem"),
        [
            ({}, "no config.json"),
            (compressed("marlin-24"), "does not know the format"),
            (compressed("mixed-precision"), "does not say"),
            (compressed("pack-quantized", {"targets": ["Linear"]}), "does not say"),
            (compressed("pack-quantized", {"targets": ["other"], "weights": {}}), "none of the groups"),
            (compressed("pack-quantized", *[{"targets": ["Linear"], "weights": {}}] * 2), "2 of the groups"),
            (compressed("pack-quantized", {"targets": None, "weights": {}}), "none of the groups"),
            (compressed(transform_config={"config_groups": {}}), "rotated"),
            (compressed(sparsity_config={"format": "sparse-24-bitmask"}), "sparsely"),
            (compressed(config_groups=[]), "none of the groups"),
            (
                compressed("pack-quantized", {"targets": ["Linear"], "weights": {"num_bits": 99}}),
                "num_bits `99`",
            ),
            (compressed("pack-quantized", {"targets": ["Linear"], "weights": {"type": "odd"}}), "type `odd`"),
            (compressed("pack-quantized", {"targets": ["Linear"], "weights": {"type": []}}), "type `[]`"),
            (
                compressed("pack-quantized", {"targets": ["Linear"], "weights": {"num_bits": 4.0}}),
                "num_bits `4.0`",
            ),
            (compressed("pack-quantized", {"targets": ["re:(?=l)"], "weights": {}}), "the pattern"),
            (compressed("float-quantized"), "`weight` is not there"),
        ],
    )
    def test_what_config_json_does_not_tell(self, config: dict[str, Any], problem: str) -> None:
        group = self.found(config)
        assert group.dense is None
        assert problem in group.problem

    @pytest.mark.parametrize("sizes", [(6,), (5, 64), (6, 64, 1), (6, 1000), (6, 65), (6, 56), (6, -1)])
    def test_a_shape_that_does_not_fit(self, sizes: tuple[int, ...]) -> None:
        assert "does not fit" in self.found(compressed(), sizes=sizes).problem

    @pytest.mark.parametrize(
        "weights",
        [
            {"strategy": "group", "group_size": 64},
            {"strategy": "group"},
            {"strategy": "channel"},
            {"strategy": "tensor"},
            {"strategy": "block", "block_structure": [3, 32]},
            {"group_size": 16},
            {"group_size": 32, "symmetric": False},
        ],
    )
    def test_scales_that_do_not_fit(self, weights: dict[str, Any]) -> None:
        one = {"targets": ["Linear"], "weights": {"num_bits": 4, **weights}}
        group = self.found(compressed("pack-quantized", one))
        assert group.dense is None
        assert "scales do not fit" in group.problem or "is not there" in group.problem

    def test_columns_in_another_order(self) -> None:
        shapes = {**self.SHAPES, "l.weight_g_idx": (DType.I32, (64,))}
        assert "actorder" in self.found(compressed(), shapes).problem

    def test_a_dense_weight_with_a_scale_is_dense(self) -> None:
        shapes: Shapes = {"l.weight": (DType.BF16, (6, 4)), "l.weight_scale": (DType.BF16, (6, 1))}
        assert recognise(stored(shapes, compressed("int-quantized"))) == []


class TestForeign:
    def test_gptq_and_awq(self) -> None:
        shapes: Shapes = {"l.qweight": (DType.I32, (1, 8)), "l.scales": (DType.F16, (1, 8))}
        assert only(recognise(stored(shapes))).what == "AWQ"
        shapes["l.g_idx"] = DType.I32, (8,)
        group = only(recognise(stored(shapes)))
        assert (group.name, group.what, group.dense) == ("l.weight", "GPTQ", None)
        config = {"quantization_config": {"quant_method": "awq"}}
        assert only(recognise(stored(shapes, config))).what == "AWQ"


@pytest.mark.parametrize(
    "name",
    ["logit_scale", "l.weight_scale", "blocks_scale", "l.weight_scale_inv", "x_blocks", "l.scale_weight"],
)
def test_names_that_only_look_like_parts(name: str) -> None:
    shapes: Shapes = {name: (DType.F32, (1,)), "l.weight": (DType.BF16, (4, 4))}
    assert recognise(stored(shapes)) == []


def test_groups_come_in_the_order_of_the_checkpoint() -> None:
    shapes: Shapes = {}
    for module in ("b", "a", "c"):
        shapes[f"{module}.weight"] = DType.F8_E4M3, (4, 4)
    for module in ("c", "b", "a"):
        shapes[f"{module}.weight_scale"] = DType.F32, ()
    assert [group.name for group in recognise(stored(shapes))] == ["b.weight", "a.weight", "c.weight"]
