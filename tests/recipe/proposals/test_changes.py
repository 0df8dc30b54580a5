from __future__ import annotations

from collections import Counter

from mergec.recipe.proposals.changes import clear_changes
from mergec.recipe.proposals.families import Reading, families
from mergec.recipe.proposals.fit import fits
from mergec.recipe.proposals.known_lists import KnownLists
from tests.recipe.proposals.named_models import kind


def decided(sources: dict[str, int], targets: dict[str, int]) -> dict[str, str]:
    """The names that are clear, of tensors with these sizes."""
    tensors = [{name: kind(size) for name, size in those.items()} for those in (sources, targets)]
    one, other = (families(those, Reading.SEGMENTS) for those in tensors)
    counts = Counter(tensors[0].values()), Counter(tensors[1].values())
    found = clear_changes(fits(one, other, counts, is_strict=False), KnownLists())
    return dict(pair for fit in found for pair in fit.names())


def test_a_beginning_that_explains_more_names_wins() -> None:
    sources = {"m.a.w": 4, "m.b.w": 4}
    targets = {"n.a.w": 4, "n.b.w": 4, "z.a.w": 4}
    assert decided(sources, targets) == {"m.a.w": "n.a.w", "m.b.w": "n.b.w"}


def test_what_two_explain_equally_is_left_to_neither() -> None:
    assert decided({"m.a.w": 4}, {"n.a.w": 4, "z.a.w": 4}) == {}


def test_words_decide_between_two_that_explain_the_same() -> None:
    assert decided({"attn.query.w": 4}, {"attn.q_proj.w": 4, "mlp.fc.w": 4}) == {
        "attn.query.w": "attn.q_proj.w"
    }


def test_a_common_shape_alone_decides_nothing() -> None:
    many = {f"x{n}.y{n}.z{n}": 4 for n in range(4)}
    assert (
        decided({"foo.w": 4, **many}, {"bar.w": 4, **{name.upper(): 4 for name in many}}).get("foo.w") is None
    )
    assert decided({"foo.w": 9}, {"bar.w": 9}) == {"foo.w": "bar.w"}


def test_no_family_is_taken_twice() -> None:
    found = decided({"p.a.w": 4, "q.a.w": 4}, {"a.w": 4})
    assert len(set(found.values())) == len(found) <= 1
