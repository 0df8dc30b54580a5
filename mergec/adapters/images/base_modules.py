"""Finding the modules of a base by the names that adapters give them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mergec.adapters.images.components import COMPONENTS, Component
from mergec.adapters.images.layout_names import other_names
from mergec.adapters.images.module_place import Piece, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.ir.expression import Tensor

_ENDINGS = (".weight", ".in_proj_weight")
_TURNED = "text_projection"  # OpenCLIP multiplies with it from the other side
Paths = dict[str, list[Place]]


class BaseModules:
    """The modules of a base: every tensor with elements that is a weight, wherever its part begins.

    Names are always made from those of the base, in both layouts, and never taken apart: `_` in a flat
    name may stand for a dot or for itself.
    """

    def __init__(self, base: Mapping[str, Tensor]) -> None:
        """Know the tensors of a base; names are made when they are first asked for."""
        self._base = base
        self._paths = cache(self._paths_of)
        self._flattened = cache(self._flattened_of)

    def flat(self, name: str) -> list[Place]:
        """What a name such as `lora_unet_input_blocks_4_1_proj_in` can mean: one place, none or several."""
        found: dict[Place, None] = {}
        for component in COMPONENTS:
            for prefix in component.flat:
                if name.startswith(f"{prefix}_"):
                    places = self._flattened(component).get(name[len(prefix) + 1 :], [])
                    found |= dict.fromkeys(places)
        return list(found)

    def dotted(self, name: str) -> list[Place]:
        """What a name such as `unet.down_blocks.0.attentions.0.proj_in` can mean."""
        found: dict[Place, None] = {}
        for component in COMPONENTS:
            for prefix in component.dotted:
                start = f"{prefix}." if prefix else ""
                if name.startswith(start):
                    found |= dict.fromkeys(self._paths(component).get(name[len(start) :], []))
        return list(found)

    def _flattened_of(self, component: Component) -> Paths:
        flat: Paths = {}
        for path, places in self._paths(component).items():
            flat.setdefault(path.replace(".", "_"), []).extend(places)
        return flat

    def _paths_of(self, component: Component) -> Paths:
        """Own names, those of another layout, and those of one that is two steps away."""
        modules = dict(self._own_modules(component.root))
        paths: Paths = {path: [place] for path, place in modules.items()}
        for _ in range(2):
            modules = dict(other_names(modules, self._base))
            for path, place in modules.items():
                paths.setdefault(path, []).append(place)
        return paths

    def _own_modules(self, root: str) -> Iterator[tuple[str, Place]]:
        for name, tensor in self._base.items():
            if not name.startswith(root) or not tensor.shape or 0 in tensor.shape:
                continue
            if name.endswith(_ENDINGS):
                piece = Piece(name, f"{name.removesuffix('weight')}bias", 0, tensor.shape[0])
                yield name[len(root) : -len("_weight")], Place((piece,))
            elif name == f"{root}{_TURNED}" and len(tensor.shape) == 2:
                yield _TURNED, Place((Piece(name, f"{name}.bias", 0, tensor.shape[1], is_turned=True),))
