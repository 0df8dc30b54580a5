"""Run by test_memory.py in a process of its own: builds, and prints the promise and what was used."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch  # what the libraries take is not part of the promise

import mergec
import mergec.execute.decide
import mergec.execute.run_plan
import mergec.execute.tile_computer
import mergec.optimise
import mergec.output.partial_output
import mergec.output.side_files
import mergec.schedule.make_plan
import mergec.steps.registry
import mergec.symmetries.matching.solve


def status(key: str) -> int:
    """Bytes of a line of the kernel's report on this process.

    `getrusage` will not do: its maximum counts the process that this one was forked from.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) << 10
    raise KeyError(key)


def main() -> None:
    recipe, out, memory, workers = sys.argv[1:]
    warm = torch.ones(64).bfloat16().float() * 0.5 + 1
    before = status("VmRSS")
    made = mergec.load(recipe).build(out=out, memory=memory, workers=int(workers))
    del warm
    proof = made.plan.memory
    found = {
        "promised": proof.peak,
        "used": status("VmHWM") - before,
        "workers": proof.workers,
        "tables": proof.tables,
        "worker_bytes": proof.worker_bytes,
        "held": proof.held,
        "matching": proof.matching,
        "read": made.plan.bytes_read,
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
