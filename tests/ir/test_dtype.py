from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors import deserialize as untyped

from mergec.ir.dtype import BY_CODE, BY_RECIPE_NAME, DType, Kind

deserialize: Any = untyped


def test_codes_are_those_of_the_safetensors_package() -> None:
    with pytest.raises(SafetensorError) as caught:
        deserialize(_file("NO_SUCH_DTYPE", 1))
    known = set(re.findall(r"`([A-Z0-9_]+)`", str(caught.value))) - {"NO_SUCH_DTYPE"}
    assert known == set(BY_CODE)


@pytest.mark.parametrize("dtype", list(DType), ids=str)
def test_sizes_are_those_of_the_safetensors_package(dtype: DType) -> None:
    count = 8  # fills whole bytes at any width
    ((_, tensor),) = deserialize(_file(dtype.code, dtype.nbytes(count)))
    assert len(tensor["data"]) == dtype.nbytes(count)
    with pytest.raises(SafetensorError):
        deserialize(_file(dtype.code, dtype.nbytes(count) + 1))


@pytest.mark.parametrize("dtype", list(DType), ids=str)
def test_recipe_names_are_those_of_torch(dtype: DType) -> None:
    known: Any = getattr(torch, dtype.recipe_name, None)
    if dtype.bits < 8:
        assert known is None
        return
    assert known.itemsize == dtype.itemsize
    # torch calls opaque floats floating; mergec does not compute with them.
    assert known.is_floating_point == (dtype.is_float or (dtype.kind is Kind.OPAQUE and not known.is_complex))


def test_every_dtype_is_found_by_both_names() -> None:
    assert {BY_CODE[d.code] for d in DType} == {BY_RECIPE_NAME[d.recipe_name] for d in DType} == set(DType)


def test_kinds_are_disjoint() -> None:
    assert {d for d in DType if d.is_float} == {DType.F16, DType.BF16, DType.F32, DType.F64}
    assert not any(d.is_float and d.is_integral for d in DType)
    assert DType.BOOL.is_integral


def _file(code: str, nbytes: int) -> bytes:
    header = f'{{"t":{{"dtype":"{code}","shape":[8],"data_offsets":[0,{nbytes}]}}}}'.encode()
    return len(header).to_bytes(8, "little") + header + bytes(nbytes)
