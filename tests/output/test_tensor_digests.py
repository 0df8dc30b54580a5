"""The digests of tensors: those of their bytes, however these are written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.ir.dtype import DType
from mergec.ir.plan import OutputLayout, PlacedTensor, Shard
from mergec.ir.primitive import Reproducibility
from mergec.output import tensor_digests
from mergec.output.partial_output import PartialOutput
from mergec.output.tensor_digests import TensorDigests, digest_of
from mergec.schedule import memory
from tests.conftest import Tensor, read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Array, Raw, Workbench

MIB = 1 << 20


def expected(data: bytes, chunk: int = MIB) -> str:
    """The digest as the format of the manifest has it."""
    parts = (data[start : start + chunk] for start in range(0, len(data), chunk))
    return blake3(b"".join(blake3(part).digest() for part in parts)).hexdigest()


def layout(sizes: list[int]) -> OutputLayout:
    tensors, offset = [], 8
    for number, size in enumerate(sizes):
        tensors.append(PlacedTensor(f"t{number}", DType.U8, (size,), 0, offset, size, Reproducibility.R0))
        offset += size
    return OutputLayout(tuple(tensors), (Shard("f", b"\0" * 8, offset),), None)


def reader(data: bytes) -> Callable[[int, memoryview], None]:
    def read(at: int, buffer: memoryview) -> None:
        buffer[:] = data[at : at + len(buffer)]

    return read


class File:
    """A shard in memory that counts what is read back."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.read_back = 0

    def read(self, shard: int, offset: int, buffer: memoryview) -> None:
        assert shard == 0
        self.read_back += len(buffer)
        buffer[:] = self.data[offset : offset + len(buffer)]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_of_tiles_in_any_order_written_or_copied(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tensor_digests, "CHUNK", 16)
        sizes = data.draw(st.lists(st.integers(0, 100), min_size=1, max_size=4))
        plan = layout(sizes)
        file = File(plan.nbytes)
        content = np.random.default_rng(len(sizes)).bytes(plan.nbytes)
        digests = TensorDigests(plan, file.read)
        step = data.draw(st.integers(1, 50))
        tiles = [(n, at) for n, size in enumerate(sizes) for at in range(0, size, step)]
        found: dict[int, str] = {}
        scratch = memoryview(bytearray(16))
        for number, at in data.draw(st.permutations(tiles)):
            tensor = plan.tensors[number]
            start, stop = tensor.offset + at, tensor.offset + min(at + step, tensor.nbytes)
            file.data[start:stop] = content[start:stop]
            if data.draw(st.booleans()):
                digests.note_copied(0, start, stop - start, scratch)
            else:
                digests.note_written(0, start, memoryview(content)[start:stop])
            digest = digests.note_done(number, stop - start, scratch)
            if digest is not None:
                found[number] = digest
        for number, tensor in enumerate(plan.tensors):
            if tensor.nbytes:
                held = content[tensor.offset : tensor.offset + tensor.nbytes]
                assert found[number] == expected(held, 16)
                assert digest_of(len(held), reader(held)) == found[number]
                assert digest_of(len(held), reader(held), 3000) == found[number]


def test_chunks_that_are_written_whole_are_not_read_back() -> None:
    plan = layout([5, 3 * MIB + 7])
    file = File(plan.nbytes)
    digests = TensorDigests(plan, file.read)
    content = np.random.default_rng(1).bytes(3 * MIB + 7)
    file.data[13:] = content
    for start in range(0, 3 * MIB + 7, MIB):
        digests.note_written(0, 13 + start, memoryview(content)[start : start + MIB])
    assert digests.note_done(1, len(content), memoryview(bytearray(MIB))) == expected(content)
    assert file.read_back == 7


def test_of_what_is_known_nothing_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = layout([2 * MIB, 2 * MIB])
    file = File(plan.nbytes)
    digests = TensorDigests(plan, file.read)
    digests.known = {0: "told", 1: "told too"}
    monkeypatch.delattr(tensor_digests, "blake3")
    scratch = memoryview(bytearray(MIB))
    digests.note_written(0, 8, memoryview(bytes(2 * MIB)))
    digests.note_copied(0, 8 + 2 * MIB, 2 * MIB, scratch)
    assert [digests.note_done(number, 2 * MIB, scratch) for number in (0, 1)] == ["told", "told too"]
    assert file.read_back == 0


def made(bench: Workbench, model: Any, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """Build, and compare what the output knows with what is in the files."""
    outputs: list[PartialOutput] = []
    publish = PartialOutput.publish

    def kept(self: PartialOutput, *arguments: Any, **options: Any) -> None:
        outputs.append(self)
        publish(self, *arguments, **options)

    monkeypatch.setattr(PartialOutput, "publish", kept)
    made = bench.recipe(model).build(force=True, **options)
    (output,) = outputs
    written: dict[str, Tensor] = read_checkpoint(made.path)
    names = [tensor.name for tensor in made.plan.layout.tensors]
    assert {names[number]: entry.digest for number, entry in output.entries.items()} == {
        name: expected(tensor.data) for name, tensor in written.items()
    }


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("tile", [1 << 14, 1 << 19])
def test_of_a_build(bench: Workbench, monkeypatch: pytest.MonkeyPatch, tile: int, workers: int) -> None:
    monkeypatch.setattr(memory, "LARGEST_TILE", tile)
    rng = np.random.default_rng(0)
    shape = (900, 1100)
    tensors: dict[str, Array | Raw] = {
        "w": rng.standard_normal(shape, np.float32),
        "ids": np.arange(300_000),
        "none": np.zeros((0, 3)),
    }
    rule = {"from": "w", "to": "t", "transpose": [1, 0]}
    for name in "ab":
        bench.source(name, tensors, rename=[rule])
    made(bench, "0.5 * a + 0.5 * b", monkeypatch, workers=workers)
    made(bench, "a", monkeypatch, workers=workers)


def test_of_copies_where_the_kernel_stops_in_the_middle(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.copy_file_range, iter(range(1000))

    def some(source: int, target: int, count: int, start: int, offset: int) -> int:
        if next(calls) > 2:
            raise OSError
        return real(source, target, min(count, MIB + 5), start, offset)

    bench.source("a", {"w": np.random.default_rng(0).standard_normal(1_000_003)})
    monkeypatch.setattr(os, "copy_file_range", some)
    made(bench, "a", monkeypatch)
