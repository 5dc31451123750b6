"""Trees as nested tuples, their bracket text, and hypothesis strategies for them."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = st.text(st.characters(exclude_characters="() \n\r", exclude_categories=["Cs"]), min_size=1, max_size=6)
LABELS = st.integers(0, 4)
LEAVES = st.tuples(LABELS, WORDS)
TREES = st.recursive(LEAVES, lambda inner: st.tuples(LABELS, inner, inner), max_leaves=12)


def text_of(tree) -> str:
    """`(label word)` or `(label node node)`, to any depth."""
    label, *children = tree
    return f"({label} {' '.join(child if isinstance(child, str) else text_of(child) for child in children)})"


def leaves_of(tree) -> list[tuple[int, str]]:
    """The leaves from left to right."""
    label, *children = tree
    if isinstance(children[0], str):
        return [(label, children[0])]
    return [leaf for child in children for leaf in leaves_of(child)]


def rebuilt(words, labels, parent, side, node):
    """The nested tuple below a node, read from the tables."""
    if node < len(words):
        assert node not in parent
        return (labels[node], words[node])
    children = sorted((side[child], child) for child in range(len(labels)) if parent[child] == node)
    assert [place for place, _ in children] == [0, 1]
    return (labels[node], *(rebuilt(words, labels, parent, side, child) for _, child in children))
