# ruff: noqa: UP031 - JSON is full of braces
from __future__ import annotations

import json
import os
import struct
import time
import tracemalloc
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mergec.diagnostics import MergecError
from mergec.ir.dtype import DType
from mergec.sources import open_bytes, read_header
from mergec.sources.safetensors_header import open_safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sources.conftest import Open, Refuse, WriteSafetensors

F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
ENTRY = json.dumps(F32)

# What we refuse and the library takes, each for a reason: two readers may disagree on duplicates,
# the format says that a header begins with a brace, and descriptions are objects.
STRICTER = ("occurs twice", "does not begin with", "is not a JSON object", "unknown dtype")


def library_accepts(path: Path) -> bool:
    try:
        with safe_open(path, "np") as file:
            file.keys()
    except SafetensorError:
        return False
    return True


def our_verdict(path: Path) -> str | None:
    """Why we refuse it, or None."""
    try:
        read_header(path)
    except MergecError as error:
        (found,) = error.diagnostics
        assert found.code in {"MC0209", "MC0210"}
        return found.message
    return None


def check_agreement(path: Path) -> None:
    ours = our_verdict(path)
    if library_accepts(path):
        assert ours is None or any(rule in ours for rule in STRICTER)
    else:
        assert ours is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("headers")


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int64", "uint8", "bool"])
def test_reads_what_the_library_wrote(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.safetensors"
    arrays = {
        "matrix": np.arange(12).reshape(3, 4).astype(dtype),
        "scalar": np.ones((), dtype),
        "nothing": np.zeros((0, 3), dtype),
    }
    save_file(arrays, path, metadata={"format": "pt", "é": "\u20ac"})
    tensors, metadata = read_header(path, 7)
    assert metadata == {"format": "pt", "é": "\u20ac"}
    source = open_bytes(open_safetensors(path)[0])
    for name, array in arrays.items():
        view = tensors[name]
        assert (view.file, view.shape, view.dtype.recipe_name) == (7, array.shape, dtype)
        assert view.is_contiguous
        buffer = bytearray(view.nbytes)
        source.read_at(view.offset, memoryview(buffer))
        assert bytes(buffer) == array.tobytes()
    source.close()


ACCEPTED: dict[str, tuple[str, bytes]] = {
    "no tensors": ("{}", b""),
    "only metadata": ('{"__metadata__": {"a": "b"}}', b""),
    "metadata that is null": ('{"__metadata__": null}', b""),
    "trailing spaces": ('{"a":%s}   ' % ENTRY, b"1234"),
    "trailing tab and line break": ('{"a":%s}\n\t' % ENTRY, b"1234"),
    "unpadded": ('{"abc":%s}' % ENTRY, b"1234"),
    "empty name": ('{"":%s}' % ENTRY, b"1234"),
    "terminal escape in a name": ('{"\\u001b[31m":%s}' % ENTRY, b"1234"),
    "path in a name": ('{"../../etc/passwd":%s}' % ENTRY, b"1234"),
    "surrogate pair": ('{"\\ud83d\\ude00":%s}' % ENTRY, b"1234"),
    "scalar": ('{"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}', b"12345678"),
    "zero size between": (
        '{"a":%s,"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}' % ENTRY,
        b"1234",
    ),
    "order of names is not order of bytes": (
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        b"123",
    ),
    "field that nobody knows": (
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":{"y":[1.5]}}}',
        b"1",
    ),
    "unknown field with deep value": (
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":%s}}' % ("[" * 125 + "]" * 125),
        b"1",
    ),
    "four-bit floats": ('{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}', b"1"),
    "six-bit floats": ('{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}', b"123"),
    "0 before a huge size": ('{"a":{"dtype":"F32","shape":[0,%d,9],"data_offsets":[0,0]}}' % 2**63, b""),
    "huge size that fits": ('{"a":{"dtype":"U8","shape":[%d,0],"data_offsets":[0,0]}}' % 2**60, b""),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepts_as_the_library_does(tmp_path: Path, write_safetensors: WriteSafetensors, case: str) -> None:
    header, data = ACCEPTED[case]
    path = write_safetensors(tmp_path / "a.safetensors", header.encode(), data)
    assert library_accepts(path)
    assert our_verdict(path) is None


def _entry(**changes: object) -> str:
    return json.dumps({"a": {**F32, **changes}})


REFUSED: dict[str, tuple[str | bytes, bytes, str]] = {
    "empty header": ("", b"", "does not begin with"),
    "a list": ("[]", b"", "does not begin with"),
    "byte order mark": (b"\xef\xbb\xbf{}", b"", "does not begin with"),
    "not UTF-8": (b'{"\xff": 1}', b"", "not UTF-8 text at byte 2"),
    "not JSON": ('{"a": }', b"", "not JSON at line 1"),
    "NUL padding": ("{}\0", b"", "not JSON"),
    "trailing text": ("{} x", b"", "not JSON"),
    "raw control character": ('{"a\n":%s}' % ENTRY, b"1234", "not JSON"),
    "half a surrogate pair": ('{"a\\ud800":%s}' % ENTRY, b"1234", "not Unicode"),
    "NaN": (_entry(x=float("nan")), b"1234", "`NaN` is not JSON"),
    "Infinity": (_entry(x=float("inf")), b"1234", "`Infinity` is not JSON"),
    "number beyond floats": ('{"a":{"x":1e999}}', b"", "a number is too large"),
    "number of many digits": ('{"a":%s}' % ("9" * 5000), b"", "a number is too long"),
    "entry is a number": ('{"a":1}', b"", "is not a JSON object"),
    "no dtype": ('{"a":{"shape":[1],"data_offsets":[0,4]}}', b"1234", "it has no 'dtype'"),
    "no shape": ('{"a":{"dtype":"F32","data_offsets":[0,4]}}', b"1234", "it has no 'shape'"),
    "no offsets": ('{"a":{"dtype":"F32","shape":[1]}}', b"1234", "it has no 'data_offsets'"),
    "unknown dtype": (_entry(dtype="F33"), b"1234", "unknown dtype `F33`"),
    "lower-case dtype": (_entry(dtype="f32"), b"1234", "unknown dtype `f32`"),
    "dtype is a list": (_entry(dtype=[]), b"1234", "unknown dtype"),
    "negative size": (_entry(shape=[-1]), b"1234", "`shape` must be"),
    "size is true": (_entry(shape=[True]), b"1234", "`shape` must be"),
    "size is 1.0": (_entry(shape=[1.0]), b"1234", "`shape` must be"),
    "size is -0": ('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}', b"", "`shape` must be"),
    "size is text": (_entry(shape=["1"]), b"1234", "`shape` must be"),
    "shape is a number": (_entry(shape=1), b"1234", "`shape` must be"),
    "three offsets": (_entry(data_offsets=[0, 4, 4]), b"1234", "`data_offsets` must be"),
    "no two offsets": (_entry(data_offsets=[0]), b"1234", "`data_offsets` must be"),
    "negative offset": (_entry(data_offsets=[-4, 0]), b"1234", "`data_offsets` must be"),
    "offsets reversed": (_entry(shape=[0], data_offsets=[4, 0]), b"1234", "span -4"),
    "size is not shape times dtype": (_entry(shape=[2]), b"1234", "make 8 bytes, but `data_offsets` span 4"),
    "sizes overflow 64 bits": (_entry(shape=[2**40, 2**40]), b"1234", "make"),
    "sizes overflow before a 0": (_entry(shape=[2**63, 4, 0], data_offsets=[0, 0]), b"", "too large"),
    "bits overflow": (_entry(shape=[2**65, 0], data_offsets=[0, 0]), b"", "too large"),
    "odd number of four-bit floats": (
        _entry(dtype="F4", shape=[3], data_offsets=[0, 1]),
        b"1",
        "whole bytes",
    ),
    "hole at the start": (_entry(data_offsets=[4, 8]), b"12345678", "leaves a hole before it"),
    "trailing byte": (_entry(), b"12345", "1 bytes follow the last tensor"),
    "data cut short": (_entry(), b"123", "need 4 bytes, but only 3 follow"),
    "overlap": (
        json.dumps({"a": F32, "b": {**F32, "data_offsets": [2, 6]}}),
        b"123456",
        "`b` overlaps `a`: it begins at byte 2, not 4",
    ),
    "the same bytes twice": (json.dumps({"a": F32, "b": F32}), b"1234", "overlaps"),
    "zero size inside another": (
        json.dumps({"a": F32, "b": {**F32, "shape": [0], "data_offsets": [2, 2]}}),
        b"1234",
        "overlaps",
    ),
    "metadata of numbers": ('{"__metadata__":{"a":1}}', b"", "must map text to text"),
    "metadata is a list": ('{"__metadata__":[]}', b"", "must map text to text"),
    "lists nest without end": ("{" + '"a":' + "[" * 100_000, b"", "nests too deeply"),
    "objects nest without end": ('{"a":' * 100_000, b"", "nests too deeply"),
    "unknown field nests too deeply": (
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":%s}}' % ("[" * 126 + "]" * 126),
        b"1",
        "nests too deeply",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_with_the_reason(tmp_path: Path, write_safetensors: WriteSafetensors, case: str) -> None:
    header, data, reason = REFUSED[case]
    raw = header if isinstance(header, bytes) else header.encode()
    path = write_safetensors(tmp_path / "a.safetensors", raw, data)
    assert reason in (our_verdict(path) or "accepted")
    assert not library_accepts(path)


STRICT: dict[str, tuple[str, bytes]] = {
    "leading space": (' {"a":%s}' % ENTRY, b"1234"),
    "one name twice": ('{"a":%s,"a":%s}' % (ENTRY, ENTRY), b"1234"),
    "one metadata key twice": ('{"__metadata__":{"a":"1","a":"2"}}', b""),
    "entry as a list": ('{"a":["F32",[1],[0,4]]}', b"1234"),
    "dtype as an object": ('{"a":{"dtype":{"F32":null},"shape":[1],"data_offsets":[0,4]}}', b"1234"),
}


@pytest.mark.parametrize("case", STRICT)
def test_is_stricter_than_the_library_where_it_says_so(
    tmp_path: Path, write_safetensors: WriteSafetensors, case: str
) -> None:
    header, data = STRICT[case]
    path = write_safetensors(tmp_path / "a.safetensors", header.encode(), data)
    assert library_accepts(path)
    assert any(rule in (our_verdict(path) or "") for rule in STRICTER)


def test_two_fields_of_one_name(tmp_path: Path, write_safetensors: WriteSafetensors) -> None:
    header = b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    path = write_safetensors(tmp_path / "a.safetensors", header, b"1234")
    assert "the key `dtype` occurs twice" in (our_verdict(path) or "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has 0 bytes"),
        (b"1234567", "it has 7 bytes"),
        (struct.pack("<Q", 3) + b"{}", "claims a header of 3 bytes, but the file has 10 in all"),
        (struct.pack("<Q", 100_000_001) + b"{}", "and 100000000 is the limit"),
        (b"\xff" * 64, "and 100000000 is the limit"),
        (b"PK\x03\x04" + bytes(60), "it is a zip archive"),
        (b"\x80\x02}q\x00.", "it is a pickle"),
        (b"\x80\x02}q\x00(X\x01\x00\x00\x00", "it is a pickle"),
        (b"\x80\x04\x95\x0a" + bytes(60), "it is a pickle"),
        (struct.pack("<Q", 0x280) + bytes(0x280), "it does not begin with `{`"),
        (b"<html><head></head></html>", "it is a web page"),
        (b'{"metadata": {}, "weight_map": {}}', "it is a JSON text"),
        (b"GGUF" + bytes(60), "it is of another format"),
    ],
)
def test_what_is_no_safetensors_file_at_all(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    assert reason in (our_verdict(path) or "")
    assert not library_accepts(path)


def test_a_pointer_of_git_lfs_is_told_apart(tmp_path: Path, refuse: Refuse) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    for name in ("model.safetensors", "model.bin", "model"):
        (tmp_path / name).write_bytes(pointer)
        found = refuse(tmp_path / name, "MC0209")
        assert "git lfs pull" in (found.help or "")


def test_names_from_the_file_are_escaped(
    tmp_path: Path, refuse: Refuse, write_safetensors: WriteSafetensors
) -> None:
    path = write_safetensors(tmp_path / "a.safetensors", {"\x1b[2J\n": {"dtype": "\x1b"}})
    assert "\\x1b[2J\\n" in refuse(path, "MC0210").message


def test_every_dtype_of_the_format_is_known(tmp_path: Path, write_safetensors: WriteSafetensors) -> None:
    header: dict[str, object] = {}
    at = 0
    for dtype in DType:
        header[dtype.name] = {"dtype": dtype.code, "shape": [8], "data_offsets": [at, at + dtype.bits]}
        at += dtype.bits
    path = write_safetensors(tmp_path / "a.safetensors", header, bytes(at))
    assert library_accepts(path)
    tensors, _ = read_header(path)
    assert {name: view.dtype.name for name, view in tensors.items()} == {name: name for name in header}


@st.composite
def headers(draw: st.DrawFn) -> tuple[dict[str, Any], int]:
    """A valid header whose entries are in any order, and the number of bytes of its data."""
    names = draw(st.lists(st.text(max_size=6), unique=True, max_size=5))
    entries: list[tuple[str, Any]] = []
    at = 0
    for name in names:
        if name == "__metadata__":
            continue
        dtype = draw(st.sampled_from(list(DType)))
        shape = draw(st.lists(st.integers(0, 4), max_size=3))
        if prod(shape) * dtype.bits % 8:
            shape.append(4)
        size = prod(shape) * dtype.bits // 8
        entries.append((name, {"dtype": dtype.code, "shape": shape, "data_offsets": [at, at + size]}))
        at += size
    if draw(st.booleans()):
        entries.append(
            ("__metadata__", draw(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)))
        )
    return dict(draw(st.permutations(entries))), at


@given(made=headers(), ascii_only=st.booleans(), padding=st.integers(0, 9))
def test_valid_headers_read_as_the_library_reads_them(
    folder: Path,
    write_safetensors: WriteSafetensors,
    made: tuple[dict[str, Any], int],
    *,
    ascii_only: bool,
    padding: int,
) -> None:
    header, size = made
    raw = json.dumps(header, ensure_ascii=ascii_only).encode() + b" " * padding
    path = write_safetensors(folder / "valid.safetensors", raw, bytes(size))
    tensors, metadata = read_header(path)
    with safe_open(path, "np") as file:
        assert sorted(file.keys()) == sorted(tensors)
        assert (file.metadata() or {}) == metadata
        for name, view in tensors.items():
            theirs = file.get_slice(name)
            assert (tuple(theirs.get_shape()), theirs.get_dtype()) == (view.shape, view.dtype.code)


@st.composite
def mutants(draw: st.DrawFn) -> tuple[bytes, int]:
    """A header with a few bytes changed, and a size of the data that is nearly right."""
    header, size = draw(headers())
    raw = bytearray(json.dumps(header).encode())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw) - 1))
        what = draw(st.sampled_from(["set", "cut", "add"]))
        byte = draw(st.one_of(st.sampled_from(b'0123456789-.eE[]{},:"\\ untrueF'), st.integers(0, 255)))
        if what == "set":
            raw[at] = byte
        elif what == "add":
            raw.insert(at, byte)
        elif len(raw) > 1:
            del raw[at]
    return bytes(raw), max(0, size + draw(st.sampled_from([0, 0, 0, 1, -1, 4])))


@given(made=mutants())
def test_damaged_headers_are_judged_as_the_library_judges_them(
    folder: Path, write_safetensors: WriteSafetensors, made: tuple[bytes, int]
) -> None:
    raw, size = made
    check_agreement(write_safetensors(folder / "mutant.safetensors", raw, bytes(size)))


NUMBERS = st.one_of(
    st.integers(-1, 5),
    st.sampled_from([2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**65, 0.0, 1.0, True, None, "1"]),
)
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*(d.code for d in DType), "F33", "", None, 3]),
        "shape": st.one_of(st.lists(NUMBERS, max_size=4), st.lists(st.integers(0, 3), max_size=3), NUMBERS),
        "data_offsets": st.one_of(
            st.lists(st.integers(0, 8), min_size=2, max_size=2), st.lists(NUMBERS, max_size=3)
        ),
    },
    optional={
        "other": st.recursive(NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
    },
)


@given(header=st.dictionaries(st.text(max_size=2), ENTRIES, max_size=3), size=st.integers(0, 16))
def test_made_up_headers_are_judged_as_the_library_judges_them(
    folder: Path, write_safetensors: WriteSafetensors, header: dict[str, Any], size: int
) -> None:
    check_agreement(write_safetensors(folder / "made-up.safetensors", header, bytes(size)))


@given(content=st.binary(max_size=200))
def test_any_bytes_give_tensors_or_a_diagnostic(folder: Path, content: bytes) -> None:
    path = folder / "any.safetensors"
    path.write_bytes(content)
    check_agreement(path)


def _deepseek_header() -> tuple[bytes, int]:
    """A header with as many tensors as DeepSeek-V3 has, and the size of its data."""
    entries: dict[str, object] = {}
    at = 0
    for i in range(92_000):
        shape = ([7168, 2048], [2048, 7168], [56, 16])[i % 3]
        size = prod(shape)
        name = f"model.layers.{i // 1500}.mlp.experts.{i % 1500}.{('gate', 'up', 'down')[i % 3]}_proj.weight"
        entries[name] = {"dtype": "F8_E4M3", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return json.dumps(entries).encode(), at


def test_a_huge_header_is_read_quickly_and_in_little_memory(
    tmp_path: Path, write_safetensors: WriteSafetensors
) -> None:
    raw, size = _deepseek_header()
    path = write_safetensors(tmp_path / "big.safetensors", raw)
    os.truncate(path, path.stat().st_size + size)  # sparse: it takes no room on the disk
    begin = time.process_time()
    tensors, _ = read_header(path)
    assert len(tensors) == 92_000
    assert time.process_time() - begin < 5  # 0.5 s where it was written; the room is for slow machines
    assert len({id(view.shape) for view in tensors.values()}) == 3
    tracemalloc.start()
    tensors, _ = read_header(path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 40_000_000
    assert peak < 150_000_000


def test_a_file_that_shrinks_while_it_is_read(
    tmp_path: Path, write_safetensors: WriteSafetensors, open_good: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_safetensors(tmp_path / "a.safetensors", {"a": F32}, b"1234")
    open_good(path)
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    with pytest.raises(MergecError) as caught:
        read_header(path)
    assert caught.value.diagnostics[0].code == "MC0204"
