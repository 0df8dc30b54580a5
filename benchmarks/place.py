"""Where the benchmarks keep their checkpoints, recipes and outputs."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.checkpoints import header_only, random_llama, random_lora, single_file
from benchmarks.measure import Command, warm
from benchmarks.shapes import LLAMA_70B, SIZES, deepseek_v3

SHARD_BYTES: Final = 1_000_000_000
MERGEC: Final = Path(sys.executable).with_name("mergec")


@dataclass(frozen=True)
class Place:
    """The folders of one run, the size of its models, and where git-re-basin's port is, if it is here.

    `sharing` is a folder whose file system lets files share blocks, where there is one.
    """

    work: Path
    out: Path
    size: str
    rebasin: Path | None = None
    sharing: Path | None = None

    @property
    def cache(self) -> Path:
        """What mergec remembers from one run to the next: not the user's own."""
        return self.work / "cache"

    def models(self, count: int = 3) -> list[Path]:
        """Checkpoints of random weights, made where they are missing, and in the page cache."""
        at, model = self.work / "checkpoints" / self.size, SIZES[self.size]
        folders = [random_llama(at / str(seed), model, seed, SHARD_BYTES) for seed in range(count)]
        for folder in folders:
            warm(folder)
        return folders

    def single_files(self, count: int) -> list[Path]:
        """The same as files of their own in float16, as diffusion models come."""
        at = self.work / "checkpoints" / self.size
        files = [single_file(at / f"{seed}.safetensors", SIZES[self.size], seed) for seed in range(count)]
        for file in files:
            warm(file)
        return files

    def adapter(self, rank: int = 16) -> Path:
        """A LoRA of random weights on every linear layer, made where it is missing."""
        at = self.work / "checkpoints" / self.size
        return random_lora(at / f"lora-{rank}", SIZES[self.size], rank, seed=7)

    def llama_70b(self) -> list[Path]:
        """Three checkpoints of 70 B parameters in 30 files each, of which only the headers exist."""
        folder = self.work / "checkpoints" / "llama-70b"
        return [header_only(folder / str(n), LLAMA_70B.tensors(), 4_900_000_000) for n in range(3)]

    def deepseek_v3(self) -> list[Path]:
        """Three checkpoints of 92,000 tensors in 160 files each, of which only the headers exist."""
        folder = self.work / "checkpoints" / "deepseek-v3"
        return [header_only(folder / str(n), deepseek_v3(), 8_600_000_000) for n in range(3)]

    def build(self, name: str, recipe: str, out: Path | None = None) -> Command:
        """`mergec build` of a recipe's text, from nothing: no lock, no earlier output."""
        path = self.recipe(name, recipe)
        output = (out or self.out) / f"mergec-{name}"
        argv = [str(MERGEC), "build", str(path), "--out", str(output)]
        return Command(argv, output, leftovers=(path.with_suffix(".lock"),))

    def check(self, name: str, recipe: str) -> Command:
        """`mergec check` of a recipe's text."""
        return Command([str(MERGEC), "check", str(self.recipe(name, recipe))])

    def inspect(self, checkpoint: Path) -> Command:
        """`mergec inspect` of a checkpoint."""
        return Command([str(MERGEC), "inspect", str(checkpoint)])

    def recipe(self, name: str, text: str) -> Path:
        """Write a recipe into a folder of its own."""
        path = self.work / "recipes" / name / "recipe.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path
