"""A plan for machines. The same recipe, sources and options give the same document, and what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.cli.plan_matches import match_document
from mergec.cli.reuse.told import reuse_document
from mergec.diagnostics.as_json import diagnostic_as_json

if TYPE_CHECKING:
    from mergec.cli.plan_facts import PlanFacts
    from mergec.cli.plan_sources import SourceFacts
    from mergec.cli.plan_tensors import Summand, TensorAction


def plan_document(facts: PlanFacts) -> dict[str, Any]:
    """The document, without the versions that begin it."""
    plan = facts.plan
    shards = [shard.name for shard in plan.layout.shards]
    memory = plan.memory
    return {
        "recipe": str(facts.recipe),
        "sources": [_source(source) for source in facts.sources],
        "matches": [match_document(one) for one in facts.matches],
        "output": {
            "path": str(facts.target),
            "tensors": len(facts.tensors),
            "bytes": plan.bytes_written,
            "files": [{"name": shard.name, "bytes": shard.size} for shard in plan.layout.shards],
            "copied": [{"folder": folder, "files": list(files)} for folder, files in facts.copied.items()],
            "written": list(facts.written),
        },
        "reuse": reuse_document(facts.reuse, facts.made),
        "tensors": [_tensor(tensor, shards) for tensor in facts.shown],
        "memory": {
            "budget": memory.budget,
            "peak": memory.peak,
            "workers": memory.workers,
            "worker_bytes": memory.worker_bytes,
            "held": memory.held,
            "tables": memory.tables,
            "set_by": memory.set_by,
        },
        "bytes": {"read": plan.bytes_read, "copied": plan.bytes_copied, "written": plan.bytes_written},
        "reproducibility": facts.reproducibility.value,
        "remarks": [
            {"model": remark.model, "what": remark.what, "tensors": list(remark.names)}
            for remark in facts.remarks
        ],
        "warnings": [diagnostic_as_json(warning) for warning in facts.warnings],
    }


def _source(source: SourceFacts) -> dict[str, Any]:
    return {
        "name": source.name,
        "path": source.path,
        "format": source.form,
        "files": source.files,
        "tensors": source.tensors,
        "stored": source.stored,
        "bytes": source.nbytes,
        "dtypes": dict(source.dtypes),
        "renames": [{"rule": use.rule, "tensors": use.count} for use in source.rules],
    }


def _tensor(tensor: TensorAction, shards: list[str]) -> dict[str, Any]:
    """A tensor of the output, as the sum that it is.

    `summands` are its terms, each with its factor `weight` and the `tensors` of sources that it is made of:
    one as it is, or, where it is `computed`, several, such as the factors of a product. `coefficients` lists
    the tensors by source; there, `weight` is null for those that are only a part of what is computed.
    """
    coefficients: dict[str, dict[str, float | None]] = {}
    for summand in tensor.summands:
        for part in summand.parts:
            weights = coefficients.setdefault(part.source, {}) if part.source else {}
            weights.setdefault(part.tensor, None)
            if not summand.is_computed:
                weights[part.tensor] = summand.weight
    placed = tensor.placed
    return {
        "name": placed.name,
        "shape": list(placed.shape),
        "dtype": str(placed.dtype),
        "action": tensor.action.value,
        "expression": tensor.expression,
        "summands": [_summand(summand) for summand in tensor.summands],
        "coefficients": {
            source: [{"tensor": name, "weight": weight} for name, weight in weights.items()]
            for source, weights in coefficients.items()
        },
        "reproducibility": placed.reproducibility.value,
        "shard": shards[placed.shard],
        "bytes": placed.nbytes,
    }


def _summand(summand: Summand) -> dict[str, Any]:
    tensors = [{"source": part.source, "tensor": part.tensor} for part in summand.parts if part.source]
    return {
        "weight": summand.weight,
        "computed": summand.is_computed,
        "permuted": summand.is_permuted,
        "tensors": tensors,
    }
