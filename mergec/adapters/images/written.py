"""Extracted adapters in kohya's format: flat names, one file, alpha as a tensor."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mergec.adapters.constant import constant
from mergec.adapters.extraction_errors import SameFlatName
from mergec.adapters.images.components import COMPONENTS
from mergec.diagnostics import safe
from mergec.ir.config_edit import AdapterFiles
from mergec.ir.dtype import DType
from mergec.ir.model_table import Entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mergec.adapters.extraction import Extraction
    from mergec.diagnostics import Diagnostic

# A text encoder by itself shows it by how its names begin.
_TEXT = ("text_model.", "encoder.block.")


def kohya_entries(
    extraction: Extraction, names: Collection[str], found: list[Diagnostic]
) -> dict[str, Entry]:
    """The tensors by their flat names. `names` are all of the model; reports MC0394."""
    flat = dict(_flat_names(extraction.factors, names))
    owners: dict[str, str] = {}
    entries: dict[str, Entry] = {}
    for name, factors in extraction.factors.items():
        path = flat[name]
        first = owners.setdefault(path, name)
        if first != name:
            found.append(SameFlatName(flat=safe(path), first=safe(first), second=safe(name)))
        entries[f"{path}.lora_down.weight"] = Entry(factors.down.node, factors.dtype)
        entries[f"{path}.lora_up.weight"] = Entry(factors.up.node, factors.dtype)
        alpha = constant(float(factors.rank), factors.down, ())
        entries[f"{path}.alpha"] = Entry(alpha.node, DType.F32)  # bfloat16 rounds odd ranks above 256
    return entries


def kohya_files(extraction: Extraction) -> AdapterFiles:
    """What the header of the file says."""
    rank = str(Counter(found.rank for found in extraction.factors.values()).most_common(1)[0][0])
    told = {"ss_network_module": "networks.lora", "ss_network_dim": rank, "ss_network_alpha": rank}
    return AdapterFiles("", metadata=tuple(told.items()))


def _flat_names(wanted: Collection[str], names: Collection[str]) -> Iterator[tuple[str, str]]:
    """The flat name of the module of each weight."""
    present = [
        one.root for one in COMPONENTS if one.root and any(name.startswith(one.root) for name in names)
    ]
    encoders = [root for root in present if "lora_te" in "".join(_prefixes(root))]
    for name in wanted:
        root = next((root for root in present if name.startswith(root)), "")
        yield (
            name,
            f"{_prefix(root, encoders, name)}_{name[len(root) :].rpartition('.')[0].replace('.', '_')}",
        )


def _prefix(root: str, encoders: list[str], name: str) -> str:
    """The first that kohya gives a part; several text encoders are numbered."""
    if not root:
        return "lora_te" if name.startswith(_TEXT) else "lora_unet"
    prefixes = _prefixes(root)
    if root not in encoders or len(encoders) == 1:
        return prefixes[0]
    return next(one for one in prefixes if one[-1].isdigit())


def _prefixes(root: str) -> tuple[str, ...]:
    return next(one.flat for one in COMPONENTS if one.root == root)
