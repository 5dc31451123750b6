"""What cells, nodes on graphs and the like refuse when traced: tuples for arrays, sizes that do not fit."""

from __future__ import annotations

import pytest

import ampviz as amp
from ampviz import S, T
from ampviz import nodes as nn
from tests.refusal import Refusals, place, refusal

refused = Refusals()


def end(x, label):
    nn.SoftmaxCrossEntropy(on=S.key, name="loss")(x, label)


@refused("bend (Tanh", "takes one array, not a tuple of arrays")
def tuple_for_an_array(x, label):
    end(nn.Tanh(name="bend")(nn.LeafLSTM(4, 2)(x)), label)  # here


@refused("both (Concat", "takes one array, not a tuple of arrays")
def tuple_beside_an_array(x, label):
    end(nn.Concat(name="both")(x, nn.LeafLSTM(4, 2)(x)), label)  # here


@refused("loss (SoftmaxCrossEntropy", "Hint: nn.Pick(0) takes the first array out of a tuple")
def loss_of_a_tuple(x, label):
    nn.SoftmaxCrossEntropy(name="loss")(nn.LeafLSTM(4, 2)(x), label)  # here


@refused("loss (SoftmaxCrossEntropy", "wrong number of inputs (expected 1, got 2)")
def label_twice(y, label):
    nn.SoftmaxCrossEntropy(label=S.n, name="loss")(y, label)  # here


@refused("loss (SoftmaxCrossEntropy", "there is nothing to join. Hint: either on=... or label=...")
def label_that_is_joined(y, label):
    amp.discard(label)
    nn.SoftmaxCrossEntropy(label=S.n, on=S.key, name="loss")(y)  # here


@refused("loss (SoftmaxCrossEntropy", "i")
def label_by_a_field_that_is_not_there(y, label):
    amp.discard(label)
    nn.SoftmaxCrossEntropy(label=S.i, name="loss")(y)  # here


@refused(
    "meet (Phi", "ancestors differ (expected {key, n} (rows, 2) float32, got {key, n} (rows, 2) float32 + (rows, 2)"
)
def phi_of_an_array_and_a_tuple(x, y, label):
    end(nn.Phi(name="meet")(y, nn.LeafLSTM(4, 2)(x)), label)  # here


@refused("one (Pick", "there is no such array (expected a tuple of more than 2 arrays")
def pick_of_a_missing_array(x, label):
    end(nn.Pick(2, name="one")(nn.LeafLSTM(4, 2)(x)), label)  # here


@refused("one (Pick", "there is no such array (expected a tuple of more than 1 arrays")
def pick_out_of_no_tuple(x, label):
    end(nn.Pick(0, name="one")(x), label)  # here


@refused("zeros (Zeros", "needs a size")
def zeros_without_a_size(y, label):
    end(nn.Zeros(name="zeros")(y), label)  # here


@refused("leaf (LeafLSTM", "(expected (rows, 3) float32, got {key, n} (rows, 4) float32)")
def leaf_of_another_size(x, label):
    end(nn.Pick(0)(nn.LeafLSTM(3, 2, name="leaf")(x)), label)  # here


@refused(
    "branch (BranchLSTM", "expected (rows, 3) float32 + (rows, 3) float32, got {key, n} (rows, 2) float32 + (rows, 2)"
)
def branch_of_children_of_another_size(x, label):
    end(nn.Pick(0)(nn.BranchLSTM(3, S.n, name="branch")(nn.LeafLSTM(4, 2)(x))), label)  # here


@refused("branch (BranchLSTM", "Hint: a child is the (h, c) of nn.LeafLSTM or of another nn.BranchLSTM")
def branch_of_children_that_were_put_together(x, label):
    pair = nn.Group(S.n, count=2, axis=1)(nn.LeafLSTM(4, 2)(x))
    end(nn.Pick(0)(nn.BranchLSTM(2, S.key, name="branch")(pair)), label)  # here


@refused("branch (BranchLSTM", "the input does not fit")
def branch_of_children_without_memory(y, label):
    end(nn.Pick(0)(nn.BranchLSTM(2, S.n, name="branch")(y)), label)  # here


@refused("branch (BranchLSTM", "the state has no field t")
def branch_by_a_field_that_children_lack(x, label):
    end(nn.Pick(0)(nn.BranchLSTM(2, S.t, name="branch")(nn.LeafLSTM(4, 2)(x))), label)  # here


@refused("", "BranchLSTM by an assignment needs an order")
def branch_without_an_order(x, label):
    parent = S.n.to(T.parent[S.n])
    end(nn.Pick(0)(nn.BranchLSTM(2, parent, name="branch")(nn.LeafLSTM(4, 2)(x))), label)  # here


@refused("cell (RNN", "wrong number of inputs (expected 2, got 1)")
def rnn_without_its_state(x, label):
    end(nn.RNN(4, 2, name="cell")(x), label)  # here


@refused("cell (RNN", "cannot meet (expected {key, n}, got {key, i, n}). Hint: nn.Isu adds a field")
def rnn_of_messages_that_cannot_meet(x, y, label):
    end(nn.RNN(4, 2, name="cell")(nn.Ungroup(S.i)(x), y), label)  # here


@refused("cell (RNN", "no such nonlinearity (expected relu or tanh, got sigmoid)")
def rnn_of_another_nonlinearity(x, y, label):
    end(nn.RNN(4, 2, nonlinearity="sigmoid", name="cell")(x, y), label)  # here


@refused("cell (LSTM", "input 1 does not fit (expected (rows, 2) float32 + (rows, 2) float32, got {key, n} (rows, 2)")
def lstm_without_its_memory(x, y, label):
    end(nn.Pick(0)(nn.LSTM(4, 2, name="cell")(x, y)), label)  # here


@refused("cell (GRU", "input 0 does not fit (expected (rows, 3) float32, got {key, n} (rows, 4) float32)")
def gru_of_another_size(x, y, label):
    end(nn.GRU(3, 2, name="cell")(x, y), label)  # here


@refused("times (Multiply", "an input does not fit (expected (rows, 4) float32, got {key, n} (rows, 2) float32)")
def product_of_other_sizes(x, y, label):
    end(nn.Multiply(name="times")(x, y), label)  # here


@refused("parts (Distribute", "(expected (rows, size) float32 and at least one type, got {key, n} (rows) int64)")
def distribute_of_a_vector(label):
    end(nn.Distribute(T.parent, types=1, name="parts")(label), label)  # here


@refused("edges (EdgeLinear", "(expected (rows, 3) float32 and at least one type, got {key, n} (rows, 4) float32)")
def edge_linear_of_another_size(x, label):
    end(nn.EdgeLinear(3, 2, T.parent, T.parent, types=1, name="edges")(x), label)  # here


@refused("edges (EdgeLinear", "and at least one type")
def edge_linear_of_no_type(x, label):
    end(nn.EdgeLinear(4, 2, T.parent, T.parent, types=0, name="edges")(x), label)  # here


@refused("whole (Collect", "an input does not fit (expected (rows, size) float32, as (rows, 4) float32")
def collect_of_other_sizes(x, y, label):
    end(nn.Collect(T.parent, rows=3, name="whole")(x, y), label)  # here


@refused("whole (Collect", "needs an input for each edge type")
def collect_of_nothing(label):
    end(nn.Collect(T.parent, rows=3, name="whole")(), label)  # here


@refused("many (Flatmap", "the key of a message never changes")
def flatmap_into_other_keys(y, label):
    end(nn.Flatmap(S.key, T.parent, name="many")(y), label)  # here


@refused("sum (SumRows", "(expected float32, got {key, n} (rows) int64)")
def sum_of_integers(label):
    end(nn.SumRows(name="sum")(label), label)  # here


@refused("drop (Dropout", "keep is out of range (expected 0 < keep <= 1, got 0)")
def dropout_of_everything(y, label):
    end(nn.Dropout(0, name="drop")(y), label)  # here


@refused("drop (Dropout", "(expected float32, got {key, n} (rows) int64)")
def dropout_of_integers(label):
    end(nn.Dropout(0.5, name="drop")(label), label)  # here


@refused("loss (SelectionCrossEntropy", "the logits do not fit (expected (rows, 1) float32")
def selection_among_several_columns(y, label):
    nn.SelectionCrossEntropy(name="loss")(y, label)  # here


@refused("loss (SelectionCrossEntropy", "the label does not fit (expected (rows) int64")
def selection_of_no_row_number(x, y):
    nn.SelectionCrossEntropy(name="loss")(nn.Linear(4, 1)(x), y)  # here


@refused("loss (Huber", "delta must be positive (got 0.0)")
def huber_without_a_middle(y):
    nn.Huber(0.0, name="loss")(y, y)  # here


@refused("loss (MAE", "the label does not fit")
def distance_to_another_size(x, y):
    nn.MAE(name="loss")(x, y)  # here


@pytest.mark.parametrize(("model", "node", "text"), refused)
def test_a_node_refuses_what_it_cannot_take(model, node, text):
    error = refusal(model)
    assert error.where == place(model, node)
    assert text in str(error)
