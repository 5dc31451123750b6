"""Small graphs in the shapes of the demos, and random ones, as sessions would describe them."""

from __future__ import annotations

from hypothesis import strategies as st

from ampviz.telemetry.snapshot import EdgeInfo, NodeInfo, SessionInfo
from tests.tui.feed import session_info

LEARNING = {"Lookup", "Linear", "GRU", "RNN", "LeafLSTM", "BranchLSTM"}

MNIST = """
image Source > fc1
label Source > loss
fc1 Linear > relu1
relu1 ReLU > fc2
fc2 Linear > loss
loss SoftmaxCrossEntropy
"""
LISTRED = """
tokens Source > fork
label Source > loss
columns Ungroup > embed
embed Lookup > cell
h0 Zeros > start
start Isu > phi
phi Phi > cell
cell RNN > step
step Isu > while
while Cond > phi | out
out Linear > loss
loss SoftmaxCrossEntropy
fork Bcast > columns | h0
"""
REPLICATED = """
x Source > cond
label Source > loss
cond Cond > cell-0 | cell-1
cell-0 Linear of cell > phi
cell-1 Linear of cell > phi
phi Phi > loss
loss SoftmaxCrossEntropy
"""
SST = """
words Source > embed
embed Lookup > leaf
leaf LeafLSTM > cut
cut Ungroup > node
node Phi > fork
up Cond > branch | discard
discard Discard
branch BranchLSTM > node
out Linear > loss
loss SoftmaxCrossEntropy
fork Bcast > up | out
"""
BY_TYPE = """
atoms Source > fork
mu Source > loss
start Isu > phi
phi Phi > both
bonds Distribute > single | double | triple | aromatic
single Linear > arrive
double Linear > arrive
triple Linear > arrive
aromatic Linear > arrive
arrive Collect > cell
cell GRU > while
while Cond > phi | read
read Concat > loss
loss MSE
fork Bcast > start | read
both Bcast > bonds | cell
"""
NESTED = """
x Source > outer
outer Phi > inner
inner Phi > work
work Linear > again
again Cond > inner | more
more Cond > outer | loss
loss MSE
"""
SHAPES = {
    "mnist": MNIST,
    "listred": LISTRED,
    "replicated": REPLICATED,
    "sst": SST,
    "by type": BY_TYPE,
    "nested": NESTED,
}


def graph(text: str) -> SessionInfo:
    """A session from lines `NAME KIND [of LAYER] > TARGETS OF PORT 0 | OF PORT 1 ...`, on two workers in turn."""
    lines = [line.partition(">") for line in text.strip().splitlines()]
    heads = [head.split() for head, _, _ in lines]
    place = {words[0]: index for index, words in enumerate(heads)}
    nodes = tuple(
        NodeInfo(
            words[0],
            words[1],
            index % 2,
            parameters=100 if words[1] in LEARNING else 0,
            part_of=words[3] if len(words) > 2 else "",
        )
        for index, words in enumerate(heads)
    )
    entries = [0] * len(nodes)
    edges = []
    for source, (_, _, targets) in enumerate(lines):
        for port, names in enumerate(targets.split("|")):
            for name in names.split():
                edges.append(EdgeInfo(source, port, place[name], entries[place[name]]))
                entries[place[name]] += 1
    return session_info(nodes=nodes, edges=tuple(edges))


def names(info: SessionInfo) -> dict[str, int]:
    """Where each node is among the nodes."""
    return {node.name: index for index, node in enumerate(info.nodes)}


@st.composite
def graphs(draw: st.DrawFn) -> SessionInfo:
    """Any graph of up to 12 nodes: loops, several edges between two nodes, ports with branches, copies, islands."""
    count = draw(st.integers(1, 12))
    nodes = tuple(
        NodeInfo(
            "n" * draw(st.integers(1, 12)) + str(index),
            draw(st.sampled_from(["Phi", "Linear", "Concat"])),
            0,
            parameters=draw(st.integers(0, 1)),
            part_of=draw(st.sampled_from(["", "", "", "a", "b"])),
        )
        for index in range(count)
    )
    some = st.integers(0, count - 1)
    ends = draw(st.lists(st.tuples(some, st.integers(0, 2), some), max_size=2 * count))
    edges = tuple(EdgeInfo(source, port, target, entry) for entry, (source, port, target) in enumerate(ends))
    return session_info(nodes=nodes, edges=edges)
