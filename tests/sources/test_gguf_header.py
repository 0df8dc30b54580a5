"""GGUF headers: files of the `gguf` library read, and broken ones refused."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from mergec.ir.dtype import DType
from mergec.sources.gguf_header import open_gguf
from mergec.sources.gguf_types import BLOCKS, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

TEXT, LIST = 8, 9


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def tensor(name: bytes, sizes: list[int], kind: int = 0, offset: int = 0) -> bytes:
    """The description of a tensor; sizes are in the format's order, the fastest first."""
    return text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)


def header(*tensors: bytes, keys: tuple[bytes, ...] = (), version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys)) + b"".join((*keys, *tensors))


def written(folder: Path, head: bytes, data: bytes = b"", alignment: int = 32) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(head + bytes(-len(head) % alignment) + data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(mergec.MergecError) as caught:
        open_gguf(path)
    (error,) = caught.value.errors
    assert error.code == "MC0230"
    return str(error.message)


def test_files_of_the_library_are_read(tmp_path: Path) -> None:
    gguf: Any = pytest.importorskip("gguf")
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", ""])
    writer.add_array("tokenizer.ggml.scores", [0.5, 1.5])
    writer.add_bool("flag", val=True)
    writer.add_float64("ratio", 2.0)
    plain = np.arange(12, dtype=np.float32).reshape(3, 4)
    writer.add_tensor("plain", plain)
    writer.add_tensor("half", plain.astype(np.float16))
    blocks = gguf.quantize(np.ones((5, 64), np.float32), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("packed", blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    for step in ("header", "kv_data", "tensors"):
        getattr(writer, f"write_{step}_to_file")()
    writer.close()

    _, found = open_gguf(path)
    expected = {one.name: one for one in gguf.GGUFReader(path).tensors}
    assert list(found) == list(expected)
    for name, one in found.items():
        assert one.view.offset == expected[name].data_offset
        assert one.view.nbytes == expected[name].n_bytes
        assert one.shape == tuple(expected[name].shape.tolist()[::-1])
    assert found["plain"].view.dtype is DType.F32
    assert found["half"].view.dtype is DType.F16
    assert found["packed"].view.shape == (5, 68)
    assert found["packed"].block_type == 8


def test_types_have_the_sizes_of_the_library() -> None:
    gguf: Any = pytest.importorskip("gguf")
    sizes = {int(kind): size for kind, size in gguf.GGML_QUANT_SIZES.items()}
    own = {block.number: (block.values, block.nbytes) for block in BLOCKS.values()}
    own |= {number: (1, dtype.itemsize) for number, dtype in PLAIN.items()}
    assert own == sizes
    assert {b.name for b in BLOCKS.values()} == {
        gguf.GGMLQuantizationType(b.number).name for b in BLOCKS.values()
    }


def test_an_alignment_of_its_own(tmp_path: Path) -> None:
    key = text(b"general.alignment") + struct.pack("<II", 4, 64)
    path = written(tmp_path, header(tensor(b"w", [4]), keys=(key,)), bytes(16), alignment=64)
    _, found = open_gguf(path)
    assert found["w"].view.offset % 64 == 0


def test_a_large_vocabulary_lies_before_the_tensors(tmp_path: Path) -> None:
    words = b"".join(text(b"word%d" % i) for i in range(200_000))
    key = text(b"tokens") + struct.pack("<IIQ", LIST, TEXT, 200_000) + words
    path = written(tmp_path, header(tensor(b"w", [2, 3]), keys=(key,)), bytes(24))
    _, found = open_gguf(path)
    assert found["w"].shape == (3, 2)


NESTED = b"".join(struct.pack("<IQ", LIST, 1) for _ in range(40))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"GGUF", "goes past"),
        (b"GGUX" + bytes(60), "does not begin"),
        (header(version=1), "version is 1"),
        (header(version=3 << 24), "version is"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "claims"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0), "goes past"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60) + bytes(64), "goes past"),
        (header(keys=(text(b"k") + struct.pack("<I", 99),)), "unknown type 99"),
        (header(keys=(text(b"k") + struct.pack("<IIQ", LIST, 0, 2**62),)), "goes past"),
        (header(keys=(text(b"k") + struct.pack("<I", LIST) + NESTED,)), "unknown type 9"),
        (header(keys=(struct.pack("<Q", 2**63),)), "goes past"),
        (header(keys=(text(b"general.alignment") + struct.pack("<II", 4, 48),)), "power of two"),
        (header(keys=(text(b"general.alignment") + struct.pack("<II", 4, 0),)), "power of two"),
        (header(tensor(b"\xff\xfe", [4])) + bytes(64), "UTF-8"),
        (header(tensor(b"w", [4], kind=5)) + bytes(64), "unknown type 5"),
        (header(tensor(b"w", [1] * 9)) + bytes(64), "9 axes"),
        (header(tensor(b"w", [33], kind=8)) + bytes(64), "blocks of 32"),
        (header(tensor(b"w", [], kind=8)) + bytes(64), "blocks of 32"),
        (header(tensor(b"w", [4], offset=8)) + bytes(64), "multiple of 32"),
        (header(tensor(b"w", [4]), tensor(b"w", [4])) + bytes(64), "two tensors"),
        (header(tensor(b"w", [2**62, 2**62])) + bytes(64), "end of the file"),
        (header(tensor(b"w", [400])) + bytes(64), "end of the file"),
        (header(tensor(b"w", [4], offset=2**63)) + bytes(64), "end of the file"),
    ],
)
def test_broken_headers_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert reason in refusal(path)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    key = text(b"words") + struct.pack("<IIQ", LIST, TEXT, 2) + text(b"a") + text(b"bc")
    path = written(tmp_path, header(tensor(b"w", [8]), keys=(key,)), bytes(32))
    whole = path.read_bytes()
    assert list(open_gguf(path)[1]) == ["w"]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refusal(path)
