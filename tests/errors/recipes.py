"""Sound recipes that use every operation and every key, to be broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.errors.case import write_tensors
from tests.errors.method_recipes import METHODS

if TYPE_CHECKING:
    from pathlib import Path

_SHAPES = {
    "embed.weight": [4, 2],
    "layers.0.mlp.weight": [2, 2],
    "layers.1.mlp.weight": [2, 2],
    "head.weight": [4, 2],
}
_SCHEDULE = {"layers.[0:2].**": [0.2, 0.4], "head.*": 0.3, "**": "${alpha}"}

# By operation: its keys, all of them.
OPERATIONS: dict[str, dict[str, Any]] = {
    **METHODS,
    "linear": {
        "inputs": {"base": {"weight": _SCHEDULE}, "tuned": {"weight": "rest"}},
        "normalize": False,
        "allow_scaling": False,
        "arithmetic": "float64",
        "where": ["**.mlp.**", "head.*"],
        "missing": "error",
        "base": "base",
    },
    "interpolate": {
        "from": "base",
        "to": "tuned",
        "t": _SCHEDULE,
        "allow_scaling": True,
        "arithmetic": "float32",
        "where": ["**"],
        "missing": "base",
        "base": "tuned",
    },
    "apply": {
        "base": "base",
        "deltas": {"task": {"strength": 0.5}},
        "where": ["**"],
        "missing": "skip",
        "larger": "top_left",
        "new": ["**.mlp.**"],
        "arithmetic": "float16",
    },
    "delta": {
        "of": "tuned",
        "base": "base",
        "where": ["**"],
        "missing": "error",
        "larger": "error",
        "new": ["head.*"],
        "arithmetic": "float32",
    },
    "blockwise": {
        "base": "base",
        "inputs": {"tuned": {"weight": 0.5}},
        "blocks": {
            "layers.**": {
                "op": "linear",
                "inputs": {"base": {"weight": {"**": [0.2, 0.4]}}, "tuned": "rest"},
            },
            "head.*": {"op": "interpolate", "from": "base", "to": "tuned", "t": 0.5},
            "**": "keep",
        },
        "missing": "error",
        "seed": 1,
        "arithmetic": "float64",
    },
    "graft": {
        "into": "base",
        "from": "tuned",
        "take": ["head.*"],
        "component": None,  # instead of `take`
        "rename": ["head.{x} -> lm_head.{x}"],
        "where": ["lm_head.*"],
    },
    "resize": {
        "model": "base",
        "seed": 1,
        "tensors": {
            "head.*": {"rows": 8, "shape": None, "pad": {"normal": 0.5}, "truncate": True},
            "embed.*": {
                "size": [4, 4],
                "mode": "bilinear",
                "antialias": True,
                "from_size": [2, 2],
                "prefix_tokens": 0,
            },
        },
    },
    "override": {"base": "base", "with": ["tuned", "used"], "where": ["layers.**"]},
    "select": {
        "model": "base",
        "keep": ["layers.**", "head.*"],
        "drop": ["**.1.**"],
        "rename": [
            {"from": "head.{x}", "to": "lm_head.{x}", "optional": True},
            {"preset": "strip-wrappers", "optional": True},
        ],
    },
    "layers": {
        "slices": [
            {"model": "base", "layers": "layers.[0:2]"},
            {"model": "tuned", "layers": "layers.[1:2]"},
        ]
    },
    "lora": {
        "base": "base",
        "adapters": {
            "style": {"strength": _SCHEDULE, "dialect": "peft", "residual_base": False},
            "other": 0.5,
        },
        "where": ["layers.**", "head.*"],
    },
    "iso_c": {
        "base": "base",
        "inputs": {"tuned": {"weight": _SCHEDULE}, "used": 0.5},
        "lambda": 0.5,
        "where": ["layers.**", "head.*"],
        "missing": "base",
        "arithmetic": "float64",
    },
    "iso_cts": {
        "base": "base",
        "inputs": {"tuned": {"weight": _SCHEDULE}, "used": 0.5},
        "lambda": 0.5,
        "common_space_fraction": 0.5,
        "where": ["layers.**", "head.*"],
        "missing": "base",
        "arithmetic": "float64",
    },
    "tsv_m": {
        "base": "base",
        "inputs": {"tuned": {"weight": _SCHEDULE}, "used": 0.5},
        "lambda": 0.5,
        "where": ["layers.**", "head.*"],
        "missing": "base",
        "arithmetic": "float64",
    },
    "knots": {
        "base": "base",
        "inputs": {"tuned": {"weight": _SCHEDULE, "density": 0.5}, "used": 0.5},
        "lambda": 0.5,
        "rank": 1,
        "merge": "ties",
        "normalize": True,
        "sign": "count",
        "where": ["layers.**", "head.*"],
        "missing": "base",
        "arithmetic": "float64",
    },
    "truncate": {
        "model": "tuned",
        "base": "base",
        "rank": 1,
        "energy": 0.9,
        "epsilon": 1e-3,
        "where": ["layers.**"],
        "missing": "base",
        "arithmetic": "float64",
    },
    "moe": {
        "base": "dense",
        "experts": ["dense", "dense"],
        "layout": "mixtral",
        "shared": None,
        "gates": {"normal": 0.5},
        "experts_per_token": 1,
        "seed": 3,
    },
    "core_space": {
        "base": "base",
        "adapters": {"style": _SCHEDULE, "other": 0.5},
        "merge": "ties",
        "density": 0.5,
        "normalize": False,
        "sign": "count",
        "lambda": 0.5,
    },
    "extract_lora": {
        "of": "tuned",
        "base": "base",
        "rank": {"layers.0.**": 2, "**": 1},
        "energy": 0.9,
        "epsilon": {"embed.*": 1e-3, "**": 0},
        "format": "peft",
        "where": ["**"],
        "exclude": ["layers.1.**"],
        "whole": ["head.*"],
        "others": "save",
        "embeddings": ["embed.*"],
        "fan_in_fan_out": ["layers.0.**"],
    },
    "align": {
        "model": "base",
        "to": "tuned",
        "symmetry": {
            "sizes": {"u": 2},
            "tensors": {"layers.0.mlp.weight": "u _", "layers.1.mlp.weight": "_ u"},
            "fixed": ["embed.*", "head.*"],
        },
        "sizes": {"u": 2},
        "freeze": [],
        "weights": {"layers.**": 0.5},
        "leave_out": {"layers.1.**": {"axis": 0, "at": [1]}},
        "using": None,
        "together": ["base", "used"],
        "refine": True,
        "seed": 1,
        "max_sweeps": 5,
        "permutations": None,
        "save_permutations": "found.safetensors",
    },
    "cast": {"model": "base", "dtype": {"head.*": "float32", "**": "bfloat16"}, "where": ["layers.**"]},
    "init": {
        "tensors": {
            "w": {"shape": [2, 2], "dtype": "float16", "fill": {"normal": 0.02}},
            "b": {"shape": [2], "fill": "zeros"},
        },
        "seed": 3,
    },
}


def recipe_with(operation: str, keys: dict[str, Any]) -> dict[str, Any]:
    """A whole recipe whose output is one use of an operation."""
    return {
        "mergec": 1,
        "description": "a recipe to be broken",
        "params": {"alpha": 0.4},
        "sources": {
            "base": {"path": "base.safetensors", "keep": ["**"], "drop": [], "kind": "weights"},
            "tuned": "tuned.safetensors",
            "style": "style",
            "dense": "dense",
            "other": {"path": "style/adapter_model.safetensors"},
            "task": {
                "path": "base.safetensors",
                "kind": "delta",
                "rename": [{"from": "embed.weight", "to": "embed.weight", "transpose": [0, 1]}],
            },
        },
        "models": {"used": "base + ${alpha} * task", "merged": {"op": operation, **keys}},
        "output": {
            "model": "merged",
            "path": "out",
            "dtype": {"**": "bfloat16"},
            "max_shard_size": "5GB",
            "copy_files_from": ["base", "style"],
            "kind": "delta" if operation == "delta" else "weights",
            "card": True,
            "metadata": "sdwebui",
        },
    }


def write_sources(folder: Path) -> None:
    """The files that these recipes read."""
    for name in ("base", "tuned"):
        tensors = {tensor: {"dtype": "F32", "shape": shape} for tensor, shape in _SHAPES.items()}
        write_tensors(folder / f"{name}.safetensors", tensors)
    factors: dict[str, dict[str, object]] = {}
    for module, (rows, columns) in _SHAPES.items():
        path = f"base_model.model.{module.removesuffix('.weight')}"
        factors[f"{path}.lora_A.weight"] = {"dtype": "F32", "shape": [1, columns]}
        factors[f"{path}.lora_B.weight"] = {"dtype": "F32", "shape": [rows, 1]}
    write_tensors(folder / "style" / "adapter_model.safetensors", factors)
    config = {"peft_type": "LORA", "r": 1, "lora_alpha": 2}
    (folder / "style" / "adapter_config.json").write_text(json.dumps(config))
    matrices = {f"model.layers.0.mlp.{one}_proj.weight": [2, 2] for one in ("gate", "up", "down")}
    dense = {name: {"dtype": "F32", "shape": shape} for name, shape in matrices.items()}
    write_tensors(folder / "dense" / "model.safetensors", dense)
    (folder / "dense" / "config.json").write_text('{"model_type": "llama"}')
