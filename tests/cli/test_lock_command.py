from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mergec.lock.file_stamp import FileStamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def test_write_then_check(mergec_command: Callable[..., Result], recipe: Path) -> None:
    lock = recipe.with_suffix(".lock")
    summary = "5 tensors from 2 sources, not built yet"
    written = mergec_command("lock", recipe)
    assert (written.exit_code, written.stderr) == (0, "")
    assert written.stdout == f"{lock}: written, {summary}\n"
    before = lock.read_bytes()
    assert mergec_command("lock", recipe).stdout == f"{lock}: unchanged, {summary}\n"
    checked = mergec_command("lock", recipe, "--check")
    assert (checked.exit_code, checked.stdout, checked.stderr) == (0, f"{lock}: ok, {summary}\n", "")
    assert lock.read_bytes() == before


def test_check_writes_nothing(mergec_command: Callable[..., Result], recipe: Path) -> None:
    before = sorted(recipe.parent.iterdir())
    result = mergec_command("lock", recipe, "--check")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "error[MC0850]" in result.stderr
    assert sorted(recipe.parent.iterdir()) == before


def test_check_fails_when_one_byte_of_a_source_changes(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    mergec_command("lock", recipe)
    source = recipe.parent / "tuned.safetensors"
    content = source.read_bytes()
    source.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    result = mergec_command("lock", recipe, "--check")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "source `tuned`: tuned.safetensors has other weights under the same header" in result.stderr
    source.write_bytes(content)
    assert mergec_command("lock", recipe, "--check").exit_code == 0


def test_check_fails_when_one_weight_of_the_recipe_changes(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    mergec_command("lock", recipe)
    recipe.write_text(recipe.read_text().replace("[0.2, 0.8]", "[0.2, 0.7]"))
    result = mergec_command("lock", recipe, "--check")
    assert result.exit_code == 3
    assert "[0.2, 0.8]` -> `[0.2, 0.7]`" in result.stderr


def test_what_changed_is_told_when_it_is_written(mergec_command: Callable[..., Result], recipe: Path) -> None:
    mergec_command("lock", recipe)
    recipe.write_text(recipe.read_text().replace("bfloat16", "float16"))
    result = mergec_command("lock", recipe)
    assert result.exit_code == 0
    assert result.stderr == "changed: recipe: output.dtype.head.**: `bfloat16` -> `float16`\n"
    assert mergec_command("lock", recipe, "--quiet").stderr == ""


def test_parameters(mergec_command: Callable[..., Result], recipe: Path) -> None:
    text = recipe.read_text().replace("mergec: 1", "mergec: 1\nparams: {alpha: 0.5}")
    recipe.write_text(text.replace('"**": 0.5', '"**": "${alpha}"'))
    assert mergec_command("lock", recipe, "--set", "alpha=0.25").exit_code == 0
    assert mergec_command("lock", recipe, "--check").exit_code == 3
    assert mergec_command("lock", recipe, "--check", "--set", "alpha=0.25").exit_code == 0


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    made = json.loads(mergec_command("lock", recipe, "--json").stdout)
    assert made["path"] == str(recipe.with_suffix(".lock"))
    facts = ("result", "changes", "tensors", "files", "has_output", "diagnostics")
    assert [made[fact] for fact in facts] == ["written", [], 5, 2, False, []]
    recipe.write_text(recipe.read_text().replace("bfloat16", "float16"))
    stale = mergec_command("lock", recipe, "--check", "--json")
    assert stale.exit_code == 3
    assert [one["code"] for one in json.loads(stale.stdout)["diagnostics"]] == ["MC0855"]
    assert json.loads(mergec_command("lock", recipe, "--json").stdout)["changes"] == [
        "recipe: output.dtype.head.**: `bfloat16` -> `float16`"
    ]


def test_a_recipe_that_is_wrong(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("op: linear", "op: linaer"))
    assert mergec_command("lock", recipe).exit_code == 1
    assert not recipe.with_suffix(".lock").exists()


def test_sources_are_read_once(
    mergec_command: Callable[..., Result], recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)
    mergec_command("lock", recipe)

    def refuse(*_: object) -> None:
        raise AssertionError("it is read again")

    monkeypatch.setattr("mergec.lock.source_digests.SourceDigests._read", refuse)
    assert mergec_command("lock", recipe, "--check").exit_code == 0
    recipe.with_suffix(".lock").unlink()
    assert mergec_command("lock", recipe).exit_code == 0


@pytest.mark.parametrize("home", ["", "a file"])
def test_without_a_cache(
    mergec_command: Callable[..., Result], recipe: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    place = recipe.parent / "cache"
    if home:
        place.write_text(home)
    else:
        place.mkdir(mode=0o500)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    assert mergec_command("lock", recipe).exit_code == 0
    assert mergec_command("lock", recipe, "--check").exit_code == 0
