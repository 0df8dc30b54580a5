"""A bound recipe and its sources -> the graph of every output tensor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from mergec.ir.config_edit import adapter_files, edited_config
from mergec.ir.expression import Tensor
from mergec.ir.graph import Graph, LoweredRecipe, OutputTensor
from mergec.ir.model_table import Entry, ModelTable
from mergec.lower.adapter_output import check_adapters, wrong_adapter_path
from mergec.lower.bind import BoundArithmetic, BoundRecipe
from mergec.lower.described_components import check_described
from mergec.lower.lower_arithmetic import lower_arithmetic
from mergec.lower.packed_use import PackedNodes, explain_missing_parts, packed_nodes, report_packed_use
from mergec.lower.source_layouts import dequantised_remarks, layout_node, stored_dtype
from mergec.lower.tied_head import without_tied_head
from mergec.lower.wrapped_names import check_wrapped_names
from mergec.recipe.recipe_model import is_single_file
from mergec.steps.cast import resolve_dtypes
from mergec.steps.errors import EmptyOutput
from mergec.steps.operation import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report
    from mergec.ir.graph import DegreeDemand, FrameClaim, JointDemand, NodeId, Remark
    from mergec.ir.matching import AlignedModel, MatchUse
    from mergec.sources.source_table import Source, SourceTable


def lower(bound: BoundRecipe, table: SourceTable, report: Report) -> LoweredRecipe:
    """Build the graph. Nothing is read and shapes are not judged yet.

    Raises:
        MergecError: MC03xx, and MC01xx for patterns and schedules that do not fit the names.
    """
    lowering = _Lowering(bound, table, report)
    lowered = lowering.run()
    report_packed_use(lowered, lowering.packed, report)
    report.stop_on_error()
    return lowered


@dataclass(slots=True)
class _Lowering:
    bound: BoundRecipe
    sources: SourceTable
    report: Report
    graph: Graph = field(default_factory=Graph)
    labels: dict[NodeId, tuple[str, str]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    demands: list[DegreeDemand] = field(default_factory=list)
    joints: list[JointDemand] = field(default_factory=list)
    models: dict[str, ModelTable] = field(default_factory=dict)
    packed: PackedNodes = field(default_factory=dict)
    frames: list[FrameClaim] = field(default_factory=list)
    matches: dict[NodeId, tuple[MatchUse, ...]] = field(default_factory=dict)
    aligned: list[AlignedModel] = field(default_factory=list)
    told: dict[NodeId, str] = field(default_factory=dict)

    def run(self) -> LoweredRecipe:
        for source in self.sources.sources.values():
            self.models[source.name] = self._source_table(source)
        for model in self.bound.models:
            used = {use.name: self.models[use.name] for use in model.uses}
            call = Call(
                model.name,
                model.place,
                used,
                self.graph,
                self.report,
                self.remarks,
                self.demands,
                self.joints,
                self.packed,
                self.frames,
                self.matches,
                self.bound.recipe.folder,
                self.aligned,
                self.told,
            )
            before = len(self.report.diagnostics)
            if isinstance(model, BoundArithmetic):
                made = lower_arithmetic(model.expression, call)
            else:
                made = model.operation.lower(model.keys, call)
            explain_missing_parts(used, self.packed, before, self.report)
            if made.facts is None:
                made = replace(made, facts=next((table.facts for table in used.values()), None))
            self.models[model.name] = made
        return self._finish()

    def _source_table(self, source: Source) -> ModelTable:
        origin = self.bound.recipe.source_place(source.name).span()
        entries: dict[str, Entry] = {}
        for name, layout in source.tensors.items():
            node = layout_node(self.graph, layout, source.degree, origin)
            self.labels.setdefault(node, (source.name, name))
            entries[name] = Entry(node, stored_dtype(layout))
        self.packed.update(packed_nodes(self.graph, source, origin))
        self.remarks.extend(dequantised_remarks(source.name, source.tensors))
        return ModelTable(source.name, entries, facts=source.facts)

    def _finish(self) -> LoweredRecipe:
        recipe = self.bound.recipe
        place = recipe.place.child("output")
        model = self.models[recipe.output.model]
        self.report.stop_on_error()  # a model that was not made holds no tensors: tell causes, not effects
        if not model.entries:
            self.report.add(EmptyOutput(span=place.child("model").span()))
        call = Call("output", place, {}, self.graph, self.report)
        dtypes, span = {}, place.child("model").span()
        if recipe.output.dtype is not None:
            span = place.child("dtype").span()
            dtypes = resolve_dtypes(recipe.output.dtype, place.child("dtype"), list(model.entries), call)
        outputs: list[OutputTensor] = []
        for name, entry in model.entries.items():
            dtype = dtypes.get(name) or entry.dtype
            node = entry.node
            if entry.dtype.is_float:
                node = Tensor(self.graph, node, span).cast(dtype).node
            outputs.append(OutputTensor(name, node))
        side_files = self.sources.side_files
        config = side_files.config if side_files else {}
        edited = edited_config(config, model.config)
        outputs, dropped = without_tied_head(outputs, edited, self.report)
        sources = [self.models[name] for name in self.sources.sources]
        adapter = adapter_files(model.config)
        if adapter is None:
            names = [output.name for output in outputs]
            check_wrapped_names(names, place.child("model").span(), self.report)
            self._check_described(names, edited)
        elif wrong := wrong_adapter_path(adapter, PurePath(recipe.output.path), place.child("path").span()):
            self.report.add(wrong)
        check_adapters(outputs, sources, self.labels, self.graph, place.child("model").span(), self.report)
        return LoweredRecipe(
            graph=self.graph,
            outputs=tuple(outputs),
            labels=self.labels,
            kind=recipe.output.kind,
            span=place.child("model").span(),
            remarks=(*self.remarks, *dropped),
            demands=tuple(self.demands),
            joints=tuple(self.joints),
            base_config=config,
            config=model.config,
            frames=tuple(self.frames),
            matches=self.matches,
            told=self.told,
            aligned=tuple(self.aligned),
        )

    def _check_described(self, names: list[str], config: Mapping[str, object]) -> None:
        recipe = self.bound.recipe
        if not is_single_file(PurePath(recipe.output.path)):  # a file by itself gets no config.json
            owner = recipe.place.child("output").child("copy_files_from" if recipe.file_givers() else "model")
            check_described(names, config, self.sources, owner.span(), self.report)
