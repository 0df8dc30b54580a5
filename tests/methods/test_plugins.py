"""Methods that do not come with mergec: from a file that a recipe names, and from an installed package."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from mergec.cli import main
from tests.conftest import read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    from mergec.api import LoadedRecipe

PLUGINS = Path(__file__).parents[1] / "plugins"
BASE = np.array([3.0, 4.0], np.float32)
TUNED = np.array([3.0, 14.0], np.float32)
CLIPPED = {"op": "clipped", "base": "base", "inputs": ["tuned"], "limit": 0.5}
MIDPOINT = {"op": "midpoint", "inputs": ["base", "tuned"]}
HEAD = "from mergec.plugin import Tensor, method\n\n@method(gives='as inputs')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "base.safetensors", {"w": BASE})
    write_checkpoint(tmp_path / "tuned.safetensors", {"w": TUNED})
    shutil.copy(PLUGINS / "clipped.py", tmp_path)
    return tmp_path


@pytest.fixture
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of a package, as an installer leaves it."""
    site = tmp_path / "site"
    shutil.copytree(PLUGINS / "mergec-midpoint" / "mergec_midpoint", site / "mergec_midpoint")
    info = site / "mergec_midpoint-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mergec-midpoint\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mergec.methods]\nmidpoint = mergec_midpoint.midpoint:midpoint\n")
    monkeypatch.syspath_prepend(site)
    for name in [name for name in sys.modules if name.startswith("mergec_midpoint")]:
        monkeypatch.delitem(sys.modules, name)


def load(
    folder: Path, model: object, plugins: list[Any] | None = None, *, allow_plugins: bool = True
) -> LoadedRecipe:
    document = {
        "mergec": 1,
        "plugins": plugins or [],
        "sources": {name: f"{name}.safetensors" for name in ("base", "tuned")},
        "models": {"merged": model},
        "output": {"model": "merged", "path": "out"},
    }
    (folder / "recipe.yaml").write_text(json.dumps(document, indent=1))
    return mergec.load(folder / "recipe.yaml", allow_plugins=allow_plugins)


def values(folder: Path, model: object, plugins: list[Any] | None = None) -> Any:
    load(folder, model, plugins).build(workers=1)
    return read_checkpoint(folder / "out")["w"].values


def errors(recipe: LoadedRecipe) -> list[tuple[str, str]]:
    with pytest.raises(mergec.MergecError) as caught:
        recipe.check()
    return [(error.code, error.message) for error in caught.value.errors]


def exit_code(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ending:
        main([str(one) for one in arguments])
    assert isinstance(ending.value.code, int)
    return ending.value.code


def test_the_page_on_own_methods_shows_the_file_that_is_tested() -> None:
    page = (PLUGINS.parents[1] / "docs" / "own-methods.md").read_text()
    assert f"```python\n{(PLUGINS / 'clipped.py').read_text()}```\n" in page


class TestFile:
    def test_its_methods_are_there_if_it_may_be_run(self, folder: Path) -> None:
        np.testing.assert_array_equal(values(folder, CLIPPED, ["clipped.py"]), [3.0, 6.5])

    def test_nothing_of_it_is_run_unless_it_may(self, folder: Path) -> None:
        (folder / "clipped.py").write_text("raise SystemExit('was run')")
        recipe = load(folder, CLIPPED, ["clipped.py"], allow_plugins=False)
        assert [code for code, _ in errors(recipe)] == ["MC0381"]

    def test_blocks_know_its_methods(self, folder: Path) -> None:
        blocks = {
            "op": "blockwise",
            "base": "base",
            "inputs": ["tuned"],
            "blocks": {"**": {"op": "clipped", "limit": 1}},
        }
        np.testing.assert_array_equal(values(folder, blocks, ["clipped.py"]), [3.0, 9.0])

    def test_another_text_makes_the_lock_stale_and_the_same_does_not(self, folder: Path) -> None:
        load(folder, CLIPPED, ["clipped.py"]).build(workers=1)
        arguments = ("lock", folder / "recipe.yaml", "--check", "--allow-plugins", "--quiet")
        assert exit_code(*arguments) == 0
        with (folder / "clipped.py").open("a") as file:
            file.write("\n# another text\n")
        assert exit_code(*arguments) == 3

    def test_another_function_of_numbers_gives_other_tensors(self, folder: Path) -> None:
        load(folder, CLIPPED, ["clipped.py"]).build(workers=1)
        text = (folder / "clipped.py").read_text()
        (folder / "clipped.py").write_text(text.replace("limit * math.sqrt", "2 * limit * math.sqrt"))
        np.testing.assert_array_equal(values(folder, CLIPPED, ["clipped.py"]), [3.0, 9.0])

    def test_it_may_be_pinned(self, folder: Path) -> None:
        wrong = {"path": "clipped.py", "sha256": "0" * 64}
        assert [code for code, _ in errors(load(folder, CLIPPED, [wrong]))] == ["MC0382"]

    def test_the_recipe_beside_the_output_pins_it(self, folder: Path) -> None:
        load(folder, CLIPPED, ["clipped.py"]).build(workers=1, out=folder / "merged")
        beside = folder / "merged" / "recipe.yaml"
        (folder / "again.yaml").write_text(beside.read_text())
        made = mergec.load(folder / "again.yaml", allow_plugins=True).build(workers=1, out=folder / "again")
        assert read_checkpoint(made.path) == read_checkpoint(folder / "merged")

    @pytest.mark.parametrize("command", ["check", "plan", "lock", "graph", "build"])
    def test_commands_ask_for_permission(
        self, folder: Path, command: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        load(folder, CLIPPED, ["clipped.py"])
        assert exit_code(command, folder / "recipe.yaml") == 1
        assert "MC0381" in capsys.readouterr().err
        assert exit_code(command, folder / "recipe.yaml", "--allow-plugins") == 0

    def test_a_rebuild_asks_for_permission(self, folder: Path) -> None:
        load(folder, CLIPPED, ["clipped.py"]).build(workers=1)
        arguments = ("verify", folder / "out", "--recipe", folder / "recipe.yaml", "--rebuild", "--quiet")
        assert exit_code(*arguments) == 1
        assert exit_code(*arguments, "--allow-plugins") == 0
        assert mergec.verify(
            folder / "out", recipe=folder / "recipe.yaml", rebuild=True, allow_plugins=True
        ).rebuilt


class TestBadFile:
    @pytest.mark.parametrize(
        ("code", "text", "told"),
        [
            ("MC0382", "", "declares no method"),
            ("MC0382", "from mergec.methods.library.linear import linear\n", "declares no method"),
            ("MC0382", "import nobody\n", "No module named 'nobody'"),
            ("MC0382", "def f(:\n", "SyntaxError"),
            ("MC0382", "raise SystemExit(3)\n", "SystemExit: 3"),
            ("MC0382", HEAD + "def f(inputs):\n    return 1\n", "`inputs`"),
            ("MC0382", HEAD + "def f(t: float) -> Tensor:\n    return t\n", "no model"),
            (
                "MC0383",
                HEAD + "def linear(inputs: list[Tensor]) -> Tensor:\n    return inputs[0]\n",
                "mergec",
            ),
            ("MC0383", HEAD + "def cast(inputs: list[Tensor]) -> Tensor:\n    return inputs[0]\n", "mergec"),
        ],
    )
    def test_is_refused(self, folder: Path, code: str, text: str, told: str) -> None:
        (folder / "bad.py").write_text(text)
        ((found, message),) = errors(load(folder, "base", ["bad.py"]))
        assert found == code
        assert told in message

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ("return inputs[0] + None", "failed: "),
            ("raise ValueError('too bad')", "failed: ValueError: too bad"),
            ("return None", "gave NoneType"),
            ("return inputs[0].part(0, 0, 1)", "gave a tensor of another shape than its models have"),
        ],
    )
    def test_one_that_fails_is_told_by_name_and_line(self, folder: Path, body: str, told: str) -> None:
        (folder / "bad.py").write_text(f"{HEAD}def f(inputs: list[Tensor]) -> Tensor:\n    {body}\n")
        recipe = load(folder, {"op": "f", "inputs": ["base", "tuned"]}, ["bad.py"])
        ((code, message),) = errors(recipe)
        assert code == "MC0384"
        assert "`f` of the plugin `bad.py`" in message
        assert told in message
        assert "(for `w`)" in message

    def test_two_with_one_name_are_refused(self, folder: Path) -> None:
        shutil.copy(folder / "clipped.py", folder / "other.py")
        with (folder / "other.py").open("a") as file:
            file.write("# another\n")
        ((code, message),) = errors(load(folder, CLIPPED, ["clipped.py", "other.py"]))
        assert code == "MC0383"
        assert "`clipped.py`" in message


@pytest.mark.usefixtures("_package")
class TestPackage:
    def test_its_methods_are_there_without_permission(self, folder: Path) -> None:
        load(folder, MIDPOINT, allow_plugins=False).build(workers=1)
        np.testing.assert_array_equal(read_checkpoint(folder / "out")["w"].values, [3.0, 9.0])

    def test_the_lock_knows_its_code(self, folder: Path) -> None:
        load(folder, MIDPOINT).build(workers=1)
        assert "package: mergec-midpoint" in (folder / "recipe.lock").read_text()
        arguments = ("lock", folder / "recipe.yaml", "--check", "--quiet")
        assert exit_code(*arguments) == 0
        with (folder / "site" / "mergec_midpoint" / "__init__.py").open("a") as file:
            file.write("# another release\n")
        assert exit_code(*arguments) == 3

    def test_a_recipe_may_name_it(self, folder: Path) -> None:
        np.testing.assert_array_equal(values(folder, MIDPOINT, [{"package": "mergec-midpoint"}]), [3.0, 9.0])
        missing = errors(load(folder, MIDPOINT, [{"package": "mergec-nobody"}]))
        assert [code for code, _ in missing] == ["MC0382"]

    def test_one_whose_entry_is_no_method_is_refused(self, folder: Path) -> None:
        entries = folder / "site" / "mergec_midpoint-1.0.dist-info" / "entry_points.txt"
        entries.write_text("[mergec.methods]\nmidpoint = mergec_midpoint.midpoint:method\n")
        ((code, message),) = errors(load(folder, MIDPOINT))
        assert code == "MC0382"
        assert "`mergec-midpoint`" in message

    def test_one_that_cannot_be_imported_is_refused(self, folder: Path) -> None:
        (folder / "site" / "mergec_midpoint" / "midpoint.py").write_text("1 / 0\n")
        ((code, message),) = errors(load(folder, MIDPOINT))
        assert code == "MC0382"
        assert "ZeroDivisionError" in message
