"""What the web UI for Stable Diffusion wants to know of a merged checkpoint, as metadata of its header.

Its merger tells of a merge in two texts of JSON: `sd_merge_recipe`, how it was made, and
`sd_merge_models`, of which files, by their SHA-256, each with what its own header tells of its making.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RECIPE, MODELS, MERGED_FROM = "sd_merge_recipe", "sd_merge_models", "modelspec.merged_from"
# The web UI's short hash is that of 64 KiB at the end of the first MiB.
_LEGACY_AT, _LEGACY_LENGTH, LEGACY_DIGITS = 1 << 20, 1 << 16, 8
# What sources tell of their own making may be anything: a header should not grow with every merge.
_LARGEST_HISTORY = 1 << 16
_SHA256 = re.compile("[0-9a-f]{64}")


class MergedFile(NamedTuple):
    """A weight file of a source: its name, its SHA-256, the web UI's short hash, and its metadata."""

    name: str
    sha256: str
    legacy_hash: str
    metadata: Mapping[str, str]


def legacy_hash(path: Path) -> str:
    """The short hash by which the web UI has named checkpoints from its first days on.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        stream.seek(_LEGACY_AT)
        return sha256(stream.read(_LEGACY_LENGTH)).hexdigest()[:LEGACY_DIGITS]


def webui_metadata(recipe: Mapping[str, object], files: Sequence[MergedFile]) -> dict[str, str]:
    """The entries for a header. They are the longest where all digests differ.

    `recipe` is the recipe as it was built, and `files` stand in the order of first use.
    """
    told = {"type": "mergec", **_hashes(files), "recipe": recipe}
    models: dict[str, object] = {}
    for file in files:
        for digest, one in _earlier(file.metadata).items():
            models.setdefault(digest, one)
    for file in files:
        own = {"name": file.name, "legacy_hash": file.legacy_hash}
        models[file.sha256] = {**own, RECIPE: _object(file.metadata.get(RECIPE))}
    return {
        RECIPE: json.dumps(told),
        MODELS: json.dumps(models),
        MERGED_FROM: ", ".join(dict.fromkeys(safe(file.name.removesuffix(".safetensors")) for file in files)),
    }


def _hashes(files: Sequence[MergedFile]) -> dict[str, str | None]:
    """The first three files under the names that the web UI gives them."""
    padded = [*(file.sha256 for file in files), None, None, None]
    return {f"{word}_model_hash": padded[at] for at, word in enumerate(("primary", "secondary", "tertiary"))}


def _earlier(metadata: Mapping[str, str]) -> dict[str, object]:
    """The files that went into a source, as its header tells of them."""
    found = _object(metadata.get(MODELS)) or {}
    return {
        digest: one for digest, one in found.items() if isinstance(one, dict) and _SHA256.fullmatch(digest)
    }


def _object(text: str | None) -> dict[str, object] | None:
    if text is None or len(text) > _LARGEST_HISTORY:
        return None
    try:
        found = json.loads(text)
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
