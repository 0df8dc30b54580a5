"""The works that are measured, one table row each."""

import json
from pathlib import Path
from typing import Final

from benchmarks.align_works import ALIGN_WORKS
from benchmarks.measure import Command
from benchmarks.merge_works import MERGE_WORKS, NAMES, merge_recipe
from benchmarks.peers import copy, durable_copy, mergekit, peft
from benchmarks.place import MERGEC, Place
from benchmarks.promise import TORCH, promise
from benchmarks.rebuild_works import REBUILD_WORKS
from benchmarks.targets import Faster, KeepsPromise, Under, Within
from benchmarks.work import Pair, Work

QUICKSTART: Final = Path(__file__).parents[1] / "recipes" / "quickstart" / "recipe.yaml"
WEIGHTS: Final = (0.5, 0.3, 0.2)


def _linear_recipe(models: list[Path]) -> str:
    inputs = ", ".join(f"{name}: {weight}" for name, weight in zip(NAMES, WEIGHTS, strict=True))
    return merge_recipe(models, f"{{op: linear, inputs: {{{inputs}}}}}")


def _linear_of_all(place: Place) -> str:
    return _linear_recipe(place.models())


def _linear(place: Place) -> Pair:
    models = place.models()
    parts = [
        {"model": str(model), "parameters": {"weight": weight}}
        for model, weight in zip(models, WEIGHTS, strict=True)
    ]
    config = {"merge_method": "linear", "dtype": "bfloat16", "models": parts}
    return place.build("linear", _linear_recipe(models)), mergekit(place, "linear", config)


def _lora_recipe(place: Place) -> str:
    base, adapter = (json.dumps(str(path)) for path in (place.models(1)[0], place.adapter()))
    return (
        f"mergec: 1\nsources: {{base: {base}, adapter: {adapter}}}\n"
        "models:\n  merged: {op: lora, base: base, adapters: {adapter: 1.0}}\n"
        "output: {model: merged, path: build}\n"
    )


def _lora(place: Place) -> Pair:
    return place.build("lora", _lora_recipe(place)), peft(place, place.models(1)[0], place.adapter())


def _passthrough(place: Place) -> Pair:
    models = place.models(2)
    recipe = merge_recipe(models, '{op: graft, into: a, from: b, take: ["**.self_attn.**"]}')
    return place.build("passthrough", recipe), copy(place, models[0])


def _durable(place: Place) -> Pair:
    models = place.models()
    ours = place.build("durable", _linear_recipe(models), place.work / "out")
    return ours, durable_copy(place, models[0])


def _check_70b(place: Place) -> Pair:
    return place.check("check-70b", _linear_recipe(place.llama_70b())), None


def _check_92k(place: Place) -> Pair:
    return place.check("check-92k", _linear_recipe(place.deepseek_v3())), None


def _check_quickstart(_: Place) -> Pair:
    return Command([str(MERGEC), "check", str(QUICKSTART)]), None


def _inspect_70b(place: Place) -> Pair:
    return place.inspect(place.llama_70b()[0]), None


def _help(_: Place) -> Pair:
    return Command([str(MERGEC), "--help"]), None


MERGEKIT: Final = "mergekit"
WORKS: Final = (
    Work("linear", "linear, 3 inputs of {size}", MERGEKIT, Faster(8, leaner=12), _linear),
    Work("lora", "LoRA fold, r=16, all linears of {size}", "PEFT", Faster(4, leaner=7), _lora),
    Work("passthrough", "pass-through graft of {size}", "cp", Within(1.2), _passthrough),
    Work("durable", "linear, 3 inputs of {size}, output on disk", "dd conv=fsync", Within(1.5), _durable),
    Work(
        "promise",
        "memory, linear of {size} in 64 MiB",
        "libraries",
        KeepsPromise(),
        promise("64MiB", _linear_of_all),
    ),
    Work(
        "promise",
        "memory, linear of {size} in 1 GiB",
        "libraries",
        KeepsPromise(),
        promise("1GiB", _linear_of_all),
    ),
    Work(
        "promise",
        "memory, LoRA fold of {size} in 64 MiB",
        "libraries",
        KeepsPromise(),
        promise("64MiB", _lora_recipe, TORCH),
    ),
    Work("check", "check, 3 x Llama 70B headers", None, Under(1, no_torch=True), _check_70b),
    Work("check", "check, 3 x 92,000 tensors", None, Under(15, peak=1.5e9), _check_92k),
    Work("check", "check, the quickstart", None, None, _check_quickstart),
    Work("inspect", "inspect, Llama 70B headers", None, Under(1, no_torch=True), _inspect_70b),
    Work("help", "--help", None, None, _help),
    *REBUILD_WORKS,
    *MERGE_WORKS,
    *ALIGN_WORKS,
)
