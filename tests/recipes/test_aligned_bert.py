"""The second BERT with heads and hidden units in the order of the first, as transformers runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import mergec

if TYPE_CHECKING:
    from pathlib import Path

transformers: Any = pytest.importorskip("transformers", minversion="5")

T = {"bert.encoder.layer.0.": 0.3, "bert.encoder.layer.1.": 0.3, "bert.encoder.layer.2.": 0.4}
T |= {"bert.encoder.layer.3.": 0.6, "": 0.5}


@pytest.fixture(scope="module")
def recipe(copied: Path) -> Path:
    return copied / "aligned-bert"


def loaded(folder: Path) -> Any:
    """The model in float64, with all of its weights from the file."""
    model, told = transformers.BertForMaskedLM.from_pretrained(
        folder, output_loading_info=True, dtype=torch.float64
    )
    assert not any(told.values()), told
    return model.eval()


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    words = torch.randint(0, 400, (3, 20), generator=torch.Generator().manual_seed(0))
    kinds = (torch.arange(20) > 8).long().expand(3, -1)
    found: torch.Tensor = model(input_ids=words, token_type_ids=kinds).logits
    return found


@pytest.fixture(scope="module")
def aligned(recipe: Path) -> Path:
    """What the recipe makes of the second model alone, with that one's files."""
    text = (recipe / "recipe.yaml").read_text()
    other = recipe / "aligned.yaml"
    other.write_text(
        text.replace("model: merged", "model: aligned").replace("files_from: bio", "files_from: legal")
    )
    return mergec.load(other).build(out=recipe / "aligned").path


def test_it_computes_what_the_second_model_computes(recipe: Path, aligned: Path) -> None:
    second, moved = loaded(recipe / "weights" / "legal"), loaded(aligned)
    wanted = logits(second)
    assert float((logits(moved) - wanted).abs().max() / wanted.abs().max()) < 1e-12
    before = second.state_dict()
    changed = {name for name, tensor in moved.state_dict().items() if not torch.equal(tensor, before[name])}
    layer = "bert.encoder.layer.{}.{}.weight"
    parts = ("attention.self.query", "attention.self.value", "attention.output.dense", "intermediate.dense")
    assert {layer.format(number, part) for number in range(4) for part in parts} <= changed
    # The residual stream is frozen, and what stands on nothing else stays.
    assert not any("embeddings" in name or "LayerNorm" in name for name in changed)


def test_the_recipe_is_the_mean_layer_by_layer(recipe: Path, aligned: Path) -> None:
    made = mergec.load(recipe / "recipe.yaml").build(out=recipe / "merged")
    first, second = loaded(recipe / "weights" / "bio"), loaded(aligned)
    merged = loaded(made.path)
    ends = first.state_dict(), second.state_dict()
    for name, tensor in merged.state_dict().items():
        t = next(t for prefix, t in T.items() if name.startswith(prefix))
        wanted = (1 - t) * ends[0][name] + t * ends[1][name]
        torch.testing.assert_close(tensor, wanted, rtol=1e-6, atol=1e-8, msg=name)
    assert logits(merged).isfinite().all()
