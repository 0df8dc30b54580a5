from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mergec.ir.symmetry import Group, Symmetry
from mergec.symmetries.element import random_element
from mergec.symmetries.permutation_file import (
    UnfitPermutations,
    UnreadablePermutations,
    read_permutations,
    write_permutations,
)

SYMMETRY = Symmetry((Group("res", 5), Group("layers.0/h", 3), Group("layers.0/v", 4, parent=1)), ())


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    element = random_element(SYMMETRY, 1)
    write_permutations(tmp_path / "p.safetensors", SYMMETRY, element, {"model": "b"})
    np.testing.assert_array_equal(read_permutations(tmp_path / "p.safetensors", SYMMETRY), element)


def test_the_file_is_int32_by_group_with_a_row_for_each_member(tmp_path: Path) -> None:
    element = random_element(SYMMETRY, 1)
    write_permutations(tmp_path / "p.safetensors", SYMMETRY, element, {"model": "b"})
    found = load_file(tmp_path / "p.safetensors")
    assert {name: (value.dtype.name, value.shape) for name, value in found.items()} == {
        "res": ("int32", (5,)),
        "layers.0/h": ("int32", (3,)),
        "layers.0/v": ("int32", (3, 4)),
    }
    np.testing.assert_array_equal(found["res"], element[:5])


def test_the_header_tells_how_it_came_about_and_bytes_are_always_the_same(tmp_path: Path) -> None:
    element = random_element(SYMMETRY, 1)
    about = {"model": "b", "objective": [1.5, 2.0]}
    for name in ("p", "q"):
        write_permutations(tmp_path / name, SYMMETRY, element, about)
    data = (tmp_path / "p").read_bytes()
    assert data == (tmp_path / "q").read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    assert json.loads(header["__metadata__"]["mergec"]) == {"format": 1, **about}


def test_any_integers_will_do(tmp_path: Path) -> None:
    """Other tools write 64 bits."""
    element = random_element(SYMMETRY, 1)
    parts = {"res": element[:5], "layers.0/h": element[5:8], "layers.0/v": element[8:].reshape(3, 4)}
    save_file({name: part.astype(np.int64) for name, part in parts.items()}, tmp_path / "p")
    np.testing.assert_array_equal(read_permutations(tmp_path / "p", SYMMETRY), element)


_GOOD = {"res": np.arange(5), "layers.0/h": np.arange(3), "layers.0/v": np.tile(np.arange(4), (3, 1))}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"res": None}, "it lacks group `res`"),
        ({"ffn": np.arange(5)}, "the model has no group `ffn`"),
        ({"res": np.arange(6)}, r"`res` is \[6\], and the model's is \[5\]"),
        ({"res": np.arange(5.0)}, "`res` is float64; indices are integers"),
        ({"res": np.array([0, 1, 2, 3, 3])}, "`res` is no permutation of 0 to 4"),
        ({"res": np.array([0, 1, 2, 3, -1])}, "`res` is no permutation of 0 to 4"),
        ({"res": np.array([0, 1, 2, 3, 2**32 + 4])}, "`res` is no permutation of 0 to 4"),
        ({"layers.0/v": np.arange(4)}, r"`layers.0/v` is \[4\], and the model's is \[3, 4\]"),
    ],
)
def test_what_is_not_of_this_model_is_refused(
    change: dict[str, np.ndarray | None], told: str, tmp_path: Path
) -> None:
    tensors = {name: value for name, value in {**_GOOD, **change}.items() if value is not None}
    save_file(tensors, tmp_path / "p")
    with pytest.raises(UnfitPermutations, match=told):
        read_permutations(tmp_path / "p", SYMMETRY)


def test_a_frozen_group_may_only_be_the_identity(tmp_path: Path) -> None:
    frozen = Symmetry((SYMMETRY.groups[0]._replace(is_frozen=True), *SYMMETRY.groups[1:]), ())
    save_file(_GOOD, tmp_path / "p")
    read_permutations(tmp_path / "p", frozen)
    save_file({**_GOOD, "res": np.array([1, 0, 2, 3, 4])}, tmp_path / "p")
    with pytest.raises(UnfitPermutations, match="`freeze:` keeps: res"):
        read_permutations(tmp_path / "p", frozen)


@pytest.mark.parametrize("data", [b"", b"\x08\0\0\0\0\0\0\0", b"\xff" * 64])
def test_what_is_no_such_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(data)
    with pytest.raises(UnreadablePermutations):
        read_permutations(tmp_path / "p", SYMMETRY)
    with pytest.raises(UnreadablePermutations, match="no such file"):
        read_permutations(tmp_path / "q", SYMMETRY)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    for path in (tmp_path, tmp_path / "p", Path("/dev/zero")):
        with pytest.raises(UnreadablePermutations, match="it is no file"):
            read_permutations(path, SYMMETRY)


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.safetensors"
    path.write_bytes(b"old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_permutations(path, SYMMETRY, random_element(SYMMETRY, 1), {})
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
