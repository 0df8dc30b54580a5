"""What builds of single-file outputs take from the file that is there."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from mergec.lock import kept_manifests
from mergec.lock.file_stamp import FileStamp
from mergec.lock.kept_manifests import manifest_folder
from mergec.output.partial_output import PartialOutput
from tests.conftest import tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.conftest import Workbench

    Run = Callable[..., tuple[int, dict[str, Any]]]

NAMES = [f"h.{i}" for i in range(5)]
HALVES = "0.5 * a + 0.5 * b"
EDITED = {"op": "linear", "inputs": {"a": {"weight": {"h.2": 0.3, "**": 0.5}}, "b": "rest"}}


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)


@pytest.fixture
def run(bench: Workbench, mergec_command: Callable[..., Result]) -> Run:
    """How many tensors are reused, and the others by the reasons, as `build` or `plan` tells."""

    def run(model: object, *options: object, command: str = "build", **output: object) -> Any:
        bench.recipe(model, **{"path": "out.safetensors", **output})
        result = mergec_command(command, bench.folder / "recipe.yaml", "--json", *options)
        assert result.exit_code == 0, result.output
        reuse = json.loads(result.stdout)["reuse"]
        return reuse["reused"], {one["why"]: one["tensors"] for one in reuse["made"]}

    return run


@pytest.fixture
def out(bench: Workbench, run: Run) -> Path:
    """A file that was built, of two sources."""
    for seed, name in enumerate("ab"):
        rng = np.random.default_rng(seed)
        bench.source(name, {one: rng.standard_normal((30, 20), np.float32) for one in NAMES})
    run(HALVES)
    return bench.folder / "out.safetensors"


def state(path: Path) -> tuple[int, int, bytes]:
    return path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()


def flip(path: Path, at: int = -1) -> None:
    """Another byte, as if nobody had been there."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def assert_as_from_nothing(bench: Workbench, out: Path) -> None:
    made = out.read_bytes()
    mergec.load(bench.folder / "recipe.yaml").build(fresh=True)
    assert out.read_bytes() == made


def test_nothing_is_written_where_nothing_changed(bench: Workbench, out: Path, run: Run) -> None:
    before = state(out)
    assert run(HALVES) == (5, {})
    assert state(out) == before
    assert run(HALVES, command="plan") == (5, {})
    assert sorted(path.name for path in bench.folder.iterdir() if path.name.startswith("out")) == [out.name]


def test_nothing_is_needed_on_a_full_disk_where_nothing_changed(
    out: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, usage = state(out), shutil.disk_usage(out.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1 << 20))
    assert run(HALVES) == (5, {})
    assert state(out) == before


def test_only_what_an_edit_concerns_is_computed(bench: Workbench, out: Path, run: Run) -> None:
    told = (4, {"weights of `a` and `b`": ["h.2"]})
    assert run(EDITED, command="plan") == told
    assert run(EDITED) == told
    assert_as_from_nothing(bench, out)


def test_a_source_that_changed(bench: Workbench, out: Path, run: Run) -> None:
    flip(bench.folder / "b.safetensors")
    assert run(HALVES) == (0, {"other bytes in `b`": NAMES})
    assert_as_from_nothing(bench, out)


def test_a_byte_that_somebody_changed(bench: Workbench, out: Path, run: Run) -> None:
    flip(out)
    assert run(HALVES) == (4, {"missing or edited in the output": ["h.4"]})
    assert_as_from_nothing(bench, out)


def test_a_file_that_was_touched_is_hashed_and_kept(out: Path, run: Run) -> None:
    os.utime(out)
    before = state(out)
    assert run(HALVES) == (5, {})
    assert state(out) == before


def test_a_file_that_was_moved_is_made_anew(bench: Workbench, out: Path, run: Run) -> None:
    moved = out.with_name("moved.safetensors")
    out.rename(moved)
    no_record = "the output does not tell what its tensors were made from"
    assert run(HALVES, path=moved.name) == (0, {no_record: NAMES})
    assert run(HALVES) == (0, {"there is no output yet": NAMES})
    assert out.read_bytes() == moved.read_bytes()
    assert_as_from_nothing(bench, out)


def test_files_that_changed_places(bench: Workbench, out: Path, run: Run) -> None:
    other = out.with_name("other.safetensors")
    run(EDITED, path=other.name)
    third = out.with_name("third.safetensors")
    out.rename(third)
    other.rename(out)
    third.rename(other)
    assert run(HALVES)[0] == 4  # whatever holds the same bytes
    assert_as_from_nothing(bench, out)


def test_the_file_of_somebody_else_in_its_place(out: Path, run: Run) -> None:
    before = out.read_bytes()
    out.write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    assert run(HALVES, "--force")[0] == 0
    assert out.read_bytes() == before


def test_another_form_and_a_header_with_metadata(bench: Workbench, out: Path, run: Run) -> None:
    assert run(HALVES, dtype="bfloat16") == (0, {"dtype F32 -> BF16": NAMES})
    assert run(HALVES)[0] == 0
    assert run(HALVES, metadata="sdwebui") == (5, {})
    assert_as_from_nothing(bench, out)
    assert run(HALVES, metadata="sdwebui", command="plan") == (5, {})


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-40],
        lambda text: text.replace('"numerics": 2', '"numerics": 3'),
        lambda text: text.replace('"key": "', '"key": "0', 1),
        lambda _: "[]",
    ],
)
def test_what_is_kept_of_it_was_tampered_with(
    bench: Workbench, out: Path, run: Run, damage: Callable[[str], str]
) -> None:
    folder = manifest_folder(out)
    assert folder is not None
    manifest = folder / "mergec.manifest.json"
    assert damage(manifest.read_text()) != manifest.read_text()
    manifest.write_text(damage(manifest.read_text()))
    assert run(HALVES)[0] == 0
    assert_as_from_nothing(bench, out)
    assert run(HALVES) == (5, {})


def test_nothing_is_kept_where_nothing_can_be(
    bench: Workbench, out: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / "cache").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(bench.folder / "cache"))
    assert [run(HALVES)[0] for _ in range(2)] == [0, 0]
    assert_as_from_nothing(bench, out)


def test_only_so_many_are_kept(
    bench: Workbench, out: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = manifest_folder(out)
    assert folder is not None
    monkeypatch.setattr(kept_manifests, "LARGEST", 2)
    for name in "xyz":
        run(HALVES, path=f"{name}.safetensors")
    assert len(list(folder.parent.iterdir())) == 2
    assert run(HALVES, path="z.safetensors")[0] == 5
    assert run(HALVES)[0] == 0
    assert tree(bench.folder)["x.safetensors"] == out.read_bytes()


def test_behind_a_link(bench: Workbench, out: Path, run: Run) -> None:
    real = bench.folder / "disk" / "real.safetensors"
    real.parent.mkdir()
    out.rename(real)
    out.symlink_to(real)
    assert run(HALVES)[0] == 0
    assert run(EDITED) == (4, {"weights of `a` and `b`": ["h.2"]})
    assert out.is_symlink()
    assert_as_from_nothing(bench, out)


def test_links_in_a_circle(
    bench: Workbench, out: Path, run: Run, mergec_command: Callable[..., Result]
) -> None:
    out.unlink()
    out.symlink_to(out.name)
    assert run(HALVES, command="plan")[0] == 0
    told = mergec_command("build", bench.folder / "recipe.yaml", "--json")
    assert [one["code"] for one in json.loads(told.stdout)["diagnostics"]] == ["MC0804"]


def test_a_path_that_goes_up_again(bench: Workbench, out: Path, run: Run) -> None:
    path = f"nowhere/../{out.name}"
    assert run(HALVES, path=path) == (5, {})
    assert run(EDITED, path=path)[0] == 4
    assert run(EDITED) == (5, {})
    assert_as_from_nothing(bench, out)


@pytest.mark.parametrize("metadata", [None, "sdwebui"])
def test_what_a_stopped_build_left_is_counted(
    bench: Workbench, out: Path, run: Run, metadata: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **_keys: object) -> None:
        raise KeyboardInterrupt

    out.unlink()
    recipe = bench.recipe(EDITED, path=out.name, metadata=metadata)
    with monkeypatch.context() as patched:
        patched.setattr(PartialOutput, "publish", stopped)
        with pytest.raises(KeyboardInterrupt):
            recipe.build()
    assert run(EDITED, command="plan", metadata=metadata) == (5, {})
    assert run(EDITED, metadata=metadata) == (5, {})
    assert_as_from_nothing(bench, out)
