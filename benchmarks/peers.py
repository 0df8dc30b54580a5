"""What mergec is measured against: mergekit, in an environment of its own, and the tools that copy bytes."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.measure import Command
from benchmarks.place import Place

MERGEKIT: Final = "mergekit==0.1.5"
SD_MECHA: Final = "sd-mecha==1.1.8"
REBASIN: Final = "git-re-basin-pytorch"
PEFT_MERGE: Final = Path(__file__).with_name("peft_merge.py")
SD_MECHA_MERGE: Final = Path(__file__).with_name("sd_mecha_merge.py")
REBASIN_MATCH: Final = Path(__file__).with_name("rebasin_match.py")
TORCH: Final = "torch==2.13.0"
REPORTED: Final = ("mergekit", "torch", "transformers", "safetensors", "pydantic", "numpy")
# Straight to the tensors: the models here have no tokenizer, and a progress bar is work too.
FLAGS: Final = ("--no-copy-tokenizer", "--quiet")


class NoPeerError(Exception):
    """What is compared with is not here, and is not fetched by the benchmarks."""


def mergekit(place: Place, name: str, config: Mapping[str, object]) -> Command:
    """`mergekit-yaml` of a config; JSON is YAML."""
    path = place.work / "recipes" / name / "mergekit.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config, indent=2))
    output = place.out / f"mergekit-{name}"
    script = environment(place.work) / "bin" / "mergekit-yaml"
    return Command([str(script), str(path), str(output), *FLAGS], output)


def sd_mecha(place: Place, first: Path, second: Path, alpha: float) -> Command:
    """sd-mecha's weighted sum of two single files."""
    output = place.out / "sd-mecha.safetensors"
    python = environment(place.work, SD_MECHA) / "bin" / "python"
    argv = [str(python), str(SD_MECHA_MERGE), str(first), str(second), str(alpha), str(output)]
    return Command(argv, output)


def environment(work: Path, package: str = MERGEKIT) -> Path:
    """A virtual environment with a package, made where it is missing."""
    folder = work / package.replace("==", "-")
    mark = folder / "complete"
    if not mark.exists():
        pip = [str(folder / "bin" / "pip"), "install", "--quiet"]
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        # First, so that the package's open requirement is met by the same torch as ours.
        subprocess.run([*pip, TORCH], check=True)
        subprocess.run([*pip, TORCH, package], check=True)
        mark.touch()
    return folder


def versions(work: Path) -> dict[str, str]:
    """What is installed in mergekit's environment, or nothing where there is none."""
    python = work / MERGEKIT.replace("==", "-") / "bin" / "python"
    if not python.exists():
        return {}
    listed = f"{{name: m.version(name) for name in {REPORTED!r}}}"
    code = f"import json, importlib.metadata as m; print(json.dumps({listed}))"
    done = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def peft(place: Place, base: Path, adapter: Path) -> Command:
    """PEFT's way to fold an adapter: load the base, merge and unload, save."""
    output = place.out / "peft"
    return Command([sys.executable, str(PEFT_MERGE), str(base), str(adapter), str(output)], output)


def rebasin(place: Place, kind: str, pair: Path) -> Command:
    """Weight matching by the PyTorch port of git-re-basin, of which a checkout must be given."""
    if place.rebasin is None:
        raise NoPeerError(f"{REBASIN} is needed: give the path of a checkout by --git-re-basin")
    output = place.out / "git-re-basin.safetensors"
    argv = [sys.executable, str(REBASIN_MATCH), str(place.rebasin), kind, str(pair), str(output)]
    return Command(argv, output)


def copy(place: Place, source: Path) -> Command:
    """`cp` of a whole checkpoint."""
    output = place.out / "cp"
    return Command(["cp", "-r", str(source), str(output)], output)


def durable_copy(place: Place, source: Path) -> Command:
    """`dd` of a checkpoint's bytes to the disk of the work folder, each file flushed before the next."""
    output = place.work / "out" / "dd"
    loop = 'mkdir -p "$0"; for f in "$@"; do dd if="$f" of="$0/${f##*/}" bs=8M conv=fsync || exit; done'
    files = [str(file) for file in sorted(source.glob("*.safetensors"))]
    return Command(["sh", "-c", loop, str(output), *files], output)
