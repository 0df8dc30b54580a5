"""What is found in a checkpoint, for machines. `mergec explain inspect` documents the keys."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

from mergec.cli.plan_sources import dtype_counts, form_name, layout_bytes

if TYPE_CHECKING:
    from mergec.cli.inspect_names import Renamed
    from mergec.cli.inspection.adapter_facts import AdapterFacts
    from mergec.cli.inspection.model_facts import ModelFacts
    from mergec.components.joints import Figure
    from mergec.sources.checkpoint import Checkpoint


def checkpoint_document(path: str, checkpoint: Checkpoint) -> dict[str, Any]:
    """Files and tensors as they are stored."""
    tensors = checkpoint.tensors
    return {
        "path": path,
        "format": form_name(checkpoint.files),
        "files": [
            {
                "name": file.path.name,
                "bytes": file.identity.size,
                "metadata": dict(sorted(file.metadata.items())),
            }
            for file in checkpoint.files
        ],
        "bytes": sum(map(layout_bytes, tensors.values())),
        "dtypes": dtype_counts(tensors.values()),
        "tensors": [
            {
                "name": name,
                "shape": list(view.shape),
                "dtype": str(view.dtype),
                "bytes": layout_bytes(view),
                "file": checkpoint.files[view.file].path.name,
            }
            for name, view in tensors.items()
        ],
    }


def model_document(facts: ModelFacts) -> dict[str, Any]:
    """The checkpoint, and everything that was made out about it."""
    document = checkpoint_document(str(facts.subject.path), facts.subject.checkpoint)
    grouping = facts.parts.grouping
    document["beside"] = list(facts.subject.beside)
    document["layout"] = None if grouping.layout is None else str(grouping.layout)
    document["layout_candidates"] = [str(layout) for layout in grouping.candidates]
    document["components"] = [
        {
            "name": part.name,
            "prefixes": list(part.prefixes),
            "parameters": part.parameters,
            "bytes": part.nbytes,
            "dtypes": part.dtypes,
            "layers": part.layers,
            "tensors": list(part.tensors),
        }
        for part in facts.parts.parts
    ]
    document["quantised"] = [asdict(one) for one in facts.quantised]
    document["named_elsewhere"] = dict(facts.elsewhere)
    document["joints"] = _joints(facts)
    document["config"] = [
        {**asdict(line), "config": _as_json(line.config), "agrees": line.agrees} for line in facts.config
    ]
    document["config_problems"] = list(facts.subject.broken)
    document["prefixes"] = [prefix._asdict() for prefix in facts.prefixes]
    document["presets"] = [preset._asdict() for preset in facts.presets]
    document["adapter"] = None if facts.adapter is None else _adapter(facts.adapter)
    return document


def renamed_document(renamed: list[Renamed]) -> list[dict[str, Any]]:
    """Each tensor's names before and after the rules of a recipe."""
    return [{"before": one.before, "after": list(one.after)} for one in renamed]


def _joints(facts: ModelFacts) -> dict[str, Any]:
    joints = facts.joints
    return {
        "hidden_size": _figure(joints.hidden_size),
        "vocabulary_rows": _figure(joints.embedding_rows),
        "head_rows": _figure(joints.head_rows),
        "tower_widths": {name: _figure(tower.width) for name, tower in joints.towers.items()},
        "connectors": [
            {"tower": one.tower, "in": _figure(one.inlet), "out": _figure(one.outlet), "factor": one.factor}
            for one in joints.connectors
        ],
        "verdicts": [{"text": verdict.text, "fits": verdict.fits} for verdict in facts.verdicts],
    }


def _figure(figure: Figure | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    return {"value": figure.value, "where": figure.where, "in_config": not figure.is_tensor}


def _adapter(facts: AdapterFacts) -> dict[str, Any]:
    return {
        "dialect": facts.dialect,
        "kinds": facts.kinds,
        "base_model": facts.base_model,
        "beside": facts.beside,
        "names": list(facts.names),
        "settings": {key: _as_json(value) for key, value in facts.settings.items()},
        "modules": [asdict(module) for module in facts.modules],
        "full_tensors": list(facts.full),
    }


def _as_json(value: object) -> object:
    """A value of a config; Python reads NaN and Infinity there, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value
