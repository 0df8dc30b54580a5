"""The models that a configuration of mergekit names: checkpoints, adapters on them, and other documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.importing.errors import NotCarriedOver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from mergec.diagnostics import Report
    from mergec.importing.draft import Draft
    from mergec.importing.mergekit_config import ModelReference
    from mergec.importing.source_paths import SourcePaths

    NamesOf = Callable[[Path], Collection[str] | None]


class MergekitModels:
    """Adds sources to a draft as they are asked for, one for each path."""

    def __init__(self, draft: Draft, paths: SourcePaths, names_of: NamesOf, report: Report) -> None:
        """Look for checkpoints at these paths; `names_of` gives the names of a checkpoint's tensors."""
        self._draft = draft
        self._paths = paths
        self._names_of = names_of
        self._report = report
        self._adapted: dict[tuple[str | None, ...], str] = {}
        self._names: dict[str, Collection[str] | None] = {}

    def checkpoint(self, model: ModelReference) -> str:
        """The source of a reference's path, without its adapter."""
        return self._source(model.path, model.revision, model)

    def with_adapter(self, model: ModelReference, base: str) -> str:
        """`base`, with the reference's adapter folded in if it has one."""
        if model.adapter is None:
            return base
        if model.identity not in self._adapted:
            adapter = self._source(model.adapter, model.adapter_revision, model)
            keys = {"op": "lora", "base": base, "adapters": [adapter]}
            self._adapted[model.identity] = self._draft.model(f"{base}_{adapter}", keys)
        return self._adapted[model.identity]

    def names(self, path: str) -> Collection[str] | None:
        """The names of the tensors of the checkpoint at a path, if it is at hand."""
        if path not in self._names:
            found = self._paths.on_disk(path)
            self._names[path] = None if found is None else self._names_of(found)
        return self._names[path]

    def _source(self, path: str, revision: str | None, model: ModelReference) -> str:
        remarks: list[str] = []
        if self._paths.is_on_the_hub(path):
            which = f", revision {revision}" if revision else ""
            remarks.append(
                f"{path} on the Hugging Face Hub{which}: download it, and write here where it lies"
            )
        elif revision is not None:
            remarks.append(f"revision {revision}")
        if revision is not None:
            reason = "mergec reads files; the recipe tells it in a remark"
            what = f"the revision `{revision}` of `{path}`"
            self._report.add(NotCarriedOver(span=model.span, what=what, reason=reason))
        return self._draft.source(self._paths.written(path), tuple(remarks), mark=revision or "")
