from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from mergec.diagnostics import ExitCode, MergecError
from mergec.sources.locate import locate
from mergec.sources.sniff import Form

if TYPE_CHECKING:
    from tests.sources.conftest import Open, Refuse

WEIGHTS = save({"a": np.ones(2)})
INDEX = "model.safetensors.index.json"


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(WEIGHTS)


def index(folder: Path, name: str = INDEX, shard: str = "model-00001-of-00001.safetensors") -> None:
    (folder / name).write_text(json.dumps({"weight_map": {"a": shard}}))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("model.safetensors", Form.SAFETENSORS),
        ("MODEL.SAFETENSORS", Form.SAFETENSORS),
        ("model.bin", Form.TORCH),
        ("model.pt", Form.TORCH),
        ("model.pth", Form.TORCH),
        ("model.ckpt", Form.TORCH),
        ("model.pt.tar", Form.TORCH),
        ("model.pth.tar", Form.TORCH),
        ("any.index.json", Form.INDEX),
    ],
)
def test_the_ending_of_the_name_decides(tmp_path: Path, name: str, form: Form) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    assert locate(tmp_path / name).form is form


@pytest.mark.parametrize(
    ("content", "form"),
    [(WEIGHTS, Form.SAFETENSORS), (b"PK\x03\x04...", Form.TORCH), (b"\x80\x02...", Form.TORCH)],
)
@pytest.mark.parametrize("name", ["model", "weights.dat"])
def test_without_an_ending_the_content_decides(tmp_path: Path, name: str, content: bytes, form: Form) -> None:
    (tmp_path / name).write_bytes(content)
    assert locate(tmp_path / name).form is form


def test_safetensors_under_the_name_of_a_torch_file(tmp_path: Path, open_good: Open) -> None:
    write(tmp_path, "model.ckpt")
    assert list(open_good(tmp_path / "model.ckpt").tensors) == ["a"]


@pytest.mark.parametrize(
    ("content", "hint"),
    [(b"\x89HDF\r\n", "HDF5"), (b"\x93NUMPY", "NumPy"), (b"", "path")],
)
def test_other_formats(tmp_path: Path, content: bytes, hint: str, refuse: Refuse) -> None:
    (tmp_path / "model.xyz").write_bytes(content)
    assert hint in (refuse(tmp_path / "model.xyz", "MC0208").help or "")


@pytest.mark.parametrize(
    "present",
    [
        ("model.safetensors", "config.json", "tokenizer.json", "README.md"),
        (
            "pytorch_model.bin",
            "optimizer.pt",
            "scheduler.pt",
            "scaler.pt",
            "training_args.bin",
            "rng_state.pth",
        ),
        ("adapter_model.bin", "non_lora_trainables.bin", "rng_state_0.pth", "optimizer_0.bin"),
        ("flux.ckpt", "inner/model.safetensors"),
    ],
)
def test_the_one_checkpoint_of_a_directory(tmp_path: Path, present: tuple[str, ...]) -> None:
    write(tmp_path, *present)
    found = locate(tmp_path)
    assert (found.path, found.directory) == (tmp_path / present[0], tmp_path)


def test_an_index_and_its_shards_are_one(tmp_path: Path) -> None:
    write(tmp_path, "model-00001-of-00001.safetensors")
    index(tmp_path)
    (tmp_path / "other.index.json").write_text("{}")
    assert locate(tmp_path).path == tmp_path / INDEX


@pytest.mark.parametrize(
    "present",
    [
        ("a.safetensors", "b.safetensors"),
        ("model.safetensors", "pytorch_model.bin"),
        ("model.fp16.safetensors", "model.safetensors"),
        ("adapter_model.safetensors", "model.safetensors"),
        ("x.ckpt", "x.pt", "x.pth.tar"),
    ],
)
def test_several_checkpoints_are_all_named(tmp_path: Path, present: tuple[str, ...], refuse: Refuse) -> None:
    write(tmp_path, *present)
    found = refuse(tmp_path, "MC0207")
    assert str(len(present)) in found.message
    assert found.notes == tuple(f"found `{name}`" for name in present)
    for name in present:
        assert f"`path: {tmp_path / name}`" in (found.help or "")


def test_a_stray_file_beside_an_index_is_a_second_checkpoint(tmp_path: Path, refuse: Refuse) -> None:
    write(tmp_path, "model-00001-of-00001.safetensors", "model.safetensors")
    index(tmp_path)
    assert refuse(tmp_path, "MC0207").notes == ("found `model.safetensors`", f"found `{INDEX}`")


def test_two_indexes_are_two_checkpoints(tmp_path: Path, refuse: Refuse) -> None:
    write(tmp_path, "model-00001-of-00001.safetensors", "pytorch_model-00001-of-00001.bin")
    index(tmp_path)
    index(tmp_path, "pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin")
    assert len(refuse(tmp_path, "MC0207").notes) == 2
    (tmp_path / INDEX).write_text("{")
    assert len(refuse(tmp_path, "MC0207").notes) == 3


def test_a_broken_index_is_what_is_reported(tmp_path: Path, refuse: Refuse) -> None:
    write(tmp_path, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    (tmp_path / INDEX).write_text("{")
    refuse(tmp_path, "MC0211")


def test_shards_without_their_index(tmp_path: Path, refuse: Refuse) -> None:
    write(tmp_path, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert "index (*.index.json) is missing" in (refuse(tmp_path, "MC0207").help or "")


def test_very_many_checkpoints_are_cut_short(tmp_path: Path, refuse: Refuse) -> None:
    write(tmp_path, *(f"{number:03}.pt" for number in range(40)))
    assert refuse(tmp_path, "MC0207").notes[-1] == "and 28 more"


def test_a_directory_without_weights(tmp_path: Path, refuse: Refuse) -> None:
    assert refuse(tmp_path, "MC0206").notes == ()
    write(tmp_path, "training_args.bin", "unet/model.safetensors", "vae/x.txt")
    found = refuse(tmp_path, "MC0206")
    assert found.notes == ("`training_args.bin` is skipped: name it in `path` if it is meant",)
    assert found.help == f"name a subfolder: `path: {tmp_path / 'unet'}`"


def test_a_path_that_leads_nowhere(tmp_path: Path, refuse: Refuse) -> None:
    write(tmp_path, "vicuna/model.safetensors")
    found = refuse(tmp_path / "vicunia" / "model.safetensors", "MC0201")
    assert found.exit_code is ExitCode.SOURCE
    assert found.help == f"did you mean `{tmp_path / 'vicuna' / 'model.safetensors'}`?"
    found = refuse(tmp_path / "vicuna" / "modle.safetensors", "MC0201")
    assert "model.safetensors" in (found.help or "")
    assert "relative paths" in (refuse(tmp_path / "zzz", "MC0201").help or "")
    refuse(tmp_path / "vicuna" / "model.safetensors" / "x", "MC0201")


def test_a_link_to_nothing(tmp_path: Path, refuse: Refuse) -> None:
    (tmp_path / "model.safetensors").symlink_to("blob")
    assert "a link to `blob`" in (refuse(tmp_path / "model.safetensors", "MC0201").help or "")
    assert "a link to `blob`" in (refuse(tmp_path, "MC0201").help or "")


def test_a_link_to_itself(tmp_path: Path, refuse: Refuse) -> None:
    (tmp_path / "model.safetensors").symlink_to("model.safetensors")
    refuse(tmp_path / "model.safetensors", "MC0202")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_paths_that_the_system_refuses(path: str, refuse: Refuse) -> None:
    assert refuse(Path(path), "MC0202").exit_code is ExitCode.SOURCE


@pytest.mark.parametrize("method", ["open", "stat", "listdir"])
def test_what_may_not_be_read(
    tmp_path: Path, method: str, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "model.safetensors")
    target = tmp_path / "model.safetensors"

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    if method == "listdir":
        target = tmp_path
        monkeypatch.setattr(Path, "iterdir", forbidden)
    elif method == "stat":
        monkeypatch.setattr(Path, "stat", forbidden)
    else:
        monkeypatch.setattr(os, "open", forbidden)
    found = refuse(target, "MC0202")
    assert found.exit_code is ExitCode.SOURCE
    assert "Permission denied" in found.message
    assert "readable for this user" in (found.help or "")


@pytest.mark.parametrize(
    ("path", "address"),
    [
        (Path("hf://org/model"), "hf://org/model"),
        (Path("/recipes") / "s3://bucket/model", "s3://bucket/model"),
        (Path("https://host/model.safetensors"), "https://host/model.safetensors"),
        (Path("file:///weights/model"), "file://weights/model"),
    ],
)
def test_remote_addresses(path: Path, address: str, refuse: Refuse) -> None:
    found = refuse(path, "MC0203")
    assert address in found.message
    assert found.exit_code is ExitCode.SOURCE


def test_a_folder_may_be_named_like_an_address(tmp_path: Path, open_good: Open) -> None:
    write(tmp_path, "hf:/model.safetensors")
    open_good(tmp_path / "hf:" / "model.safetensors")


def test_special_files(tmp_path: Path, refuse: Refuse) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert "a pipe" in refuse(tmp_path / "pipe.safetensors", "MC0205").message
    assert "a pipe" in refuse(tmp_path, "MC0205").message
    assert "a device" in refuse(Path("/dev/null"), "MC0205").message
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.fspath(tmp_path / "s"))
        assert "a socket" in refuse(tmp_path / "s", "MC0205").message


def test_a_directory_named_like_a_file(tmp_path: Path, refuse: Refuse) -> None:
    (tmp_path / "model.safetensors").mkdir()
    refuse(tmp_path, "MC0206")
    refuse(tmp_path / "model.safetensors", "MC0206")
    save_file({"a": np.ones(1)}, tmp_path / "model.safetensors" / "x.safetensors")
    assert locate(tmp_path / "model.safetensors").path.name == "x.safetensors"


def test_locate_raises_what_open_reports(tmp_path: Path) -> None:
    with pytest.raises(MergecError, match="MC0201"):
        locate(tmp_path / "gone")
