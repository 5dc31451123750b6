"""Straight lines: which wires run straight down, and where the columns of boxes tied together by them stand.

A wire between neighbouring layers is tied if it crosses no tied one and is the only tied one at either of its ends on
that side; long lines first, then those that are the only wire at both ends. What is tied together is a block and moves
as one. Blocks keep the order of their layers and go to where their other wires are shortest.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from ampviz.tui.layering import Item, Lane

GAP = 2  # blank columns between neighbours
_ROUNDS = 12

Place = tuple[Item, int]
"""An item in a layer."""


@dataclass(frozen=True, slots=True)
class Link:
    """A wire from one layer to the next, and how far from the left edges of what it connects it meets them."""

    upper: Place
    lower: Place
    out: int
    into: int


@dataclass(slots=True)
class _Block:
    """Places that move as one: how far right of the block each is."""

    offsets: dict[Place, int]
    x: int = 0
    wishes: list[tuple[Place, int]] = field(default_factory=list)  # an end of a wire, and how far left of it to be
    left: list[tuple[Place, int]] = field(default_factory=list)  # neighbours, and how far right of them at least
    right: list[tuple[Place, int]] = field(default_factory=list)


def placed(rows: Sequence[Sequence[Item]], links: Sequence[Link], widths: Sequence[int]) -> dict[Place, int]:
    """The left edge of every place. Boxes have these widths; lines are one column wide."""
    order = {(item, layer): index for layer, row in enumerate(rows) for index, item in enumerate(row)}
    tied = _tied(links, order)
    block_of = _blocks(order, tied)
    for link in links:
        upper, lower = block_of[link.upper], block_of[link.lower]
        if upper is not lower:
            lower.wishes.append((link.upper, lower.offsets[link.lower] + link.into - link.out))
            upper.wishes.append((link.lower, upper.offsets[link.upper] + link.out - link.into))
    for layer, row in enumerate(rows):
        for one, other in itertools.pairwise(row):
            a, b = block_of[one, layer], block_of[other, layer]
            room = (1 if isinstance(one, Lane) else widths[one]) + GAP
            b.left.append(((one, layer), room - b.offsets[other, layer]))
            a.right.append(((other, layer), room + a.offsets[one, layer]))
    blocks = _from_the_left(block_of)
    for round_ in range(_ROUNDS):
        for block in reversed(blocks) if round_ % 2 == 0 else blocks:
            _settle(block, block_of)
    return {place: block.x + block.offsets[place] for place, block in block_of.items()}


def _tied(links: Sequence[Link], order: dict[Place, int]) -> list[Link]:
    """The wires that are to run straight."""
    ends: dict[tuple[Place, bool], int] = {}
    for link in links:
        for end in ((link.upper, True), (link.lower, False)):
            ends[end] = ends.get(end, 0) + 1

    def priority(index: int) -> tuple[int, int, int]:
        link = links[index]
        lanes = isinstance(link.upper[0], Lane) + isinstance(link.lower[0], Lane)
        return (-2 if lanes == 2 else 0), ends[link.upper, True] + ends[link.lower, False], index

    tied: list[Link] = []
    for index in sorted(range(len(links)), key=priority):
        link = links[index]
        if ends[link.upper, True] > 1 and ends[link.lower, False] > 1:
            continue
        if _only(link, links) and not any(_against(link, other, order) for other in tied):
            tied.append(link)
    return tied


def _only(link: Link, links: Sequence[Link]) -> bool:
    """Whether a wire may be tied: where a box has several on that side, only the middle one of an odd number."""
    for beside, own in (
        ([other.out for other in links if other.upper == link.upper], link.out),
        ([other.into for other in links if other.lower == link.lower], link.into),
    ):
        if len(beside) > 1 and own != sorted(beside)[len(beside) // 2]:
            return False
    return True


def _against(link: Link, other: Link, order: dict[Place, int]) -> bool:
    """Whether both cannot be straight: they share an end, or cross."""
    if link.upper[1] != other.upper[1]:
        return False
    above, below = order[link.upper] - order[other.upper], order[link.lower] - order[other.lower]
    return above * below <= 0


def _blocks(order: dict[Place, int], tied: Sequence[Link]) -> dict[Place, _Block]:
    upward = {link.lower: link for link in tied}
    block_of: dict[Place, _Block] = {}
    for place in sorted(order, key=lambda place: (place[1], order[place])):
        link = upward.get(place)
        if link is None:
            block_of[place] = _Block({place: 0})
        else:
            block = block_of[place] = block_of[link.upper]
            block.offsets[place] = block.offsets[link.upper] + link.out - link.into
    return block_of


def _from_the_left(block_of: dict[Place, _Block]) -> list[_Block]:
    """Put every block as far left as it can stand; returns them in an order in which none is right of a later one."""
    ordered: list[_Block] = []
    done: set[int] = set()
    for first in block_of.values():
        stack = [first]
        while stack:
            block = stack[-1]
            missing = [block_of[place] for place, _ in block.left if id(block_of[place]) not in done]
            if missing and id(block) not in done:
                stack += missing
                continue
            stack.pop()
            if id(block) not in done:
                done.add(id(block))
                block.x = max((_x(place, block_of) + room for place, room in block.left), default=0)
                ordered.append(block)
    return ordered


def _settle(block: _Block, block_of: dict[Place, _Block]) -> None:
    """Move a block to the median of where its wires would be straight, as far as its neighbours let it."""
    wishes = sorted(_x(place, block_of) - shift for place, shift in block.wishes)
    if not wishes:
        return
    wish = (wishes[(len(wishes) - 1) // 2] + wishes[len(wishes) // 2]) // 2
    wish = min([wish, *(_x(place, block_of) - room for place, room in block.right)])
    block.x = max([wish, *(_x(place, block_of) + room for place, room in block.left)])


def _x(place: Place, block_of: dict[Place, _Block]) -> int:
    block = block_of[place]
    return block.x + block.offsets[place]
