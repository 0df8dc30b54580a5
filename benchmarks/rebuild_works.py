"""What is built again, and verified: of an output that is there, only what an edit concerns is made."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.merge_works import NAMES
from benchmarks.peers import NoPeerError
from benchmarks.place import MERGEC, Place
from benchmarks.targets import Under, Within
from benchmarks.work import Pair, Work

_BLOCK: Final = "model.layers.5.**"
_FILES: Final = ("200MB", "100MB")
_WITHOUT: Final = Path(__file__).with_name("without_digests.py")


def _recipe(place: Place, weight: float, *, shards: str = "", alone: bool = False) -> str:
    """Linear of three models with a weight of its own for one block, or that block `alone`."""
    sources = {name: str(path) for name, path in zip(NAMES, place.models(), strict=True)}
    inputs = {"a": {"weight": {_BLOCK: weight, "**": 0.5}}, "b": 0.3, "c": {"weight": "rest"}}
    models: dict[str, object] = {"merged": {"op": "linear", "inputs": inputs}}
    if alone:
        models["block"] = {"op": "select", "model": "merged", "keep": [_BLOCK]}
    output = {"model": "block" if alone else "merged", "path": "build"}
    more = {"max_shard_size": shards} if shards else {}
    return json.dumps({"mergec": 1, "sources": sources, "models": models, "output": output | more})


def _edit(place: Place, out: Path, shards: str = "") -> Pair:
    """A build after the weight of one block was edited, beside one of that block alone, from nothing."""
    before = place.build("edit-before", _recipe(place, 0.5, shards=shards), out)
    after = place.build("edit", _recipe(place, 0.6, shards=shards), out)
    alone = place.build("edit-block", _recipe(place, 0.6, alone=True), out)
    argv = [*before.argv[:-1], str(after.output)]
    return replace(after, before=(argv,)), alone


def _edit_of_one_file(place: Place) -> Pair:
    return _edit(place, place.out)


def _edit_of_files(size: str) -> Callable[[Place], Pair]:
    """Of a block of 84 MB, the rest of one or two files stays."""
    return lambda place: _edit(place, place.out, size)


def _edit_of_shared_blocks(place: Place) -> Pair:
    if place.sharing is None:
        raise NoPeerError("needs --sharing, a folder on XFS or Btrfs")
    return _edit(place, place.sharing)


def _no_change(place: Place) -> Pair:
    ours = place.build("no-change", _recipe(place, 0.5))
    return replace(ours, before=(ours.argv,)), None


def _verify_sample(place: Place) -> Pair:
    ours = place.build("verify", _recipe(place, 0.5))
    recipe, out = ours.argv[2], str(ours.output)
    argv = [str(MERGEC), "verify", out, "--recipe", recipe, "--sample", "32"]
    lock = [str(MERGEC), "lock", recipe]  # a build to another place than the recipe's writes none
    return replace(ours, argv=argv, before=(ours.argv, lock)), None


def _digests(place: Place) -> Pair:
    ours = place.build("digests", _recipe(place, 0.5))
    return ours, replace(ours, argv=[sys.executable, str(_WITHOUT), *ours.argv[1:]])


_ALONE: Final = "that block alone"
REBUILD_WORKS: Final = (
    Work("edit", "edit of one block of {size}, one file", _ALONE, Within(1.5), _edit_of_one_file),
    *(
        Work(
            "edit", f"edit of one block of {{size}}, files of {one}", _ALONE, Within(1.5), _edit_of_files(one)
        )
        for one in _FILES
    ),
    Work(
        "edit",
        "edit of one block of {size}, one file, shared blocks",
        _ALONE,
        Within(1.5),
        _edit_of_shared_blocks,
    ),
    Work("no-change", "build of {size} where nothing changed", None, Under(2, no_torch=True), _no_change),
    Work("verify", "verify --sample 32 of {size}", None, Under(3), _verify_sample),
    Work("digests", "linear, 3 inputs of {size}", "without digests", Within(1.1), _digests),
)
