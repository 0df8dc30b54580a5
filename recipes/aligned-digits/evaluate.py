"""Loss and accuracy on held-out digits along the straight path between the two networks.

Before and after the second one's units are put in the order of the first one's: `python evaluate.py`.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import torch
from make_weights import NAMES, WEIGHTS, digits, load
from picture import draw
from torch import nn

import mergec

RECIPE: Final = Path(__file__).with_name("recipe.yaml")
POINTS: Final = 25


class Walk(NamedTuple):
    """What the networks on the path are worth, from the first to the second."""

    losses: list[float]
    percents: list[float]

    @property
    def barrier(self) -> float:
        """How far the loss rises above the straight line between its values at the two ends, at most.

        Entezari et al. 2022 (arXiv 2110.06296); 0 where the path never rises above the line.
        """
        first, last = self.losses[0], self.losses[-1]
        shares = _shares()
        lines = [(1 - share) * first + share * last for share in shares]
        return max(loss - line for loss, line in zip(self.losses, lines, strict=True))


def _shares() -> list[float]:
    return [point / (POINTS - 1) for point in range(POINTS)]


def second_in_order() -> nn.Sequential:
    """The second network with its units in the order of the first one's: what the recipe gives at share 1."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = mergec.load(RECIPE, params={"share": 1})
        built = recipe.build(out=Path(folder, "aligned.safetensors"))
        return load(built.path, NAMES["first"])


@torch.inference_mode()
def walk(first: nn.Sequential, second: nn.Sequential) -> Walk:
    """Evaluate the networks on the path, of which each weight is a mean of the two at its ends."""
    images, labels = digits(held_out=True)
    found = Walk([], [])
    for share in _shares():
        between = load(WEIGHTS / "first.safetensors", NAMES["first"])
        ends = (first.parameters(), second.parameters())
        for parameter, a, b in zip(between.parameters(), *ends, strict=True):
            parameter.copy_((1 - share) * a + share * b)
        scores = between(images)
        found.losses.append(nn.functional.cross_entropy(scores, labels).item())
        found.percents.append(100 * (scores.argmax(dim=1) == labels).double().mean().item())
    return found


def show(walks: dict[str, Walk]) -> None:
    """Print a row for each path: accuracy at five of its points, and the barrier of its loss."""
    every = (POINTS - 1) // 4
    shares = "".join(f"{share:>7.0%}" for share in _shares()[::every])
    print(f"{'% right at a share of':<21}{shares}   barrier")
    for name, found in walks.items():
        percents = "".join(f"{percent:7.1f}" for percent in found.percents[::every])
        print(f"{name:<21}{percents}   {found.barrier:7.3f}")


def main() -> None:
    """Evaluate both paths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, help="an SVG file to draw")
    options = parser.parse_args()
    first, second = (load(WEIGHTS / f"{name}.safetensors", NAMES[name]) for name in ("first", "second"))
    walks = {"before alignment": walk(first, second), "after alignment": walk(first, second_in_order())}
    show(walks)
    if options.picture is not None:
        panels = {
            "% of held-out digits read right": {name: found.percents for name, found in walks.items()},
            "loss": {name: found.losses for name, found in walks.items()},
        }
        options.picture.write_text(draw(panels))


if __name__ == "__main__":
    main()
