"""Aligning pairs of models, beside the PyTorch port of git-re-basin."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from safetensors.torch import load_file

from benchmarks.account import Account, Side
from benchmarks.align_pairs import likeness, random_pair, write_pair
from benchmarks.align_shapes import SHAPED
from benchmarks.checkpoints import MARK
from benchmarks.measure import Command, warm
from benchmarks.mnist import ten_thousand
from benchmarks.peers import REBASIN, rebasin
from benchmarks.perceptrons import barrier, losses_between, trained
from benchmarks.place import Place
from benchmarks.promise import TORCH, promise
from benchmarks.targets import FasterAndAsGood, KeepsPromise, NoBarrier, Target
from benchmarks.work import Pair, Work

PARTS: Final = Path(__file__).with_name("align_parts.py")
PEER_PARTS: Final = PARTS.with_name("rebasin_parts.py")
STARTS: Final = 5
# What each command imports before it works. The matcher imports scipy later, where it needs it.
OURS: Final = "mergec.cli.build, mergec.pipeline, mergec.execute.decide, mergec.symmetries.matching.solve"
THEIRS: Final = "torch, safetensors.torch, scipy.optimize"
HIDDEN: Final = (512, 512, 512)
SEEDS: Final = (0, 1)


def _pair(place: Place, kind: str, correlation: float | None) -> Path:
    """Two models to align, made where they are missing, and in the page cache."""
    at = place.work / "checkpoints" / "align"
    if correlation is None:
        folder = _trained(at / f"{kind}-trained", place)
    else:
        folder = random_pair(at / f"{kind}-{correlation:g}", SHAPED[kind], correlation)
    warm(folder)
    return folder


def _trained(folder: Path, place: Place) -> Path:
    """Two perceptrons that were trained on MNIST from different seeds."""
    mark = folder.with_name(f"{folder.name}.{MARK}")
    if not mark.exists():
        seen, _ = ten_thousand(place.work)
        first, second = (trained(seed, seen, HIDDEN, epochs=30, batch=64) for seed in SEEDS)
        write_pair(folder, SHAPED["mlp"], first, second)
        mark.touch()
    return folder


def _recipe(pair: Path, kind: str) -> str:
    sources = json.dumps({name: str(pair / name) for name in ("a", "b")})
    aligned = f"{{op: align, model: b, to: a, symmetry: {SHAPED[kind].symmetry}}}"
    head = f"mergec: 1\nsources: {sources}\nmodels: {{moved: {aligned}}}\n"
    return head + "output: {model: moved, path: build}\n"


def _align(kind: str, correlation: float | None, memory: str) -> Callable[[Place], Pair]:
    def prepare(place: Place) -> Pair:
        theirs = rebasin(place, kind, pair := _pair(place, kind, correlation))

        def score(output: Path) -> float:
            return likeness(pair, SHAPED[kind], output)

        ours = place.build("align", _recipe(pair, kind))
        argv, leftovers = [*ours.argv, "--memory", memory], (*ours.leftovers, _matches(place))
        return replace(ours, argv=argv, leftovers=leftovers, score=score), replace(theirs, score=score)

    return prepare


def _matches(place: Place) -> Path:
    """What mergec keeps of the matches that it has solved: a benchmark is to solve them anew."""
    return place.cache / "mergec" / "matches"


def _account(kind: str, correlation: float | None, memory: str) -> Callable[[Place], Account]:
    """What the time of one core goes into on both sides, in runs of their own that are not measured."""

    def account(place: Place) -> Account:
        pair = _pair(place, kind, correlation)
        recipe = place.recipe("align", _recipe(pair, kind))
        shutil.rmtree(_matches(place), ignore_errors=True)
        ours = [str(PARTS), str(recipe), str(place.out / "parts"), memory]
        theirs = [str(PEER_PARTS), *rebasin(place, kind, pair).argv[2:]]
        shown = Side(_start(OURS), _parts(ours)), Side(_start(THEIRS), _parts(theirs))
        shutil.rmtree(place.out / "parts", ignore_errors=True)
        Path(theirs[-1]).unlink(missing_ok=True)
        return Account(*shown)

    return account


def _parts(script: Sequence[str]) -> dict[str, float]:
    """Seconds by name, as a script prints them on its last line; nothing if it does not run."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *script], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        return {}
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def _start(modules: str) -> float:
    """What an interpreter takes that only imports."""
    command = Command([sys.executable, "-c", f"import {modules}"])
    return median(command.run().seconds for _ in range(STARTS))


def _mnist(place: Place) -> Pair:
    pair = _pair(place, "mlp", None)

    def score(output: Path) -> float:
        _, held_out = ten_thousand(place.work)
        moved = load_file(output / "model.safetensors")
        return barrier(losses_between(load_file(pair / "a" / "model.safetensors"), moved, held_out))

    return replace(place.build("mnist", _recipe(pair, "mlp")), score=score), None


def _bert_recipe(place: Place) -> str:
    return _recipe(_pair(place, "bert", 0.0), "bert")


def _work(title: str, kind: str, correlation: float | None, target: Target, memory: str = "1GiB") -> Work:
    prepare, account = _align(kind, correlation, memory), _account(kind, correlation, memory)
    return Work("align", title, REBASIN, target, prepare, account=account, needs_peer=True)


ALIGN_WORKS: Final = (
    _work("align, MLP 3 x 512 trained on MNIST", "mlp", None, FasterAndAsGood(3)),
    _work("align, ResNet50, related", "resnet50", 0.7, FasterAndAsGood(3)),
    _work("align, ResNet50, unrelated", "resnet50", 0.0, FasterAndAsGood(3)),
    _work("align, BERT-base, related", "bert", 0.7, FasterAndAsGood(3, seconds=180)),
    _work("align, BERT-base, unrelated", "bert", 0.0, FasterAndAsGood(3, seconds=180)),
    # A single matrix of costs, of 11008 units, is nearly 1 GiB.
    _work("align, one layer of Llama 7B, related", "llama", 0.7, FasterAndAsGood(3), "2GiB"),
    Work(
        "align-memory",
        "memory, align BERT-base in 1 GiB",
        "libraries",
        KeepsPromise(),
        promise("1GiB", _bert_recipe, TORCH, "mergec.symmetries.matching.solve", "mergec.execute.decide"),
    ),
    Work("align-mnist", "align, MNIST barrier", None, NoBarrier(0.01), _mnist, by_default=False),
)
