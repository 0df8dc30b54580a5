"""Which files of a directory could each be a checkpoint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.sources.open_file import why_not
from mergec.sources.sharded_index import read_index
from mergec.sources.side_config import ADAPTER_CONFIG
from mergec.sources.sniff import Form, form_by_name

if TYPE_CHECKING:
    from pathlib import Path

# What training leaves beside the weights. LLaVA's non_lora_trainables.bin belongs to an adapter
# and is named on its own where it is wanted.
_COMPANIONS = re.compile(
    r"(optimizer|scheduler|scaler|sampler|random_states|rng_state)[^.]*\.(pt|pth|bin|safetensors)"
    r"|training_args\.bin|non_lora_trainables\.bin"
)
_WEIGHT_INDEX = re.compile(r".*\.(safetensors|bin|pt|pth)\.index\.json", re.IGNORECASE)
SHARD_NAME = re.compile(r".*[-.]\d{5}-of-\d{5}\.\w+")


# Where both of these are, the folder is an adapter's, whatever model was left beside it.
_ADAPTER = ("adapter_model.safetensors", "adapter_model.bin")


def candidates(directory: Path) -> tuple[Path, ...]:
    """The indexes, and the weight files that no index lists, sorted by name; of an adapter its weights alone.

    Raises:
        MergecError: the directory cannot be listed.
    """
    present = entries(directory)
    adapter = _adapter(present)
    if adapter is not None:
        return (adapter,)
    found = [path for path in present if _may_be_weights(path)]
    indexes = [path for path in found if form_by_name(path.name) is Form.INDEX]
    listed: set[str] = set()
    for index in indexes:
        try:
            listed.update(read_index(index).values())
        except MergecError:
            if len(indexes) == 1:
                # It cannot say which files are its own; opening it tells what is wrong.
                return (index,)
    return tuple(path for path in found if path.name not in listed)


def _adapter(present: list[Path]) -> Path | None:
    """The weights of the adapter that a folder is; of two forms the one that PEFT prefers."""
    by_name = {path.name: path for path in present}
    if ADAPTER_CONFIG not in by_name:
        return None
    return next((by_name[name] for name in _ADAPTER if name in by_name), None)


def companions(directory: Path) -> tuple[str, ...]:
    """The names of the files in a directory that look like weights but are skipped."""
    return tuple(path.name for path in entries(directory) if _COMPANIONS.fullmatch(path.name))


def entries(directory: Path) -> list[Path]:
    """What the directory holds, sorted by name.

    Raises:
        MergecError: the directory cannot be listed.
    """
    try:
        return sorted(directory.iterdir())
    except OSError as error:
        raise MergecError([why_not(directory, error)]) from error


def _may_be_weights(path: Path) -> bool:
    """Whether the name promises weights. A link whose target is gone counts: it should be reported."""
    form = form_by_name(path.name)
    if form is None or _COMPANIONS.fullmatch(path.name) or path.is_dir():
        return False
    return form is not Form.INDEX or _WEIGHT_INDEX.fullmatch(path.name) is not None
