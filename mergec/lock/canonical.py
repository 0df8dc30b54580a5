"""The canonical form of values: bytes that are equal exactly where the values mean the same."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING

from mergec.ir.strided_view import StridedView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def canonical(value: object) -> bytes:
    """The form of what nodes carry as attributes, or of a tree of plain values.

    It depends on nothing but the value: not on its place in memory, the hash seed, or how it came about.
    Each form says where it ends, so that forms one after another can be told apart. Numbers that are equal
    have one form, whatever their type, as the graph takes nodes with equal attributes for one. The entries
    of a mapping keep their order: in a recipe it has a meaning. Of a view the file is left out, as its
    number says nothing about its content.

    Raises:
        TypeError: the value, or one in it, is of a type whose form nobody has decided on.
    """
    form = _FORMS.get(type(value))
    if form is not None:
        return form(value)
    name = type(value).__name__
    if isinstance(value, Enum):
        return b"E" + _text(f"{name}.{value.name}")
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return b"N" + _text(name) + _several(value)
    if is_dataclass(value) and not isinstance(value, type):
        return (
            b"N"
            + _text(name)
            + _several(getattr(value, field.name) for field in fields(value) if field.compare)
        )
    raise TypeError(f"a {name} has no canonical form")


def _several(values: Iterable[object]) -> bytes:
    return b"(" + b"".join(map(canonical, values)) + b")"


def _text(value: str) -> bytes:
    # The names of tensors in a pickle may hold half a character.
    encoded = value.encode("utf-8", "surrogatepass")
    return b"s%d:%b" % (len(encoded), encoded)


def _number(value: float) -> bytes:
    whole = isinstance(value, int) or value.is_integer()
    return b"i%x;" % int(value) if whole else f"f{value.hex()};".encode()


def _mapping(value: dict[object, object]) -> bytes:
    return b"{" + b"".join(canonical(key) + canonical(one) for key, one in value.items()) + b"}"


_FORMS: dict[type, Callable[..., bytes]] = {
    type(None): lambda _: b"n",
    bool: _number,
    int: _number,
    float: _number,
    str: _text,
    bytes: lambda value: b"b%d:%b" % (len(value), value),
    tuple: _several,
    list: _several,
    dict: _mapping,
    StridedView: lambda view: b"V" + _several(view[1:]),
}
