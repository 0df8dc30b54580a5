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
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mergec.ir.config_edit import SideChange
    from mergec.ir.plan import OutputLayout
    from mergec.sources.side_folders import SideFolder

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
_DTYPES = ("torch_dtype", "dtype")
# What the key of a part's own config ends with.
_PART = "_config"


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


def side_file_origins(folders: Sequence[SideFolder], changes: Iterable[SideChange]) -> dict[Path, Path]:
    """The folder that each file of the output is copied from, by the file's place in it, sorted.

    The first folder that has a file gives it. Files that the changes take from elsewhere, or leave out,
    count as lying so in the folder of every source; where nobody else has them they come as well.
    """
    moved = {
        Path(change.name): Path(change.folder) if change.folder is not None else None
        for change in changes
        if isinstance(change, SideFile)
    }
    origins: dict[Path, Path | None] = {}
    for folder in folders:
        own: dict[Path, Path | None] = dict.fromkeys(side_files(folder.path), folder.path)
        for relative, origin in {**own, **(moved if folder.is_source else {})}.items():
            origins.setdefault(relative, origin)
    for relative, origin in moved.items():
        origins.setdefault(relative, origin)
    return {relative: origin for relative, origin in sorted(origins.items()) if origin is not None}


def copy_side_files(
    origins: Mapping[Path, Path],
    target: Path,
    layout: OutputLayout,
    config: Mapping[str, object],
    changes: Sequence[SideChange],
) -> None:
    """Copy the files; `config`, with the dtype of the output and the recipe's changes, is written anew.

    Raises:
        OSError: when a file cannot be read or written.
    """
    for relative, origin in origins.items():
        destination = target / relative
        destination.parent.mkdir(parents=True, exist_ok=True)
        if relative == Path(CONFIG):
            destination.write_bytes(config_text(_edited(config, layout, changes)))
        else:
            shutil.copyfile(origin / relative, destination)


def _edited(
    config: Mapping[str, object], layout: OutputLayout, changes: Sequence[SideChange]
) -> dict[str, object]:
    edited = edited_config(config, changes)
    dtype = _main_dtype([(tensor.dtype, tensor.nbytes) for tensor in layout.tensors])
    if not edited or dtype is None:
        return edited
    named = {edited[key] for key in _DTYPES if isinstance(edited.get(key), str)}
    if named:
        return _with_dtype(edited, named, dtype.recipe_name)
    # Without it, loaders take float32 for granted.
    return edited if dtype is DType.F32 else {**edited, "torch_dtype": dtype.recipe_name}


def _with_dtype(config: Mapping[str, object], old: Collection[object], new: str) -> dict[str, object]:
    """The config, and the configs of parts in it, with the new dtype where they name an old one."""
    edited = dict(config)
    for key, value in config.items():
        if key in _DTYPES and isinstance(value, str) and value in old:
            edited[key] = new
        elif key.endswith(_PART) and isinstance(value, dict):
            edited[key] = _with_dtype(value, old, new)
    return edited


def _main_dtype(tensors: Sequence[tuple[DType, int]]) -> DType | None:
    """The float dtype that most bytes have: what a loader should load the model in."""
    sizes: Counter[DType] = Counter()
    for dtype, nbytes in tensors:
        if dtype.is_float:
            sizes[dtype] += nbytes
    return max(sizes, key=lambda dtype: (sizes[dtype], dtype.bits, dtype.code), default=None)
