"""Run by test_memory.py in a process of its own: matches models, and prints the promise and what was used."""

from __future__ import annotations

import json
import sys
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mergec.ir.matching import Matching
from mergec.symmetries.matching import solve_cluster, times
from mergec.symmetries.matching.memory import bytes_needed
from mergec.symmetries.matching.solve import solve
from tests.symmetries.matching.topologies import Made, mlp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mergec.ir.strided_view import Shape
    from mergec.ir.symmetry import Symmetry


NOISE = np.random.default_rng(0).standard_normal(1 << 20, np.float32)


class Made32(NamedTuple):
    """An operand that is made when it is asked for, so that it takes no memory."""

    shape: Shape
    seed: int

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        out = np.empty((stop - start, prod(self.shape[1:])), np.float32)
        for row in range(start, stop):
            first = (row * 7919 + self.seed * 104_729) % (len(NOISE) - out.shape[1])
            out[row - start] = NOISE[first : first + out.shape[1]]
        return out.reshape(-1, *self.shape[1:])

    def in_memory(self) -> NDArray[np.float32] | None:
        return None


def status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) << 10
    raise KeyError(key)


def transformer() -> Symmetry:
    made = Made()
    made.group("res", 384)
    made.tensor("embed", "20000;res")
    for i in range(3):
        made.group(f"{i}/h", 6)
        made.group(f"{i}/qk", 64, f"{i}/h")
        made.group(f"{i}/v", 64, f"{i}/h")
        made.group(f"{i}/ffn", 1536)
        fused = f"{i}/h {i}/qk|{i}/h {i}/qk|{i}/h {i}/v"
        made.tensor(f"{i}.attn", f"res;{fused}")
        made.tensor(f"{i}.proj", f"res;{i}/h {i}/v")
        made.tensor(f"{i}.up", f"{i}/ffn;res")
        made.tensor(f"{i}.down", f"res;{i}/ffn")
    return made.symmetry()


def queries() -> Symmetry:
    made = Made()
    made.group("kv", 4)
    made.group("q", 4, "kv")
    made.group("v", 64, "kv")
    made.tensor("q", "kv q 64;1024")
    made.tensor("v", "kv v;1024")
    made.tensor("o", "1024;kv q v")
    return made.symmetry()


def experts() -> Symmetry:
    made = Made()
    made.group("res", 256)
    made.group("e", 4)
    made.group("ffn", 512, "e")
    made.tensor("router", "e;res")
    made.tensor(" ".join(f"up.{i}" for i in range(4)), "e;ffn;res")
    made.tensor("down", "e;res;ffn")
    return made.symmetry()


KINDS: dict[str, Callable[[], Symmetry]] = {
    "wide": lambda: mlp(512, 4096, 64),
    "transformer": transformer,
    "queries": queries,
    "experts": experts,
    "candidates": lambda: mlp(64, 5000, 64),
    "mean": lambda: mlp(256, 1000, 64),
}


def main() -> None:
    kind, workers, library = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if library == "torch":
        import torch

        torch.set_num_threads(1)
        times.MANY = 0
    if kind == "candidates":
        vars(solve_cluster)["DENSE_LIMIT"] = 1000
    symmetry = KINDS[kind]()
    matching = Matching(symmetry, 2 if kind == "mean" else 1, 0, 2, kind == "mean")
    models = [
        [
            Made32(tensor.shape[tensor.is_stacked :], 1000 * seed + 10 * number + name)
            for number, tensor in enumerate(symmetry.tensors)
            for name in range(len(tensor.names))
        ]
        for seed in range(matching.models + 1)
    ]
    small = mlp(3, 600, 3)  # what the libraries take the first time is not part of the promise
    tiny = [[Made32(tensor.shape, seed) for tensor in small.tensors] for seed in range(2)]
    solve(Matching(small, 1, 0, 1), tiny, workers, lambda _: None)
    before = status("VmRSS")
    with times.one_thread_of_numpy():
        solve(matching, models, workers, lambda _: None)
    promised = bytes_needed(matching, workers)
    sys.stdout.write(json.dumps({"promised": promised, "used": status("VmHWM") - before}))


if __name__ == "__main__":
    main()
