"""The weight files that an output was merged from, as the metadata of its header tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.lock.recipe_content import recipe_content
from mergec.provenance.shareable import shareable
from mergec.provenance.webui_metadata import LEGACY_DIGITS, MergedFile, legacy_hash, webui_metadata
from mergec.sources.open_file import why_not

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.lower.bind import BoundRecipe
    from mergec.sources.source_table import SourceTable

# As long as a SHA-256, and unlike every one of them.
_PLACEHOLDER = "unread-{:057d}"


def planned_metadata(bound: BoundRecipe, sources: SourceTable) -> dict[str, str] | None:
    """The metadata for headers before any source is read: at least as long as it will be.

    None where the recipe asks for none.
    """
    if bound.recipe.output.metadata is None:
        return None
    files = [
        MergedFile(name, _PLACEHOLDER.format(number), "-" * LEGACY_DIGITS, file.metadata)
        for number, (name, file) in enumerate(zip(_names(sources), sources.files, strict=True))
    ]
    return webui_metadata(_told(bound), files)


def merged_metadata(bound: BoundRecipe, sources: SourceTable, digests: Sequence[str]) -> dict[str, str]:
    """The same with the SHA-256 of each file, by number.

    Raises:
        MergecError: MC02xx, a file cannot be read any more.
    """
    files: list[MergedFile] = []
    for name, file, digest in zip(_names(sources), sources.files, digests, strict=True):
        try:
            files.append(MergedFile(name, digest, legacy_hash(file.path), file.metadata))
        except OSError as error:
            raise MergecError([why_not(file.path, error)]) from error
    return webui_metadata(_told(bound), files)


def _names(sources: SourceTable) -> list[str]:
    """What to call each file: by its own name, and one of a folder by that of the folder too."""
    of_folders = {number for one in sources.sources.values() if one.is_directory for number in one.files}
    return [
        f"{file.path.parent.name}/{file.path.name}" if number in of_folders else file.path.name
        for number, file in enumerate(sources.files)
    ]


def _told(bound: BoundRecipe) -> dict[str, object]:
    told = shareable(recipe_content(bound))
    assert isinstance(told, dict)
    return told
