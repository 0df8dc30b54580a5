"""What a measurement was taken on and with."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

OURS: Final = ("mergec", "torch", "numpy", "safetensors", "peft", "transformers")


def describe() -> str:
    """Processor, cores, memory and system, and nothing that names the machine."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{model}, {os.cpu_count()} cores, {memory / 2**30:.0f} GiB memory, {platform.system()}"


def filesystem(path: Path) -> str:
    """The type of the file system that holds a path."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    holding = [(len(point), kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    return max(holding)[1]


def versions() -> dict[str, str]:
    """Our own interpreter and what it runs mergec with."""
    return {"Python": platform.python_version()} | {name: version(name) for name in OURS}
