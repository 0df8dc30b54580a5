from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.inspection.pair_facts import pair_facts
from mergec.cli.inspection.pair_json import pair_document
from tests.cli.inspection.subjects import made
from tests.recipe.proposals.named_models import kind

if TYPE_CHECKING:
    from pathlib import Path


def test_the_document_of_a_pair(tmp_path: Path) -> None:
    one = {"l.w": kind(3), "x": kind(2), "t.foo": kind(8), "t.bar": kind(8)}
    other = {"m.l.w": kind(3), "x": kind(4), "t.ping": kind(8), "t.pong": kind(8)}
    a, b = made(tmp_path / "a", one), made(tmp_path / "b", other)
    document = pair_document(pair_facts(a, b))
    assert document["a"] == {"path": str(a.path), "tensors": 4, "dialect": None}
    assert document["only_in_a"] == ["l.w", "t.bar", "t.foo"]
    assert document["other_shape"] == [{"name": "x", "a": "[2]", "b": "[4]"}]
    assert document["rules"] == [{"rule": "m.{rest:**} -> {rest}", "lines_up": 1}]
    assert (document["lined_up"], document["alike"], document["after_rules"]["alike"]) == (1, 0, 1)
    assert document["undecided"] == [{"a": ["t.bar", "t.foo"], "b": ["t.ping", "t.pong"]}]
