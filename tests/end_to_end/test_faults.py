"""Builds that are killed or that the system fails: no output is damaged, and the next build is right."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec
from tests.cli.aligned import write_aligned
from tests.conftest import bf16, tree
from tests.end_to_end.faulty_system import CALLS, WRITES, FaultySystem
from tests.end_to_end.kill_points import ANY_INSTANT, PHASES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.api import LoadedRecipe
    from tests.conftest import Array, Raw, Workbench

ROOT = Path(__file__).resolve().parents[2]
# How many places builds are killed at, mostly more than once. More for a night: with -s,
# MERGEC_KILLED_BUILDS=200 tells of each 25 how many builds were killed, and doing what.
KILLED_BUILDS = int(os.environ.get("MERGEC_KILLED_BUILDS", "15"))
SEEDS_AT_ONCE = 25


@pytest.fixture(params=["out", "out.safetensors"], ids=["directory", "file"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def tensors(seed: int) -> dict[str, Array | Raw]:
    rng = np.random.default_rng(seed)
    small = {f"h.{i}.w": rng.standard_normal((40, 30), np.float32) for i in range(6)}
    large = {f"g.{i}.w": bf16(rng.standard_normal((700, 900), np.float32)) for i in range(2)}
    return {
        **small,
        **large,
        "turned": rng.standard_normal((300, 200), np.float32),
        "ids": np.arange(300_000),
    }


@pytest.fixture
def recipe(bench: Workbench, path: str) -> LoadedRecipe:
    """A recipe that computes, copies and turns, and `older.yaml`, of which something may stand there."""
    rule = {"from": "turned", "to": "straight", "transpose": [1, 0]}
    for seed, name in enumerate("ab"):
        bench.folder_source(name, tensors(seed), config__json='{"n": 1}')
        bench.sources[name] = {"path": name, "rename": [rule]}
    # What is a copy in one is computed in the other.
    weights = {"a": {"weight": {"h.3.w": 1.0, "**": 0.3}}, "b": "rest"}
    older = {"op": "linear", "inputs": {"a": 0.3, "b": 0.7}}
    bench.recipe(older, path=path, max_shard_size="2MB").path.rename(bench.folder / "older.yaml")
    return bench.recipe({"op": "linear", "inputs": weights}, path=path, max_shard_size="2MB")


def published(bench: Workbench) -> dict[str, bytes]:
    """What is there, without the lock and what a stopped build keeps for the next."""
    return {
        name: data
        for name, data in tree(bench.folder).items()
        if ".partial" not in name and not name.endswith(".lock")
    }


def assert_next_is_right(bench: Workbench, recipe: LoadedRecipe, path: str) -> None:
    """The next build is as if nothing had happened, and leaves nothing but the output."""
    recipe.build(workers=1)
    made = {name: data for name, data in tree(bench.folder).items() if name.startswith(path)}
    recipe.build(workers=2, fresh=True)
    assert made == {name: data for name, data in published(bench).items() if name.startswith(path)}


@pytest.fixture
def _aligned(bench: Workbench) -> None:
    """`aligned.yaml` and `older-aligned.yaml`, which look for permutations."""
    folder = bench.folder / "aligned"
    folder.mkdir()
    write_aligned(folder)
    means = {"aligned": "0.5 * p + 0.5 * q_aligned", "older-aligned": "0.4 * p + 0.6 * q_aligned"}
    for name, mean in means.items():
        document = {
            "mergec": 1,
            "sources": {"p": {"path": "aligned/a.safetensors"}, "q": {"path": "aligned/b.safetensors"}},
            "models": {
                "q_aligned": {"op": "align", "model": "q", "to": "p", "symmetry": "mlp"},
                "mean": mean,
            },
            "output": {"model": "mean", "path": "out"},
        }
        (bench.folder / f"{name}.yaml").write_text(json.dumps(document))


@pytest.mark.usefixtures("_aligned")
@pytest.mark.parametrize("path", ["out"], indirect=True)  # each seed chooses its own
@pytest.mark.parametrize("first", range(0, KILLED_BUILDS, SEEDS_AT_ONCE))
def test_killed_builds(bench: Workbench, recipe: LoadedRecipe, first: int) -> None:
    assert recipe.path.exists()
    count = min(SEEDS_AT_ONCE, KILLED_BUILDS - first)
    command = [
        sys.executable,
        "-m",
        "tests.end_to_end.killed_builds",
        str(bench.folder),
        str(first),
        str(count),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    by_phase = ", ".join(f"{phase} {times}" for phase, times in sorted(found["phases"].items()))
    print(  # noqa: T201  # for who kills many
        f"\n{found['killed']} builds killed at {count} places ({by_phase}); {found['resumed']} resumed, "
        f"which kept {found['kept']} tensors: 0 wrong bytes, 0 damaged outputs"
    )
    assert found["killed"] >= count / 2
    assert found["kept"] > 0
    assert set(found["phases"]) <= {*PHASES, ANY_INSTANT}
    if count == SEEDS_AT_ONCE:
        assert len(found["phases"]) > len(PHASES) / 2


@pytest.fixture(params=[False, True], ids=["in an empty place", "over an output"])
def _older(request: pytest.FixtureRequest, bench: Workbench, recipe: LoadedRecipe) -> None:
    assert recipe.path.exists()
    if request.param:
        mergec.load(bench.folder / "older.yaml").build(workers=1)


def failing(name: str, at: int, code: int) -> FaultySystem:
    """A system whose call of that name and number fails."""

    def act(called: str, number: int) -> None:
        if (called, number) == (name, at):
            raise OSError(code, os.strerror(code))

    return FaultySystem(act, each=True)


@pytest.mark.usefixtures("_older")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_every_call_of_the_system_fails_once(
    bench: Workbench, recipe: LoadedRecipe, path: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = FaultySystem(lambda _name, _number: None, each=True)
    with monkeypatch.context() as patched:
        counted.install(patched)
        recipe.build(out=bench.folder / "counted" / path, workers=1)
    before = published(bench)
    for name in (*CALLS, "exchange"):
        count = counted.counts.get(name, 0)
        for at in sorted({0, 1, count // 3, count // 2, count - 2, count - 1} & set(range(count))):
            with monkeypatch.context() as patched:
                failing(name, at, code).install(patched)
                ended = ending(recipe)
            if ended is None:  # what cannot be done so is done in another way
                restore(bench, path, before)
                continue
            assert all(error.code[:4] in {"MC02", "MC08"} for error in ended.errors), (name, at)
            assert published(bench) == before, (name, at)
    assert_next_is_right(bench, recipe, path)


def ending(recipe: LoadedRecipe) -> mergec.MergecError | None:
    """How a build ends: well, or with errors told."""
    try:
        recipe.build(workers=1)
    except mergec.MergecError as error:
        return error
    return None


def restore(bench: Workbench, path: str, before: dict[str, bytes]) -> None:
    """Have at the output path what was there."""
    older = any(name.split("/")[0] == path for name in before)
    if older:
        mergec.load(bench.folder / "older.yaml").build(workers=1)
    elif (bench.folder / path).is_dir():
        for file in (bench.folder / path).iterdir():
            file.unlink()
        (bench.folder / path).rmdir()
    else:
        (bench.folder / path).unlink()
    assert published(bench) == before


def test_short_reads_and_writes(
    bench: Workbench, recipe: LoadedRecipe, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite, preadv, copy = os.pwrite, os.preadv, os.copy_file_range
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", lambda file, data, at: pwrite(file, data[:7777], at))
        patched.setattr(os, "preadv", lambda file, parts, at, *how: preadv(file, [parts[0][:9999]], at, *how))
        patched.setattr(os, "copy_file_range", lambda a, b, count, *at: copy(a, b, min(count, 5555), *at))
        recipe.build(workers=2)
    assert_next_is_right(bench, recipe, path)


@pytest.mark.usefixtures("_older")
def test_files_that_may_not_grow(bench: Workbench, recipe: LoadedRecipe, path: str) -> None:
    before = published(bench)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        ended = ending(recipe)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ended is not None
    assert [error.code for error in ended.errors] == ["MC0804"]
    assert published(bench) == before
    assert_next_is_right(bench, recipe, path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of six megabytes, which only root may have."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6M", "tmpfs", folder], check=False, stderr=-3
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("code", ["MC0803", "MC0804"])
def test_a_disk_that_is_too_small(
    bench: Workbench,
    recipe: LoadedRecipe,
    path: str,
    small_disk: Path,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, ballast = small_disk / path, small_disk / "ballast"
    ballast.write_bytes(bytes(4 << 20))
    if code == "MC0804":  # somebody fills it meanwhile
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
    with pytest.raises(mergec.MergecError) as caught:
        recipe.build(out=out, workers=1)
    (error,) = caught.value.errors
    assert (error.code, error.exit_code) == (code, 6)
    assert not out.exists()
    ballast.unlink()
    recipe.build(out=out, workers=1)
    assert [p.name for p in small_disk.iterdir()] == [path]
    made = tree(small_disk)
    recipe.build(out=bench.folder / "large" / path, workers=1)
    assert tree(bench.folder / "large") == made


def test_a_source_that_disappears(bench: Workbench, recipe: LoadedRecipe, path: str) -> None:
    source, aside = bench.folder / "a/model.safetensors", bench.folder / "aside"

    def remove(*_: object) -> None:
        if source.exists():
            source.rename(aside)

    with pytest.raises(mergec.MergecError) as caught:
        recipe.build(workers=1, progress=remove)
    assert caught.value.exit_code == 5
    assert not (bench.folder / path).exists()
    aside.rename(source)
    assert_next_is_right(bench, recipe, path)


def test_a_linked_place(bench: Workbench, recipe: LoadedRecipe, path: str) -> None:
    """The output path leads elsewhere: there it is made, stopped and gone on with."""
    real = bench.folder / "real"
    mergec.load(bench.folder / "older.yaml").build(out=real / path, workers=1)
    (bench.folder / path).symlink_to(real / path)

    def interrupt(tensor: int, _bytes: int) -> None:
        if tensor == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recipe.build(workers=1, progress=interrupt)
    assert [p.name for p in bench.folder.glob("*.partial")] == []
    recipe.build(workers=1)
    assert (bench.folder / path).is_symlink()
    assert [p.name for p in real.iterdir()] == [path]
    made = tree(real)
    recipe.build(workers=1, fresh=True)
    assert tree(real) == made


@pytest.mark.parametrize("path", ["out"], indirect=True)  # a file holds no files
def test_a_file_of_somebody_else_that_comes_into_the_output(
    bench: Workbench, recipe: LoadedRecipe, path: str
) -> None:
    mergec.load(bench.folder / "older.yaml").build(workers=1)

    def interrupt(tensor: int, _bytes: int) -> None:
        if tensor == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recipe.build(workers=1, progress=interrupt)
    notes = bench.out / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(mergec.MergecError) as caught:
        recipe.build(workers=1)
    assert [error.code for error in caught.value.errors] == ["MC0801"]
    assert notes.read_text() == "mine"
    notes.unlink()
    assert_next_is_right(bench, recipe, path)


def test_writes_are_among_the_calls_that_fail() -> None:
    assert set(WRITES) < set(CALLS)
