"""Digests of the tensors of an output, from the bytes on the disk."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mergec.output.shard_files import read
from mergec.output.tensor_digests import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mergec.verification.output_on_disk import OutputOnDisk


def stored_digests(
    output: OutputOnDisk, names: Sequence[str], workers: int, progress: Callable[[int], None]
) -> tuple[dict[str, str], dict[str, str]]:
    """The digests of these tensors by name; and why a file could not be read, by its name.

    `progress` is called from the threads with the bytes that were read.
    """
    faults: dict[str, str] = {}
    with ExitStack() as stack:
        descriptors: dict[str, int] = {}
        for file in sorted({output.tensors[name].file for name in names}):
            try:
                descriptors[file] = os.open(output.root / file, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                faults[file] = _cannot(error)
            else:
                stack.callback(os.close, descriptors[file])

        def digest(name: str) -> str | None:
            file, view = output.tensors[name]
            descriptor = descriptors.get(file)
            if descriptor is None or file in faults:
                return None
            try:
                return digest_of(view.nbytes, lambda at, part: read(descriptor, view.offset + at, part))
            except OSError as error:
                faults.setdefault(file, _cannot(error))
                return None
            finally:
                progress(view.nbytes)

        pool = stack.enter_context(ThreadPoolExecutor(workers, "mergec-verify"))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        # In the order of the files, as a disk likes it best.
        ordered = sorted(
            names, key=lambda name: (output.tensors[name].file, output.tensors[name].view.offset)
        )
        found = dict(zip(ordered, pool.map(digest, ordered), strict=True))
    return {name: digest for name, digest in found.items() if digest is not None}, faults


def _cannot(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
