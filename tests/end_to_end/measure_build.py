"""Run by test_memory.py in a process of its own: builds, and prints the promise and what was used."""

from __future__ import annotations

import json
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import torch  # what the libraries take is not part of the promise

import mergec


def load_code() -> None:
    """Import all of mergec: code is no part of the promise, whenever it is loaded.

    A list of what a build needs would be wrong a day later, and the code of a library that it forgot (that
    of pydantic takes 9 MiB) would count as what the build takes.
    """
    for module in pkgutil.walk_packages(mergec.__path__, "mergec."):
        if not module.name.endswith(".__main__"):
            import_module(module.name)


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
    load_code()
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
