from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mergec.cli.inspect_names import Renamed
from mergec.cli.inspection.model_facts import model_facts
from mergec.cli.inspection.model_json import checkpoint_document, model_document, renamed_document
from tests.cli.inspection.subjects import made
from tests.recipe.proposals.named_models import LLAVA, kind, llama

if TYPE_CHECKING:
    from pathlib import Path


def test_files_and_tensors_as_stored(tmp_path: Path) -> None:
    subject = made(tmp_path / "m", {"a": kind(2, 3), "b": kind(4)}, metadata={"z": "1", "format": "pt"})
    document = checkpoint_document("m", subject.checkpoint)
    (file,) = document["files"]
    assert list(file["metadata"]) == ["format", "z"]
    assert file["bytes"] == (tmp_path / "m" / "model.safetensors").stat().st_size
    assert document["bytes"] == 2 * (6 + 4)
    assert document["dtypes"] == {"float16": 2}
    by_name = {tensor["name"]: tensor for tensor in document["tensors"]}
    shape = {"shape": [2, 3], "dtype": "float16", "bytes": 12, "file": "model.safetensors"}
    assert by_name["a"] == {"name": "a", **shape}


def test_numbers_that_json_does_not_have(tmp_path: Path) -> None:
    config = {"text_config": {"hidden_size": float("nan")}}
    facts = model_facts(made(tmp_path / "m", LLAVA["hub"], config))
    text = json.dumps(model_document(facts), allow_nan=False)
    assert json.loads(text)["config"][0]["config"] == "nan"


def test_components_and_prefixes(tmp_path: Path) -> None:
    raw = {**llama(), "head.modules_to_save.default.weight": kind(2)}
    document = model_document(model_facts(made(tmp_path / "m", raw)))
    assert [part["name"] for part in document["components"]] == ["language_model", "head", "adapter"]
    assert document["prefixes"] == [{"text": "modules_to_save", "tensors": 1, "preset": None}]
    assert (document["adapter"], document["quantised"], document["config_problems"]) == (None, [], [])


def test_names_before_and_after() -> None:
    renamed = [Renamed("a", ("x", "y"), (2,), "float16"), Renamed("b", (), (2,), "float16")]
    assert renamed_document(renamed) == [{"before": "a", "after": ["x", "y"]}, {"before": "b", "after": []}]
