from __future__ import annotations

from math import prod

import torch
from hypothesis import given
from hypothesis import strategies as st

from mergec.kernels.together import together


@given(
    st.lists(st.integers(0, 5), max_size=3).flatmap(
        lambda shape: st.tuples(
            st.just(tuple(shape)), st.lists(st.tuples(*(st.sampled_from([1, n]) for n in shape)), max_size=2)
        )
    ),
    st.integers(1, 12),
)
def test_parts_have_every_element_once_beside_those_of_the_sources(
    shapes: tuple[tuple[int, ...], list[tuple[int, ...]]], size: int
) -> None:
    shape, of_sources = shapes
    out = torch.full(shape, -1)
    sources = [torch.arange(prod(one)).view(one) for one in of_sources]
    seen = 0
    for result, *parts in together(out, sources, size):
        assert all(part.shape == result.shape for part in parts)
        assert 0 < result.numel() <= size
        assert (result == -1).all()
        result.copy_(parts[-1] if parts else torch.zeros_like(result))
        seen += result.numel()
    assert seen == out.numel()
    if sources:
        assert torch.equal(out, sources[-1].expand(shape))
