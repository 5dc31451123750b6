"""Symbolic graphs with questions in the text form of gated graph networks (Li et al. 2016).

Blocks are parted by empty lines: edges `source type target`, then questions `? type arguments answers`. Names stand for
numbers from 1, in files beside it: `15_node_ids.txt` and so on, lines `name=number`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ampviz.data.cache import Arrays, cached_arrays, fingerprint
from ampviz.data.files import lines, member, unpacked
from ampviz.data.graphs import Rows
from ampviz.errors import DataError

_NAMES = ("node_ids", "edge_types", "question_types", "labels")
_FORMAT = 1  # of the cached arrays


@dataclass(frozen=True, slots=True)
class SymbolicTask:
    """A file of graphs and questions; everything is numbered from 0 here.

    `edges` (edges, 4): graph, source, type, target. `questions` (questions, ...): graph, type, `arguments` nodes,
    answers. `labels` is the number of classes of an answer, 0 where the answer is a node.
    """

    edges: Rows
    questions: Rows
    arguments: int
    graphs: int
    nodes: int
    edge_types: int
    question_types: int
    labels: int

    def first(self, graphs: int) -> SymbolicTask:
        """The task with only its first `graphs` graphs."""
        edges, questions = (table[table[:, 0] < graphs] for table in (self.edges, self.questions))
        return replace(self, edges=edges, questions=questions, graphs=min(graphs, self.graphs))


def read_symbolic(path: Path, prefix: str, *, arguments: int) -> SymbolicTask:
    """The task in `{prefix}_graphs.txt` of an archive or folder, whose questions name `arguments` nodes each.

    Raises DataError with file and line for a line that is neither an edge nor a question of known nodes and types, or
    an edge after a question of its graph.
    """
    where = [path / f"{prefix}_{part}.txt" for part in ("graphs", *_NAMES)] if path.is_dir() else [path]
    missing = next((file for file in where if not file.is_file()), None)
    if missing is not None:
        raise DataError("no such file", where=str(missing))
    key = f"{prefix.replace('/', '-')}-{fingerprint(*where)}-{arguments}-{_FORMAT}"
    arrays = cached_arrays("symbolic", key, lambda: _read(path, prefix, arguments))
    sizes = (int(size) for size in arrays["sizes"])
    return SymbolicTask(np.asarray(arrays["edges"]), np.asarray(arrays["questions"]), arguments, *sizes)


def _read(path: Path, prefix: str, arguments: int) -> Arrays:
    def text(part: str) -> tuple[list[str], str]:
        name = f"{prefix}_{part}.txt"
        if path.is_dir():
            return lines(unpacked(path / name), str(path / name)), str(path / name)
        return lines(member(path, name), f"{path}, {name}"), f"{path}, {name}"

    nodes, edge_types, question_types, labels = (_count(*text(part)) for part in _NAMES)
    edge_ranges = (nodes, edge_types, nodes)
    answer = labels or nodes
    edges: list[list[int]] = []
    questions: list[list[int]] = []
    graph, asked = 0, False
    graphs, where = text("graphs")
    for number, line in enumerate(graphs, 1):
        fields, place = line.split(), f"{where}, line {number}"
        if not fields:
            graph, asked = graph + asked, False
        elif fields[0] == "?":
            answers = len(fields) - 2 - arguments
            if answers < 1 or (questions and len(questions[0]) != len(fields)):
                raise DataError("not a question as before", where=place, expected="? type arguments answers", got=line)
            ranges = (question_types, *[nodes] * arguments, *[answer] * answers)
            questions.append([graph, *_numbers(fields[1:], ranges, place)])
            asked = True
        elif asked:
            raise DataError("an edge after a question of its graph", where=place, got=line)
        else:
            edges.append([graph, *_numbers(fields, edge_ranges, place)])
    if not questions:
        raise DataError("there are no questions", where=where)
    sizes = np.array([graph + asked, nodes, edge_types, question_types, labels])
    return {"edges": np.array(edges, np.int64).reshape(-1, 4), "questions": np.array(questions), "sizes": sizes}


def _count(text: list[str], where: str) -> int:
    """How many names a file gives numbers to, 1 to that many in any order."""
    found = [line.rpartition("=")[2] for line in text]
    if sorted(found) != sorted(str(number) for number in range(1, len(found) + 1)):
        raise DataError("the numbers are not 1, 2, 3, ...", where=where, got=" ".join(found)[:60])
    return len(found)


def _numbers(fields: list[str], ranges: tuple[int, ...], where: str) -> list[int]:
    """Numbers from 1 as numbers from 0, each within its range."""
    if len(fields) != len(ranges):
        raise DataError("not an edge", where=where, expected="source type target", got=" ".join(fields))
    for field, most in zip(fields, ranges, strict=True):
        if not (field.isascii() and field.isdigit() and 1 <= int(field) <= most):
            raise DataError("unknown number", where=where, expected=f"1 to {most}", got=field)
    return [int(field) - 1 for field in fields]
