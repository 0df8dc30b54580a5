"""`python -m benchmarks.parity`: the same merges by mergec and by mergekit, and how far they differ.

Writes the table of docs/parity.md. What differs, and why, is written there by hand.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

import mergec
from benchmarks.parity_cases import PARITY_CASES, Document, ParityCase
from benchmarks.peers import MERGEKIT, environment
from benchmarks.tiny_models import SHAPES, tiny_models

PAGE: Final = Path(__file__).parents[1] / "docs" / "parity.md"
MERGES: Final = Path(__file__).with_name("mergekit_merges.py")
BEGIN: Final = "<!-- written by python -m benchmarks.parity -->"
END: Final = "<!-- end -->"
ALLOWED: Final = 1e-6
ALLOWED_CHOICES: Final = 1e-3
SEEDS: Final = 16
DEVIATIONS: Final = 5.0

Tensors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Merge:
    """One merge of one shape, to be made by both."""

    case: ParityCase
    shape: str
    folders: Sequence[Path]
    work: Path
    seed: int = 0

    @property
    def name(self) -> str:
        """A folder's name that no other merge has."""
        return f"{PARITY_CASES.index(self.case)}-{self.shape}-{self.seed}"

    @property
    def theirs(self) -> Path:
        """Where mergekit writes."""
        return self.work / "mergekit" / self.name

    def by_mergec(self) -> Tensors:
        """The result of mergec."""
        recipe = self.work / "recipes" / f"{self.name}.yaml"
        recipe.parent.mkdir(parents=True, exist_ok=True)
        out = self.work / "mergec" / self.name
        recipe.write_text(json.dumps(self.case.recipe(self.folders, out, self.seed)))
        mergec.load(recipe).build(out=out, force=True, workers=1)
        return _read(out)

    def configuration(self) -> Document:
        """The configuration for mergekit."""
        return self.case.configuration(self.folders)


def main() -> int:
    """0 when everything agrees."""
    parser = argparse.ArgumentParser("python -m benchmarks.parity", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".benchmarks-work"), help="models; they stay")
    parser.add_argument("--only", help="a method")
    options = parser.parse_args()
    work = options.work.resolve() / "parity"
    merges = [m for m in _merges(work) if options.only in (None, m.case.method)]
    _by_mergekit(merges, work, environment(options.work.resolve()))
    rows, agree = [], True
    for case in dict.fromkeys(merge.case.title + merge.case.note for merge in merges):
        mine = [merge for merge in merges if merge.case.title + merge.case.note == case]
        cells, right = _statistics(mine) if mine[0].case.random else _differences(mine)
        rows.append(f"| {mine[0].case.title} | {cells} | {mine[0].case.note} |")
        agree = agree and right
        print(rows[-1], flush=True)
    if options.only is None:
        _write(rows)
    return 0 if agree else 1


def _merges(work: Path) -> Iterator[Merge]:
    for shape in SHAPES:
        folders = tiny_models(work, shape)
        for case in PARITY_CASES:
            if not case.random:
                yield Merge(case, shape, folders, work)
            elif shape == SHAPES[0]:
                yield from (Merge(case, shape, folders, work, seed) for seed in range(SEEDS))


def _by_mergekit(merges: Sequence[Merge], work: Path, folder: Path) -> None:
    listed = work / "merges.json"
    listed.write_text(json.dumps([[m.configuration(), str(m.theirs), m.seed] for m in merges]))
    subprocess.run([str(folder / "bin" / "python"), str(MERGES), str(listed)], check=True)


def _read(folder: Path) -> Tensors:
    files = sorted(folder.glob("*.safetensors"))
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


def _differences(merges: Sequence[Merge]) -> tuple[str, bool]:
    """For each shape the largest difference, over the largest value of its tensor."""
    cells, right = [], True
    for merge in merges:
        ours, theirs = merge.by_mergec(), _read(merge.theirs)
        shared = sorted(set(ours) & set(theirs))
        assert set(ours) <= set(theirs), sorted(set(ours) - set(theirs))
        if merge.case.chooses:
            values = sum(ours[name].size for name in shared)
            other = sum(_other_choices(ours[name], theirs[name]) for name in shared)
            cells.append(f"{other} of {values} values chosen otherwise")
            right = right and other <= ALLOWED_CHOICES * values
            continue
        worst = max(float(np.max(np.abs(ours[n] - theirs[n])) / np.max(np.abs(theirs[n]))) for n in shared)
        cells.append(f"{worst:.1e}")
        right = right and worst <= ALLOWED
    return " | ".join(cells), right


def _other_choices(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> int:
    return int(np.count_nonzero(np.abs(ours - theirs) > ALLOWED * np.max(np.abs(theirs))))


def _statistics(merges: Sequence[Merge]) -> tuple[str, bool]:
    """How far apart the means over seeds are, in deviations: of what is changed, and of its length."""
    base = _read(merges[0].folders[0])
    found = [[_measured(side, base) for side in (merge.by_mergec(), _read(merge.theirs))] for merge in merges]
    values = np.array(found)  # seed, side, measure
    spread = np.sqrt(np.sum(values.var(axis=0, ddof=1), axis=0) / len(merges))
    gap = np.abs(np.diff(values.mean(axis=0), axis=0)[0]) / np.maximum(spread, 1e-12)
    told = ", ".join(f"{name} {value:.1f}" for name, value in zip(("changed", "length"), gap, strict=True))
    return f"deviations over {len(merges)} seeds: {told} | | ", bool(np.all(gap < DEVIATIONS))


def _measured(made: Tensors, base: Tensors) -> tuple[float, float]:
    """The share of values that are not the base's, and how far the model is from it."""
    changed = sum(int(np.count_nonzero(made[name] != base[name])) for name in made)
    squares = sum(float(np.sum((made[name] - base[name]) ** 2.0)) for name in made)
    return changed / sum(tensor.size for tensor in made.values()), squares**0.5


def _write(rows: Sequence[str]) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    shapes = " | ".join("GPT-2" if shape == "GPT2" else shape.replace("Bert", "BERT") for shape in SHAPES)
    head = f"| method | {shapes} | |\n|---|---|---|---|---|"
    told = f"mergec {mergec.__version__} against {MERGEKIT.replace('==', ' ')}."
    PAGE.write_text("\n".join([f"{before}{BEGIN}", told, "", head, *rows, f"{END}{after}"]))


if __name__ == "__main__":
    raise SystemExit(main())
