"""bAbI as symbolic graphs: annotation, edges, inflation, what is refused, and the ten folds as published."""

from __future__ import annotations

import numpy as np
import pytest

from ampviz.data.babi import babi_graphs
from ampviz.errors import DataError

GRAPHS = ["1 1 2", "3 2 1", "? 1 1 2", "? 2 3 1", "", "2 1 3", "? 1 2 3", ""]
NAMES = {
    "node_ids": ["A=1", "C=3", "B=2"],
    "edge_types": ["is=1", "has_fear=2"],
    "question_types": ["s=1", "e=2"],
    "labels": [],
}


@pytest.fixture
def write(tmp_path):
    """Writes a task (15, training, fold 1) as files of a folder and returns the folder."""

    def write(graphs=GRAPHS, task=15, **names):
        folder = tmp_path / "babi_graphs/processed_1/train"
        folder.mkdir(parents=True, exist_ok=True)
        for part, lines in {"graphs": graphs, **NAMES, **names}.items():
            (folder / f"{task}_{part}.txt").write_text("".join(f"{line}\n" for line in lines))
        return tmp_path

    return write


def edges_of(instance) -> set[tuple[int, int, int]]:
    """(source, type, target) of all edges."""
    sources, targets = instance.tables["sources"], instance.tables["targets"]
    found = [
        (source, kind, target)
        for kind in range(len(sources))
        for source, target in zip(sources[kind].tolist(), targets[kind].tolist(), strict=True)
    ]
    assert len(set(found)) == len(found)
    return set(found)


def test_each_question_is_an_instance_that_marks_its_node(write):
    dataset = babi_graphs("train", path=write())
    assert len(dataset) == 3
    annotations = [dataset[index].fields["annotation"].tolist() for index in range(3)]
    assert annotations == [[[1, 0], [0, 0], [0, 0]], [[0, 0], [0, 0], [0, 1]], [[0, 0], [1, 0], [0, 0]]]
    assert [dataset[index].fields["label"].tolist() for index in range(3)] == [[1], [0], [2]]
    instance = dataset[0]
    assert instance.fields["annotation"].dtype == np.float32
    assert instance.fields["label"].dtype == np.int64
    assert instance.tables["nodes"] == 3
    assert not instance.state


def test_edges_stand_by_type_with_their_reverse_as_types_of_their_own(write):
    path = write()
    dataset = babi_graphs("train", path=path)
    assert edges_of(dataset[0]) == edges_of(dataset[1]) == {(0, 0, 1), (2, 1, 0), (1, 2, 0), (0, 3, 2)}
    assert edges_of(dataset[2]) == {(1, 0, 2), (2, 2, 1)}
    one_way = babi_graphs("train", path=path, reverse=False)
    assert (dataset.edge_types, one_way.edge_types) == (4, 2)
    assert edges_of(one_way[1]) == {(0, 0, 1), (2, 1, 0)}


def test_edges_of_a_type_are_ordered_by_target(write):
    names = {"node_ids": [f"n{node}={node}" for node in range(1, 7)]}
    path = write(["6 1 2", "5 1 1", "3 1 2", "2 1 6", "1 1 1", "? 1 1 2"], **names)
    tables = babi_graphs("train", path=path, reverse=False)[0].tables
    assert tables["sources"][0].tolist() == [0, 4, 2, 5, 1]
    assert tables["targets"][0].tolist() == [0, 0, 1, 1, 5]
    assert tables["sources"][0].dtype == tables["targets"][0].dtype == np.int64


def test_the_annotation_is_widened_with_zeros(write):
    dataset = babi_graphs("train", path=write(), size=5)
    assert dataset[1].fields["annotation"].tolist() == [[0] * 5, [0] * 5, [0, 1, 0, 0, 0]]


def test_questions_that_mark_the_same_share_an_annotation_that_nobody_can_change(write):
    dataset = babi_graphs("train", path=write(["1 1 2", "? 1 1 2", "? 1 2 1", "? 1 1 2"]))
    first, other, again = (dataset[index].fields["annotation"] for index in range(3))
    assert np.shares_memory(first, again)
    assert not np.shares_memory(first, other)
    assert not first.flags.writeable


def test_the_first_graphs_alone_can_be_taken(write):
    path = write()
    assert [len(babi_graphs("train", path=path, graphs=graphs)) for graphs in (1, 2, 3)] == [2, 3, 3]


def test_answers_can_be_classes_and_questions_can_name_two_nodes(write):
    labels = {"labels": ["false=2", "true=1"], "question_types": ["<=1"]}
    dataset = babi_graphs("train", task=18, path=write(["1 1 2", "? 1 3 1 2", "? 1 1 2 1"], task=18, **labels))
    assert dataset[0].fields["annotation"].tolist() == [[0, 1], [0, 0], [1, 0]]
    assert [dataset[index].fields["label"].tolist() for index in range(2)] == [[1], [0]]


def test_a_path_is_a_row_of_answers(write):
    names = {"labels": ["s=1", "e=2"], "question_types": ["path=1"]}
    dataset = babi_graphs("train", task=19, path=write(["1 1 2", "? 1 1 2 2 1"], task=19, **names))
    assert dataset[0].fields["label"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("row", "line", "what"),
    [
        (0, "1 1 4", "unknown number (expected 1 to 3, got 4)"),
        (0, "0 1 2", "unknown number (expected 1 to 3, got 0)"),
        (0, "1 3 2", "unknown number (expected 1 to 2, got 3)"),
        (0, "1 one 2", "got one"),
        (0, "-1 1 2", "got -1"),
        (0, "\u00b2 1 2", "unknown number"),
        (0, "1 1", "not an edge"),
        (0, "1 1 2 3", "not an edge"),
        (3, "? 1 4 1", "unknown number (expected 1 to 3, got 4)"),
        (3, "? 3 1 1", "unknown number (expected 1 to 2, got 3)"),
        (3, "? 1 1 4", "unknown number (expected 1 to 3, got 4)"),
        (3, "? 1 1", "not a question as before"),
        (3, "? 1 1 2 2", "not a question as before"),
        (3, "1 1 2", "an edge after a question"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(write, row, line, what):
    path = write([*GRAPHS[:row], line, *GRAPHS[row + 1 :]])
    with pytest.raises(DataError) as caught:
        babi_graphs("train", path=path)
    assert caught.value.where == f"{path / 'babi_graphs/processed_1/train/15_graphs.txt'}, line {row + 1}"
    assert what in str(caught.value)


@pytest.mark.parametrize("names", [["A=1", "B=3"], ["A=1", "B=1"], ["A=0"], ["A"], ["A=1", ""]])
def test_names_are_numbered_without_gaps(write, names):
    with pytest.raises(DataError, match=r"15_node_ids.txt: the numbers are not 1, 2, 3"):
        babi_graphs("train", path=write(node_ids=names))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"task": 2}, r"no symbolic graphs \(expected one of \[4, 15, 16, 18, 19\], got 2\)"),
        ({"size": 1}, "too few annotation columns"),
        ({"graphs": 0}, "too few graphs"),
        ({"inflate": (2, 4)}, "too few nodes"),
        ({"inflate": (3, 3)}, "too few edge types"),
        ({"fold": 2}, "no such file"),
    ],
)
def test_options_that_do_not_fit_are_refused(write, options, what):
    with pytest.raises(DataError, match=what):
        babi_graphs("train", path=write(), **options)


def test_a_file_without_questions_is_refused(write):
    with pytest.raises(DataError, match="no questions"):
        babi_graphs("train", path=write(["1 1 2"]))


@pytest.fixture
def real(published):
    """Opens the published graphs."""
    return babi_graphs


def deduced(instance) -> set[int]:
    """What the thing in the question fears: first along `is`, then along `has_fear`."""
    edges = edges_of(instance)
    marked = {int(node) for node in np.flatnonzero(instance.fields["annotation"].any(axis=1))}
    kinds = {target for source, kind, target in edges if kind == 0 and source in marked}
    return {target for source, kind, target in edges if kind == 1 and source in kinds}


@pytest.mark.parametrize("fold", [1, 5, 10])
@pytest.mark.parametrize("options", [{}, {"inflate": (54, 12), "graphs": 100}], ids=["plain", "inflated"])
def test_basic_deduction_follows_from_the_graph(real, fold, options):
    dataset = real("valid", fold=fold, **options)
    assert len(dataset) == 4 * options.get("graphs", 1000)
    assert (dataset.nodes, dataset.edge_types, dataset.size) == (*options.get("inflate", (8, 4)), 1)
    for index in range(0, len(dataset), 23):
        instance = dataset[index]
        assert deduced(instance) == set(instance.fields["label"].tolist())


def test_inflated_graphs_use_all_rows_and_types_and_repeat_by_seed(real):
    first = real("train", inflate=(54, 12), graphs=60)
    again, other = real("train", inflate=(54, 12), graphs=60), real("train", inflate=(54, 12), graphs=60, seed=1)
    instances = [first[index] for index in range(len(first))]
    assert all(len(edges_of(instance)) == 2 * (8 + 46) for instance in instances)
    assert {kind for instance in instances for _, kind, _ in edges_of(instance)} == set(range(12))
    assert len({int(instance.fields["label"][0]) for instance in instances}) > 40
    assert edges_of(again[7]) == edges_of(instances[7]) != edges_of(other[7])
    assert all(deduced(other[index]) == set(other[index].fields["label"].tolist()) for index in range(0, 240, 7))


@pytest.mark.parametrize(
    ("task", "questions", "nodes", "width", "labels"),
    [(4, 1000, 4, 4, 4), (16, 1000, 13, 1, 13), (18, 2559, 6, 2, 2), (19, 1000, 6, 2, 4)],
)
def test_the_other_tasks_are_there(real, task, questions, nodes, width, labels):
    dataset = real("train", task=task)
    assert len(dataset) == questions
    instances = [dataset[index] for index in range(len(dataset))]
    assert {instance.fields["annotation"].shape for instance in instances} == {(nodes, width)}
    assert 1 < len({int(instance.fields["label"][0]) for instance in instances}) <= labels


def test_a_second_start_reads_no_archive(real, monkeypatch):
    first = real("train", fold=2)[3]
    monkeypatch.setattr("ampviz.data.symbolic.member", None)
    assert edges_of(real("train", fold=2)[3]) == edges_of(first)


def test_an_archive_without_the_fold_is_refused(real):
    with pytest.raises(DataError, match="the archive has no file babi_graphs/processed_11/"):
        real("train", fold=11)
