from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from mergec.diagnostics import MergecError
from mergec.testing import EVERYTHING, check_symmetry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TABLE: dict[str, Any] = {
    "shared": ["first", "second"],
    "tensors": {
        "0.weight": "first _",
        "0.bias": "first",
        "2.weight": "second first",
        "2.bias": "second",
        "4.weight": "_ second",
        "4.bias": "_",
    },
}
INPUTS = torch.randn(7, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def network(dtype: torch.dtype) -> torch.nn.Sequential:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 6), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(6, 3)).to(dtype)


def forward(tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    dtype = tensors["0.weight"].dtype
    module = network(dtype)
    module.load_state_dict(tensors)
    return module(INPUTS.to(dtype))  # type: ignore[no-any-return]  # torch's


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_a_table_that_is_right(dtype: torch.dtype, limit: float) -> None:
    report = check_symmetry(TABLE, network(dtype).state_dict(), forward)
    assert report.problems == ()
    assert report.limit == limit
    assert [one.family for one in report.families] == ["first", "second", EVERYTHING]
    assert all(one.deviation is not None and one.deviation <= limit for one in report.families)


def test_a_table_that_is_wrong() -> None:
    table = {**TABLE, "tensors": {**TABLE["tensors"], "2.bias": "first"}}
    report = check_symmetry(table, network(torch.float64).state_dict(), forward)
    assert {problem.code for problem in report.problems} == {"MC0550"}


def test_a_built_in_table_by_its_name() -> None:
    report = check_symmetry("mlp", network(torch.float32).state_dict(), forward)
    assert report.problems == ()
    assert report.tensors == 5


def test_a_table_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: mlp\n")
    assert check_symmetry(path, network(torch.float32).state_dict()).problems == ()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn])
def test_laws_of_dtypes_that_numpy_lacks(dtype: torch.dtype) -> None:
    report = check_symmetry("mlp", {k: v.to(dtype) for k, v in network(torch.float32).state_dict().items()})
    assert report.problems == ()
    assert report.limit is None


def test_a_function_of_numpy_arrays() -> None:
    tensors = {name: value.numpy() for name, value in network(torch.float64).state_dict().items()}

    def in_numpy(given: Mapping[str, Any]) -> list[Any]:
        assert {type(one) for one in given.values()} == {np.ndarray}
        hidden = np.maximum(INPUTS.numpy() @ given["0.weight"].T + given["0.bias"], 0)
        hidden = np.maximum(hidden @ given["2.weight"].T + given["2.bias"], 0)
        return [hidden @ given["4.weight"].T, given["4.bias"]]

    assert check_symmetry("mlp", tensors, in_numpy).problems == ()


def test_what_a_function_does_to_its_tensors_stays_its_own() -> None:
    tensors = network(torch.float64).state_dict()
    before = {name: value.clone() for name, value in tensors.items()}

    def careless(given: dict[str, torch.Tensor]) -> torch.Tensor:
        outputs = forward(given)
        for value in given.values():
            value.zero_()
        return outputs

    assert check_symmetry("mlp", tensors, careless).problems == ()
    assert all(torch.equal(tensors[name], before[name]) for name in tensors)


def test_tied_tensors_are_told_by_their_memory() -> None:
    words, other = torch.randn(9, 4), torch.randn(5, 4)
    table = {"tensors": {"embed": "_ res", "head": "_ _", "up": "_ res"}}
    assert check_symmetry(table, {"embed": words, "head": words.clone(), "up": other}).problems == ()
    with pytest.raises(MergecError, match="head"):
        check_symmetry(table, {"embed": words, "head": words, "up": other})


def test_sizes_come_from_the_configuration_or_by_hand() -> None:
    tensors = {"q": torch.randn(6, 4), "o": torch.randn(4, 6)}
    table = {"sizes": {"h": "num_heads"}, "tensors": {"q": "(h _) _", "o": "_ (h _)"}}
    for given in ({"config": {"num_heads": 3}}, {"sizes": {"h": 3}}):
        report = check_symmetry(table, tensors, **given)  # type: ignore[arg-type]  # one of several keywords
        assert report.problems == ()
        assert report.families[0].family == "h"


def test_frozen_groups_stay() -> None:
    report = check_symmetry(TABLE, network(torch.float32).state_dict(), freeze=["first"])
    assert [one.family for one in report.families] == ["second"]


def test_a_table_that_does_not_fit_raises() -> None:
    with pytest.raises(MergecError) as caught:
        check_symmetry(TABLE, {"other": torch.ones(3)})
    assert caught.value.diagnostics


def test_tensors_must_be_tensors() -> None:
    with pytest.raises(TypeError, match="is list, and neither"):
        check_symmetry(TABLE, {"0.weight": [1.0]})
