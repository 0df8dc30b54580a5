"""The fixed part of the recipe language as pydantic models. Operations have models of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mergec.diagnostics import safe
from mergec.ir.byte_size import parse_size
from mergec.recipe.rename_preset import is_preset, preset_names

if TYPE_CHECKING:
    from pathlib import PurePath

DTYPE_SCHEDULE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ]
}
PRESET_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "rules that ship with mergec; `mergec explain renames` lists the presets",
    "required": ["preset"],
    "additionalProperties": False,
    "properties": {
        "preset": {"enum": list(preset_names()), "description": "the name of the preset"},
        "optional": {"type": "boolean", "description": "no rule of the preset need match anything"},
    },
}
RENAME_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "description": "`from -> to`", "pattern": "->"},
        {
            "type": "object",
            "required": ["from", "to"],
            "additionalProperties": False,
            "properties": {
                "from": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
                "to": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
                "split": {
                    "type": "object",
                    "description": "cut one tensor into the names of `to`, evenly or by `sizes`",
                    "required": ["dim"],
                    "additionalProperties": False,
                    "properties": {
                        "dim": {"type": "integer"},
                        "sizes": {"type": "array", "items": {"type": "integer"}},
                    },
                },
                "concat": {
                    "type": "object",
                    "description": "join the tensors of `from` along `dim`",
                    "required": ["dim"],
                    "additionalProperties": False,
                    "properties": {"dim": {"type": "integer"}},
                },
                "stack": {
                    "type": "object",
                    "description": "stack the tensors that differ in the capture `over` along a new axis",
                    "required": ["over"],
                    "additionalProperties": False,
                    "properties": {"over": {"type": "string"}, "dim": {"type": "integer"}},
                },
                "transpose": {
                    "type": "array",
                    "description": "the order of the old axes in the new tensor",
                    "items": {"type": "integer"},
                },
                "optional": {"type": "boolean", "description": "the rule may match nothing"},
            },
        },
        PRESET_SCHEMA,
    ]
}


class Strict(BaseModel):
    """What all parts of a recipe share: unknown keys are errors and nothing is converted.

    `other_names` holds what keys are called elsewhere, and `advice` what to do instead of writing others.
    """

    other_names: ClassVar[Mapping[str, str]] = {}
    advice: ClassVar[Mapping[str, str]] = {}
    # Deferred: most commands use one operation and no lock, and need no validators of the others.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, defer_build=True
    )


def _path_to_mapping(value: Any) -> Any:  # noqa: ANN401  # YAML data of any kind
    if not isinstance(value, str | dict):
        raise ValueError("expected a path or a mapping with `path`")  # noqa: TRY004  # pydantic's way
    return {"path": value} if isinstance(value, str) else value


def _without_nul(path: str) -> str:
    if "\0" in path:
        raise ValueError("expected a path without a NUL character")
    return path


PathText = Annotated[str, AfterValidator(_without_nul)]

_OTHER_FORMATS = (".bin", ".pt", ".pth", ".ckpt", ".gguf", ".safetensor", ".json")


def safetensors_path(path: str) -> str:
    """The path of an output, which is a directory or a safetensors file.

    Raises:
        ValueError: when its ending is that of another format, as nobody means a directory by that.
    """
    ending = next((one for one in _OTHER_FORMATS if path.lower().endswith(one)), None)
    if ending is not None:
        meant = safe(path[: -len(ending)] + ".safetensors")
        raise ValueError(f"expected a directory or a file that ends in .safetensors; write `{meant}`")
    return path


def is_single_file(target: PurePath) -> bool:
    """Whether an output path means one file rather than a directory."""
    return target.suffix == ".safetensors"


def _preset_to_list(value: Any) -> Any:  # noqa: ANN401  # YAML data of any kind
    if not isinstance(value, dict):
        return value
    if not is_preset(value):
        raise ValueError("expected a list of rules; put `- ` before a rule, or name a preset: {preset: NAME}")
    return [value]


Renames = Annotated[
    list[Any],
    BeforeValidator(_preset_to_list),
    WithJsonSchema({"anyOf": [{"type": "array", "items": RENAME_SCHEMA}, PRESET_SCHEMA]}),
]
"""Rename rules and presets, run in order; one preset may stand without a list around it."""


class SourceSpec(Strict):
    """A checkpoint on disk."""

    path: PathText = Field(
        min_length=1,
        description="A file or directory with weights (.safetensors .bin .pt .pth .ckpt, single or "
        "sharded), relative to the recipe's folder",
    )
    nest: str | None = Field(
        default=None, description="Where the tensors sit in a nested .pth, such as `model.state_dict`"
    )
    rename: Renames = Field(
        default=[], description="Rules `from -> to`, run in order over all names, and presets of rules"
    )
    keep: list[str] | None = Field(
        default=None, description="Patterns of the names to keep, before any rename; default: all"
    )
    drop: list[str] = Field(default=[], description="Patterns of the names to leave out, before any rename")
    kind: Literal["weights", "delta"] = Field(
        default="weights", description="`delta`: the file holds differences to another checkpoint"
    )
    dequantize: bool = Field(
        default=False,
        description="Read a quantised checkpoint (bitsandbytes, compressed-tensors, 8-bit floats with "
        "scales, GGUF) as dense weights",
    )


ShortSource = Annotated[
    SourceSpec,
    BeforeValidator(_path_to_mapping, json_schema_input_type=str | SourceSpec),
]


def _is_size(value: Any) -> int:  # noqa: ANN401  # YAML data of any kind
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str):
        return parse_size(value)
    raise ValueError("expected a size such as 5GB or 512MiB")


Size = Annotated[int, BeforeValidator(_is_size, json_schema_input_type=str | int)]


_Giver = Annotated[PathText, Field(min_length=1)]


class OutputSpec(Strict):
    """The checkpoint to write."""

    model: str = Field(description="The model (or source) to write")
    path: Annotated[PathText, AfterValidator(safetensors_path)] = Field(
        min_length=1,
        description="A directory to make or a file that ends in .safetensors, relative to the recipe",
    )
    dtype: Annotated[Any, WithJsonSchema(DTYPE_SCHEDULE_SCHEMA)] = Field(
        default=None, description="One dtype or a mapping of patterns to dtypes; default: the first input's"
    )
    max_shard_size: Size = Field(
        default=5 * 10**9, description="The most bytes of tensors in one file, such as 5GB"
    )
    copy_files_from: _Giver | Annotated[list[_Giver], Field(min_length=1)] | None = Field(
        default=None,
        description="The source, or folder without weights, whose config.json, tokenizer and other files "
        "are copied; of a list, each file from the first that has it; default: the first source that is a "
        "directory",
    )
    kind: Literal["weights", "delta"] = Field(
        default="weights", description="`delta` to write a difference of weights"
    )
    card: bool = Field(
        default=True,
        description="Whether a model card (README.md) is written into a directory: base models, licences and "
        "the recipe, as the Hugging Face Hub reads them",
    )
    metadata: Literal["sdwebui"] | None = Field(
        default=None,
        description="`sdwebui` to tell in the safetensors header what was merged, as the web UI for Stable "
        "Diffusion reads it",
    )


def _which_plugin(value: Any) -> Any:  # noqa: ANN401  # YAML data of any kind
    if isinstance(value, str):
        return {"path": value}
    if isinstance(value, dict) and ("path" in value) == ("package" in value):
        raise ValueError("expected a path, or a mapping with either `path` or `package`")
    return value


class PluginSpec(Strict):
    """Where merge methods come from that are not in mergec."""

    path: PathText | None = Field(
        default=None, min_length=1, description="A Python file with methods, relative to the recipe's folder"
    )
    package: str | None = Field(
        default=None, min_length=1, description="The name of an installed package with methods"
    )
    sha256: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="The digest that its code must have"
    )


ShortPlugin = Annotated[PluginSpec, BeforeValidator(_which_plugin, json_schema_input_type=str | PluginSpec)]


class RecipeSpec(Strict):
    """A mergec recipe: what a merged checkpoint is."""

    mergec: int = Field(description="The language version: 1", json_schema_extra={"const": 1})
    description: str | None = Field(default=None, description="What the recipe is for")
    params: dict[str, str | int | float | bool] = Field(
        default={}, description="Values used as ${name}; `--set name=value` overrides"
    )
    sources: dict[str, ShortSource] = Field(description="Checkpoints on disk, by name", min_length=1)
    models: dict[str, str | dict[str, Any]] = Field(
        default={},
        description="Virtual checkpoints: an operation, or arithmetic such as `base + 0.5 * (a - b)`",
    )
    plugins: list[ShortPlugin] = Field(
        default=[],
        description="Python files with merge methods of your own; they are run only with --allow-plugins",
    )
    output: OutputSpec = Field(description="The checkpoint to write")
