"""Drafts for models whose names no table knows: they parse, pass the checks, and leave the function alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from mergec.symmetries.drafting.draft import draft
from mergec.symmetries.model_shape import ModelShape
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.reading import read
from tests.symmetries.tables import models, test_gpt2, test_llama, test_moe, test_vit
from tests.symmetries.tables.models import IDS, IMAGES, Model, pretrained
from tests.symmetries.tables.resnets import ResNet, groups_of
from tests.symmetries.tables.test_bert import bert
from tests.symmetries.tables.test_t5 import t5
from tests.symmetries.tables.test_torch_encoder import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mergec.symmetries.table_entries import Table


def parsed(text: str) -> Table:
    table, said = read(text)
    assert table is not None, [one.message for one in said]
    return table


def renamed(model: Model) -> Model:
    """The model under names that are no table's."""
    new = {name: f"net.{name}".replace("layer", "stage").replace(".h.", ".stages.") for name in model.tensors}
    old = {new_name: name for name, new_name in new.items()}
    return Model(
        {new[name]: value for name, value in model.tensors.items()},
        model.config,
        lambda tensors: model.forward({old[name]: value for name, value in tensors.items()}),
    )


def llama(folder: Path) -> Model:
    return pretrained(test_llama.made("Llama"), {"input_ids": IDS}, ("logits",), folder, torch.float64)


def qwen3(folder: Path) -> Model:
    return pretrained(test_llama.made("Qwen3"), {"input_ids": IDS}, ("logits",), folder, torch.float64)


def olmo2(folder: Path) -> Model:
    return pretrained(test_llama.made("Olmo2"), {"input_ids": IDS}, ("logits",), folder, torch.float64)


def masked_bert(folder: Path) -> Model:
    return pretrained(bert("ForMaskedLM")(), {"input_ids": IDS}, ("logits",), folder, torch.float64)


def gpt2(folder: Path) -> Model:
    return pretrained(test_gpt2.gpt2("LMHeadModel")(), {"input_ids": IDS}, ("logits",), folder, torch.float64)


def small_t5(folder: Path) -> Model:
    return t5(folder, torch.float64)


def vit(folder: Path) -> Model:
    module = test_vit.vit("ForImageClassification")()
    return pretrained(module, {"pixel_values": IMAGES}, ("logits",), folder, torch.float64)


def mixtral(folder: Path) -> Model:
    made = test_moe.made("Mixtral")
    return pretrained(made, {"input_ids": IDS}, ("logits",), folder, torch.float64, **test_moe.EAGER)


def computed_positions(_: Path) -> Model:
    model = models.plain(Encoder(positions=False, norm_first=True), IDS, torch.float64)
    return model._replace(config={"num_heads": 4})


HEADS = {"h": 2, "qk": 2, "v": 2}
GROUPED = {"kv": 2, "q": 2, "v": 2}
CASES: dict[str, tuple[Callable[[Path], Model], dict[str, int]]] = {
    "Llama": (llama, {"res": 1, "ffn": 2, **GROUPED}),
    "Qwen3": (qwen3, {"res": 1, "ffn": 2, **GROUPED}),
    "OLMo2": (olmo2, {"res": 1, "ffn": 2, **GROUPED}),
    "BERT": (masked_bert, {"ffn": 2, **HEADS}),
    "GPT-2": (gpt2, {"ffn": 2, **HEADS}),
    "T5": (small_t5, {"ffn": 4, "h2": 2, "v2": 2}),
    "ViT": (vit, {"res": 1, "ffn": 2, **HEADS}),
    "Mixtral": (mixtral, {"ffn": 10, **GROUPED}),
    "computed positions": (computed_positions, {"ffn": 2, "h": 2, "v": 2}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_scaffold_leaves_the_function_unchanged(case: str, tmp_path: Path) -> None:
    make, expected = CASES[case]
    model = renamed(make(tmp_path))
    text = draft(model.shape)
    assert "\n# No built-in table fits.\n" in text
    assert "MC0" not in text
    assert ("\nfrozen:\n  # review: " in text) is ("res" not in expected)
    assert_unchanged(parsed(text), model, expected)


def test_every_guess_says_why(tmp_path: Path) -> None:
    text = draft(renamed(masked_bert(tmp_path)).shape)
    lines = text.partition("tensors:\n")[2].splitlines()
    entries = [
        number for number, line in enumerate(lines) if '"' in line and not line.strip().startswith("#")
    ]
    assert len(entries) > 15
    for number in entries:
        above = next(
            line for line in reversed(lines[:number]) if line.strip().startswith("#") or "alike" in line
        )
        assert len(above.partition("#")[2]) > 5


@pytest.mark.parametrize(
    ("make", "table"),
    [
        (llama, "llama"),
        (masked_bert, "bert"),
        (gpt2, "gpt2"),
        (small_t5, "t5"),
        (vit, "vit"),
        (mixtral, "moe"),
    ],
)
def test_a_built_in_table_that_fits(make: Callable[[Path], Model], table: str, tmp_path: Path) -> None:
    model = make(tmp_path)
    text = draft(model.shape)
    count = len(model.tensors)
    assert f"\n# The built-in table `{table}` fits: it lists {count} of {count} tensors" in text
    assert f"\n# `symmetry: {table}` in a recipe says the same.\n" in text
    assert text.endswith(f"\nextends: {table}\n")
    assert "review:" not in text.replace("review it", "")


def test_what_a_table_does_not_know_stays(tmp_path: Path) -> None:
    model = llama(tmp_path)
    more = {**model.shape.tensors, "model.layers.0.self_attn.sinks": (6,), "steps": ()}
    text = draft(ModelShape("more", more, model.config))
    assert "# review: `llama` does not know these." in text
    table = parsed(text)
    extended = {**model.tensors, "model.layers.0.self_attn.sinks": torch.zeros(6).numpy()}
    extended["steps"] = torch.zeros(()).numpy()
    wider = model._replace(
        tensors=extended,
        forward=lambda tensors: model.forward({name: tensors[name] for name in model.tensors}),
    )
    assert_unchanged(table, wider, {"res": 1, "ffn": 2, **GROUPED})


def test_sizes_that_nothing_tells() -> None:
    module = test_vit.Timm(dino=False, classes=5)
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    text = draft(ModelShape("timm", shapes))
    assert text.endswith("extends: vit\nsizes:\n  h: 1  # review: nothing tells it; 64 to a head is usual\n")
    parsed(text)


def test_tables_that_cannot_be_told_apart() -> None:
    module = ResNet(groups_of(4))
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    text = draft(ModelShape("resnet", shapes))
    assert "\nextends: resnet\n" in text
    assert "# review: `resnet-groupnorm` fits as well, with the sizes of groups given: " in text


@pytest.mark.parametrize("shapes", [{}, {"a": ()}, {"a.weight": (3, 3)}, {"x.0.y.w": (2,), "x.1.y.w": (2,)}])
def test_models_without_structure(shapes: dict[str, tuple[int, ...]]) -> None:
    parsed(draft(ModelShape("odd", shapes)))
