from __future__ import annotations

import json
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

# Reads that take long: the build is stopped in the middle of them.
SLOW = """
import os, sys, time
from mergec.sources.local_file import LocalFile
read_at = LocalFile.read_at
def slowly(self, offset, buffer):
    os.write(1, b"reading\\n")  # in one piece, also from two workers
    time.sleep(0.05)
    return read_at(self, offset, buffer)
LocalFile.read_at = slowly
from mergec.cli import main
main(["build", sys.argv[1], "--workers", sys.argv[2], "--memory", "64MiB"])
"""


def test_the_path_and_a_summary(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("build", recipe)
    assert (result.exit_code, result.stderr) == (0, "")
    path, summary = result.stdout.splitlines()
    assert path == str(recipe.parent / "out.safetensors")
    assert summary.startswith("5 tensors, ")
    assert (recipe.parent / "out.safetensors").is_file()


def test_quiet_prints_the_path_alone(mergec_command: Callable[..., Result], recipe: Path) -> None:
    out = recipe.parent / "elsewhere.safetensors"
    assert mergec_command("build", recipe, "--quiet", "--out", out).stdout == f"{out}\n"


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    document = json.loads(mergec_command("build", recipe, "--json").stdout)
    size = (recipe.parent / "out.safetensors").stat().st_size
    assert document["path"] == str(recipe.parent / "out.safetensors")
    assert document["tensors"] == 5
    assert document["bytes"]["written"] == size


def test_a_budget_that_is_too_small(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("build", recipe, "--memory", "1MiB")
    assert result.exit_code == 6
    assert "error[MC0601]" in result.stderr
    assert not (recipe.parent / "out.safetensors").exists()


def test_what_mergec_did_not_build_is_replaced_only_by_force(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    out = recipe.parent / "out.safetensors"
    out.write_bytes((recipe.parent / "base.safetensors").read_bytes())
    before = out.read_bytes()
    refused = mergec_command("build", recipe)
    assert refused.exit_code == 1
    assert "error[MC0801]" in refused.stderr
    assert out.read_bytes() == before
    assert mergec_command("build", recipe, "--force").exit_code == 0
    assert out.read_bytes() != before


def test_a_fault_leaves_the_output_alone_and_what_was_finished_to_the_next_build(
    mergec_command: Callable[..., Result], recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mergec.sources.local_file import LocalFile

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    before = published(recipe)
    with monkeypatch.context() as patched:
        patched.setattr(LocalFile, "check_unchanged", broken)
        result = mergec_command("build", recipe)
    assert result.exit_code == 7
    assert "error[MC0901]" in result.stderr
    assert published(recipe) == before


def published(recipe: Path) -> list[str]:
    """What there is but for what a stopped build keeps for the next one."""
    return sorted(path.name for path in recipe.parent.iterdir() if ".partial" not in path.name)


def test_a_stopped_build_tells_what_the_next_one_goes_on_from(
    mergec_command: Callable[..., Result], recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mergec.output.partial_output import PartialOutput

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = published(recipe)
    out = recipe.parent / "out.safetensors"
    for command in (["build", recipe], ["build", recipe, "--json"]):
        with monkeypatch.context() as patched:
            patched.setattr(PartialOutput, "publish", interrupt)
            result = mergec_command(*command)
        kept = f"kept 5 of 5 tensors in {out}.partial; the next build goes on from there"
        assert (result.exit_code, result.stderr.splitlines()) == (130, ["interrupted", kept])
        assert published(recipe) == before
    result = mergec_command("build", recipe)
    assert result.stdout.splitlines()[1].startswith("5 tensors (5 kept), ")
    left = sorted(path.name for path in recipe.parent.iterdir() if path.suffix != ".lock")
    assert left == sorted([*before, out.name])


def test_a_fresh_build_goes_on_from_nothing(
    mergec_command: Callable[..., Result], recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mergec.output.partial_output import PartialOutput

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(PartialOutput, "publish", interrupt)
        mergec_command("build", recipe)
    result = mergec_command("build", recipe, "--fresh", "-v")
    partial = f"{recipe.parent / 'out.safetensors'}.partial"
    told = f"removed {partial}, which a stopped build left, as a fresh build was asked for\n"
    assert (result.exit_code, result.stderr) == (0, told)
    assert result.stdout.splitlines()[1].startswith("5 tensors, ")


def test_an_output_that_nothing_can_be_taken_from_is_told(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    out = recipe.parent / "folder"
    assert len(mergec_command("build", recipe, "--out", out).stdout.splitlines()) == 2
    manifest = out / "mergec.manifest.json"
    manifest.write_text(manifest.read_text().replace('"numerics": ', '"numerics": 9'))
    told = mergec_command("build", recipe, "--out", out).stdout.splitlines()[2]
    assert told.startswith("  5 made  the output does not tell what its tensors were made from  ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not what they are on POSIX")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, 143, "terminated\n")]
)
def test_a_signal_stops_the_build_and_leaves_the_output_alone(
    mergec_process: Callable[..., subprocess.Popen[str]],
    recipe: Path,
    number: signal.Signals,
    code: int,
    said: str,
    workers: int,
) -> None:
    before = published(recipe)
    with mergec_process(recipe, workers, code=SLOW) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    first, *kept = errors.splitlines(keepends=True)
    assert (process.returncode, first) == (code, said)
    assert all(line.startswith("kept ") for line in kept)
    assert published(recipe) == before


def test_progress_counts_what_workers_report(recipe: Path) -> None:
    import mergec
    from mergec.cli.build_progress import shown_progress

    plan = mergec.load(recipe).plan()
    with shown_progress(plan, is_colored=False) as progress:
        for number, tensor in enumerate(plan.layout.tensors):
            progress(number, tensor.nbytes)
        time.sleep(0.2)  # two pictures


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("model.layers.3.mlp.up.weight", "model.layers.3"),
        ("lm_head.weight", "lm_head"),
        ("w", "w"),
        ("a\x1b.0.w", r"a\x1b.0"),
    ],
)
def test_the_block_of_a_tensor(name: str, block: str) -> None:
    from mergec.cli.build_progress import block_of

    assert block_of(name) == block


@pytest.mark.parametrize(
    ("out", "problem"),
    [("merged.ckpt", "found `merged.ckpt`; write `merged.safetensors`"), ("", "the path is empty")],
)
def test_an_output_of_another_format(
    mergec_command: Callable[..., Result], recipe: Path, out: str, problem: str
) -> None:
    result = mergec_command("build", recipe, "--out", out)
    assert result.exit_code == 2
    assert problem in result.stderr
