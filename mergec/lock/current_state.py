"""What a lock of a recipe would say now, before anything is built."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from mergec import __version__
from mergec.ir.numerics import NUMERICS
from mergec.ir.primitive import Reproducibility
from mergec.lock.canonical import canonical
from mergec.lock.dequantising_library import library_of
from mergec.lock.lock_model import (
    SCHEMA,
    CopiedFile,
    LockedDecision,
    LockedFile,
    LockedRecipe,
    LockedSource,
    LockedTensors,
    LockedTool,
    LockHead,
    LockModel,
    NamedFile,
)
from mergec.lock.recipe_content import recipe_content
from mergec.lock.torch_build import torch_build
from mergec.recipe.load import LANGUAGE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mergec.ir.graph import CheckedGraph
    from mergec.lock.read_files import ReadFiles
    from mergec.lock.source_digests import FileDigest
    from mergec.lower.bind import BoundRecipe
    from mergec.sources.source_table import Source, SourceTable

# A longer recipe is told by its digest alone: a lock is there to be read.
_LONGEST_CONTENT = 1 << 16
_NO_CHECKSUM = "0" * 64


def current_state(
    recipe: Path,
    bound: BoundRecipe,
    sources: SourceTable,
    checked: CheckedGraph,
    read: ReadFiles,
    digests: Sequence[FileDigest],
    keys: Mapping[str, str],
) -> LockModel:
    """The lock of the recipe at a path, without an output.

    `digests` are those of all files in `read`, and `keys` those of all tensors, with nothing decided.
    """
    rest = iter(digests)
    weights = [next(rest) for _ in read.weights]
    copied = {
        place.as_posix(): CopiedFile(from_=one.giver, size=digest.size, sha256=digest.sha256)
        for (place, one), digest in zip(read.copied.items(), rest, strict=False)
    }
    named = [next(rest) for _ in read.named]
    return LockModel(
        lock=LockHead(schema_=SCHEMA, checksum=_NO_CHECKSUM),
        recipe=_recipe(recipe, bound),
        tool=_tool(checked),
        sources={
            name: _source(sources.sources[name], bound, sources, weights) for name in sorted(sources.sources)
        },
        copied=copied,
        decisions=_decisions(read, named),
        tensors=_tensors(keys),
    )


def _recipe(path: Path, bound: BoundRecipe) -> LockedRecipe:
    content = recipe_content(bound)
    is_short = len(json.dumps(content)) <= _LONGEST_CONTENT
    digest = sha256(canonical(content)).hexdigest()
    return LockedRecipe(path=path.name, sha256=digest, content=content if is_short else None)


def _tool(checked: CheckedGraph) -> LockedTool:
    graph = checked.graph
    nodes = [graph[node] for node in graph.reachable(output.node for output in checked.outputs)]
    depends = any(node.primitive.reproducibility is not Reproducibility.R0 for node in nodes)
    libraries = {library for library in map(library_of, nodes) if library is not None}
    return LockedTool(
        mergec=__version__,
        language=LANGUAGE_VERSION,
        numerics=NUMERICS,
        torch=torch_build() if depends else None,
        libraries=dict(sorted(libraries)),
    )


def _source(
    source: Source, bound: BoundRecipe, table: SourceTable, digests: Sequence[FileDigest]
) -> LockedSource:
    files = {}
    for number in source.files:
        size, digest, header = digests[number]
        name = table.files[number].path.relative_to(source.folder).as_posix()
        files[name] = LockedFile(size=size, sha256=digest, header=header)
    return LockedSource(path=bound.recipe.sources[source.name].path, files=dict(sorted(files.items())))


def _decisions(read: ReadFiles, digests: Sequence[FileDigest]) -> dict[str, LockedDecision]:
    made: dict[str, dict[str, NamedFile]] = {}
    for one, digest in zip(read.named, digests, strict=True):
        made.setdefault(one.model, {})[one.role] = NamedFile(path=one.written, sha256=digest.sha256)
    return {model: LockedDecision.model_validate(files) for model, files in sorted(made.items())}


def _tensors(keys: Mapping[str, str]) -> LockedTensors:
    listed = canonical(tuple(sorted(keys.items())))
    return LockedTensors(count=len(keys), keys=sha256(listed).hexdigest())
