"""Sharded checkpoints as the Hugging Face hub lays them out, written with bounded memory and kept."""

import json
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.shapes import Llama, TensorShape

BLOCK: Final = 1 << 22
MARK: Final = "complete"


def random_llama(folder: Path, model: Llama, seed: int, shard_bytes: int) -> Path:
    """A checkpoint of seeded normal weights."""
    return _checkpoint(folder, model.tensors(), model.config(), shard_bytes, seed)


def single_file(path: Path, model: Llama, seed: int) -> Path:
    """One file of seeded normal weights in float16."""
    mark = path.with_name(f"{path.name}.{MARK}")
    if not mark.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = [tensor._replace(dtype="F16") for tensor in model.tensors()]
        _write_shard(path, tensors, np.random.default_rng(seed))
        mark.touch()
    return path


def header_only(folder: Path, tensors: Iterable[TensorShape], shard_bytes: int) -> Path:
    """A checkpoint whose files have headers and, as holes, their full length: enough to compile against."""
    return _checkpoint(folder, tensors, {}, shard_bytes, None)


def random_lora(folder: Path, model: Llama, rank: int, seed: int) -> Path:
    """A PEFT adapter of seeded normal values, for every linear layer but the head."""
    mark = folder.with_name(f"{folder.name}.{MARK}")
    if not mark.exists():
        folder.mkdir(parents=True, exist_ok=True)
        tensors = list(model.lora(rank))
        _write_shard(folder / "adapter_model.safetensors", tensors, np.random.default_rng(seed))
        targets = sorted({tensor.name.split(".")[-3] for tensor in tensors})
        config = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": targets}
        (folder / "adapter_config.json").write_text(json.dumps(config | {"task_type": "CAUSAL_LM"}))
        mark.touch()
    return folder


def _checkpoint(
    folder: Path,
    tensors: Iterable[TensorShape],
    config: dict[str, object],
    shard_bytes: int,
    seed: int | None,
) -> Path:
    mark = folder.with_name(f"{folder.name}.{MARK}")
    if mark.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    shards = list(_shards(tensors, shard_bytes))
    random = None if seed is None else np.random.default_rng(seed)
    weight_map = {}
    for number, shard in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write_shard(folder / name, shard, random)
        weight_map.update({tensor.name: name for tensor in shard})
    total = sum(tensor.nbytes for shard in shards for tensor in shard)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    if config:
        (folder / "config.json").write_text(json.dumps(config, indent=2))
    mark.touch()
    return folder


def _shards(tensors: Iterable[TensorShape], limit: int) -> Iterator[list[TensorShape]]:
    shard: list[TensorShape] = []
    size = 0
    for tensor in tensors:
        if shard and size + tensor.nbytes > limit:
            yield shard
            shard, size = [], 0
        shard.append(tensor)
        size += tensor.nbytes
    yield shard


def _write_shard(path: Path, shard: list[TensorShape], random: np.random.Generator | None) -> None:
    # safetensors' own order, which keeps every tensor aligned: the widest dtype first, then by name.
    ordered = sorted(shard, key=lambda tensor: (tensor.dtype != "F32", tensor.name))
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for tensor in ordered:
        start, end = end, end + tensor.nbytes
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        if random is not None:
            for tensor in ordered:
                for block in _normal(random, tensor):
                    file.write(block)
        file.truncate(8 + len(header) + end)


def _normal(random: np.random.Generator, tensor: TensorShape) -> Iterator[bytes]:
    count = prod(tensor.shape)
    for start in range(0, count, BLOCK):
        values = random.standard_normal(min(BLOCK, count - start), dtype=np.float32)
        values *= np.float32(0.02)
        if tensor.dtype == "F16":
            yield values.astype(np.float16).tobytes()
            continue
        # The upper half of a float32 is the bfloat16 towards zero.
        yield values.tobytes() if tensor.dtype == "F32" else values.view(np.uint16)[1::2].tobytes()
