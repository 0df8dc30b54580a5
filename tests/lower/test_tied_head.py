"""Output heads that config.json ties to the embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.conftest import read_checkpoint

if TYPE_CHECKING:
    from tests.conftest import Workbench

W = np.arange(6, dtype=np.float32)
WITH_HEAD = {
    "op": "graft",
    "into": "a",
    "from": "a",
    "take": ["model.embed_tokens.weight"],
    "rename": ["model.embed_tokens.weight -> lm_head.weight"],
}


def test_the_head_is_left_out_whatever_else_bears_such_a_name(bench: Workbench) -> None:
    tensors = {"a.attn.proj_out.weight": W, "a.word_embeddings.weight": W, "model.embed_tokens.weight": W}
    bench.folder_source("a", tensors, config__json='{"tie_word_embeddings": true}')
    recipe = bench.recipe(WITH_HEAD)
    assert set(read_checkpoint(recipe.build().path)) == set(tensors)
    assert [warning.code for warning in recipe.warnings] == []


def test_without_the_config_both_are_written(bench: Workbench) -> None:
    bench.folder_source("a", {"model.embed_tokens.weight": W}, config__json="{}")
    assert set(bench.build(WITH_HEAD)) == {"model.embed_tokens.weight", "lm_head.weight"}


def test_a_head_that_is_computed_apart_is_written_with_a_warning(bench: Workbench) -> None:
    tensors = {"lm_head.weight": W, "model.embed_tokens.weight": W}
    bench.folder_source("a", tensors, config__json='{"tie_word_embeddings": true}')
    recipe = bench.recipe("a")
    assert set(read_checkpoint(recipe.build().path)) == set(tensors)
    assert [warning.code for warning in recipe.warnings] == ["MC0313"]
