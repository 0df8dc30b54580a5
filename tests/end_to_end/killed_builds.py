"""Builds that are killed at random points and resumed: a program of its own, as it forks.

Its arguments are a folder with `recipe.yaml` and `older.yaml`, the first seed, and the number of seeds. It
prints what came of all of them as a line of JSON, and fails at the first that ends with wrong bytes, in the
output or in the recipe's lock.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import mergec
from mergec.execute import tile_computer  # noqa: F401  # torch: loaded once, before the forks
from tests.conftest import tree
from tests.end_to_end.faulty_system import FaultySystem, die

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_KILLS = 4
PATHS = ("out", "out.safetensors")
RECIPES = ("recipe.yaml", "older.yaml")


class Whole(NamedTuple):
    """A build that nothing happens to: what it writes, after how many calls of the system and seconds."""

    held: dict[str, bytes]
    lock: bytes
    calls: int
    seconds: float


def held(out: Path) -> dict[str, bytes]:
    """All files of an output."""
    return tree(out) if out.is_dir() else {"": out.read_bytes()} if out.exists() else {}


def in_child(action: Callable[[], object], kill_after: float | None = None) -> bool:
    """Run in a process of its own; whether it was killed."""
    child = os.fork()
    if not child:
        code = 1
        try:
            action()
            code = 0
        except BaseException:  # noqa: BLE001  # the parent only learns that it failed
            traceback.print_exc()
        finally:
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, "a build failed that was to be killed or to succeed"
    return os.WIFSIGNALED(status)


def place_for(folder: Path, name: str, out: str) -> Path:
    """A folder with the recipes, which write to `out` in it."""
    place = folder / name
    place.mkdir()
    for file in RECIPES:
        document = json.loads((folder / file).read_text())
        for source in document["sources"].values():
            source["path"] = f"../{source['path']}"
        document["output"]["path"] = out
        (place / file).write_text(json.dumps(document))
    return place


def build(recipe: Path, workers: int, told: Path) -> None:
    """Build, and write down how many tensors were kept and how many calls it took."""
    from mergec.output.partial_output import PartialOutput

    kept: list[int] = []
    begin = PartialOutput.begin

    def noted(self: PartialOutput, *arguments: object, **options: object) -> list[int]:
        found = begin(self, *arguments, **options)  # type: ignore[arg-type]
        kept.extend(found)
        return found

    system = FaultySystem(lambda _name, _number: None)
    with pytest.MonkeyPatch.context() as patched:
        system.install(patched)
        patched.setattr(PartialOutput, "begin", noted)
        mergec.load(recipe).build(workers=workers)
    told.write_text(json.dumps({"kept": len(kept), "calls": system.total}))


def build_and_die(recipe: Path, workers: int, point: int, torn: int | None) -> None:
    """Build until a call of the system, and then be killed: before it, or in the middle of a write."""

    def act(_name: str, number: int) -> int | None:
        if number == point and torn is None:
            die()
        return torn if number == point else None

    with pytest.MonkeyPatch.context() as patched:
        FaultySystem(act).install(patched)
        mergec.load(recipe).build(workers=workers)


class Trial:
    """Builds to one place, each killed, until one is let be."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Work in a folder of this seed below `folder`."""
        self._rng = random.Random(seed)  # noqa: S311  # no secret
        self._folder = folder
        name = PATHS[self._rng.randrange(2)]
        self._place = place_for(folder, str(seed), name)
        self._out = self._place / name
        self._workers = self._rng.choice([1, 2])
        self._told = folder / "told.json"

    def run(self, whole: dict[str, Whole]) -> tuple[int, int]:
        """Kill and resume; how often it was killed, and how many tensors the last build kept."""
        expected = whole[self._out.name]
        if self._rng.random() < 0.5:  # something to replace
            in_child(lambda: build(self._place / "older.yaml", 1, self._told))
        before = held(self._out)
        kills = sum(self._kill(expected, before) for _ in range(self._rng.randint(1, MOST_KILLS)))
        in_child(lambda: build(self._place / "recipe.yaml", self._workers, self._told))
        assert held(self._out) == expected.held, "wrong bytes"
        assert (self._place / "recipe.lock").read_bytes() == expected.lock, "another lock"
        ours = {*RECIPES, "recipe.lock", "older.lock", self._out.name}
        assert {path.name for path in self._place.iterdir()} <= ours, "something is left"
        shutil.rmtree(self._place)
        return kills, json.loads(self._told.read_text())["kept"]

    def _kill(self, whole: Whole, before: dict[str, bytes]) -> bool:
        rng, recipe, lock = self._rng, self._place / "recipe.yaml", self._place / "recipe.lock"
        if rng.random() < 0.2:  # at any instruction
            wait = rng.uniform(0, 1.2 * whole.seconds)
            told = self._place.with_suffix(".told")
            was_killed = in_child(lambda: build(recipe, self._workers, told), wait)
            told.unlink(missing_ok=True)
        else:
            point, torn = rng.randrange(whole.calls), rng.choice([None, 0, 1, 7, 1000])
            was_killed = in_child(lambda: build_and_die(recipe, self._workers, point, torn))
        assert held(self._out) in (before, whole.held), "the output path is damaged"
        assert not lock.exists() or lock.read_bytes() == whole.lock, "the lock is damaged"
        return was_killed


def main(folder: Path, first: int, count: int) -> None:
    """Try these seeds."""
    whole = {path: undisturbed(folder, path) for path in PATHS}
    kills = kept = 0
    for seed in range(first, first + count):
        try:
            more_kills, more_kept = Trial(folder, seed).run(whole)
        except AssertionError as error:
            sys.exit(f"seed {seed}: {error}")
        kills += more_kills
        kept += more_kept
    print(json.dumps({"seeds": count, "killed": kills, "kept": kept}))  # noqa: T201


def undisturbed(folder: Path, path: str) -> Whole:
    """A build to a place where nothing is, which nothing happens to."""
    place, told = place_for(folder, f"whole {path}", path), folder / "told.json"
    started = time.monotonic()
    in_child(lambda: build(place / "recipe.yaml", 1, told))
    seconds = time.monotonic() - started
    lock = (place / "recipe.lock").read_bytes()
    return Whole(held(place / path), lock, json.loads(told.read_text())["calls"], seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
