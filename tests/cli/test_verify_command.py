from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

import mergec
from mergec.cli import digest_progress
from tests.conftest import tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def out(recipe: Path) -> Path:
    recipe.write_text(recipe.read_text().replace("out.safetensors", "out"))
    path = mergec.load(recipe).build().path
    recipe.with_suffix(".lock").unlink(missing_ok=True)
    return path


def damaged(out: Path) -> Path:
    path = out / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return out


def summary(result: Result) -> str:
    assert (result.exit_code, result.stderr) == (0, "")
    return re.sub(r" \([0-9.]+ s\)\n", "", result.stdout)


def test_one_line_of_figures(mergec_command: Callable[..., Result], out: Path, recipe: Path) -> None:
    files = len(json.loads((out / "mergec.manifest.json").read_text())["files"])
    head = f"{out}: 5 tensors, 216 B in {files} files, as the manifest"
    assert summary(mergec_command("verify", out)) == f"{head} says"
    again = mergec_command("verify", out, "--recipe", recipe, "--rebuild")
    assert summary(again) == f"{head} and the recipe say; 5 computed again"
    sample = mergec_command("verify", out, "--recipe", recipe, "--sample", 2, "--seed", 4, "--workers", 1)
    assert summary(sample) == f"{head} and the recipe say; 2 read; 2 computed again"


def test_the_output_of_a_recipe(mergec_command: Callable[..., Result], out: Path, recipe: Path) -> None:
    assert mergec_command("lock", recipe).exit_code == 0
    assert mergec_command("verify", "--recipe", recipe).exit_code == 3  # the lock tells of no output
    assert mergec_command("build", recipe).exit_code == 0
    assert summary(mergec_command("verify", "--recipe", recipe)).endswith("as the manifest and the lock say")
    damaged(out)
    assert mergec_command("verify", "--recipe", recipe).exit_code == 4
    assert mergec_command("verify").exit_code == 2
    assert mergec_command("verify", "--recipe", out / "nowhere.yaml").exit_code == 5


def test_a_lock_under_any_name(mergec_command: Callable[..., Result], out: Path, recipe: Path) -> None:
    assert mergec_command("build", recipe).exit_code == 0
    copy = recipe.with_name("of-last-week.lock")
    recipe.with_suffix(".lock").rename(copy)
    assert summary(mergec_command("verify", out, "--lock", copy)).endswith("as the manifest and the lock say")
    assert mergec_command("diff", copy, copy).exit_code == 0


def test_how_far_it_is_is_told_as_what_it_is(
    mergec_command: Callable[..., Result], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    real = digest_progress.reading_progress

    def shown(settings: Any, what: str = "") -> Any:
        told.append(what)
        return real(settings, what)

    monkeypatch.setattr(sys.modules["mergec.cli.verify"], "reading_progress", shown)
    assert mergec_command("verify", out).exit_code == 0
    assert told == ["verifying"]


def test_what_differs(mergec_command: Callable[..., Result], out: Path) -> None:
    result = mergec_command("verify", damaged(out), "--quiet")
    assert (result.exit_code, result.stdout) == (4, "")
    assert (
        "error[MC0887]: `steps`: other bytes" in result.stderr or "error[MC0887]: `head.w`" in result.stderr
    )


def test_json(mergec_command: Callable[..., Result], out: Path, recipe: Path) -> None:
    found = json.loads(mergec_command("verify", out, "--json").stdout)
    assert (found["is_as_promised"], found["witnesses"], found["findings"]) == (True, ["manifest"], [])
    assert (found["tensors"], found["hashed"], found["rebuilt"], found["diagnostics"]) == (5, 5, 0, [])
    result = mergec_command("verify", damaged(out), "--recipe", recipe, "--rebuild", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["is_as_promised"]) == (4, False)
    assert [one["kind"] for one in found["findings"]] == ["bytes", "rebuilt"]
    assert [one["code"] for one in found["diagnostics"]] == ["MC0887", "MC0892"]
    assert (
        json.loads(mergec_command("verify", "nowhere", "--json").stdout)["diagnostics"][0]["code"] == "MC0880"
    )


def test_nothing_is_written(mergec_command: Callable[..., Result], out: Path, recipe: Path) -> None:
    before = tree(recipe.parent)
    for options in ((), ("--recipe", recipe, "--rebuild"), ("--recipe", recipe, "--sample", 1)):
        assert mergec_command("verify", out, *options).exit_code == 0
    assert tree(recipe.parent) == before


def test_a_warning_can_be_silenced(mergec_command: Callable[..., Result], out: Path) -> None:
    manifest = out / "mergec.manifest.json"
    files = json.loads(manifest.read_text())["files"]
    manifest.write_text(json.dumps({"format_version": "1.0", "files": files}))
    assert "warning[MC0884]" in mergec_command("verify", out).stderr
    assert mergec_command("verify", out, "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--rebuild"], "--rebuild and --sample need the recipe"),
        (["--sample", "3"], "--rebuild and --sample need the recipe"),
        (["--recipe", "r.yaml", "--sample", "3", "--rebuild"], "choose one of --rebuild and --sample"),
        (["--recipe", "r.yaml", "--sample", "0"], "0 is not in the range x>=1"),
        (["--recipe", "r.yaml", "--rebuild", "--seed", "3"], "--seed goes with --sample"),
        (["--set", "t=1"], "--set goes with --rebuild or --sample"),
        ([], "name an output, or its recipe"),
    ],
)
def test_usage(mergec_command: Callable[..., Result], options: list[str], problem: str) -> None:
    result = mergec_command("verify", *(["out"] if options else []), *options)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_api(out: Path, recipe: Path) -> None:
    found = mergec.verify(out)
    assert isinstance(found, mergec.Verified)
    assert found.hashed == 5
    assert mergec.verify(str(out), recipe=recipe, sample=2, memory="64MiB", workers=1).rebuilt == 2
    with pytest.raises(mergec.MergecError) as caught:
        mergec.verify(damaged(out))
    assert [one.code for one in caught.value.diagnostics] == ["MC0887"]
    assert caught.value.exit_code == 4
    for wrong in ({"rebuild": True}, {"sample": 3}, {"recipe": recipe, "sample": 0}):
        with pytest.raises(ValueError, match="sample"):
            mergec.verify(out, **wrong)


def test_the_function_stays_after_its_package_is_imported(out: Path) -> None:
    import mergec.verification.verify_output

    assert mergec.verify(out).is_as_promised


def test_all_witnesses(mergec_command: Callable[..., Result], out: Path, recipe: Path) -> None:
    mergec.load(recipe).build()
    text = summary(mergec_command("verify", out, "--recipe", recipe, "--rebuild"))
    assert "as the manifest, the lock and the recipe say; 5 computed again" in text
