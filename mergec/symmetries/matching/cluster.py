"""Groups that are solved together: a root and all families below it; and the terms they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.matching.limits import KEPT_COSTS
from mergec.symmetries.matching.part import Part, whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mergec.ir.symmetry import Segment, Symmetry


class Node(NamedTuple):
    """A group and the families right below it that can move, or have something below them that can."""

    group: int
    size: int
    is_frozen: bool
    children: tuple[Node, ...]

    def numbers(self) -> Iterator[int]:
        """The groups of the tree, parents first."""
        yield from (node.group for node in self.every())

    def every(self) -> Iterator[Node]:
        """The nodes of the tree, parents first."""
        yield self
        for child in self.children:
            yield from child.every()

    def inner(self) -> int:
        """How many units one index of this group holds, of the largest chain below."""
        return max((child.size * child.inner() for child in self.children), default=1)


class Term(NamedTuple):
    """How a cluster stands on a part: positions of its factors that are free, of the rows and the columns.

    `signature` is the groups of the free factors, in ascending order (parents first). `is_linear` is false
    where the cluster's other factors on the part are held at what they are. `held` are the positions of
    rows' factors that are taken one index at a time, as the order of the columns depends on it.
    """

    part: int
    view: Part
    free_rows: tuple[int, ...]
    free_columns: tuple[int, ...]
    signature: tuple[int, ...]
    held: tuple[int, ...]
    is_linear: bool


class Cluster(NamedTuple):
    """`members` are all groups, frozen ones too; `parts` are the numbers of the parts it stands on."""

    name: str
    root: Node
    members: frozenset[int]
    parts: tuple[int, ...]
    terms: tuple[Term, ...]

    @property
    def costs_bytes(self) -> int:
        """What the costs of the root take, in float64."""
        return 8 * self.root.size**2

    @property
    def is_quadratic(self) -> bool:
        """Whether it stands on a part more than once."""
        return not all(term.is_linear for term in self.terms) or len(self.parts) > len(
            {term.part for term in self.terms}
        )


def clusters_of(symmetry: Symmetry, parts: Sequence[Part]) -> list[Cluster]:
    """The clusters that stand on a part and in which something can move, sorted by the name of their root."""
    found = []
    for number, group in enumerate(symmetry.groups):
        if group.parent is not None:
            continue
        root = _node(symmetry, number)
        if root is None:
            continue
        members = frozenset(
            other for other in range(len(symmetry.groups)) if number in (other, *symmetry.parents(other))
        )
        own = tuple(i for i, part in enumerate(parts) if members & set(part.groups()))
        terms = tuple(term for i in own for term in _terms(symmetry, i, parts[i], members, root))
        if own:
            found.append(Cluster(group.name, root, members, own, terms))
    return sorted(found, key=lambda cluster: cluster.name)


def with_kept_costs(clusters: Sequence[Cluster]) -> frozenset[int]:
    """Numbers of clusters whose costs are kept while a model is matched: the smallest, as many as fit.

    It depends on the symmetry alone, as costs that are kept add up in another order than those made anew.
    """
    found, left = set(), KEPT_COSTS
    able = [i for i, one in enumerate(clusters) if not (one.root.children or one.is_quadratic)]
    for number in sorted(able, key=lambda i: (clusters[i].root.size, clusters[i].name)):
        left -= clusters[number].costs_bytes
        if left < 0:
            break
        found.add(number)
    return frozenset(found)


def _node(symmetry: Symmetry, number: int) -> Node | None:
    group = symmetry.groups[number]
    below = (_node(symmetry, i) for i, other in enumerate(symmetry.groups) if other.parent == number)
    children = tuple(node for node in below if node is not None)
    return Node(number, group.size, group.is_frozen, children) if children or not group.is_frozen else None


def _terms(
    symmetry: Symmetry, number: int, part: Part, members: frozenset[int], root: Node
) -> Iterator[Term]:
    own = [group for group in part.groups() if group in members]
    sides = [_groups(part.rows, members), _groups(part.columns, members)]
    if len(own) == len(set(own)):
        yield from _term(symmetry, number, part, root, (True, True))
    elif part.order is None:  # a side that holds each group once is free, the other one as it is
        for side, found in enumerate(sides):
            if found and len(found) == len(set(found)):
                yield from _term(symmetry, number, part, root, (side == 0, side == 1))


def _term(
    symmetry: Symmetry, number: int, part: Part, root: Node, sides: tuple[bool, bool]
) -> Iterator[Term]:
    free = frozenset(root.numbers())
    rows = _positions(part.rows, free) if sides[0] else ()
    columns = _positions(part.columns, free) if sides[1] else ()
    groups = [part.rows[i].group for i in rows]
    if rows and root.group not in groups:  # families on the rows and their parent on the columns
        part = whole(symmetry, part)
        rows, columns, groups = (), _positions(part.columns, free), []
    groups += [part.columns[i].group for i in columns]
    signature = tuple(sorted(group for group in groups if group is not None))
    if root.group in signature:
        held = _held(symmetry, part, columns)
        yield Term(number, part, rows, columns, signature, held, is_linear=all(sides))


def _held(symmetry: Symmetry, part: Part, free_columns: tuple[int, ...]) -> tuple[int, ...]:
    """The positions of the rows' factors that are parents of families on columns that are not free."""
    parents = {
        parent
        for i, factor in enumerate(part.columns)
        if i not in free_columns and factor.group is not None
        for parent in symmetry.parents(factor.group)
    }
    return _positions(part.rows, parents)


def _groups(segment: Segment, members: frozenset[int]) -> list[int]:
    return [factor.group for factor in segment if factor.group is not None and factor.group in members]


def _positions(segment: Segment, groups: Collection[int]) -> tuple[int, ...]:
    return tuple(i for i, factor in enumerate(segment) if factor.group in groups)
