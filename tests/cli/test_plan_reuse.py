"""What `plan` says the next build will take over, and why not the rest; the build does just that."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.cli.reuse import why_made as why_module
from mergec.lock import source_digests, tensor_keys
from mergec.lock.file_stamp import FileStamp
from mergec.output.partial_output import PartialOutput
from tests.conftest import tree, write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import Popen

    from click.testing import Result

    from tests.conftest import Workbench

    Told = tuple[int, int, dict[str, list[str]]]

LAYERS = [f"h.{i}.{part}" for i in range(4) for part in ("q", "k", "v")]
HALVES = {"op": "linear", "inputs": {"a": "rest", "b": {"weight": {"h.[2:].**": 0.4, "**": 0.5}}}}


def with_noise(size: float) -> dict[str, Any]:
    """The mean, and a new tensor of random values."""
    made = {"op": "init", "tensors": {"noise": {"shape": [4], "fill": {"normal": size}}}}
    return {"m": HALVES, "noise": made, "n": {"op": "override", "base": "m", "with": ["noise"]}}


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)


@pytest.fixture
def built(bench: Workbench, mergec_command: Callable[..., Result]) -> Workbench:
    """A bench with an output, and all digests known."""
    for seed, name in enumerate("ab"):
        rng = np.random.default_rng(seed)
        tensors = {layer: rng.standard_normal((8, 6), np.float32) for layer in LAYERS}
        bench.source(name, {**tensors, "embed": rng.standard_normal((9, 5), np.float32)})
    bench.recipe(HALVES)
    assert mergec_command("build", bench.folder / "recipe.yaml").exit_code == 0
    return bench


@pytest.fixture
def told(mergec_command: Callable[..., Result]) -> Callable[..., Told]:
    """How many of how many tensors are reused, and the others by the reasons, as a command tells."""

    def told(bench: Workbench, *options: object, command: str = "plan") -> Told:
        result = mergec_command(command, bench.folder / "recipe.yaml", "--json", *options)
        assert result.exit_code == 0, result.output
        reuse = json.loads(result.stdout)["reuse"]
        made = {one["why"]: one["tensors"] for one in reuse["made"]}
        assert reuse["reused"] + sum(map(len, made.values())) == reuse["tensors"]
        return reuse["reused"], reuse["tensors"], made

    return told


def flip(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def section(text: str) -> list[str]:
    """The lines about reuse."""
    lines = text.partition("\nReuse\n")[2].split("\n\n")[0].splitlines()
    return [" ".join(line.split()) for line in lines]


class TestPlan:
    def test_without_an_output_nothing_is_said(
        self, bench: Workbench, mergec_command: Callable[..., Result], told: Callable[..., Told]
    ) -> None:
        bench.source("a", {"w": np.ones(3, np.float32)})
        bench.recipe("a")
        assert "Reuse" not in mergec_command("plan", bench.folder / "recipe.yaml").stdout
        assert told(bench) == (0, 1, {"there is no output yet": ["w"]})

    def test_all_that_is_there_is_reused(
        self, built: Workbench, mergec_command: Callable[..., Result], told: Callable[..., Told]
    ) -> None:
        assert told(built) == (13, 13, {})
        assert section(mergec_command("plan", built.folder / "recipe.yaml").stdout) == ["13 of 13 reused"]

    def test_a_weight_in_some_layers(
        self, built: Workbench, mergec_command: Callable[..., Result], told: Callable[..., Told]
    ) -> None:
        edited = {**HALVES, "inputs": {"a": "rest", "b": {"weight": {"h.[2:].**": 0.3, "**": 0.5}}}}
        built.recipe(edited)
        why = {"weights of `a` and `b`": sorted(name for name in LAYERS if name[2] in "23")}
        assert told(built) == (7, 13, why)
        text = mergec_command("plan", built.folder / "recipe.yaml").stdout
        assert section(text) == ["7 of 13 reused", "6 made weights of `a` and `b` h.{2-3}"]
        assert text.endswith("\nPlan: 13 computed, 0 copied, 0 new; 7 of 13 reused.\n")
        done = mergec_command("build", built.folder / "recipe.yaml").stdout
        assert "13 tensors (7 kept)" in done
        assert "6 made  weights of `a` and `b`  h.{2-3}" in done

    def test_one_byte_of_a_source(self, built: Workbench, told: Callable[..., Told]) -> None:
        flip(built.folder / "b.safetensors")
        unknown = sorted([*LAYERS, "embed"])
        assert told(built) == (0, 13, {"unknown until its sources are read": unknown})
        assert told(built, "--out", built.folder / "out")[0] == 0
        assert told(built, command="build") == (0, 13, {"other bytes in `b`": unknown})
        assert told(built) == (13, 13, {})

    def test_only_what_is_made_of_a_source_is_made_anew(
        self, built: Workbench, told: Callable[..., Told], mergec_command: Callable[..., Result]
    ) -> None:
        picked = {"op": "select", "model": "b", "keep": ["embed"]}
        built.recipe({"picked": picked, "m": {"op": "override", "base": "a", "with": ["picked"]}})
        told(built, command="build")
        flip(built.folder / "b.safetensors")
        assert told(built) == (12, 13, {"unknown until its sources are read": ["embed"]})
        assert mergec_command("lock", built.folder / "recipe.yaml").exit_code == 0
        # The lock is now of the sources as they are, and tells nothing of those that the output is made of.
        assert told(built) == (12, 13, {"other bytes in `b`": ["embed"]})

    def test_without_a_lock_all_sources_may_be_meant(
        self, built: Workbench, told: Callable[..., Told]
    ) -> None:
        (built.folder / "recipe.lock").unlink()
        flip(built.folder / "b.safetensors")
        told(built, "--out", built.folder / "other", command="build")
        assert told(built) == (0, 13, {"other bytes in `a` or `b`": sorted([*LAYERS, "embed"])})

    def test_both_at_once(self, built: Workbench, told: Callable[..., Told]) -> None:
        flip(built.folder / "b.safetensors")
        built.recipe("0.5 * a + 0.5 * b")
        found = told(built, command="build")
        assert found[0] == 0
        assert sorted(found[2]) == [
            "other bytes in `b`",
            "weights of `a` and `b`; other bytes in `b`",
        ]

    def test_another_dtype(self, built: Workbench, told: Callable[..., Told]) -> None:
        built.recipe(HALVES, dtype={"embed": "bfloat16"})
        assert told(built) == (12, 13, {"dtype F32 -> BF16": ["embed"]})

    def test_another_source_and_new_tensors(self, built: Workbench, told: Callable[..., Told]) -> None:
        built.source("c", {"embed": np.ones((9, 5), np.float32), "head": np.ones(2, np.float32)})
        built.recipe({"m": HALVES, "n": {"op": "override", "base": "m", "with": ["c"]}})
        why = {"unknown until its sources are read": ["embed"], "new": ["head"]}
        assert told(built) == (12, 14, why)

    def test_a_setting_that_no_weight_tells(self, built: Workbench, told: Callable[..., Told]) -> None:
        built.recipe(with_noise(0.5))
        told(built, command="build")
        built.recipe(with_noise(0.7))
        why = "recipe: noise.tensors.noise.fill.normal: `0.5` -> `0.7`"
        assert told(built) == (13, 14, {why: ["noise"]})

    def test_arithmetic_of_another_version(
        self, built: Workbench, told: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (tensor_keys, why_module):
            monkeypatch.setattr(module, "NUMERICS", 99)
        names = sorted([*LAYERS, "embed"])
        assert told(built) == (0, 13, {"version of the arithmetic 2 -> 99": names})

    @pytest.mark.parametrize("edit", [lambda file: file.unlink(), lambda file: file.write_bytes(b"{}")])
    def test_a_file_that_is_gone_or_another_one(
        self, built: Workbench, told: Callable[..., Told], edit: Callable[[Path], object]
    ) -> None:
        edit(built.out / "model.safetensors")
        assert told(built) == (0, 13, {"missing or edited in the output": sorted([*LAYERS, "embed"])})

    def test_an_output_whose_manifest_was_edited(self, built: Workbench, told: Callable[..., Told]) -> None:
        manifest = built.out / "mergec.manifest.json"
        manifest.write_text(manifest.read_text().replace('"numerics": 2', '"numerics": 3'))
        reason = "the output does not tell what its tensors were made from"
        assert told(built) == (0, 13, {reason: sorted([*LAYERS, "embed"])})

    def test_a_recipe_that_cannot_be_compiled_any_more(
        self, built: Workbench, told: Callable[..., Told]
    ) -> None:
        text = (built.out / "recipe.yaml").read_text()
        (built.out / "recipe.yaml").write_text(text.replace("linear", "gone"))
        built.recipe("0.5 * a + 0.5 * b")
        reused, _, made = told(built)
        assert reused == 7
        assert list(made) == ["the recipe or its sources are others"]

    def test_what_a_stopped_build_left(
        self,
        built: Workbench,
        told: Callable[..., Told],
        mergec_command: Callable[..., Result],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def stopped(*_: object, **_keys: object) -> None:
            raise KeyboardInterrupt

        recipe = built.recipe("0.3 * a + 0.7 * b")
        with monkeypatch.context() as patched:
            patched.setattr(PartialOutput, "publish", stopped)
            with pytest.raises(KeyboardInterrupt):
                recipe.build()
        assert told(built) == (13, 13, {})
        text = mergec_command("plan", built.folder / "recipe.yaml").stdout
        assert section(text) == ["13 of 13 reused, 13 of them from a stopped build"]

    def test_digests_are_never_computed(
        self, built: Workbench, told: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read(*_: object) -> None:
            raise AssertionError("read")

        os.utime(built.folder / "a.safetensors")
        monkeypatch.setattr(source_digests.SourceDigests, "_read", read)
        assert told(built)[0] == 0

    def test_nothing_is_touched(self, built: Workbench, told: Callable[..., Told]) -> None:
        before = tree(built.folder)
        built.recipe(HALVES)
        told(built)
        assert tree(built.folder) == before


class TestOddOutputs:
    """What stands at the output's path may be anything, and is never waited for."""

    def test_links_in_a_circle(self, built: Workbench, told: Callable[..., Told]) -> None:
        shutil.rmtree(built.out)
        built.out.symlink_to("out")
        assert told(built)[:1] == (0,)

    def test_a_link_that_leads_nowhere(self, built: Workbench, told: Callable[..., Told]) -> None:
        shutil.rmtree(built.out)
        built.out.symlink_to("nowhere")
        assert list(told(built)[2]) == ["there is no output yet"]

    def test_a_link_to_the_output(self, built: Workbench, told: Callable[..., Told]) -> None:
        built.out.rename(built.folder / "real")
        built.out.symlink_to("real")
        assert told(built) == (13, 13, {})

    def test_the_root_of_all_folders(self, built: Workbench, told: Callable[..., Told]) -> None:
        assert told(built, "--out", "/")[0] == 0

    @pytest.mark.parametrize("name", ["mergec.manifest.json", "recipe.yaml", "model.safetensors"])
    def test_a_pipe(self, built: Workbench, told: Callable[..., Told], name: str) -> None:
        built.recipe("0.5 * a + 0.5 * b")
        before = told(built)[0]
        (built.out / name).unlink()
        os.mkfifo(built.out / name)
        assert told(built)[0] == (before if name == "recipe.yaml" else 0)

    def test_a_file(self, built: Workbench, told: Callable[..., Told]) -> None:
        shutil.rmtree(built.out)
        built.out.write_text("mine")
        assert list(told(built)[2]) == ["the output does not tell what its tensors were made from"]


class TestBuild:
    @pytest.mark.parametrize("model", [HALVES, "0.5 * a + 0.5 * b", with_noise(0.5), "a"])
    def test_it_does_what_the_plan_says(
        self, built: Workbench, told: Callable[..., Told], model: Any
    ) -> None:
        built.recipe(model)
        planned = told(built)
        assert told(built, command="build") == planned
        assert told(built)[2] == {}

    def test_what_is_edited_without_a_trace_is_found_by_the_build(
        self, built: Workbench, told: Callable[..., Told]
    ) -> None:
        flip(built.out / "model.safetensors")
        reused, _, made = told(built, command="build")
        assert reused == 12
        assert list(made) == ["missing or edited in the output"]

    def test_fresh(self, built: Workbench, told: Callable[..., Told]) -> None:
        names = sorted([*LAYERS, "embed"])
        assert told(built, "--fresh", command="build") == (0, 13, {"everything was to be made anew": names})


def test_the_installed_command_imports_no_torch(
    bench: Workbench, mergec_process: Callable[..., Popen[str]]
) -> None:
    source = bench.source("a", {"w": np.ones(3, np.float32)})
    recipe = bench.folder / "recipe.yaml"
    bench.recipe("a + 0.5 * (a - a)")
    mergec_process("build", recipe).communicate(timeout=60)
    assert (bench.out / "model.safetensors").exists()
    os.utime(source)  # whether its digest was known before depends on how slow this machine is
    bench.recipe("a + 0.25 * (a - a)")
    code = (
        "import sys\nfrom mergec.cli import main\n"
        f"sys.argv = ['mergec', 'plan', {str(recipe)!r}]\n"
        "try:\n    main()\nfinally:\n    print('torch' in sys.modules)"
    )
    process = mergec_process(code=code)
    printed, told = process.communicate(timeout=60)
    assert told == ""
    assert section(printed) == ["0 of 1 reused", "1 made unknown until its sources are read w"]
    assert printed.splitlines()[-1] == "False"


def test_absolute_paths_of_sources_are_found_again(
    tmp_path: Path, told: Callable[..., Told], bench: Workbench
) -> None:
    source = write_checkpoint(tmp_path / "elsewhere" / "s.safetensors", {"w": np.ones(3, np.float32)})
    bench.sources["a"] = {"path": str(source)}
    bench.source("b", {"w": np.zeros(3, np.float32)})
    bench.recipe("0.5 * a + 0.5 * b")
    told(bench, command="build")
    bench.recipe("0.25 * a + 0.75 * b")
    assert told(bench) == (0, 1, {"weights of `a` and `b`": ["w"]})
