"""Merge methods beside mergekit's, and a weighted sum of single files beside sd-mecha's."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers import MERGEKIT, SD_MECHA, mergekit, sd_mecha
from benchmarks.place import Place
from benchmarks.targets import Faster
from benchmarks.work import Pair, Work

NAMES: Final = ("a", "b", "c")
_ALPHA: Final = 0.4


def merge_recipe(models: list[Path], merged: str, output: str = "build") -> str:
    """A recipe with these sources, named a, b and c, and one operation."""
    paths = dict(zip(NAMES, map(str, models), strict=False))
    sources = "\n".join(f"  {name}: {json.dumps(path)}" for name, path in paths.items())
    head = f"mergec: 1\nsources:\n{sources}\nmodels:\n  merged: {merged}\n"
    return head + f"output: {{model: merged, path: {output}}}\n"


@dataclass(frozen=True)
class _TaskVectors:
    """A method with a base and two fine-tunes, which has the same name and parameters in both programs."""

    method: str
    parameters: Mapping[str, float]

    def __call__(self, place: Place) -> Pair:
        """Both commands."""
        models = place.models()
        parts = [{"model": str(m), "parameters": self.parameters} for m in models[1:]]
        config = {
            "merge_method": self.method,
            "dtype": "bfloat16",
            "base_model": str(models[0]),
            "models": parts,
        }
        given = json.dumps(self.parameters)
        inputs = f"{{b: {given}, c: {given}}}" if self.parameters else "[b, c]"
        recipe = merge_recipe(models, f"{{op: {self.method}, base: a, inputs: {inputs}}}")
        return place.build(self.method, recipe), mergekit(place, self.method, config)


def _slerp(place: Place) -> Pair:
    first, second = (str(model) for model in place.models(2))
    config = {
        "merge_method": "slerp",
        "dtype": "bfloat16",
        "base_model": first,
        "models": [{"model": first}, {"model": second}],
        "parameters": {"t": _ALPHA},
    }
    recipe = merge_recipe(place.models(2), f"{{op: slerp, inputs: [a, b], t: {_ALPHA}}}")
    return place.build("slerp", recipe), mergekit(place, "slerp", config)


def _single_files(place: Place) -> Pair:
    first, second = place.single_files(2)
    merged = f"{{op: interpolate, from: a, to: b, t: {_ALPHA}}}"
    recipe = merge_recipe([first, second], merged, "build.safetensors")
    return place.build("weighted-sum.safetensors", recipe), sd_mecha(place, first, second, _ALPHA)


def _work(key: str, title: str, times: float, prepare: Callable[[Place], Pair]) -> Work:
    peer = MERGEKIT.partition("==")[0]
    return Work(key, f"{title} of {{size}}", peer, Faster(times, leaner=12), prepare)


_HALF: Final = {"weight": 0.5, "density": 0.5}
MERGE_WORKS: Final = (
    _work("slerp", "slerp, 2 inputs", 6, _slerp),
    _work(
        "task_arithmetic",
        "task_arithmetic, 2 fine-tunes",
        10,
        _TaskVectors("task_arithmetic", {"weight": 0.5}),
    ),
    _work("ties", "TIES, 2 fine-tunes", 8, _TaskVectors("ties", _HALF)),
    _work("dare_ties", "dare_ties, 2 fine-tunes", 8, _TaskVectors("dare_ties", _HALF)),
    _work("model_stock", "model_stock, 2 fine-tunes", 6, _TaskVectors("model_stock", {})),
    Work(
        "weighted_sum",
        "weighted sum of two single files of {size}",
        SD_MECHA.partition("==")[0],
        Faster(6, leaner=10),
        _single_files,
    ),
)
