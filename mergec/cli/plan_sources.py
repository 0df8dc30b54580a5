"""What a recipe's sources are, as `plan` and `inspect` tell it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from mergec.ir.layout import views
from mergec.sources.checkpoint import Container
from mergec.sources.sniff import GGUF_ENDING, SAFETENSORS_ENDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.ir.layout import Layout
    from mergec.recipe.rename_pass import RuleUse
    from mergec.sources.checkpoint import WeightFile
    from mergec.sources.source_table import SourceTable


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source: what its files are and what the recipe takes from them."""

    name: str
    path: str
    form: str
    files: int
    stored: int
    tensors: int
    nbytes: int
    dtypes: Mapping[str, int]
    rules: tuple[RuleUse, ...]


def source_facts(table: SourceTable) -> list[SourceFacts]:
    """The facts of every source that the output needs, in the order in which the recipe needs them."""
    found: list[SourceFacts] = []
    for source in table.sources.values():
        layouts = source.tensors.values()
        numbers = sorted({view.file for layout in layouts for view in views(layout)})
        files = [table.files[number] for number in numbers]
        found.append(
            SourceFacts(
                name=source.name,
                path=str(source.path),
                form=form_name(files),
                files=len(files),
                stored=source.stored,
                tensors=len(source.tensors),
                nbytes=sum(map(layout_bytes, layouts)),
                dtypes=dtype_counts(layouts),
                rules=source.rules,
            )
        )
    return found


def form_name(files: Iterable[WeightFile]) -> str:
    """What kind of files these are."""
    forms = {
        "pytorch (legacy)"
        if file.container is Container.TORCH_LEGACY
        else "safetensors"
        if file.path.name.lower().endswith(SAFETENSORS_ENDING)
        else "gguf"
        if file.path.name.lower().endswith(GGUF_ENDING)
        else "pytorch"
        for file in files
    }
    return ", ".join(sorted(forms))


def layout_bytes(layout: Layout) -> int:
    """The bytes of a tensor's elements."""
    return layout.dtype.nbytes(prod(layout.shape))


def dtype_counts(layouts: Iterable[Layout]) -> dict[str, int]:
    """How many tensors there are of each dtype, the most frequent first."""
    counts = Counter(str(layout.dtype) for layout in layouts)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
