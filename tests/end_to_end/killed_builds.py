"""Builds that are killed at random points and resumed: a program of its own, as it forks.

Its arguments are a folder with the recipes, the first seed, and the number of seeds. It prints what came of
all of them as a line of JSON, and fails at the first that ends with wrong bytes, in the output or in the
recipe's lock.
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
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import mergec
from mergec.execute import decide, tile_computer  # noqa: F401  # torch and scipy: loaded once, before the forks
from tests.conftest import tree
from tests.end_to_end.kill_points import ANY_INSTANT, KillPoint, PhasedSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_KILLS = 4
PATHS = ("out", "out.safetensors")
# Where they lie in a place, and what they are called in the folder, by what they do.
RECIPES = {
    "plain": {"recipe.yaml": "recipe.yaml", "older.yaml": "older.yaml"},
    "aligned": {"recipe.yaml": "aligned.yaml", "older.yaml": "older-aligned.yaml"},
}
# Matching is slow, and what is killed in it is the same wherever it goes.
KINDS = ("plain", "plain", "plain", "aligned")


class Whole(NamedTuple):
    """A build that nothing happens to: what it writes, after which calls of the system and how long.

    `calls` are the numbers of calls in each phase, over what an older recipe left.
    """

    held: dict[str, bytes]
    lock: bytes
    calls: Mapping[str, int]
    seconds: float


class Came(NamedTuple):
    """What came of builds: how many were killed in which phase, how many went on, and what they kept."""

    killed: Counter[str]
    resumed: int
    kept: int


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


def place_for(folder: Path, name: str, out: str, kind: str) -> Path:
    """A folder with the recipes, which write to `out` in it."""
    place = folder / name
    place.mkdir()
    for file, called in RECIPES[kind].items():
        document = json.loads((folder / called).read_text())
        for source in document["sources"].values():
            source["path"] = f"../{source['path']}"
        document["output"]["path"] = out
        (place / file).write_text(json.dumps(document))
    return place


def build(recipe: Path, workers: int, told: Path, point: KillPoint | None = None) -> None:
    """Build, and write down how many tensors were kept and which calls it took; or be killed at one."""
    from mergec.output.partial_output import PartialOutput

    # Each place remembers for itself what its matches found.
    os.environ["XDG_CACHE_HOME"] = str(recipe.parent.with_suffix(".cache"))
    kept: list[int] = []
    begin = PartialOutput.begin

    def noted(self: PartialOutput, *arguments: object, **options: object) -> list[int]:
        found = begin(self, *arguments, **options)  # type: ignore[arg-type]
        kept.extend(found)
        return found

    system = PhasedSystem(point, told)
    with pytest.MonkeyPatch.context() as patched:
        system.install(patched)
        patched.setattr(PartialOutput, "begin", noted)
        mergec.load(recipe).build(workers=workers)
    told.write_text(json.dumps({"kept": len(kept), "calls": system.counts}))


class Trial:
    """Builds to one place, each killed, until one is let be."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Work in a folder of this seed below `folder`."""
        self._rng = random.Random(seed)  # noqa: S311  # no secret
        name, self._kind = self._rng.choice(PATHS), self._rng.choice(KINDS)
        self._place = place_for(folder, str(seed), name, self._kind)
        self._out = self._place / name
        self._workers = self._rng.choice([1, 2])
        self._told = folder / "told.json"

    def run(self, wholes: Mapping[tuple[str, str], Whole]) -> Came:
        """Kill and resume."""
        whole = wholes[self._out.name, self._kind]
        if self._rng.random() < 0.6:  # something to replace
            in_child(lambda: build(self._place / "older.yaml", 1, self._told))
        before = held(self._out)
        tries = range(self._rng.randint(1, MOST_KILLS))
        killed = Counter(filter(None, (self._kill(whole, before) for _ in tries)))
        in_child(lambda: build(self._place / "recipe.yaml", self._workers, self._told))
        assert held(self._out) == whole.held, "wrong bytes"
        assert (self._place / "recipe.lock").read_bytes() == whole.lock, "another lock"
        ours = {"recipe.yaml", "older.yaml", "recipe.lock", "older.lock", self._out.name}
        assert {path.name for path in self._place.iterdir()} <= ours, "something is left"
        shutil.rmtree(self._place)
        shutil.rmtree(self._place.with_suffix(".cache"))
        kept = json.loads(self._told.read_text())["kept"]
        return Came(killed, int(killed.total() > 0), kept)

    def _kill(self, whole: Whole, before: dict[str, bytes]) -> str | None:
        """Where a build was killed, if it was: it may have ended before."""
        recipe, lock = self._place / "recipe.yaml", self._place / "recipe.lock"
        point, wait = self._point(whole)
        self._told.write_text(ANY_INSTANT)
        was_killed = in_child(lambda: build(recipe, self._workers, self._told, point), wait)
        assert held(self._out) in (before, whole.held), "the output path is damaged"
        assert not lock.exists() or lock.read_bytes() == whole.lock, "the lock is damaged"
        return self._told.read_text() if was_killed else None

    def _point(self, whole: Whole) -> tuple[KillPoint | None, float | None]:
        """A call, or so many seconds: then it may be any instruction, such as of compiling."""
        rng = self._rng
        if rng.random() < 0.2:
            return None, rng.uniform(0, 1.2 * whole.seconds)
        # Most calls read or write weights: two times in three every phase is as likely as the others.
        phases = sorted(whole.calls)
        weights = [whole.calls[phase] for phase in phases] if rng.random() < 1 / 3 else None
        phase = rng.choices(phases, weights)[0]
        torn = rng.choice([None, 0, 1, 7, 1000])
        return KillPoint(phase, rng.randrange(whole.calls[phase]), torn), None


def main(folder: Path, first: int, count: int) -> None:
    """Try these seeds."""
    wholes = {(path, kind): undisturbed(folder, path, kind) for path in PATHS for kind in RECIPES}
    total = Came(Counter(), 0, 0)
    for seed in range(first, first + count):
        try:
            came = Trial(folder, seed).run(wholes)
        except AssertionError as error:
            sys.exit(f"seed {seed}: {error}")
        resumed, kept = total.resumed + came.resumed, total.kept + came.kept
        total = Came(total.killed + came.killed, resumed, kept)
    killed = {"seeds": count, "killed": total.killed.total(), "phases": dict(total.killed)}
    print(json.dumps({**killed, "resumed": total.resumed, "kept": total.kept}))  # noqa: T201


def undisturbed(folder: Path, path: str, kind: str) -> Whole:
    """What a build makes where nothing is, and its calls there and over an older output."""
    told = folder / "told.json"
    made: list[Whole] = []
    for name, has_older in (("empty", False), ("older", True)):
        place = place_for(folder, f"whole {path} {kind} {name}", path, kind)
        if has_older:
            in_child(partial(build, place / "older.yaml", 1, told))
        started = time.monotonic()
        in_child(partial(build, place / "recipe.yaml", 1, told))
        seconds = time.monotonic() - started
        calls = json.loads(told.read_text())["calls"]
        made.append(Whole(held(place / path), (place / "recipe.lock").read_bytes(), calls, seconds))
    first, second = made
    assert first[:2] == second[:2], "another output over an older one"
    phases = {*first.calls, *second.calls}
    return first._replace(calls={one: max(w.calls.get(one, 0) for w in made) for one in phases})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
