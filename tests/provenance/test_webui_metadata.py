from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from mergec.provenance.webui_metadata import MergedFile, legacy_hash, webui_metadata

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = "a" * 64, "b" * 64, "c" * 64


def file(name: str, digest: str, **metadata: str) -> MergedFile:
    return MergedFile(f"{name}.safetensors", digest, digest[:8], metadata)


def read(metadata: dict[str, str]) -> tuple[dict[str, object], dict[str, object]]:
    return json.loads(metadata["sd_merge_recipe"]), json.loads(metadata["sd_merge_models"])


def test_two_files() -> None:
    metadata = webui_metadata({"mergec": 1}, [file("x", B), file("y", A)])
    recipe, models = read(metadata)
    assert recipe == {
        "type": "mergec",
        "primary_model_hash": B,
        "secondary_model_hash": A,
        "tertiary_model_hash": None,
        "recipe": {"mergec": 1},
    }
    assert models == {
        B: {"name": "x.safetensors", "legacy_hash": "b" * 8, "sd_merge_recipe": None},
        A: {"name": "y.safetensors", "legacy_hash": "a" * 8, "sd_merge_recipe": None},
    }
    assert metadata["modelspec.merged_from"] == "x, y"
    assert all(text.startswith("{") for key, text in metadata.items() if key.startswith("sd_"))


def test_what_a_source_was_merged_from_comes_along() -> None:
    told = {"type": "webui", "multiplier": 0.3}
    earlier = {C: {"name": "z", "legacy_hash": "1", "sd_merge_recipe": None}}
    merged = file("x", A, sd_merge_recipe=json.dumps(told), sd_merge_models=json.dumps(earlier))
    _, models = read(webui_metadata({}, [merged, file("y", B)]))
    assert list(models) == [C, A, B]
    assert models[C] == earlier[C]
    assert models[A] == {"name": "x.safetensors", "legacy_hash": "a" * 8, "sd_merge_recipe": told}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "3", '{"x": {}}', f'{{"{C}": 3}}', "[" * 99_999, f'{{"{C}": {{"a": NaN}}}}',
     json.dumps({C: {"name": "x" * (1 << 16)}})],
)  # fmt: skip
def test_what_sources_tell_may_be_anything(text: str) -> None:
    odd = file("x", A, sd_merge_models=text)
    assert webui_metadata({}, [odd]) == webui_metadata({}, [file("x", A)])


def test_a_recipe_of_a_source_may_be_anything() -> None:
    odd = file("x", A, sd_merge_recipe="[" * 100_000)
    assert webui_metadata({}, [odd]) == webui_metadata({}, [file("x", A)])


def test_a_source_cannot_tell_of_another_one() -> None:
    lie = json.dumps({B: {"name": "somebody else"}})
    _, models = read(webui_metadata({}, [file("x", A, sd_merge_models=lie), file("y", B)]))
    assert models[B] == {"name": "y.safetensors", "legacy_hash": "b" * 8, "sd_merge_recipe": None}


def test_names_of_any_bytes() -> None:
    metadata = webui_metadata({}, [file("a\udcff\n", A)])
    assert metadata["modelspec.merged_from"] == "a\\udcff\\n"
    assert json.dumps(metadata, ensure_ascii=False).encode()


def test_the_short_hash_is_that_of_64_kib_after_the_first_mib(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a" * (1 << 20) + b"b" * (1 << 16) + b"c")
    assert legacy_hash(path) == sha256(b"b" * (1 << 16)).hexdigest()[:8]
    path.write_bytes(b"short")
    assert legacy_hash(path) == sha256(b"").hexdigest()[:8]
