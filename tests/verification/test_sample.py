from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mergec.verification.sample import sampled

NAMES = st.lists(st.text(), unique=True, max_size=30)


@given(NAMES, st.integers(1, 40), st.integers(0, 5), st.randoms())
def test_order_does_not_matter(names: list[str], count: int, seed: int, random: object) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = sampled(names, count, seed)
    assert found == sampled(shuffled, count, seed)
    assert len(found) == min(count, len(names))
    assert set(found) <= set(names)


@given(NAMES, st.integers(1, 40), st.integers(0, 5))
def test_a_larger_sample_holds_the_smaller(names: list[str], count: int, seed: int) -> None:
    assert set(sampled(names, count, seed)) <= set(sampled(names, count + 1, seed))


def test_what_was_chosen_once() -> None:
    names = [f"layers.{i}.w" for i in range(100)]
    assert sampled(names, 3, 0) == ["layers.11.w", "layers.8.w", "layers.94.w"]
    assert sampled(names, 3, 0) != sampled(names, 3, 1)
