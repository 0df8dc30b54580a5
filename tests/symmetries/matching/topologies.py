"""Small models for the matcher: symmetries written by hand, random weights, planted permutations."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mergec.ir.matching import Matching
from mergec.ir.symmetry import Factor, Group, SymmetricTensor, Symmetry
from mergec.symmetries.element import inverse, permuted, random_element
from mergec.symmetries.matching.solve import solve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mergec.ir.strided_view import Shape
    from mergec.symmetries.matching.solution import Solution, Step

    Tensors = dict[str, NDArray[Any]]


class Held(NamedTuple):
    """An operand in memory."""

    values: NDArray[Any]

    @property
    def shape(self) -> Shape:
        return tuple(self.values.shape)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        assert 0 <= start < stop <= len(self.values)
        return self.values[start:stop].copy()

    def in_memory(self) -> NDArray[Any] | None:
        return None


class Made:
    """A symmetry in the making: groups by name, tensors in a short form of the table's notation."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.tensors: list[SymmetricTensor] = []
        self.numbers: dict[str, int] = {}

    def group(self, name: str, size: int, parent: str | None = None, *, is_frozen: bool = False) -> None:
        self.numbers[name] = len(self.groups)
        number = None if parent is None else self.numbers[parent]
        self.groups.append(Group(name, size, number, is_frozen))

    def tensor(self, names: str, notation: str, weight: float = 1.0) -> None:
        """Axes by `;`, stretches by `|`, factors by blanks: a number is fixed, anything else a group."""
        axes = tuple(
            tuple(tuple(map(self._factor, stretch.split())) for stretch in axis.split("|"))
            for axis in notation.split(";")
        )
        shape = tuple(sum(prod(f.size for f in segment) for segment in axis) for axis in axes)
        self.tensors.append(SymmetricTensor(tuple(names.split()), shape, axes, weight))

    def _factor(self, word: str) -> Factor:
        if word.isdigit():
            return Factor(int(word))
        return Factor(self.groups[self.numbers[word]].size, self.numbers[word])

    def symmetry(self) -> Symmetry:
        return Symmetry(tuple(self.groups), tuple(self.tensors))


def mlp(*sizes: int) -> Symmetry:
    made = Made()
    last = len(sizes) - 1
    names = [str(sizes[0]), *(f"P{i}" for i in range(1, last)), str(sizes[last])]
    for name, size in zip(names[1:-1], sizes[1:-1], strict=True):
        made.group(name, size)
    for i in range(last):
        made.tensor(f"{i}.weight", f"{names[i + 1]};{names[i]}")
        made.tensor(f"{i}.bias", names[i + 1])
    return made.symmetry()


def residual(inputs: int, width: int, hidden: int, blocks: int, outputs: int) -> Symmetry:
    made = Made()
    made.group("res", width)
    made.tensor("in", f"res;{inputs}")
    for i in range(blocks):
        made.group(f"{i}/h", hidden)
        made.tensor(f"{i}.up", f"{i}/h;res")
        made.tensor(f"{i}.bias", f"{i}/h")
        made.tensor(f"{i}.down", f"res;{i}/h")
        made.tensor(f"{i}.out", "res")
    made.tensor("out", f"{outputs};res")
    return made.symmetry()


def llama(layers: int = 4, heads: int = 8, kv: int = 2, head: int = 4, width: int = 32) -> Symmetry:
    made = Made()
    made.group("res", width)
    made.tensor("embed", "60;res")
    for i in range(layers):
        k, q, v, ffn = (f"{i}/{name}" for name in ("kv", "q", "v", "ffn"))
        made.group(k, kv)
        made.group(q, heads // kv, k)
        made.group(v, head, k)
        made.group(ffn, 2 * width)
        made.tensor(f"{i}.norm", "res")
        made.tensor(f"{i}.q", f"{k} {q} {head};res")
        made.tensor(f"{i}.k", f"{k} {head};res")
        made.tensor(f"{i}.v", f"{k} {v};res")
        made.tensor(f"{i}.o", f"res;{k} {q} {v}")
        made.tensor(f"{i}.gate", f"{ffn};res")
        made.tensor(f"{i}.up", f"{ffn};res")
        made.tensor(f"{i}.down", f"res;{ffn}")
    made.tensor("head", "60;res")
    return made.symmetry()


def gpt2(layers: int = 2, heads: int = 3, head: int = 4, width: int = 12) -> Symmetry:
    made = Made()
    made.group("res", width)
    made.tensor("wte", "40;res")
    for i in range(layers):
        h, qk, v, ffn = (f"{i}/{name}" for name in ("h", "qk", "v", "ffn"))
        made.group(h, heads)
        made.group(qk, head, h)
        made.group(v, head, h)
        made.group(ffn, 2 * width)
        fused = f"{h} {qk}|{h} {qk}|{h} {v}"
        made.tensor(f"{i}.attn", f"res;{fused}")
        made.tensor(f"{i}.attn.bias", fused)
        made.tensor(f"{i}.proj", f"{h} {v};res")
        made.tensor(f"{i}.fc", f"res;{ffn}")
        made.tensor(f"{i}.out", f"{ffn};res")
    return made.symmetry()


def lstm(inputs: int = 6, hidden: int = 16, outputs: int = 4) -> Symmetry:
    made = Made()
    made.group("h", hidden)
    made.tensor("weight_ih", f"4 h;{inputs}")
    made.tensor("weight_hh", "4 h;h")
    made.tensor("bias", "4 h")
    made.tensor("out", f"{outputs};h")
    return made.symmetry()


def experts(count: int = 4, width: int = 10, hidden: int = 6, *, is_fused: bool = False) -> Symmetry:
    made = Made()
    made.group("res", width)
    made.group("e", count)
    made.group("ffn", hidden, "e")
    made.tensor("embed", "30;res")
    made.tensor("router", "e;res")
    if is_fused:
        made.tensor("gate_up", "e;2 ffn;res")
        made.tensor("down", "e;res;ffn")
    else:
        made.tensor(" ".join(f"up.{i}" for i in range(count)), "e;ffn;res")
        made.tensor(" ".join(f"bias.{i}" for i in range(count)), "e;ffn")
        made.tensor(" ".join(f"down.{i}" for i in range(count)), "e;res;ffn")
    return made.symmetry()


def crossed() -> Symmetry:
    """Families whose parents stand on later axes, and in the middle of them."""
    made = Made()
    made.group("res", 8)
    made.group("e", 3)
    made.group("ffn", 5, "e")
    made.tensor("embed", "30;res")
    made.tensor("late", "ffn;2 e;res")
    made.tensor("middle", "res;2 e;ffn")
    made.tensor("router", "e;res")
    return made.symmetry()


def convolutions() -> Symmetry:
    """With running statistics that do not count, and grouped channels."""
    made = Made()
    for name, size in (("a", 12), ("b", 10), ("g", 3)):
        made.group(name, size)
    made.group("c", 4, "g")
    made.tensor("conv1", "a;3;3;3")
    made.tensor("bn1", "a")
    made.tensor("bn1.mean", "a", 0.0)
    made.tensor("conv2", "b;a;3;3")
    made.tensor("conv3", "g c;b;1;1")
    made.tensor("grouped", "g c;2;3;3")
    made.tensor("fc", "5;g c 2")
    return made.symmetry()


def weights(symmetry: Symmetry, seed: int, dtype: str = "float32") -> Tensors:
    rng = np.random.default_rng(seed)
    return {
        name: rng.standard_normal(tensor.shape[tensor.is_stacked :]).astype(dtype)
        for tensor in symmetry.tensors
        for name in tensor.names
    }


def noisy(tensors: Tensors, noise: float, seed: int) -> Tensors:
    rng = np.random.default_rng([seed, 1])
    return {
        name: (value + noise * rng.standard_normal(value.shape)).astype(value.dtype)
        for name, value in tensors.items()
    }


def operands(symmetry: Symmetry, tensors: Mapping[str, NDArray[Any]]) -> list[Held]:
    return [Held(tensors[name]) for tensor in symmetry.tensors if tensor.weight > 0 for name in tensor.names]


def match(
    symmetry: Symmetry,
    *models: Mapping[str, NDArray[Any]],
    workers: int = 1,
    refine: bool = False,
    seed: int = 0,
    max_sweeps: int = 50,
    steps: list[Step] | None = None,
) -> Solution:
    matching = Matching(symmetry, len(models) - 1, seed, max_sweeps, refine)
    told = [] if steps is None else steps
    return solve(matching, [operands(symmetry, model) for model in models], workers, told.append)


def planted(symmetry: Symmetry, seed: int, noise: float = 0.0) -> tuple[Tensors, Tensors, NDArray[np.int32]]:
    """A model, the same in another order (and with noise), and the element that brings it back."""
    anchor = weights(symmetry, seed)
    element = random_element(symmetry, seed)
    moved = permuted(symmetry, element, noisy(anchor, noise, seed) if noise else anchor)
    return anchor, moved, inverse(symmetry, element)


def objective(symmetry: Symmetry, anchor: Tensors, moved: Tensors, element: NDArray[np.int32]) -> float:
    turned = permuted(symmetry, element, moved)
    return sum(
        tensor.weight * float(np.vdot(anchor[name].astype(np.float64), turned[name].astype(np.float64)))
        for tensor in symmetry.tensors
        for name in tensor.names
    )


ALL: Mapping[str, Symmetry] = {
    "MLP 784-64x3-10": mlp(784, 64, 64, 64, 10),
    "MLP 16-256x3-10": mlp(16, 256, 256, 256, 10),
    "MLP 4-64x3-4": mlp(4, 64, 64, 64, 4),
    "residual in64 d64 h256 x4 out10": residual(64, 64, 256, 4, 10),
    "residual in2 d30 h50 x2 out2": residual(2, 30, 50, 2, 2),
    "residual in1 d30 h50 x2 out1": residual(1, 30, 50, 2, 1),
    "Llama": llama(),
    "GPT-2": gpt2(),
    "LSTM": lstm(),
    "experts": experts(),
    "fused experts": experts(is_fused=True),
    "crossed axes": crossed(),
    "convolutions": convolutions(),
}
