"""What a lock holds, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mergec.recipe.recipe_model import Strict

SCHEMA = 1

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Blake3 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class LockHead(Strict):
    """The lock itself."""

    schema_: int = Field(alias="schema", description="The version of this format")
    checksum: Sha256 = Field(description="SHA-256 of the canonical form of everything else")


class LockedRecipe(Strict):
    """The recipe, as it was compiled."""

    path: str = Field(description="The name of its file, beside the lock")
    sha256: Sha256 = Field(
        description="Of its canonical form, with parameters filled in and without defaults"
    )
    content: dict[str, Any] | None = Field(
        default=None, description="The canonical form itself, where it is not too long"
    )


class LockedTool(Strict):
    """What decides on bytes beside the recipe and its sources."""

    mergec: str = Field(description="The version that wrote the lock; another one may do")
    language: int = Field(description="The version of the recipe language")
    numerics: int = Field(description="The version of what the primitives compute")
    torch: str | None = Field(
        default=None, description="The builds of torch and NumPy, for outputs of class R1 and R2"
    )
    libraries: dict[str, str] = Field(
        default={}, description="The versions of those that make quantised weights dense, by their names"
    )


class LockedFile(Strict):
    """A file as it was read."""

    size: Count = Field(description="Bytes")
    sha256: Sha256
    header: Sha256 | None = Field(default=None, description="SHA-256 of a safetensors header with its length")


class LockedSource(Strict):
    """A source: what the recipe asks for, and which files that was."""

    path: str = Field(description="As the recipe writes it")
    files: dict[str, LockedFile] = Field(description="Weight files, by their names in the source's folder")


class CopiedFile(Strict):
    """A file that goes beside the weights."""

    from_: str = Field(alias="from", description="The source or folder that it comes from")
    size: Count = Field(description="Bytes")
    sha256: Sha256


class NamedFile(Strict):
    """A file that an operation reads."""

    path: str = Field(description="As the recipe writes it")
    sha256: Sha256


class FoundPermutations(Strict):
    """What a match found."""

    seed: int
    objective: float = Field(description="The inner product with the anchor that was reached")
    permutations: Sha256 = Field(description="Of the vector of permutations, as little-endian int32")


class LockedDecision(Strict):
    """What was decided for an aligned model."""

    table: NamedFile | None = Field(default=None, description="The symmetry table, where it is a file")
    given: NamedFile | None = Field(default=None, description="The permutations, where a file gives them")
    found: FoundPermutations | None = Field(default=None, description="What a build found")


class LockedTensors(Strict):
    """The tensors of the output, before anything is computed."""

    count: Count
    keys: Sha256 = Field(description="Of the keys of all tensors: how each is computed, and from what")


class LockedOutput(Strict):
    """What a build wrote."""

    class_: Literal["R0", "R1", "R2"] = Field(
        alias="class", description="How far equal bytes are promised, for the worst tensor"
    )
    files: dict[str, Count] = Field(description="Sizes, by names")
    merkle: Blake3 = Field(description="The Merkle root of all tensors: names, dtypes, shapes and bytes")
    manifest: Sha256 | None = Field(
        default=None, description="Of the manifest, for an output that is a folder"
    )


class LockModel(Strict):
    """Exactly what a recipe read, and what came out. Written by mergec, never by hand."""

    lock: LockHead
    recipe: LockedRecipe
    tool: LockedTool
    sources: dict[str, LockedSource]
    copied: dict[str, CopiedFile] = Field(default={}, description="Files beside the weights, by their names")
    decisions: dict[str, LockedDecision] = Field(default={}, description="By the models they are for")
    tensors: LockedTensors
    output: LockedOutput | None = Field(default=None, description="Left out until something is built")
