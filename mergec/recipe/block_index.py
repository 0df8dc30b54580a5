"""Which layer of which list of layers a tensor belongs to, told from its name alone."""

from __future__ import annotations

from mergec.recipe.pattern_syntax import LONGEST_INDEX


def block_index(name: str) -> tuple[str, int] | None:
    """The text before the first segment that is all digits, and that segment's number.

    Tensors with one text belong to one list of layers: `model.layers.3.mlp.weight` gives
    `("model.layers.", 3)`. None where no segment is a number.
    """
    begin = 0
    for segment in name.split("."):
        # isdigit alone would accept digits of other scripts.
        if segment.isdigit() and segment.isascii() and len(segment) <= LONGEST_INDEX:
            return name[:begin], int(segment)
        begin += len(segment) + 1
    return None
