from __future__ import annotations

import argparse
import pickle
import shutil
import threading
import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import MergecError, Report
from mergec.ir.dtype import DType
from mergec.sources import Container, WeightFile, open_bytes, open_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sources.conftest import Open, ReadTensor, Refuse, WriteSafetensors

ZIP_ONLY = ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu")
BOTH = (
    "float64",
    "float32",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "complex64",
)
GRID = torch.arange(24.0).reshape(4, 6)


class Custom:
    """A class that no checkpoint should need."""


def save(path: Path, tree: object, form: str = "zip") -> Path:
    torch.save(tree, path, _use_new_zipfile_serialization=form == "zip")
    return path


def expected_bytes(tensor: torch.Tensor) -> bytes:
    """The elements in row-major order, as torch has them."""
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


both_forms = pytest.mark.parametrize("form", ["zip", "legacy"])


@both_forms
def test_every_kind_of_plain_tensor(
    tmp_path: Path, form: str, open_good: Open, read_tensor: ReadTensor
) -> None:
    tensors: dict[str, torch.Tensor] = {
        "plain": GRID,
        "transposed": GRID.t(),
        "sliced": GRID[1:3, ::2],
        "tail": GRID[2:],
        "expanded": torch.tensor([7.0]).expand(5),
        "expanded rows": torch.arange(3.0).expand(4, 3),
        "nothing": torch.zeros(0, 3),
        "scalar": torch.tensor(3.5),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "permuted": torch.arange(24, dtype=torch.int64).reshape(2, 3, 4).permute(2, 0, 1),
        "one": torch.ones(1, 5)[:, :3],
        **{name: torch.tensor([0, 1, 1]).to(getattr(torch, name)) for name in BOTH},
    }
    if form == "zip":
        tensors |= {name: torch.tensor([0, 1, 1]).to(getattr(torch, name)) for name in ZIP_ONLY}
    checkpoint = open_good(save(tmp_path / "model.pt", tensors, form))
    assert list(checkpoint.tensors) == list(tensors)
    for name, tensor in tensors.items():
        view = checkpoint.tensors[name]
        assert view.shape == tuple(tensor.shape)
        assert view.dtype.recipe_name == str(tensor.dtype).removeprefix("torch.")
        assert view.is_contiguous == tensor.is_contiguous()
        assert read_tensor(checkpoint, name) == expected_bytes(tensor)
    assert checkpoint.tensors["expanded"].strides == (0,)
    assert checkpoint.tensors["transposed"].strides == (1, 6)
    (file,) = checkpoint.files
    assert file.container is (Container.PLAIN if form == "zip" else Container.TORCH_LEGACY)
    assert (file.held_bytes > 0) == (form == "legacy")


@both_forms
def test_tied_tensors_have_equal_views(tmp_path: Path, form: str, open_good: Open) -> None:
    tree = {"embed": GRID, "head": GRID, "view": GRID.view(6, 4).view(4, 6), "copy": GRID.clone()}
    tensors = open_good(save(tmp_path / "model.pt", tree, form)).tensors
    assert tensors["embed"] == tensors["head"] == tensors["view"]
    assert tensors["copy"] != tensors["embed"]


def test_packed_four_bit_floats(tmp_path: Path, open_good: Open) -> None:
    packed = torch.arange(6, dtype=torch.uint8).reshape(2, 3).view(torch.float4_e2m1fn_x2)
    view = open_good(save(tmp_path / "model.pt", {"w": packed})).tensors["w"]
    assert (view.dtype, view.shape, view.nbytes) == (DType.F4, (2, 6), 6)


def test_packed_tensors_that_are_not_contiguous(tmp_path: Path, refuse: Refuse) -> None:
    packed = torch.arange(6, dtype=torch.uint8).reshape(2, 3).view(torch.float4_e2m1fn_x2)
    assert "packed" in refuse(save(tmp_path / "model.pt", {"w": packed.t()}), "MC0222").message


@both_forms
def test_a_nested_checkpoint_with_an_optimizer(
    tmp_path: Path, form: str, open_good: Open, refuse: Refuse
) -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(3)).sum().backward()
    optimizer.step()
    tree = {"net": {"state_dict": model.state_dict()}, "optim": optimizer.state_dict(), "epoch": 3}
    path = save(tmp_path / "model.ckpt", tree, form)
    checkpoint = open_good(path)
    assert list(checkpoint.tensors) == ["weight", "bias"]
    assert open_good(path, "net.state_dict").tensors == checkpoint.tensors
    assert list(open_good(path, "net").tensors) == ["state_dict.weight", "state_dict.bias"]
    assert "did you mean `nest: net.state_dict`" in (refuse(path, "MC0217", "net.statedict").help or "")
    if form == "legacy":
        # All of it is in memory while it is loaded: weights, two moments of each, and two steps.
        assert checkpoint.files[0].held_bytes == 3 * 8 * 4 + 2 * 4


@both_forms
def test_several_models_in_one_file(
    tmp_path: Path, form: str, open_good: Open, read_tensor: ReadTensor, refuse: Refuse
) -> None:
    tree = {"model": {"w": GRID}, "params_ema": OrderedDict(w=GRID + 1)}
    path = save(tmp_path / "model.pth", tree, form)
    refuse(path, "MC0216")
    assert read_tensor(open_good(path, "params_ema"), "w") == expected_bytes(GRID + 1)


@both_forms
@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ({"args": argparse.Namespace(lr=1), "w": GRID}, "argparse.Namespace"),
        ({"custom": Custom(), "w": GRID}, "Custom"),
        (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
    ],
)
def test_pickles_that_need_code(tmp_path: Path, form: str, tree: object, names: str, refuse: Refuse) -> None:
    found = refuse(save(tmp_path / "model.pt", tree, form), "MC0219")
    assert names in found.message


@both_forms
def test_no_pickle_is_executed(tmp_path: Path, form: str, refuse: Refuse) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return shutil.rmtree, (str(tmp_path / "precious"),)

    (tmp_path / "precious").mkdir()
    path = save(tmp_path / "model.pt", {"w": GRID, "x": Attack()}, form)
    assert "shutil.rmtree" in refuse(path, "MC0219").message
    assert (tmp_path / "precious").exists()


@both_forms
def test_tensors_that_have_no_view_are_all_named(tmp_path: Path, form: str) -> None:
    one, other = (
        torch.ones(2, 2, dtype=torch.complex64).clone().conj(),
        torch.zeros(3, dtype=torch.complex64).conj(),
    )
    tree = {
        "fine": GRID,
        "sparse": torch.eye(3).to_sparse(),
        "conjugate": one,
        "negative": other.imag,
        "double": torch.ones(2, dtype=torch.complex128),
    }
    report = Report()
    path = save(tmp_path / "model.pt", tree, form)
    assert open_checkpoint(path, nest=None, span=None, report=report) is None
    assert [found.code for found in report.diagnostics] == ["MC0222"] * 4
    for name, found in zip(list(tree)[1:], report.diagnostics, strict=True):
        assert f"`{name}`" in found.message


@pytest.mark.filterwarnings("ignore")  # torch deprecates such tensors; files with them remain
@both_forms
def test_tensors_that_torch_cannot_describe(tmp_path: Path, form: str, refuse: Refuse) -> None:
    path = tmp_path / "model.pt"
    quantised = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    assert "quantised" in refuse(save(path, {"w": quantised}, form), "MC0224").message
    nested = torch._nested_tensor_from_tensor_list([torch.ones(2), torch.ones(3)])
    assert "nested" in refuse(save(path, {"w": nested}, form), "MC0224").message


def test_a_tensor_without_data(tmp_path: Path, refuse: Refuse) -> None:
    tree = {"w": torch.empty(3, device="meta")}
    assert "device meta" in refuse(save(tmp_path / "model.pt", tree), "MC0222").message


@pytest.mark.filterwarnings("ignore")  # as above
def test_a_torchscript_archive(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "model.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    assert "torch.jit.load" in (refuse(path, "MC0220").help or "")


def _repacked(path: Path, target: Path, compression: int = zipfile.ZIP_STORED, order: int = 1) -> Path:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in sorted(old.namelist())[::order]:
            new.writestr(name, old.read(name))
    return target


@pytest.mark.parametrize("order", [1, -1])
def test_an_archive_that_was_packed_again_in_another_order(
    tmp_path: Path, order: int, open_good: Open, read_tensor: ReadTensor
) -> None:
    tree = {str(number): torch.full((4,), float(number)) for number in range(12)}
    path = save(tmp_path / "model.pt", tree)
    checkpoint = open_good(_repacked(path, tmp_path / "again.pt", order=order))
    for name, tensor in tree.items():
        assert read_tensor(checkpoint, name) == expected_bytes(tensor)


def test_a_compressed_archive(tmp_path: Path, refuse: Refuse) -> None:
    path = save(tmp_path / "model.pt", {"w": GRID})
    refuse(_repacked(path, tmp_path / "again.pt", zipfile.ZIP_DEFLATED), "MC0221")
    with zipfile.ZipFile(tmp_path / "one.pt", "w") as new, zipfile.ZipFile(path) as old:
        for name in old.namelist():
            packed = zipfile.ZIP_DEFLATED if name.endswith("data/0") else zipfile.ZIP_STORED
            new.writestr(name, old.read(name), packed)
    assert "`data/0` is compressed" in refuse(tmp_path / "one.pt", "MC0221").message


def _edited(path: Path, target: Path, **records: bytes | None) -> Path:
    """The archive with records replaced, or left out where None is given."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        root = old.namelist()[0].split("/")[0]
        kept = {name.removeprefix(f"{root}/"): old.read(name) for name in old.namelist()}
        for name, content in (
            kept | {key.replace("__", "/"): value for key, value in records.items()}
        ).items():
            if content is not None:
                new.writestr(f"{root}/{name}", content)
    return target


def test_a_big_endian_archive(tmp_path: Path, refuse: Refuse) -> None:
    path = save(tmp_path / "model.pt", {"w": GRID})
    edited = _edited(path, tmp_path / "big.pt", byteorder=b"big")
    assert "big-endian" in refuse(edited, "MC0221").message


def test_an_archive_without_a_byteorder(tmp_path: Path, open_good: Open, read_tensor: ReadTensor) -> None:
    path = save(tmp_path / "model.pt", {"w": GRID})
    checkpoint = open_good(_edited(path, tmp_path / "old.pt", byteorder=None))
    assert read_tensor(checkpoint, "w") == expected_bytes(GRID)


def test_an_archive_that_lacks_a_storage_or_has_too_short_a_one(tmp_path: Path, refuse: Refuse) -> None:
    path = save(tmp_path / "model.pt", {"w": GRID})
    refuse(_edited(path, tmp_path / "lacks.pt", data__0=None), "MC0221")
    short = _edited(path, tmp_path / "short.pt", data__0=b"1234")
    assert "beyond the bytes" in refuse(short, "MC0222").message


def test_an_archive_with_two_records_of_one_name(tmp_path: Path, refuse: Refuse) -> None:
    path = save(tmp_path / "model.pt", {"w": GRID})
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model/data/0", b"x" * 96)
    assert "two records" in refuse(path, "MC0221").message


def test_archives_that_are_no_checkpoints(tmp_path: Path, refuse: Refuse) -> None:
    np.savez(tmp_path / "model.pt", w=np.ones(3))
    shutil.move(tmp_path / "model.pt.npz", tmp_path / "model.pt")
    assert "not one that torch.save wrote" in refuse(tmp_path / "model.pt", "MC0221").message


def test_what_an_archive_says_in_its_pickle_may_be_nonsense(tmp_path: Path, refuse: Refuse) -> None:
    path = save(tmp_path / "model.pt", {"w": GRID})
    for nonsense in (b"", b"\x80\x02", b"\x80\x02.", b"\x80\x02}q\x00", pickle.dumps({"w": 1}, protocol=5)):
        report = Report()
        edited = _edited(path, tmp_path / "edited.pt", **{"data.pkl": nonsense})
        assert open_checkpoint(edited, nest=None, span=None, report=report) is None
        assert len(report.diagnostics) == 1
    edited = _edited(path, tmp_path / "edited.pt", **{"data.pkl": pickle.dumps({"w": 1}, protocol=2)})
    refuse(edited, "MC0218")


@both_forms
def test_a_file_cut_anywhere(tmp_path: Path, form: str) -> None:
    path = save(tmp_path / "model.pt", {"model": {"w": GRID, "v": torch.ones(50)}, "step": 3}, form)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 100), len(whole) - 1]:
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        report = Report()
        assert open_checkpoint(tmp_path / "cut.pt", nest=None, span=None, report=report) is None
        (found,) = report.diagnostics
        assert found.code == "MC0221"
        assert found.message.isprintable()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("saved")
    tree = {"model": {"w": GRID, "v": torch.ones(5)}, "step": 3}
    return {
        "zip": save(folder / "zip.pt", tree),
        "legacy": save(folder / "legacy.pt", tree, "legacy"),
        "any": folder / "any.pt",
    }


@given(kind=st.sampled_from(["zip", "legacy"]), data=st.data())
def test_a_damaged_file_gives_a_checkpoint_or_a_diagnostic(
    saved: dict[str, Path], kind: str, data: st.DataObject
) -> None:
    content = bytearray(saved[kind].read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    saved["any"].write_bytes(content)
    report = Report()
    checkpoint = open_checkpoint(saved["any"], nest=None, span=None, report=report)
    assert (checkpoint is None) == bool(report.diagnostics)
    if checkpoint is None:
        return
    for view in checkpoint.tensors.values():
        last = sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
        if view.elements and checkpoint.files[0].container is Container.PLAIN:
            assert 0 <= view.offset <= view.offset + (last + 1) * view.dtype.itemsize <= len(content)


@given(content=st.binary(max_size=300), start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02"]))
def test_any_bytes_give_a_diagnostic(saved: dict[str, Path], content: bytes, start: bytes) -> None:
    saved["any"].write_bytes(start + content)
    report = Report()
    assert open_checkpoint(saved["any"], nest=None, span=None, report=report) is None
    assert len(report.diagnostics) == 1


def test_a_legacy_file_is_loaded_once_however_many_threads_read(
    tmp_path: Path, open_good: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = {"a": torch.arange(100.0), "b": torch.arange(50.0), "other": {"c": torch.ones(7)}}
    checkpoint = open_good(save(tmp_path / "model.pt", tree, "legacy"), ".")
    loads: list[object] = []
    load = torch.load  # noqa: TID251 - only to count its calls

    def counted(*args: Any, **named: Any) -> Any:
        loads.append(args)
        return load(*args, **named)

    monkeypatch.setattr(torch, "load", counted)
    source = open_bytes(checkpoint.files[0])
    assert loads == []
    whole = b"".join(expected_bytes(tensor) for tensor in (tree["a"], tree["b"], torch.ones(7)))  # type: ignore[arg-type]
    wrong: list[int] = []

    def work(start: int) -> None:
        buffer = bytearray(450)
        source.read_at(start, memoryview(buffer))
        if buffer != whole[start : start + 450]:
            wrong.append(start)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 170, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, len(loads), source.size) == ([], 1, len(whole))
    source.check_unchanged()
    with pytest.raises(MergecError, match="MC0204"):
        source.read_at(len(whole) - 1, memoryview(bytearray(2)))
    source.read_at(0, memoryview(bytearray()))
    source.close()


def test_a_legacy_file_that_changed(tmp_path: Path, open_good: Open) -> None:
    path = save(tmp_path / "model.pt", {"a": GRID}, "legacy")
    (file,) = open_good(path).files
    source = open_bytes(file)
    save(path, {"a": GRID, "b": GRID + 1}, "legacy")
    with pytest.raises(MergecError, match="MC0204"):
        source.read_at(0, memoryview(bytearray(4)))
    with pytest.raises(MergecError, match="MC0204"):
        source.check_unchanged()
    path.unlink()
    with pytest.raises(MergecError, match="MC0204"):
        open_bytes(WeightFile(path, file.identity, Container.TORCH_LEGACY))


def test_a_sharded_torch_checkpoint(tmp_path: Path, open_good: Open, read_tensor: ReadTensor) -> None:
    save(tmp_path / "pytorch_model-00001-of-00002.bin", {"a": GRID})
    save(tmp_path / "pytorch_model-00002-of-00002.bin", {"b": GRID + 1}, "legacy")
    (tmp_path / "pytorch_model.bin.index.json").write_text(
        '{"weight_map": {"b": "pytorch_model-00002-of-00002.bin", "a": "pytorch_model-00001-of-00002.bin"}}'
    )
    checkpoint = open_good(tmp_path)
    assert read_tensor(checkpoint, "a") == expected_bytes(GRID)
    assert read_tensor(checkpoint, "b") == expected_bytes(GRID + 1)


def test_a_nest_on_safetensors_is_refused(
    tmp_path: Path, refuse: Refuse, write_safetensors: WriteSafetensors
) -> None:
    found = refuse(write_safetensors(tmp_path / "model.safetensors", {}), "MC0215", "state_dict")
    assert "remove `nest`" in (found.help or "")


def test_a_torch_with_holes_is_not_used(
    tmp_path: Path, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "model.pt", {"a": GRID})
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    assert "PyTorch 2.9.1" in refuse(path, "MC0225").message
