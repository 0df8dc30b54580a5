from __future__ import annotations

import pytest

from mergec.provenance.shareable import shareable


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/home/alice/models/base", "base"),
        ("/home/alice/models/base/", "base"),
        ("/", "/"),
        ("~/models/base", "base"),
        ("~alice", "~alice"),
        (r"C:\Users\alice\base.safetensors", "base.safetensors"),
        ("models/base", "models/base"),
        ("../base", "../base"),
        ("a + 0.5 * (b - a)", "a + 0.5 * (b - a)"),
        ("**.mlp.**", "**.mlp.**"),
        ("re:^/x$", "re:^/x$"),
        ("", ""),
    ],
)
def test_absolute_paths_are_cut(text: str, kept: str) -> None:
    assert shareable(text) == kept
    assert shareable({"a": [text, {"b": text}]}) == {"a": [kept, {"b": kept}]}


def test_other_values_stay() -> None:
    value = {"/a/b": [1, 0.5, None, True]}
    assert shareable(value) == value
