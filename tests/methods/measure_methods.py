"""Run by test_conformance.py: builds recipes, each in a fork, and prints what was promised and used.

Beside the budget come the recipes; in the folder `small` beside each is a small one. What holds whole
tensors may need more: it gets four times as much until it is enough.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch  # what the libraries take is not part of the promise

import mergec
import mergec.methods.registry
from tests.end_to_end.measure_build import load_code, status


def measured(recipe: str, memory: int) -> dict[str, int]:
    """Build, and compare the most memory that this process had with what it had before."""
    loaded = mergec.load(recipe)
    small = Path(recipe).parent / "small" / "recipe.yaml"
    mergec.load(small).build(workers=2)  # what is read of libraries, for the first time, is not measured
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = status("VmRSS")
    while True:
        try:
            made = loaded.build(memory=memory, workers=2)
        except mergec.MergecError as error:
            if error.errors[0].code != "MC0601" or memory > 1 << 30:
                raise
            memory *= 4
        else:
            return {
                "promised": made.plan.memory.peak,
                "used": status("VmHWM") - before,
                "memory": memory,
            }


def forked(recipe: str, memory: int) -> Any:
    """What is measured in a child process, whose peak is its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writer, "w") as stream:
            json.dump(measured(recipe, memory), stream)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text)


def main() -> None:
    memory, *recipes = sys.argv[1:]
    load_code()
    warm = torch.ones(64).bfloat16().float() * 0.5 + 1
    mergec.methods.registry.methods()
    json.dump({recipe: forked(recipe, int(memory)) for recipe in recipes}, sys.stdout)
    del warm


if __name__ == "__main__":
    main()
