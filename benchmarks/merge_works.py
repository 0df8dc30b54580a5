"""Merge methods beside mergekit's, and a weighted sum of single files beside sd-mecha's."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    """A method with a base and fine-tunes, which has the same name and parameters in both programs."""

    method: str
    parameters: Mapping[str, float]
    options: Mapping[str, float] = field(default_factory=dict)
    count: int = 2
    single: str = ""
    has_base: bool = True

    def __call__(self, place: Place) -> Pair:
        """Both commands."""
        models = place.models(self.count + self.has_base)
        parts = [{"model": str(m), "parameters": self.parameters} for m in models[self.has_base :]]
        config: dict[str, object] = {"merge_method": self.method, "dtype": "bfloat16", "models": parts}
        config |= {"parameters": dict(self.options)}
        if self.has_base:
            config["base_model"] = str(models[0])
        recipe = merge_recipe(models, json.dumps(self._operation(list(NAMES[self.has_base : len(models)]))))
        return place.build(self.method, recipe), mergekit(place, self.method, config)

    def _operation(self, names: list[str]) -> dict[str, object]:
        keys: dict[str, object] = {"op": self.method, **self.options}
        if self.has_base:
            keys["base"] = NAMES[0]
        if self.single:
            return keys | {self.single: names[0]}
        return keys | {"inputs": dict.fromkeys(names, self.parameters) if self.parameters else names}


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
# The methods of which the page on accuracy tells the time as well; mergekit takes long for some of them.
_OTHERS: Final = (
    _TaskVectors("nuslerp", {"weight": 0.5}, has_base=False),
    _TaskVectors("multislerp", {"weight": 0.5}, has_base=False),
    _TaskVectors("karcher", {}, has_base=False),
    _TaskVectors("dare_linear", _HALF),
    _TaskVectors("della", _HALF),
    _TaskVectors("della_linear", _HALF),
    _TaskVectors("breadcrumbs", _HALF),
    _TaskVectors("breadcrumbs_ties", _HALF),
    _TaskVectors("sce", {}, {"select_topk": 0.5}),
    _TaskVectors("nearswap", {}, {"t": 0.01}, 1, "model"),
    _TaskVectors("arcee_fusion", {}, {}, 1, "model"),
    _TaskVectors("ram", {}),
    _TaskVectors("ramplus_tl", {}),
)
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
    *(
        Work("methods", f"{one.method} of {{size}}", MERGEKIT.partition("==")[0], None, one, by_default=False)
        for one in _OTHERS
    ),
)
