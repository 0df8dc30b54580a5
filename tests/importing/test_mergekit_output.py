from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mergec.diagnostics import SourceText
from mergec.recipe.yaml_tree import plain, read_yaml

if TYPE_CHECKING:
    from tests.importing.conftest import ImportBench

MERGE = """
models: [{model: a, parameters: {weight: &w 1}}, {model: org/b@v1+c, parameters: {weight: *w}}]
merge_method: linear
"""


def output(text: str) -> dict[str, object]:
    tree = plain(read_yaml(SourceText("recipe.yaml", text)))
    assert isinstance(tree, dict)
    assert isinstance(tree["output"], dict)
    return dict(tree["output"])


@pytest.mark.parametrize(
    ("more", "dtype"),
    [
        ("", None),
        ("dtype: bfloat16", "bfloat16"),
        ("dtype: torch.float16", "float16"),
        ("{dtype: float32, out_dtype: bfloat16}", "bfloat16"),
        ("dtype: int64", None),
        ("dtype: q4", None),
    ],
)
def test_the_dtype_is_that_of_the_files(bench: ImportBench, more: str, dtype: str | None) -> None:
    lines = more.strip("{}").replace(", ", "\n")
    text = bench.imported(f"{MERGE}{lines}\n")
    assert output(text).get("dtype") == dtype
    assert ("mergec computes in float32" in text) == (dtype is not None and "float32" not in more)
    assert any("no dtype of weights" in one for one in bench.told) == (more != "" and dtype is None)


@pytest.mark.parametrize(
    ("more", "givers"),
    [
        ("", "a"),
        ("base_model: org/b@v1", "b"),
        ("tokenizer_source: base", "a"),
        ("tokenizer_source: union", "a"),
        ("tokenizer_source: org/b@v1+c", ["b", "a"]),
        ("tokenizer: {source: {model: {path: x}}}", ["x", "a"]),
        ("tokenizer: {source: a}", "a"),
        ("tokenizer: {}", "a"),
    ],
)
def test_files_come_from_the_base_and_the_tokenizers_model(
    bench: ImportBench, more: str, givers: object
) -> None:
    assert output(bench.imported(f"{MERGE}{more}\n"))["copy_files_from"] == givers


def test_a_source_may_be_called_model(bench: ImportBench) -> None:
    text = MERGE.replace("model: a,", "model: model,")
    assert output(bench.imported(text))["copy_files_from"] == "model"


def test_revisions_and_repositories_are_remarks(bench: ImportBench) -> None:
    text = bench.imported(MERGE)
    assert "# org/b on the Hugging Face Hub, revision v1: download it, and write here where it lies\n" in text
    assert "# - line 2: the revision `v1` of `org/b`: mergec reads files" in text


def test_two_revisions_are_two_sources(bench: ImportBench) -> None:
    text = MERGE.replace("model: a,", "model: org/b@v2,")
    assert {"  b: org/b", "  b_2: org/b"} <= set(bench.imported(text).splitlines())


def test_modules_that_are_not_known_are_told(bench: ImportBench) -> None:
    bench.imported("{modules: {ears: {models: [a]}, text_decoder: {models: [b]}}, merge_method: passthrough}")
    (told,) = bench.told
    assert told.startswith("which tensors belong to the module `ears` is not carried over: ")
    assert told.endswith("those that match `re:(^|[.])ears[.]`")


def test_what_is_told_stands_at_the_end_in_the_order_of_the_file(bench: ImportBench) -> None:
    text = bench.imported(
        f"random_seed: 1\n{MERGE}chat_template: x\nparameters: {{int8_mask: true, wieght: 2}}\n"
    )
    listed = text.split("# Not carried over, or without effect there:\n")[1]
    assert [line[:11] for line in listed.splitlines() if line.startswith("# -")] == [
        "# - line 1:",
        "# - line 3:",
        "# - line 5:",
        "# - line 6:",
        "# - line 6:",
    ]
    assert [one.help for one in bench.diagnostics if "wieght" in one.message] == ["did you mean `weight`?"]


def test_a_recipe_without_losses_does_not_speak_of_any(bench: ImportBench) -> None:
    text = bench.imported("{models: [a], merge_method: passthrough}")
    assert "Not carried over" not in text
    assert "models:" not in text
    assert output(text) == {"model": "a", "path": "build/merge", "copy_files_from": "a"}
