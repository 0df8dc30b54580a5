"""config.json, tokenizer and other files that belong to the weights."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.ir.config_edit import SideFile, edited_config
from mergec.ir.dtype import DType
from mergec.output.manifest import NAME as MANIFEST
from mergec.sources.side_config import ADAPTER_CONFIG, CONFIG, config_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.ir.config_edit import SideChange
    from mergec.ir.plan import OutputLayout

_ENDINGS = {
    ".json",
    ".jsonl",
    ".txt",
    ".model",
    ".py",
    ".jinja",
    ".md",
    ".tiktoken",
    ".spm",
    ".bpe",
    ".vocab",
}
_NAMES = {"license", "notice", "merges", "vocab"}
# Files that describe other weights than the ones written, or how they were trained.
_NEVER = {
    MANIFEST,
    ADAPTER_CONFIG,
    "trainer_state.json",
    "training_args.json",
    "all_results.json",
    "train_results.json",
    "eval_results.json",
    "readme.md",
}
_LARGEST = 256 << 20


def side_files(folder: Path) -> list[Path]:
    """The files to copy, relative to the folder, in sorted order: no weights and no training state.

    Subfolders are searched one level deep (sentence-transformers keeps `1_Pooling/config.json`), but
    not those that are outputs of mergec: an output inside its own source would hold its former self.
    """
    inner = (path for path in folder.glob("*/*") if not (path.parent / MANIFEST).exists())
    found = [path for path in (*folder.glob("*"), *inner) if path.is_file()]
    return sorted(path.relative_to(folder) for path in found if _belongs(path))


def _belongs(path: Path) -> bool:
    name = path.name.lower()
    if name.startswith(".") or path.parent.name.startswith("."):
        return False
    if name.endswith(".index.json") or name in _NEVER or path.stat().st_size > _LARGEST:
        return False
    return path.suffix.lower() in _ENDINGS or path.stem.lower() in _NAMES


def copy_side_files(
    origin: Path,
    target: Path,
    layout: OutputLayout,
    config: Mapping[str, object],
    changes: Sequence[SideChange],
) -> list[str]:
    """Copy the files; `config`, with the dtype of the output and the recipe's changes, is written anew.

    A file that the changes take from another folder comes from there, also where `origin` has none.

    Raises:
        OSError: when a file cannot be read or written.
    """
    copied: list[str] = []
    elsewhere = {change.name: Path(change.folder) for change in changes if isinstance(change, SideFile)}
    relatives = dict.fromkeys([*side_files(origin), *(Path(name) for name in elsewhere)])
    for relative in sorted(relatives):
        destination = target / relative
        destination.parent.mkdir(parents=True, exist_ok=True)
        if relative == Path(CONFIG):
            destination.write_bytes(config_text(_edited(config, layout, changes)))
        else:
            shutil.copyfile(elsewhere.get(str(relative), origin) / relative, destination)
        copied.append(str(relative))
    return copied


def _edited(
    config: Mapping[str, object], layout: OutputLayout, changes: Sequence[SideChange]
) -> dict[str, object]:
    edited = dict(config)
    dtype = _main_dtype([(tensor.dtype, tensor.nbytes) for tensor in layout.tensors])
    named = [key for key in ("torch_dtype", "dtype") if isinstance(edited.get(key), str)]
    if not named and edited and dtype is not None and dtype is not DType.F32:
        named = ["torch_dtype"]  # without it, loaders take float32 for granted
    for key in named:
        edited[key] = dtype.recipe_name if dtype is not None else edited[key]
    return edited_config(edited, changes)


def _main_dtype(tensors: Sequence[tuple[DType, int]]) -> DType | None:
    """The float dtype that most bytes have: what a loader should load the model in."""
    sizes: Counter[DType] = Counter()
    for dtype, nbytes in tensors:
        if dtype.is_float:
            sizes[dtype] += nbytes
    return max(sizes, key=lambda dtype: (sizes[dtype], dtype.bits, dtype.code), default=None)
