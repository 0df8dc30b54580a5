from __future__ import annotations

from blake3 import blake3

from mergec.lock.merkle import TensorDigest, merkle_root

TENSORS = [TensorDigest("b", "F32", (2, 3), "1" * 64), TensorDigest("a", "BF16", (), "2" * 64)]


def test_the_format() -> None:
    lines = f'"a" BF16 [] {"2" * 64}\n"b" F32 [2, 3] {"1" * 64}\n'
    assert merkle_root(TENSORS) == blake3(lines.encode()).hexdigest()


def test_their_order_does_not_matter() -> None:
    assert merkle_root(TENSORS) == merkle_root(TENSORS[::-1])


def test_everything_else_does() -> None:
    first, second = TENSORS
    others = [
        [first],
        [first._replace(name="c"), second],
        [first._replace(dtype="I32"), second],
        [first._replace(shape=(3, 2)), second],
        [first._replace(digest="3" * 64), second],
        [first, first, second],
    ]
    assert len({merkle_root(tensors) for tensors in (TENSORS, *others)}) == len(others) + 1


def test_no_name_can_pass_for_a_line() -> None:
    joined = TensorDigest(f'a" BF16 [] {"2" * 64}\n"b', "F32", (2, 3), "1" * 64)
    assert merkle_root([joined]) != merkle_root(TENSORS)
