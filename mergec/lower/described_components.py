"""Outputs with components that their config.json does not know of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mergec.diagnostics import Diagnostic, Report, Span
    from mergec.sources.source_table import SourceTable


def check_described(
    names: Collection[str], config: Mapping[str, object], table: SourceTable, span: Span, report: Report
) -> None:
    """Report MC0328 where the output holds components that its config.json knows nothing of.

    `config` is that of the output. With the tensors of the source that it is from nothing is said: the
    output then is described as well, or as badly, as its source.
    """
    owner = table.side_files.config_folder if table.side_files is not None else None
    if owner is None or (owner.is_source and table.sources[owner.name].tensors.keys() >= set(names)):
        return
    found = _other_config(names, config, owner.name, table, span)
    if found is not None:
        report.add(found)


def _other_config(
    names: Collection[str], config: Mapping[str, object], owner: str, table: SourceTable, span: Span
) -> Diagnostic | None:
    from mergec.components.described import undescribed  # reads the table of components
    from mergec.components.detect import components_of
    from mergec.components.errors import ConfigOfAnother
    from mergec.components.layout import spoken

    grouping = components_of(names, config)
    missing = undescribed(grouping, config)
    if not missing:
        return None
    configs = {source.name: source.facts.config for source in table.sources.values()}
    better = [name for name, one in configs.items() if "model_type" in one and not undescribed(grouping, one)]
    help_ = "give `copy_files_from` a folder with the config.json of such a model"
    if better:
        help_ = f"write `copy_files_from: {safe(better[0])}`"
    kind = safe(str(config["model_type"]))
    note = f"it is that of a `{kind}`, and the names are those of {grouping.layout}"
    parts = " and the ".join(map(spoken, missing))
    return ConfigOfAnother(span=span, owner=owner, components=parts, help=help_, notes=(note,))
