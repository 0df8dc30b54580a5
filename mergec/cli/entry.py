"""The console script."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from mergec.cli.module_on_demand import load_on_demand


def run() -> NoReturn:
    """Run the command line and end the process at once.

    Taking a loaded torch apart, object by object, costs a quarter of a second in which nothing
    happens that the system does not do anyway. By the time `main` returns all files are closed and
    all threads are done.
    """
    # Loading libraries makes a million objects and hardly a cycle: looking for them takes a tenth of a
    # build's start. Only the progress display leaves cycles behind, and it turns this on again.
    gc.disable()
    # Looking through all installed packages for accelerators costs 20 ms, and mergec computes on the CPU.
    os.environ.setdefault("TORCH_DEVICE_BACKEND_AUTOLOAD", "0")
    # Nor are plugins of pydantic wanted, for which it would look through all packages as well.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # What operations make of tensors without values: a fifth of torch's start, and mergec has no use for it.
    load_on_demand("torch._meta_registrations")
    from mergec.cli.program import main

    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)  # noqa: T201  # what the interpreter does with such a code
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 1
    os._exit(code)
