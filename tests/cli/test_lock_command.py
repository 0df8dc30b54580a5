from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from mergec.lock.file_stamp import FileStamp
from mergec.lock.lock_file import write_lock
from tests.diagnostics.sarif_rules import SARIF_LOG
from tests.lock.locking import state_of

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_check_after_a_build_tells_of_no_missing_one(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    assert mergec_command("build", recipe).exit_code == 0
    found = [mergec_command("lock", recipe, *check).stdout for check in ([], ["--check"])]
    lock = recipe.with_suffix(".lock")
    assert found == [f"{lock}: {what}, 5 tensors from 2 sources\n" for what in ("unchanged", "ok")]


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


@pytest.fixture
def folder(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: `recipe.yaml` and `other.yaml` with locks, `wrong.yaml` and `new.yaml`."""
    text = recipe.read_text()
    monkeypatch.chdir(recipe.parent)
    for name in ("recipe", "other"):
        Path(f"{name}.yaml").write_text(text)
        write_lock(Path(f"{name}.yaml"), state_of(Path(f"{name}.yaml")))
    Path("new.yaml").write_text(text)
    Path("wrong.yaml").write_text(text.replace("op: linear", "op: linaer"))
    return recipe.parent


class TestSeveral:
    def test_all_are_checked_and_the_worst_decides(
        self, mergec_command: Callable[..., Result], folder: Path
    ) -> None:
        both = mergec_command("lock", "--check", "recipe.yaml", "other.yaml")
        assert (both.exit_code, both.stdout.count(": ok, "), both.stderr) == (0, 2, "")
        some = mergec_command("lock", "--check", "wrong.yaml", "new.yaml", "other.yaml")
        assert (some.exit_code, some.stdout.count(": ok, ")) == (3, 1)
        assert "error[MC0850]" in some.stderr
        assert "did you mean `linear`" in some.stderr
        assert folder.is_dir()

    def test_each_lock_is_written(self, mergec_command: Callable[..., Result], folder: Path) -> None:
        other = folder / "other.yaml"
        other.write_text(other.read_text().replace("0.5", "0.4"))
        result = mergec_command("lock", "recipe.yaml", "wrong.yaml", "other.yaml", "new.yaml")
        assert result.exit_code == 1
        assert [line.split(",")[0] for line in result.stdout.splitlines()] == [
            "recipe.lock: unchanged",
            "other.lock: written",
            "new.lock: written",
        ]
        assert "changed: recipe: models.merged.inputs.tuned.weight.**: `0.5` -> `0.4`\n" in result.stderr
        assert mergec_command("lock", "--check", "recipe.yaml", "other.yaml", "new.yaml").exit_code == 0

    def test_json(self, mergec_command: Callable[..., Result], folder: Path) -> None:
        result = mergec_command("lock", "--check", "--json", "recipe.yaml", "new.yaml", "wrong.yaml")
        told = json.loads(result.stdout)["recipes"]
        assert [(one["recipe"], one["exit_code"]) for one in told] == [
            ("recipe.yaml", 0),
            ("new.yaml", 3),
            ("wrong.yaml", 1),
        ]
        assert (told[0]["result"], told[0]["path"]) == ("ok", "recipe.lock")
        assert [one["code"] for one in told[1]["diagnostics"]] == ["MC0850"]
        assert folder.is_dir()

    def test_github(self, mergec_command: Callable[..., Result], folder: Path) -> None:
        source = folder / "tuned.safetensors"
        source.write_bytes(source.read_bytes()[:-1] + b"?")
        result = mergec_command("lock", "--check", "--format", "github", "recipe.yaml", "new.yaml")
        assert (result.exit_code, result.stderr) == (3, "")
        stale, missing = (line for line in result.stdout.splitlines() if line.startswith("::error"))
        assert stale.startswith("::error file=recipe.lock,line=")
        assert "has other weights under the same header" in stale
        assert missing.startswith("::error file=new.yaml,line=1,")
        good = mergec_command("lock", "--format", "github", "recipe.yaml")
        assert good.stdout.startswith("mergec: recipe.lock: written, ")

    def test_sarif(self, mergec_command: Callable[..., Result], folder: Path) -> None:
        other = folder / "other.yaml"
        other.write_text(other.read_text().replace("0.5", "0.4"))
        result = mergec_command("lock", "--check", "--format", "sarif", "recipe.yaml", "other.yaml")
        log = json.loads(result.stdout)
        jsonschema.Draft7Validator(SARIF_LOG).validate(log)
        (one,) = log["runs"][0]["results"]
        place = one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert (one["ruleId"], place, result.exit_code) == ("MC0855", "other.lock", 3)
