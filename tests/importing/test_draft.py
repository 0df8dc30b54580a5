from __future__ import annotations

import pytest

from mergec.importing.draft import Draft, name_for


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("mistralai/Mistral-7B-v0.1", "mistral_7b_v0_1"),
        ("./models/base/", "base"),
        ("C:\\models\\Base Model.safetensors", "base_model"),
        ("a.b.ckpt", "a_b"),
        ("7b", "m_7b"),
        ("..", "model"),
        ("漢", "model"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_source_is_named_after_the_last_part_of_its_path(path: str, name: str) -> None:
    assert name_for(path) == name


def test_one_path_is_one_source_and_one_name_is_one_thing() -> None:
    draft = Draft()
    assert [draft.source(path, ()) for path in ("a/x", "b/x", "a/x")] == ["x", "x_2", "x"]
    assert draft.source("a/x", ("revision 2",), mark="2") == "x_3"
    assert [draft.model("x", {}) for _ in range(2)] == ["x_4", "x_5"]
    assert list(draft.sources) == ["x", "x_2", "x_3"]
