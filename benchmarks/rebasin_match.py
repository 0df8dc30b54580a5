"""Weight matching by the PyTorch port of git-re-basin: `python rebasin_match.py CHECKOUT KIND PAIR OUTPUT`.

The port has specs for networks of its own. It is given one of the same form for the benchmark's.
"""

import importlib
import os
import resource
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def main(checkout: str, kind: str, pair: str, output: str) -> None:
    """Load both models, match, write the second one with its units permuted."""
    everything = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_AS, (everything, everything))  # rather than be killed by the system
    sys.path[:0] = [checkout, str(Path(__file__).parents[1])]
    from benchmarks.align_shapes import SHAPED

    port = importlib.import_module("utils.weight_matching")
    first, second = (load_file(Path(pair, name, "model.safetensors")) for name in ("a", "b"))
    tensors = SHAPED[kind].tensors
    counted = {axes.name: axes.groups for axes in tensors if axes.counted}
    torch.manual_seed(0)
    found = port.weight_matching(
        port.permutation_spec_from_axes_to_perm(counted),
        {name: first[name].float() for name in counted},
        {name: second[name].float() for name in counted},
    )
    every = port.permutation_spec_from_axes_to_perm({axes.name: axes.groups for axes in tensors})
    moved = port.apply_permutation(every, found, second)
    save_file({name: tensor.contiguous() for name, tensor in moved.items()}, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
