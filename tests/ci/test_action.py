"""The composite action: sound as a file, and doing what it says on recipes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest

from tests.ci.action import FOLDER, ROOT, Runner, read_action
from tests.conftest import write_checkpoint
from tests.diagnostics.sarif_rules import SARIF_LOG

if TYPE_CHECKING:
    from tests.ci.action import Ended

SCRIPTS = ["install", "run"]
GOOD = """\
mergec: 1
sources: {a: ../a.safetensors, b: ../b.safetensors}
params: {half: 0.5}
models: {m: "a + ${half} * (b - a)"}
output: {model: m, path: out}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with two sound recipes and one that is wrong."""
    root = tmp_path / "checkout"
    for name in "ab":
        write_checkpoint(root / f"{name}.safetensors", {"w": np.ones(3, np.float32)})
    for name in ("one", "the other"):
        (root / name).mkdir()
        (root / name / "recipe.yaml").write_text(GOOD)
    (root / "bad").mkdir()
    (root / "bad" / "broken.yaml").write_text(GOOD.replace("b - a", "c - a"))
    return root


@pytest.fixture
def runner(checkout: Path) -> Runner:
    """A machine on which mergec is installed."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return Runner(checkout, checkout.parent / "temporary", programs)


def steps() -> list[dict[str, Any]]:
    found = read_action()["runs"]["steps"]
    assert isinstance(found, list)
    return found


class TestFile:
    def test_it_is_a_composite_action(self) -> None:
        action = read_action()
        assert action["runs"]["using"] == "composite"
        assert action["name"]
        assert action["description"]

    def test_inputs_and_outputs_are_described(self) -> None:
        action = read_action()
        for spec in action["inputs"].values():
            assert spec.keys() == {"description", "default"}
            assert isinstance(spec["default"], str), "inputs are texts"
        for spec in action["outputs"].values():
            assert spec.keys() == {"description", "value"}

    def test_every_input_is_used_and_every_one_used_exists(self) -> None:
        used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(read_action()["runs"])))
        assert used == read_action()["inputs"].keys()

    def test_every_step_has_a_shell_or_uses_a_tagged_action(self) -> None:
        for step in steps():
            assert step["name"]
            assert ("run" in step) != ("uses" in step)
            assert step.get("shell", "bash") == "bash"
            assert ("run" in step) == ("shell" in step)
            assert "uses" not in step or re.fullmatch(r"[\w-]+(/[\w-]+)+@v\d+", step["uses"])

    def test_no_input_becomes_the_text_of_a_script(self) -> None:
        assert [step["name"] for step in steps() if "${{" in step.get("run", "")] == []

    def test_scripts_have_the_variables_that_they_read(self) -> None:
        given = {name for step in steps() for name in step.get("env", {})}
        read = set(re.findall(r"INPUT_\w+", "".join((FOLDER / name).read_text() for name in SCRIPTS)))
        assert given == read

    @pytest.mark.parametrize("name", SCRIPTS)
    def test_scripts_are_bash(self, name: str) -> None:
        script = FOLDER / name
        subprocess.run(["bash", "-n", script], check=True)
        assert script.read_text().startswith("#!/usr/bin/env bash\n")
        assert os.access(script, os.X_OK)
        assert f'bash "$GITHUB_ACTION_PATH/{name}"' in [step.get("run") for step in steps()]

    def test_what_the_action_installs_by_itself_is_this_repository(self) -> None:
        assert (FOLDER / "../..").resolve() == ROOT
        assert (ROOT / "pyproject.toml").is_file()


class TestCheck:
    def check(self, runner: Runner, recipes: str, **inputs: str) -> Ended:
        return runner.run(mergec="none", recipes=recipes, **inputs)

    def test_sound_recipes_pass(self, runner: Runner) -> None:
        ended = self.check(runner, "\n  one/recipe.yaml\n\nthe other/recipe.yaml\r\n")
        assert (ended.returncode, ended.outputs["exit-code"]) == (0, "0")
        assert ended.output.splitlines() == [
            "mergec: one/recipe.yaml: ok, 1 tensors from 2 sources",
            "mergec: the other/recipe.yaml: ok, 1 tensors from 2 sources",
        ]
        assert ended.ran == ["Run mergec"]

    def test_a_wrong_recipe_fails_with_a_note_at_its_place(self, runner: Runner) -> None:
        ended = self.check(runner, "one/recipe.yaml\nbad/broken.yaml")
        assert (ended.returncode, ended.outputs["exit-code"]) == (1, "1")
        assert "mergec: one/recipe.yaml: ok" in ended.output
        assert re.search("^::error file=bad/broken.yaml,line=4,", ended.output, re.MULTILINE)

    def test_patterns_are_expanded_and_names_are_not_split(self, runner: Runner) -> None:
        ended = self.check(runner, "*/recipe.yaml")
        assert [line.split(":")[1] for line in ended.output.splitlines()] == [
            " one/recipe.yaml",
            " the other/recipe.yaml",
        ]

    @pytest.mark.parametrize("recipes", ["", " \n", "*/nothing.yaml", "one/recipe.yaml\n[z]*"])
    def test_no_recipe_is_an_error(self, runner: Runner, recipes: str) -> None:
        ended = self.check(runner, recipes)
        assert ended.returncode == 2
        assert ended.output.startswith("::error title=mergec::")

    def test_a_recipe_that_is_not_there_is_told_by_mergec(self, runner: Runner) -> None:
        ended = self.check(runner, "nowhere.yaml")
        assert (ended.returncode, ended.outputs["exit-code"]) == (5, "5")
        assert "MC0107" in ended.output

    @pytest.mark.parametrize("text", ["$(touch hacked)", "`touch hacked`", "; touch hacked", "--version"])
    def test_texts_are_never_run(self, runner: Runner, checkout: Path, text: str) -> None:
        assert self.check(runner, text).returncode == 5
        assert self.check(runner, "one/recipe.yaml", arguments=f"--set\nhalf={text}").returncode == 1
        assert runner.run(mergec="none", command=text).returncode == 2
        assert not (checkout / "hacked").exists()

    def test_arguments_reach_mergec(self, runner: Runner) -> None:
        assert self.check(runner, "one/recipe.yaml", arguments="--set\nhalf=0.25").returncode == 0
        assert self.check(runner, "one/recipe.yaml", arguments="--set\nquarter=0.25").returncode == 1

    def test_the_format_may_be_another(self, runner: Runner) -> None:
        ended = self.check(runner, "one/recipe.yaml", format="json")
        assert json.loads(ended.output)["tensors"] == 1

    def test_sarif_is_written_and_uploaded_also_of_wrong_recipes(self, runner: Runner) -> None:
        ended = self.check(runner, "one/recipe.yaml\nbad/broken.yaml", sarif="true")
        assert ended.returncode == 1
        log = json.loads(Path(ended.outputs["sarif-file"]).read_text())
        jsonschema.Draft7Validator(SARIF_LOG).validate(log)
        (result,) = log["runs"][0]["results"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "bad/broken.yaml"
        assert ended.ran == ["Run mergec", "Upload to code scanning"]

    def test_without_sarif_nothing_is_uploaded(self, runner: Runner) -> None:
        ended = self.check(runner, "bad/broken.yaml")
        assert ended.outputs["sarif-file"] == ""
        assert ended.ran == ["Run mergec"]

    def test_a_usage_error_uploads_nothing(self, runner: Runner) -> None:
        ended = self.check(runner, "one/recipe.yaml", sarif="true", arguments="--sett")
        assert (ended.returncode, ended.outputs["sarif-file"]) == (2, "")


class TestPlan:
    def test_plans_go_to_the_log_the_summary_and_a_file(self, runner: Runner) -> None:
        ended = runner.run(mergec="none", command="plan", recipes="*/recipe.yaml")
        assert ended.returncode == 0
        page = Path(ended.outputs["plan-file"]).read_text()
        assert page == ended.summary
        assert page.count("### `mergec plan ") == 2
        assert page.count("Plan: 1 computed, 0 copied, 0 new.\n~~~~~~\n") == 2
        assert ended.output.count("Plan: 1 computed") == 2

    def test_what_is_wrong_is_in_the_plan(self, runner: Runner) -> None:
        ended = runner.run(mergec="none", command="plan", recipes="bad/broken.yaml\none/recipe.yaml")
        assert (ended.returncode, ended.outputs["exit-code"]) == (1, "1")
        page = Path(ended.outputs["plan-file"]).read_text()
        assert "error[MC" in page
        assert "Plan: 1 computed" in page


class TestLockCheck:
    @pytest.fixture
    def locked(self, runner: Runner) -> Runner:
        """The machine, where both sound recipes have locks."""
        for recipe in ("one/recipe.yaml", "the other/recipe.yaml"):
            command = [sys.executable, "-m", "mergec", "lock", recipe]
            environment = {**os.environ, "HOME": str(runner.temporary), "PYTHONPATH": str(ROOT)}
            subprocess.run(command, cwd=runner.checkout, env=environment, check=True, capture_output=True)
        return runner

    def check(self, runner: Runner) -> Ended:
        return runner.run(mergec="none", command="lock-check", recipes="*/recipe.yaml")

    def test_locks_that_hold_pass(self, locked: Runner) -> None:
        ended = self.check(locked)
        assert (ended.returncode, ended.outputs["exit-code"]) == (0, "0")
        assert ended.output.count("recipe.lock: ok, ") == 2

    def test_one_byte_of_a_source_fails_every_recipe_of_it(self, locked: Runner) -> None:
        source = locked.checkout / "b.safetensors"
        content = bytearray(source.read_bytes())
        content[-1] ^= 1
        source.write_bytes(content)
        ended = self.check(locked)
        assert (ended.returncode, ended.outputs["exit-code"]) == (3, "3")
        for recipe in ("one/recipe.yaml", "the other/recipe.yaml"):
            lock = recipe.replace(".yaml", ".lock")
            assert re.search(f"^::error file={lock},line=.*MC0855.*b.safetensors", ended.output, re.MULTILINE)

    def test_one_weight_of_a_recipe_fails_it_alone(self, locked: Runner) -> None:
        recipe = locked.checkout / "one" / "recipe.yaml"
        recipe.write_text(recipe.read_text().replace("half: 0.5", "half: 0.25"))
        ended = self.check(locked)
        assert ended.returncode == 3
        assert re.search("^::error file=one/recipe.lock,line=.*0.5", ended.output, re.MULTILINE)
        assert "the other/recipe.lock: ok, " in ended.output

    def test_names_are_escaped(self, runner: Runner) -> None:
        (runner.checkout / "50%,a::b.yaml").write_text(GOOD.replace("../", ""))
        ended = runner.run(mergec="none", command="lock-check", recipes="50%,a::b.yaml")
        assert ended.returncode == 3
        assert "::error file=50%25%2Ca%3A%3Ab.yaml,line=1," in ended.output

    def test_sarif_is_uploaded(self, locked: Runner) -> None:
        (locked.checkout / "one" / "recipe.lock").unlink()
        ended = locked.run(mergec="none", command="lock-check", recipes="*/recipe.yaml", sarif="true")
        assert (ended.returncode, ended.ran) == (3, ["Run mergec", "Upload to code scanning"])
        (result,) = json.loads(Path(ended.outputs["sarif-file"]).read_text())["runs"][0]["results"]
        assert result["ruleId"] == "MC0850"


class TestClone:
    """A repository with recipes, locks and sources, on a machine that has never seen it."""

    COMMANDS = ("check", "lock-check", "verify")

    @pytest.fixture
    def clone(self, runner: Runner, tmp_path: Path) -> Runner:
        """A clone of what was committed after the recipes were built: without caches, all files new."""
        git = shutil.which("git")
        if git is None:
            pytest.skip("no git here")
        environment = {**os.environ, "HOME": str(runner.temporary), "PYTHONPATH": str(ROOT)}
        environment.pop("XDG_CACHE_HOME", None)
        author = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        for command in (
            [sys.executable, "-m", "mergec", "build", "one/recipe.yaml"],
            [git, "init", "--quiet", "--initial-branch", "main"],
            [git, "add", "*.safetensors", "one"],
            [git, *author, "commit", "--quiet", "--message", "a merge"],
            [git, "clone", "--quiet", ".", str(tmp_path / "clone")],
        ):
            subprocess.run(command, cwd=runner.checkout, env=environment, check=True, capture_output=True)
        return Runner(tmp_path / "clone", tmp_path / "elsewhere", runner.path)

    def codes(self, clone: Runner) -> dict[str, int]:
        """How each command of the action ends."""
        return {
            command: clone.run(mergec="none", command=command, recipes="one/recipe.yaml").returncode
            for command in self.COMMANDS
        }

    def test_it_passes_as_it_was_committed(self, clone: Runner) -> None:
        assert self.codes(clone) == dict.fromkeys(self.COMMANDS, 0)

    def test_one_byte_of_a_source_fails(self, clone: Runner) -> None:
        source = clone.checkout / "b.safetensors"
        content = bytearray(source.read_bytes())
        content[-3] ^= 1
        source.write_bytes(content)
        assert self.codes(clone) == {"check": 0, "lock-check": 3, "verify": 0}

    def test_one_weight_of_the_recipe_fails(self, clone: Runner) -> None:
        recipe = clone.checkout / "one" / "recipe.yaml"
        recipe.write_text(recipe.read_text().replace("half: 0.5", "half: 0.50001"))
        assert self.codes(clone) == {"check": 0, "lock-check": 3, "verify": 0}

    def test_what_means_the_same_passes(self, clone: Runner) -> None:
        recipe = clone.checkout / "one" / "recipe.yaml"
        recipe.write_text("# a comment\n" + recipe.read_text().replace("half: 0.5", "half:  5.0e-1"))
        assert self.codes(clone) == dict.fromkeys(self.COMMANDS, 0)


class TestVerify:
    @pytest.fixture
    def built(self, runner: Runner) -> Runner:
        """The machine, where both sound recipes are built."""
        for recipe in ("one/recipe.yaml", "the other/recipe.yaml"):
            command = [sys.executable, "-m", "mergec", "build", recipe]
            environment = {**os.environ, "HOME": str(runner.temporary), "PYTHONPATH": str(ROOT)}
            subprocess.run(command, cwd=runner.checkout, env=environment, check=True, capture_output=True)
        return runner

    def verify(self, runner: Runner, arguments: str = "") -> Ended:
        return runner.run(mergec="none", command="verify", recipes="*/recipe.yaml", arguments=arguments)

    @pytest.mark.parametrize("arguments", ["", "--sample\n1", "--rebuild"])
    def test_outputs_that_are_as_locked_pass(self, built: Runner, arguments: str) -> None:
        ended = self.verify(built, arguments)
        assert (ended.returncode, ended.outputs["exit-code"]) == (0, "0")
        assert ended.output.count(", as the manifest") == 2

    def test_one_byte_of_an_output_fails_it_alone(self, built: Runner) -> None:
        shard = built.checkout / "one" / "out" / "model.safetensors"
        content = bytearray(shard.read_bytes())
        content[-1] ^= 1
        shard.write_bytes(content)
        ended = self.verify(built)
        assert (ended.returncode, ended.outputs["exit-code"]) == (4, "4")
        assert "::error file=one/recipe.yaml,title=mergec verify::exit code 4" in ended.output
        assert "error[MC0887]" in ended.output
        assert ended.output.count(", as the manifest and the lock say") == 1

    def test_names_are_escaped(self, runner: Runner) -> None:
        (runner.checkout / "50%,a::b.yaml").write_text(GOOD.replace("../", ""))
        ended = runner.run(mergec="none", command="verify", recipes="50%,a::b.yaml")
        assert ended.returncode == 3
        assert "::error file=50%25%2Ca%3A%3Ab.yaml,title=" in ended.output


class TestInstall:
    @pytest.fixture
    def bare(self, checkout: Path) -> Runner:
        """A machine whose Python notes what it is asked for, and whose pip brings a mergec that greets."""
        programs = checkout.parent / "programs"
        programs.mkdir()
        python = programs / "python3"
        python.write_text(
            "#!/usr/bin/env bash\n"
            f'echo "$*" >> "{checkout.parent}/asked"\n'
            'case "$1 $2" in\n'
            '  "-c import"*) exit 0 ;;\n'
            '  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;\n'
            '  "-m pip") printf "#!/usr/bin/env bash\\necho hello\\n" > "${0%/*}/mergec"; '
            'chmod +x "${0%/*}/mergec" ;;\n'
            "esac\n"
        )
        python.chmod(0o755)
        return Runner(checkout, checkout.parent / "temporary", f"{programs}{os.pathsep}/usr/bin:/bin")

    def asked(self, runner: Runner) -> list[str]:
        lines = (runner.temporary.parent / "asked").read_text().splitlines()
        return [line.split("--disable-pip-version-check ")[1] for line in lines if line.startswith("-m pip")]

    def test_it_installs_what_it_belongs_to_with_a_small_torch(self, bare: Runner) -> None:
        ended = bare.run(**{"recipes": "one/recipe.yaml", "torch-index": "https://wheels.invalid/cpu"})
        assert (ended.returncode, ended.output) == (0, "hello\n")
        assert ended.path == [str(bare.temporary / "mergec/bin")]
        torch, mergec = self.asked(bare)
        assert torch == "--index-url https://wheels.invalid/cpu torch"
        assert Path(mergec).resolve() == ROOT

    def test_another_version_and_pips_own_index(self, bare: Runner) -> None:
        inputs = {"mergec": "mergec==0.1.0", "torch-index": "", "recipes": "one/recipe.yaml"}
        assert bare.run(**inputs).returncode == 0
        assert self.asked(bare) == ["mergec==0.1.0"]

    def test_an_old_python_is_refused(self, bare: Runner) -> None:
        python = bare.temporary.parent / "programs/python3"
        python.write_text(python.read_text().replace("exit 0", "exit 1"))
        ended = bare.run(recipes="one/recipe.yaml")
        assert ended.returncode == 2
        assert ended.output.startswith("::error title=mergec::Python 3.11 or newer")
        assert ended.ran == ["Install mergec"]
