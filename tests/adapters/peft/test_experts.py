"""LoRA on stacked experts, against PEFT."""

from __future__ import annotations

import peft
import pytest
import torch
from torch import nn

from tests.adapters.peft.peft_models import drawn
from tests.adapters.peft.test_dialect import assert_parity
from tests.conftest import Workbench  # noqa: TC001  # pytest looks at it


class Experts(nn.Module):
    """Experts as mixtures of transformers store them."""

    def __init__(self, hidden: int, inner: int, *, is_transposed: bool) -> None:
        super().__init__()
        self.is_transposed = is_transposed
        gate, down = (hidden, 2 * inner), (inner, hidden)
        if not is_transposed:
            gate, down = gate[::-1], down[::-1]
        self.gate_up_proj = nn.Parameter(torch.empty(3, *gate))
        self.down_proj = nn.Parameter(torch.empty(3, *down))


class Mixture(nn.Module):
    """A layer with experts, a router whose parameter is a matrix, and a plain layer."""

    def __init__(self, hidden: int, inner: int, *, is_transposed: bool) -> None:
        super().__init__()
        self.config = {"model_type": "custom"}
        self.mlp = nn.Module()
        self.mlp.experts = Experts(hidden, inner, is_transposed=is_transposed)
        self.mlp.router = nn.Module()
        self.mlp.router.table = nn.Parameter(torch.empty(3, hidden))
        self.linear = nn.Linear(hidden, hidden)


@pytest.mark.parametrize("is_transposed", [False, True])
@pytest.mark.parametrize("sizes", [(6, 5), (6, 6)])
@pytest.mark.parametrize(
    "parameters",
    [
        ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
        ["experts.down_proj", "experts.gate_up_proj"],
        ["experts.down_proj"],
    ],
)
def test_experts(
    bench: Workbench, parameters: list[str], sizes: tuple[int, int], *, is_transposed: bool
) -> None:
    model = drawn(Mixture(*sizes, is_transposed=is_transposed))
    config = peft.LoraConfig(
        r=2,
        lora_alpha=6,
        target_modules=["linear"],
        target_parameters=parameters,
        alpha_pattern={"gate_up_proj": 3},
    )
    changed = [f"mlp.experts.{name.rpartition('.')[2]}" for name in parameters]
    assert_parity(bench, model, config, "linear.weight", *changed)


def test_experts_in_a_parameter_called_weight(bench: Workbench) -> None:
    model = drawn(Mixture(6, 5, is_transposed=False))
    del model.mlp.router.table  # type: ignore[union-attr]
    model.mlp.router.weight = nn.Parameter(torch.randn(3, 5, 6))  # type: ignore[union-attr]
    config = peft.LoraConfig(r=2, target_modules=[], target_parameters=["router.weight"])
    assert_parity(bench, model, config, "mlp.router.weight")


def test_parameters_that_are_matrices(bench: Workbench) -> None:
    model = drawn(Mixture(6, 5, is_transposed=False))
    config = peft.LoraConfig(r=2, target_modules=[], target_parameters=["router.table"])
    assert_parity(bench, model, config, "mlp.router.table")
