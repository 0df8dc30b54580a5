"""What the port of git-re-basin takes its time for: `python rebasin_parts.py CHECKOUT KIND PAIR OUTPUT`.

Prints JSON on the last line, by the same names as `align_parts.py`.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Final

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks import rebasin_match
from benchmarks.stopwatch import Stopwatch

REST: Final = "the rest"


def main(checkout: str, kind: str, pair: str, output: str) -> None:
    """Match with one thread and print the seconds as JSON."""
    sys.path.insert(0, checkout)
    port = importlib.import_module("utils.weight_matching")
    torch.set_num_threads(1)
    timed = {
        "reading": ((rebasin_match, "load_file"),),
        "inner products": ((torch.Tensor, "__matmul__"),),
        "assignments": ((port, "linear_sum_assignment"),),
        "writing": ((port, "apply_permutation"), (rebasin_match, "save_file")),
    }
    watch = Stopwatch(timed)
    watch.timed(REST, rebasin_match.main)(checkout, kind, pair, output)
    print(json.dumps({name: watch.seconds[name] for name in (*timed, REST)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
