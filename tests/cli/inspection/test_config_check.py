from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.inspection.config_check import ConfigLine, config_lines, named_elsewhere
from mergec.cli.inspection.parts import Parts, parts_of
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from tests.recipe.proposals.named_models import LLAVA, llama

if TYPE_CHECKING:
    from tests.recipe.proposals.named_models import Tensors

EMBEDDING = "model.embed_tokens.weight"


def parts(tensors: Tensors) -> Parts:
    views = {name: StridedView.contiguous(0, 0, DType.BF16, of.shape) for name, of in tensors.items()}
    return parts_of(views, {name: name for name in views}, {}, {})


def checked(tensors: Tensors, config: dict[str, object]) -> dict[str, ConfigLine]:
    return {line.key: line for line in config_lines(parts(tensors), config)}


def test_each_key_of_which_the_file_says_something() -> None:
    rows, width = llama()[EMBEDDING].shape
    config: dict[str, object] = {"hidden_size": width, "vocab_size": rows + 1}
    config |= {"num_hidden_layers": 3, "rope_theta": 1.0}
    found = checked(llama(layers=3), config)
    assert {key: line.agrees for key, line in found.items()} == {
        "hidden_size": True,
        "vocab_size": False,
        "num_hidden_layers": True,
    }
    assert found["vocab_size"] == ConfigLine("vocab_size", rows + 1, rows, EMBEDDING)


def test_dtype_and_tied_embeddings() -> None:
    config: dict[str, object] = {"torch_dtype": "torch.bfloat16", "tie_word_embeddings": True}
    found = checked(llama(), config)
    assert found["torch_dtype"].agrees
    assert (found["tie_word_embeddings"].file, found["tie_word_embeddings"].where) == (
        False,
        "lm_head.weight",
    )
    tied = {name: of for name, of in llama().items() if name != "lm_head.weight"}
    assert checked(tied, config)["tie_word_embeddings"].agrees


def test_figures_of_towers_are_those_of_their_section() -> None:
    found = checked(LLAVA["hub"], {"hidden_size": 64, "vision_config": {"hidden_size": 47, "patch_size": 14}})
    assert (found["vision_config.hidden_size"].config, found["vision_config.hidden_size"].file) == (47, 48)
    assert found["vision_config.patch_size"].agrees
    assert found["hidden_size"].agrees


def test_a_patch_size_for_each_axis() -> None:
    """InternVL writes two."""
    found = checked(LLAVA["hub"], {"vision_config": {"patch_size": [14, 14]}})
    assert found["vision_config.patch_size"].agrees
    for wrong in ([14, 16], [16, 16], []):
        found = checked(LLAVA["hub"], {"vision_config": {"patch_size": wrong}})
        assert not found["vision_config.patch_size"].agrees


def test_the_width_of_a_tower_beside_that_of_the_language_model() -> None:
    """Qwen2-VL: `embed_dim` is the tower's, `hidden_size` what its connector puts out."""
    found = checked(LLAVA["hub"], {"vision_config": {"hidden_size": 64, "embed_dim": 48}})
    assert "vision_config.hidden_size" not in found
    assert found["vision_config.embed_dim"].agrees
    found = checked(LLAVA["hub"], {"vision_config": {"hidden_size": 48, "embed_dim": 47}})
    assert not found["vision_config.embed_dim"].agrees


def test_rows_that_a_family_has_beyond_its_vocabulary() -> None:
    """Mllama: 8 rows for its image token."""
    tensors = {f"language_model.{name}": of for name, of in llama().items()}
    rows = llama()[EMBEDDING].shape[0]
    config: dict[str, object] = {"model_type": "mllama", "text_config": {"vocab_size": rows - 8}}
    line = checked(tensors, config)["text_config.vocab_size"]
    assert line.agrees
    assert line.where == f"language_model.{EMBEDDING} without the 8 rows that the family adds"
    assert not checked(tensors, {**config, "model_type": "llava"})["text_config.vocab_size"].agrees


def test_without_a_config_or_a_layout_nothing_is_said() -> None:
    assert checked(llama(), {}) == {}
    other = {"x.y": llama()["lm_head.weight"]}
    assert checked(other, {"hidden_size": 1}) == {}


def test_a_tower_that_is_loaded_from_elsewhere() -> None:
    config = {"mm_vision_tower": "openai/clip"}
    without = {name: of for name, of in LLAVA["original"].items() if "vision_tower" not in name}
    assert named_elsewhere(parts(without), config) == {"vision_tower": "openai/clip"}
    assert named_elsewhere(parts(LLAVA["original"]), config) == {}
    assert named_elsewhere(parts(without), {"mm_vision_tower": 3}) == {}
