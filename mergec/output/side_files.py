"""config.json, tokenizer and other files that belong to the weights."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.output.manifest import NAME as MANIFEST
from mergec.sources.side_config import CONFIG, config_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.ir.config_edit import ConfigEdit
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
    "trainer_state.json",
    "training_args.json",
    "all_results.json",
    "train_results.json",
    "eval_results.json",
    "readme.md",
}
_LARGEST = 256 << 20
# Parts of a config that hold the config of the language model.
_PARTS = ("text_config", "llm_config", "language_config")


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
    edits: Sequence[ConfigEdit],
) -> list[str]:
    """Copy the files; `config`, with the dtype of the output and the recipe's edits, is written anew.

    Raises:
        OSError: when a file cannot be read or written.
    """
    copied: list[str] = []
    for relative in side_files(origin):
        destination = target / relative
        destination.parent.mkdir(parents=True, exist_ok=True)
        if relative == Path(CONFIG):
            destination.write_bytes(config_text(_edited(config, layout, edits)))
        else:
            shutil.copyfile(origin / relative, destination)
        copied.append(str(relative))
    return copied


def _edited(
    config: Mapping[str, object], layout: OutputLayout, edits: Sequence[ConfigEdit]
) -> dict[str, object]:
    edited = dict(config)
    dtype = _main_dtype([(tensor.dtype, tensor.nbytes) for tensor in layout.tensors])
    named = [key for key in ("torch_dtype", "dtype") if isinstance(edited.get(key), str)]
    if not named and edited and dtype is not None and dtype is not DType.F32:
        named = ["torch_dtype"]  # without it, loaders take float32 for granted
    for key in named:
        edited[key] = dtype.recipe_name if dtype is not None else edited[key]
    for edit in edits:
        edited = _changed(edited, edit)
        for part in _PARTS:
            inner = edited.get(part)
            if isinstance(inner, dict):
                edited[part] = _changed(inner, edit)
    return edited


def _changed(config: Mapping[str, object], edit: ConfigEdit) -> dict[str, object]:
    return {
        key: edit.new if key in edit.keys and value == edit.old else value for key, value in config.items()
    }


def _main_dtype(tensors: Sequence[tuple[DType, int]]) -> DType | None:
    """The float dtype that most bytes have: what a loader should load the model in."""
    sizes: Counter[DType] = Counter()
    for dtype, nbytes in tensors:
        if dtype.is_float:
            sizes[dtype] += nbytes
    return max(sizes, key=lambda dtype: (sizes[dtype], dtype.bits, dtype.code), default=None)
