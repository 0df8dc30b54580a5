from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.cli.inspection.pair_facts import Different, pair_facts
from tests.cli.inspection.subjects import made
from tests.recipe.proposals.named_models import kind, llama, prefixed

if TYPE_CHECKING:
    from pathlib import Path


def test_every_kind_of_difference(tmp_path: Path) -> None:
    one: dict[str, np.ndarray[Any, Any]] = {
        "same": np.zeros(2, np.float16),
        "size": np.zeros((2, 3)),
        "type": np.zeros(2, np.float32),
        "a": np.zeros(9),
    }
    other: dict[str, np.ndarray[Any, Any]] = {
        "same": np.zeros(2, np.float16),
        "size": np.zeros((3, 2)),
        "type": np.zeros(2, np.float16),
        "b": np.zeros(8),
    }
    facts = pair_facts(made(tmp_path / "a", one), made(tmp_path / "b", other))
    assert facts.now.alike == 1
    assert (facts.now.only_first, facts.now.only_second) == (("a",), ("b",))
    assert facts.now.shapes == (Different("size", "[2, 3]", "[3, 2]"),)
    assert facts.now.dtypes == (Different("type", "float32", "float16"),)
    assert facts.after == facts.now
    assert facts.adapter is None


def test_rules_are_for_the_second(tmp_path: Path) -> None:
    facts = pair_facts(made(tmp_path / "a", llama()), made(tmp_path / "b", prefixed("m.", llama())))
    assert facts.proposal.names["m.lm_head.weight"] == "lm_head.weight"
    assert (facts.now.alike, facts.after.alike) == (0, len(llama()))
    assert not facts.is_mostly_apart


def test_less_than_half_lines_up(tmp_path: Path) -> None:
    both = {"same": kind(2)}
    for extra, expected in ((1, False), (2, True)):
        one, other = (
            {**both, **{f"{c}{i}": kind(n + i) for i in range(extra)}} for c, n in (("x", 5), ("y", 50))
        )
        facts = pair_facts(made(tmp_path / f"a{extra}", one), made(tmp_path / f"b{extra}", other))
        assert facts.is_mostly_apart is expected


def test_which_of_the_two_is_an_adapter(tmp_path: Path) -> None:
    factors = {f"m.q.lora_{side}.weight": kind(2, 2) for side in "AB"}
    adapter = made(tmp_path / "a", factors, adapter={"peft_type": "LORA"})
    model = made(tmp_path / "m", {"q.weight": kind(2, 2)})
    assert pair_facts(adapter, model).adapter == "A"
    assert pair_facts(model, adapter).adapter == "B"
    assert pair_facts(adapter, adapter).adapter is None
    assert pair_facts(adapter, model).dialects == ("peft", None)
