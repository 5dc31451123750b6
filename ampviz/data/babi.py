"""bAbI tasks as symbolic graphs: facts are edges between things, a question marks a node and asks for another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from ampviz.data.dataset import Instance
from ampviz.data.files import locate
from ampviz.data.graphs import Edges, Rows, edge_arrays, with_reverse
from ampviz.data.symbolic import SymbolicTask, read_symbolic
from ampviz.errors import DataError

ARCHIVE = "babi/babi_symbolic_graphs_10fold.tar.gz"
ARGUMENTS = {4: 1, 15: 1, 16: 1, 18: 2, 19: 2}  # by task: how many nodes a question names
_SPLIT = {"train": "train", "valid": "test"}


class SymbolicGraphs:
    """Questions about graphs, one an instance, in the order of the file. Those that mark the same share an annotation.

    `annotation` (nodes, size) float32: 1 where the question names the node, in a column for each question type and
    argument; further columns are 0. `label` (answers,) int64: the row of the node that is the answer, or its class in
    tasks 18 and 19. Tables: `sources` and `targets` (see `Edges`) and `nodes`, their number. `marks` (questions,
    arguments) are places in the flat annotation.
    """

    def __init__(self, edges: Edges, graph: Rows, marks: Rows, label: Rows, shape: tuple[int, int]):
        self.nodes, self.size = shape
        self.edge_types = edges.types
        self._edges = edges
        self._graph: list[int] = graph.tolist()
        distinct, which = np.unique(marks, axis=0, return_inverse=True)
        annotations = np.zeros((len(distinct), self.nodes * self.size), np.float32)
        np.put_along_axis(annotations, distinct, 1.0, axis=1)
        self._annotations = annotations.reshape(-1, self.nodes, self.size)
        self._which: list[int] = which.reshape(-1).tolist()  # of them, by question
        self._label = label
        for shared in (self._annotations, self._label):
            shared.flags.writeable = False

    def __len__(self) -> int:
        return len(self._graph)

    def __getitem__(self, index: int) -> Instance:
        tables = self._edges.tables(self._graph[index])
        tables["nodes"] = self.nodes
        annotation = self._annotations[self._which[index]]
        return Instance({"annotation": annotation, "label": self._label[index]}, tables=tables)


def babi_graphs(
    split: Literal["train", "valid"],
    *,
    task: int = 15,
    fold: int = 1,
    graphs: int | None = None,
    reverse: bool = True,
    size: int | None = None,
    inflate: tuple[int, int] | None = None,
    seed: int = 0,
    path: Path | None = None,
) -> SymbolicGraphs:
    """The questions of a task (4, 15, 16, 18 or 19) in one of the folds 1 to 10; `valid` is its test file.

    `graphs` takes only the first so many graphs. With `reverse` every edge type has a partner for the way back. `size`
    widens the annotation, say to the hidden size. `inflate=(54, 12)` makes graphs of 54 nodes and 12 edge types,
    partners counted, as `inflated` does from `seed`. `path` is another archive, or a folder, of the same layout.
    Raises DataError, for the files as `read_symbolic` does.
    """
    if task not in ARGUMENTS:
        raise DataError("the task has no symbolic graphs", where="babi", expected=f"one of {[*ARGUMENTS]}", got=task)
    arguments, ways = ARGUMENTS[task], 1 + reverse
    prefix = f"babi_graphs/processed_{fold}/{_SPLIT[split]}/{task}"
    facts = read_symbolic(locate(ARCHIVE) if path is None else path, prefix, arguments=arguments)
    if graphs is not None:
        facts = facts.first(_at_least(1, graphs, "graphs"))
    width = facts.question_types * arguments
    size = width if size is None else _at_least(width, size, "annotation columns")
    if inflate is not None:
        nodes = _at_least(facts.nodes, inflate[0], "nodes")
        types = _at_least(facts.edge_types * ways, inflate[1], "edge types") // ways
        facts = inflated(facts, nodes, types, np.random.default_rng([seed, task, fold, split == "train"]))
    graph, question = facts.questions[:, 0], facts.questions[:, 1:2]
    named, label = np.split(facts.questions[:, 2:], [arguments], axis=1)
    marks = named * size + question * arguments + np.arange(arguments)
    return SymbolicGraphs(_edges(facts, reverse), graph, marks, np.ascontiguousarray(label), (facts.nodes, size))


def inflated(facts: SymbolicTask, nodes: int, edge_types: int, rng: np.random.Generator) -> SymbolicTask:
    """The same questions about graphs with more nodes and edge types, and with the rows of each graph shuffled.

    Each added node sends an edge of a random type to a random node; if the type is one of the task's own, then to an
    added node. So no path of the task's own types leads out of the graph as it was, and the answers stay right.
    """
    added = (facts.graphs, nodes - facts.nodes)
    kind = rng.integers(0, edge_types, added)
    own = kind < facts.edge_types
    target = np.where(own, rng.integers(min(facts.nodes, nodes - 1), nodes, added), rng.integers(0, nodes, added))
    graph, source = np.indices(added)
    new = np.stack([part.reshape(-1) for part in (graph, source + facts.nodes, kind, target)], axis=1)
    edges = np.concatenate([facts.edges, new])
    row = rng.permuted(np.tile(np.arange(nodes), (facts.graphs, 1)), axis=1)  # by graph and node
    edges[:, 1], edges[:, 3] = row[edges[:, 0], edges[:, 1]], row[edges[:, 0], edges[:, 3]]
    questions = facts.questions.copy()
    for column in range(2, 2 + facts.arguments if facts.labels else questions.shape[1]):
        questions[:, column] = row[questions[:, 0], questions[:, column]]
    return replace(facts, edges=edges, questions=questions, nodes=nodes, edge_types=edge_types)


def _edges(facts: SymbolicTask, reverse: bool) -> Edges:
    graph, source, kind, target = facts.edges.T
    types = facts.edge_types
    if reverse:
        graph = np.concatenate([graph, graph])
        kind, source, target = with_reverse(kind, source, target, types)
        types *= 2
    return Edges(edge_arrays(graph, kind, source, target, graphs=facts.graphs, types=types), types)


def _at_least(least: int, got: int, what: str) -> int:
    if got < least:
        raise DataError(f"too few {what}", where="babi", expected=f"at least {least}", got=got)
    return got
