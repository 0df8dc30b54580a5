from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.adapters.errors import AdapterMisfit, BadScale, NotFoldable
from mergec.adapters.images.diffusers import Diffusers
from mergec.adapters.recognise import dialect_of
from tests.adapters.evaluate import Bench, folded_by
from tests.adapters.images.kohya_files import drawn, scalar

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic
    from tests.adapters.images.kohya_files import Array

PATH = "mid_block.attentions.0.proj_in"
UP, DOWN = drawn(6, 2), drawn(2, 5)
PAIR = {f"unet.{PATH}.lora_A.weight": DOWN, f"unet.{PATH}.lora_B.weight": UP}
BASE = {f"{PATH}.weight": drawn(6, 5, seed=1), f"{PATH}.bias": drawn(6)}


def fold(stored: dict[str, Array], header: object = None) -> dict[str, Array]:
    metadata = {} if header is None else {"lora_adapter_metadata": json.dumps(header)}
    return folded_by(Diffusers(), BASE, stored, metadata=metadata)


def problem_of(stored: dict[str, Array], header: str) -> Diagnostic:
    bench = Bench()
    adapter = bench.adapter(stored, bench.facts(metadata={"lora_adapter_metadata": header}))
    (problem,) = Diffusers().read(adapter, bench.tensors(BASE)).problems
    return problem


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        (None, 1.0),
        ({}, 1.0),
        ({"text_encoder.lora_alpha": 8, "text_encoder.r": 2}, 1.0),
        ({"unet.lora_alpha": 8, "unet.r": 2}, 4.0),
        ({"unet.lora_alpha": 8, "unet.r": 4}, 4.0),  # the rank is that of the factors
        ({"unet.lora_alpha": 8, "unet.use_rslora": True}, 8 / 2**0.5),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"proj_in": 1}}, 0.5),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"proj_out": 1}}, 4.0),
    ],
)
def test_the_scale_of_the_header(header: object, scale: float) -> None:
    np.testing.assert_allclose(
        fold(PAIR, header)[f"{PATH}.weight"] - BASE[f"{PATH}.weight"], scale * UP @ DOWN
    )


def test_an_alpha_beside_the_factors_comes_first() -> None:
    stored = {**PAIR, f"unet.{PATH}.alpha": scalar(6)}
    found = fold(stored, {"unet.lora_alpha": 8})
    np.testing.assert_allclose(found[f"{PATH}.weight"] - BASE[f"{PATH}.weight"], 3 * UP @ DOWN)


def test_a_trained_bias_is_scaled_too() -> None:
    stored = {**PAIR, f"unet.{PATH}.lora_B.bias": drawn(6, seed=3)}
    found = fold(stored, {"unet.lora_alpha": 8})
    np.testing.assert_allclose(found[f"{PATH}.bias"] - BASE[f"{PATH}.bias"], 4 * drawn(6, seed=3))


def test_a_magnitude() -> None:
    """The norms have nothing added to them, unlike those of LyCORIS."""
    lengths = np.abs(drawn(6)) * 1e-6
    found = fold({**PAIR, f"unet.{PATH}.lora_magnitude_vector": lengths})[f"{PATH}.weight"]
    changed = (BASE[f"{PATH}.weight"] + UP @ DOWN) * 1
    expected = changed * (lengths / np.linalg.norm(changed, axis=1))[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_forms_of_lycoris_behind_dotted_names() -> None:
    stored = {f"diffusion_model.{PATH}.lokr_w1": drawn(2, 1), f"diffusion_model.{PATH}.lokr_w2": drawn(3, 5)}
    expected = BASE[f"{PATH}.weight"] + np.kron(drawn(2, 1), drawn(3, 5))
    np.testing.assert_allclose(fold(stored)[f"{PATH}.weight"], expected)


@pytest.mark.parametrize(
    ("names", "dialect"),
    [
        (["unet.x.lora_A.weight"], "diffusers"),
        (["text_encoder_2.x.lora_linear_layer.down.weight"], "diffusers"),
        (["x.attn1.processor.to_q_lora.down.weight"], "diffusers"),
        (["transformer.transformer_blocks.0.ff.net.2.lora_A.weight"], "diffusers"),
        (["transformer.h.0.attn.c_attn.lora_A.weight"], "peft"),
        (["diffusion_model.x.lora_down.weight"], "diffusers"),
        (["base_model.model.unet.x.lora_A.weight"], "peft"),
        (["unet.conv_in.weight"], None),
        (["lora_unet_x.lora_down.weight", "unet.y"], "kohya"),
    ],
)
def test_who_reads_it(names: list[str], dialect: str | None) -> None:
    found = dialect_of(names, Bench().facts())
    assert (found.name if found else None) == dialect


def test_peft_reads_what_has_its_configuration() -> None:
    found = dialect_of(["unet.x.lora_A.weight"], Bench().facts({"peft_type": "LORA"}))
    assert found is not None
    assert found.name == "peft"


@pytest.mark.parametrize(
    "header",
    [
        "{",
        "[1]",
        '{"unet.lora_alpha": "eight"}',
        '{"unet.lora_alpha": NaN}',
        '{"unet.lora_alpha": 8, "unet.alpha_pattern": {"(": 1}}',
        '{"unet.lora_alpha": 8, "unet.alpha_pattern": {"proj_in": null}}',
        '{"unet.lora_alpha": [8]}',
    ],
)
def test_headers_that_say_nothing_of_use(header: str) -> None:
    problem = problem_of(PAIR, header)
    assert isinstance(problem, BadScale)
    assert problem.help is not None
    assert "`lora_adapter_metadata`" in problem.help


def test_starts_that_changed_the_base() -> None:
    problem = problem_of(PAIR, '{"unet.lora_alpha": 8, "unet.init_lora_weights": "pissa_niter_4"}')
    assert isinstance(problem, NotFoldable)
    assert problem.kind == "PiSSA"


def test_a_magnitude_of_another_shape() -> None:
    problem = problem_of({**PAIR, f"unet.{PATH}.lora_magnitude_vector": drawn(5)}, "{}")
    assert isinstance(problem, AdapterMisfit)


def test_a_magnitude_for_each_column_of_a_single_row() -> None:
    stored = {**PAIR, f"unet.{PATH}.lora_B.weight": UP[:1], f"unet.{PATH}.lora_magnitude_vector": drawn(5)}
    bench = Bench()
    base = bench.tensors({f"{PATH}.weight": drawn(1, 5)})
    (problem,) = Diffusers().read(bench.adapter(stored, bench.facts()), base).problems
    assert isinstance(problem, AdapterMisfit)


def test_a_component_that_the_base_is_not_is_left_over() -> None:
    bench = Bench()
    other = {"text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_A.weight": drawn(2, 5)}
    reading = Diffusers().read(bench.adapter({**PAIR, **other}, bench.facts()), bench.tensors(BASE))
    assert reading.unmatched == {next(iter(other)): "text_encoder.text_model.encoder.layers.0.mlp.fc1"}
