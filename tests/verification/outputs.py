"""Outputs for tests: built from two small models, then damaged."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from blake3 import blake3

from mergec.lock.lock_file import write_lock
from mergec.lock.lock_model import LockedOutput
from mergec.lock.recipe_lock import refreshed_lock
from mergec.pipeline import Options
from mergec.verification.verify_output import Request, verify_output
from tests.lock.locking import state_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from mergec.lock.lock_model import LockModel
    from mergec.verification.verified import Verified
    from tests.conftest import Array, Raw, Workbench

MANIFEST = "mergec.manifest.json"
SHARDS = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]


def built(bench: Workbench, **output: object) -> Path:
    """An output of three shards with a config, of a mean; its recipe is `recipe.yaml`, without a lock."""
    generator = np.random.default_rng(7)
    for name in ("a", "b"):
        tensors: dict[str, Array | Raw] = {
            f"l.{i}.w": generator.standard_normal((300, 1000)).astype(np.float32) for i in range(3)
        }
        tensors |= {"steps": np.array([7], np.int64), "none": np.zeros((0, 3), np.float32)}
        bench.folder_source(name, tensors, config__json='{"model_type": "x"}', vocab__txt="one two")
    recipe = bench.recipe({"op": "linear", "inputs": {"a": 0.5, "b": 0.5}}, max_shard_size="1300KB", **output)
    out = recipe.build(workers=2).path
    recipe.path.with_suffix(".lock").unlink(missing_ok=True)
    return out


def verified(path: Path, **keys: Any) -> Verified:
    return verify_output(path, Request(**keys), Options(workers=2))


def codes(found: Verified) -> list[str]:
    return [one.code for one in found.diagnostics]


def flip(path: Path, at: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], None], *, is_sealed: bool) -> None:
    """Change what a manifest says; sealed, as somebody does it who knows what its digests are made of."""
    path = folder / MANIFEST
    document = json.loads(path.read_text())
    edit(document)
    if is_sealed:
        del document["checksum"]
        document["merkle"] = root_of(document["tensors"])
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        document["checksum"] = blake3(text.encode()).hexdigest()
    path.write_text(json.dumps(document))


def root_of(tensors: dict[str, Any]) -> str:
    lines = (f"{json.dumps(n)} {t['dtype']} {t['shape']} {t['digest']}\n" for n, t in tensors.items())
    return blake3("".join(sorted(lines)).encode()).hexdigest()


def lock_with_output(recipe: Path, out: Path, **changes: Any) -> LockModel:
    """Write the lock of a recipe as a build does that wrote `out`, but for the changes."""
    manifest = (out / MANIFEST).read_bytes()
    document = json.loads(manifest)
    facts = {
        "class": "R0",
        "files": document["files"],
        "merkle": document["merkle"],
        "manifest": sha256(manifest).hexdigest(),
    }
    output = LockedOutput.model_validate({**facts, **changes})
    model = refreshed_lock(None, state_of(recipe), output)
    write_lock(recipe, model)
    return model
