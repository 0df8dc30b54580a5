"""What all tests share: a folder to write checkpoints and a recipe into, and to build in.

Files are written and read here byte by byte, without mergec and without the safetensors package, so
that a test's expectation never passes through the code under test.
"""

from __future__ import annotations

import itertools
import json
import os
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings

import mergec

# A busy machine is no fault of the code: tests count, they do not time.
settings.register_profile("mergec", deadline=None)
settings.load_profile("mergec")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mergec.api import LoadedRecipe

    Array = NDArray[Any]

UPDATE_GOLDENS = "--update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(UPDATE_GOLDENS, action="store_true", help="write what is printed into the goldens")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(UPDATE_GOLDENS) and os.environ.get("CI"):
        raise pytest.UsageError(f"{UPDATE_GOLDENS} is for people, who look at what changed: not for CI")


@pytest.fixture
def updates_goldens(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption(UPDATE_GOLDENS))


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads what is cached for the user who runs it, or leaves something there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


_NUMPY = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "U16": np.uint16,
    "I16": np.int16,
    "F16": np.float16,
    "U32": np.uint32,
    "I32": np.int32,
    "F32": np.float32,
    "U64": np.uint64,
    "I64": np.int64,
    "F64": np.float64,
}
_CODES = {np.dtype(type_): code for code, type_ in _NUMPY.items()}


class Raw(NamedTuple):
    """A tensor of a dtype that numpy lacks, as the bytes of a file: `bits` has the tensor's shape."""

    code: str
    bits: Array


def round_to_bf16(values: Array) -> Array:
    """The nearest bfloat16 values, ties to even, as float32. Of float64 values too: rounded once.

    A bfloat16 is a multiple of 2^(e-7), where e is the exponent of its value and at least -126.
    """
    wide = values.astype(np.float64)
    _, exponent = np.frexp(np.where(np.isfinite(wide), wide, 1.0))
    unit = np.ldexp(1.0, np.maximum(exponent - 1, -126) - 7)
    with np.errstate(invalid="ignore", over="ignore"):
        rounded = np.rint(wide / unit) * unit
        rounded = np.where(np.abs(rounded) >= 2.0**128, np.copysign(np.inf, rounded), rounded)
        return np.where(np.isfinite(wide), np.copysign(rounded, wide), wide).astype(np.float32)


def bf16(values: Array) -> Raw:
    """Values rounded to bfloat16, as a tensor to be written."""
    return Raw("BF16", (round_to_bf16(values).view(np.uint32) >> np.uint32(16)).astype(np.uint16))


def rounded_to(code: str, values: Array) -> Array:
    """Values rounded once to a float dtype, in a numpy type that holds them exactly."""
    if code == "BF16":
        return round_to_bf16(values)
    with np.errstate(over="ignore"):
        return values.astype(_NUMPY[code])


def stored(code: str, values: Array) -> Array | Raw:
    """Values rounded to a dtype, as a tensor to be written."""
    return bf16(values) if code == "BF16" else rounded_to(code, values)


def write_checkpoint(path: Path, tensors: Mapping[str, Array | Raw]) -> Path:
    """A safetensors file, without mergec's mark in it."""
    entries: dict[str, object] = {}
    data: list[bytes] = []
    position = 0
    for name, tensor in tensors.items():
        code, array = tensor if isinstance(tensor, Raw) else (_CODES[tensor.dtype], tensor)
        data.append(array.tobytes())
        offsets = [position, position := position + len(data[-1])]
        entries[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": offsets}
    header = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"".join(data))
    return path


class Tensor(NamedTuple):
    """A tensor as it stands in a file."""

    code: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def values(self) -> Array:
        """Its values; those of bfloat16 as float32."""
        if self.code == "BF16":
            bits = np.frombuffer(self.data, np.uint16).astype(np.uint32) << np.uint32(16)
            return bits.view(np.float32).reshape(self.shape)
        return np.frombuffer(self.data, _NUMPY[self.code]).reshape(self.shape)


def read_file(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    return {
        name: Tensor(entry["dtype"], tuple(entry["shape"]), data[slice(*entry["data_offsets"])])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of all those in a folder."""
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    return {name: tensor for file in files for name, tensor in read_file(file).items()}


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their names in it."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Workbench:
    """A folder with sources and a recipe."""

    def __init__(self, folder: Path) -> None:
        """Work in this folder."""
        self.folder = folder
        self.sources: dict[str, object] = {}

    @property
    def out(self) -> Path:
        """Where the recipes of this bench write."""
        return self.folder / "out"

    def source(self, name: str, tensors: Mapping[str, Array | Raw], **keys: object) -> Path:
        """Write a checkpoint of one file and declare it as a source."""
        path = write_checkpoint(self.folder / f"{name}.safetensors", tensors)
        self.sources[name] = {"path": path.name, **keys}
        return path

    def folder_source(self, name: str, tensors: Mapping[str, Array | Raw], **files: str) -> Path:
        """Write a checkpoint as a folder with other files and declare it as a source."""
        folder = self.folder / name
        write_checkpoint(folder / "model.safetensors", tensors)
        for file, text in files.items():
            (folder / file.replace("__", ".")).write_text(text)
        self.sources[name] = {"path": name}
        return folder

    def recipe(self, model: object, **output: object) -> LoadedRecipe:
        """A recipe whose output is `model`: keys of an operation, arithmetic, or a dict of models.

        A dict without `op` names several models, of which the last is the output.
        """
        models: dict[str, object] = {}
        if isinstance(model, dict) and "op" not in model:
            models = model
        elif not (isinstance(model, str) and model in self.sources):
            models = {"merged": model}
        name = next(reversed(models)) if models else model
        document = {
            "mergec": 1,
            "sources": self.sources,
            "models": models,
            "output": {"model": name, "path": "out", **output},
        }
        file = self.folder / "recipe.yaml"
        file.write_text(json.dumps(document, indent=1))  # JSON is YAML
        return mergec.load(file)

    def build(self, model: object, **output: object) -> dict[str, Tensor]:
        """Build with one worker and read the result."""
        made = self.recipe(model, **output).build(workers=1, force=True)
        return read_checkpoint(made.path)

    def codes(self, model: object, **output: object) -> list[str]:
        """The codes of the errors that a recipe is refused with."""
        with pytest.raises(mergec.MergecError) as caught:
            self.recipe(model, **output).build(workers=1, force=True)
        return [error.code for error in caught.value.errors]


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


@pytest.fixture(scope="session")
def new_bench(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workbench]:
    """For tests by hypothesis, whose examples each need a bench."""
    numbers = itertools.count()
    root = tmp_path_factory.mktemp("benches")

    def made() -> Workbench:
        folder = root / str(next(numbers))
        folder.mkdir()
        return Workbench(folder)

    return made
