"""What nodes refuse when traced: fields and shapes that do not fit, states that cannot be undone."""

from __future__ import annotations

import pytest

from ampviz import S, T
from ampviz import nodes as nn
from tests.refusal import Refusals, place, refusal

refused = Refusals()


def end(x, label):
    nn.SoftmaxCrossEntropy(on=S.key, name="loss")(x, label)


@refused("both (Concat", "input 1 cannot be joined on key, n (expected {key, n}, got {key, n, t})")
def join_of_different_fields(x, tokens, label):
    word = nn.Lookup(7, 4)(nn.Ungroup(S.t, axis=1)(tokens))
    both = nn.Concat(name="both")(x, word)  # here
    end(both, label)


@refused("both (Concat", "input 1 cannot be joined on key, t")
def join_on_a_field_that_one_lacks(x, tokens, label):
    word = nn.Lookup(7, 4)(nn.Ungroup(S.t, axis=1)(tokens))
    end(nn.Concat(on=(S.key, S.t), name="both")(word, x), label)  # here


@refused("loss (SoftmaxCrossEntropy", "input 1 cannot be joined on key, n, t")
def loss_of_different_fields(tokens, label):
    word = nn.Lookup(7, 2)(nn.Ungroup(S.t, axis=1)(tokens))
    nn.SoftmaxCrossEntropy(name="loss")(word, label)  # here


@refused("fc (Linear", "(expected (rows, 5) float32, got {key, n} (rows, 4) float32)")
def linear_of_another_size(x, label):
    end(nn.Linear(5, 2, name="fc")(x), label)  # here


@refused("fc (Linear", "(expected (rows, 5) float32, got {key, n} (rows, ?) int64)")
def linear_of_integers(tokens, label):
    end(nn.Linear(5, 2, name="fc")(tokens), label)  # here


@refused("words (Lookup", "(expected (rows) int64, got")
def lookup_of_floats(x, label):
    end(nn.Lookup(7, 2, name="words")(x), label)  # here


@refused("bend (ReLU", "(expected float32, got")
def relu_of_integers(label):
    end(nn.ReLU(name="bend")(label), label)  # here


@refused("cut (Split", "the sizes do not add up (expected (rows, 5)")
def split_that_does_not_add_up(x, label):
    a, _ = nn.Split(2, 3, name="cut")(x)  # here
    end(a, label)


@refused("both (Concat", "an input does not fit (expected (rows, size) int64, the size fixed")
def concat_of_unknown_width(x, tokens, label):
    end(nn.Concat(name="both")(tokens, tokens), label)  # here


@refused("both (Concat", "needs at least two inputs (got 1)")
def concat_of_one(x, label):
    end(nn.Concat(name="both")(x), label)  # here


@refused("meet (Phi", "ancestors differ")
def phi_of_different_shapes(x, y, label):
    end(nn.Phi(name="meet")(x, y), label)  # here


@refused("meet (Phi", "needs an ancestor")
def phi_of_nothing(label):
    end(nn.Phi(name="meet")(), label)  # here


@refused("loss (SoftmaxCrossEntropy", "the logits do not fit")
def logits_that_are_a_label(label):
    nn.SoftmaxCrossEntropy(name="loss")(label, label)  # here


@refused("loss (SoftmaxCrossEntropy", "the label does not fit")
def label_that_is_no_class(x, y):
    nn.SoftmaxCrossEntropy(name="loss")(x, y)  # here


@refused("loss (MSE", "the label does not fit")
def target_of_another_size(x, y):
    nn.MSE(name="loss")(x, y)  # here


@refused("cut (Ungroup", "cannot cut along this axis")
def ungroup_along_a_missing_axis(label, y):
    end(nn.Ungroup(S.t, axis=1, name="cut")(label), label)  # here


@refused("cut (Ungroup", "the state has a field n already")
def ungroup_into_a_field_that_is_there(y, label):
    end(nn.Ungroup(S.n, name="cut")(y), label)  # here


@refused("heap (Group", "the state has no field t")
def group_by_a_field_that_is_not_there(y, label):
    end(nn.Group(S.t, count=2, name="heap")(y), label)  # here


@refused("", "Group by an assignment needs an order")
def group_without_an_order(y, label):
    end(nn.Group(S.n.to(T.parent[S.n]), count=2, name="heap")(y), label)  # here


@refused("fork (Cond", "the state has no field depth (expected one of key, n)")
def cond_on_a_field_that_is_not_there(y, label):
    a, b = nn.Cond(S.depth < 3, name="fork")(y)  # here
    end(nn.Phi()(a, b), label)


@refused("", "the model function raised TypeError: not an expression: True")
def cond_on_no_expression(y, label):
    a, b = nn.Cond(True, name="fork")(y)  # here
    end(nn.Phi()(a, b), label)


@refused("step (Isu", "cannot invert n := S.n * 2")
def isu_that_cannot_be_undone(y, label):
    end(nn.Isu(S.n.to(S.n * 2), name="step")(y), label)  # here


@refused("step (Isu", "cannot invert t := S.t + S.n, n := S.n + S.t together")
def isu_that_cannot_be_undone_together(y, label):
    begun = nn.Isu(S.t.to(0))(y)
    end(nn.Isu(S.t.to(S.t + S.n), S.n.to(S.n + S.t), name="step")(begun), label)  # here


@refused("step (Isu", "the key of a message never changes")
def isu_of_the_key(y, label):
    end(nn.Isu(S.key.to(S.key + 1), name="step")(y), label)  # here


@refused("bend (Tanh", "wrong number of inputs (expected 1, got 2)")
def too_many_inputs(y, label):
    end(nn.Tanh(name="bend")(y, y), label)  # here


@pytest.mark.parametrize(("model", "node", "text"), refused)
def test_a_node_refuses_what_it_cannot_take(model, node, text):
    error = refusal(model)
    assert error.where == place(model, node)
    assert text in str(error)
