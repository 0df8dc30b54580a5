"""Memory that was freed goes back to the system, so that what a process holds is what it uses."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return what the C library keeps of freed blocks, where it has a call for it (glibc).

    It keeps blocks of up to 32 MiB in heaps of each thread. Tiles of ever other sizes leave holes there,
    and what is resident grows to several times what is in use.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
