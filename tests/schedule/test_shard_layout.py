from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import safetensors.numpy
from huggingface_hub import split_state_dict_into_shards_factory
from hypothesis import given
from hypothesis import strategies as st
from safetensors import deserialize as untyped

from mergec.ir.dtype import DType
from mergec.ir.primitive import Reproducibility
from mergec.schedule.shard_layout import Planned, lay_out, split_into_shards, with_metadata

if TYPE_CHECKING:
    from mergec.ir.plan import OutputLayout

deserialize: Any = untyped
BYTE_WISE = [d for d in DType if d.bits >= 8]


def planned(name: str, size: int, dtype: DType = DType.U8) -> Planned:
    return Planned(name, dtype, (size,), dtype.nbytes(size), Reproducibility.R0)


tensors = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(BYTE_WISE)), min_size=1, max_size=30).map(
    lambda sizes: [planned(f"h.{i}.w", size, dtype) for i, (size, dtype) in enumerate(sizes)]
)


def files(layout: OutputLayout) -> list[bytes]:
    return [shard.header + bytes(shard.size - len(shard.header)) for shard in layout.shards]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 60))
def test_shards_are_those_of_huggingface_hub(sizes: list[int], limit: int) -> None:
    named = [planned(f"t{i}", size) for i, size in enumerate(sizes)]
    theirs = split_state_dict_into_shards_factory(
        {tensor.name: tensor for tensor in named},
        get_storage_size=lambda tensor: tensor.nbytes,
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=limit,
    )
    ours = [[tensor.name for tensor in shard] for shard in split_into_shards(named, limit)]
    assert ours == list(theirs.filename_to_tensors.values())
    layout = lay_out(named, limit, None)
    assert [shard.name for shard in layout.shards] == list(theirs.filename_to_tensors)
    if theirs.is_sharded:
        assert layout.index is not None
        index = json.loads(layout.index)
        assert index["metadata"]["total_size"] == theirs.metadata["total_size"]
        assert set(index["weight_map"]) == set(theirs.tensor_to_filename)


@given(tensors, st.integers(1, 400))
def test_headers_are_read_by_safetensors(named: list[Planned], limit: int) -> None:
    layout = lay_out(named, limit, None)
    found = {name: entry for file in files(layout) for name, entry in deserialize(file)}
    assert {t.name: (t.dtype.code, list(t.shape)) for t in named} == {
        name: (entry["dtype"], entry["shape"]) for name, entry in found.items()
    }


@given(tensors, st.integers(1, 400))
def test_every_tensor_lies_where_the_header_says(named: list[Planned], limit: int) -> None:
    layout = lay_out(named, limit, None)
    for tensor in layout.tensors:
        header = layout.shards[tensor.shard].header
        begin, end = json.loads(header[8:])[tensor.name]["data_offsets"]
        assert tensor.offset == len(header) + begin
        assert tensor.nbytes == end - begin
        assert tensor.offset % max(tensor.dtype.itemsize, 1) == 0  # so that it can be mapped
    assert layout.nbytes == sum(map(len, files(layout)))


def test_the_index_names_the_file_of_each_tensor() -> None:
    layout = lay_out([planned(f"t{i}", 10) for i in range(3)], 20, None)
    index = json.loads(layout.index or "")
    assert index["weight_map"] == {
        "t0": "model-00001-of-00002.safetensors",
        "t1": "model-00001-of-00002.safetensors",
        "t2": "model-00002-of-00002.safetensors",
    }


def test_a_single_file_is_never_divided() -> None:
    layout = lay_out([planned(f"t{i}", 10) for i in range(3)], 5, "merged.safetensors")
    assert [shard.name for shard in layout.shards] == ["merged.safetensors"]
    assert layout.index is None


def test_metadata_is_what_loaders_look_for() -> None:
    layout = lay_out([planned("t", 8)], 100, None)
    assert json.loads(layout.shards[0].header[8:])["__metadata__"]["format"] == "pt"
    assert set(safetensors.numpy.load(files(layout)[0])) == {"t"}


def test_names_of_any_text_are_written() -> None:
    names = ["ключ", 'quote"', "back\\slash", "new\nline", "", "\x00"]
    layout = lay_out([planned(name, 1) for name in names], 100, None)
    assert {name for name, _ in deserialize(files(layout)[0])} == set(names)


METADATA = {"sd_merge_recipe": '{"a": "' + "0" * 64 + '"}', "b": "ü"}


def metadata_of(layout: OutputLayout) -> list[dict[str, str]]:
    return [json.loads(shard.header[8:])["__metadata__"] for shard in layout.shards]


class TestMetadata:
    def test_every_header_holds_it_and_ours_wins(self) -> None:
        layout = lay_out([planned(f"t{i}", 10) for i in range(3)], 10, None, {"mergec": "9", "a": "b"})
        assert metadata_of(layout) == [{"a": "b", "format": "pt", "mergec": "1"}] * 3

    def test_it_is_filled_in_without_moving_anything(self) -> None:
        layout = lay_out([planned(f"t{i}", 10, DType.F32) for i in range(3)], 50, None, METADATA)
        filled = with_metadata(layout, {"sd_merge_recipe": "{}"})
        assert metadata_of(filled) == [{"sd_merge_recipe": "{}", "format": "pt", "mergec": "1"}] * 3
        assert (filled.tensors, filled.index) == (layout.tensors, layout.index)
        assert [len(shard.header) for shard in filled.shards] == [
            len(shard.header) for shard in layout.shards
        ]
        for before, after in zip(files(layout), files(filled), strict=True):
            assert deserialize(before) == deserialize(after)

    def test_filled_in_with_itself_it_is_the_same(self) -> None:
        layout = lay_out([planned("t", 10)], 100, None, METADATA)
        assert with_metadata(layout, METADATA) == layout

    def test_more_than_there_is_room_for(self) -> None:
        layout = lay_out([planned("t", 10)], 100, None, {"a": "b"})
        with pytest.raises(ValueError, match="too long"):
            with_metadata(layout, {"a": "b" * 20})
