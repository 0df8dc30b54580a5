"""Arithmetic as text, written in one way only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.recipe.arithmetic import Binary, Name, Number, operands_first

if TYPE_CHECKING:
    from mergec.recipe.arithmetic import Arithmetic


def arithmetic_text(expression: Arithmetic) -> str:
    """The text of an expression: equal for those that mean the same operations in the same order.

    Read as arithmetic it gives the expression again.
    """
    parts: list[str] = []
    for part in operands_first(expression):
        if isinstance(part, Name):
            parts.append(part.name)
        elif isinstance(part, Number):
            parts.append(repr(part.value))
        else:
            right, left = parts.pop(), parts.pop()
            # A sum's left operand is what stands before it; every other operation gets parentheses.
            if isinstance(part.left, Binary) and part.operator == "*":
                left = f"({left})"
            if isinstance(part.right, Binary) and (part.operator == "*" or part.right.operator != "*"):
                right = f"({right})"
            parts.append(f"{left} {part.operator} {right}")
    return parts.pop()
