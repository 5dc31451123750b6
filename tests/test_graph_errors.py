"""Unsound graphs and data: each error says what is wrong, and names the node and the line of the model."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

import ampviz as amp
from ampviz import S
from ampviz import nodes as nn
from ampviz.data.dataset import Instance
from ampviz.errors import DataError, GraphError, KnobError, UsageError
from tests.instances import traced
from tests.refusal import Refusals, place, refusal

refused = Refusals()
leaked = []


def end(x, label):
    nn.SoftmaxCrossEntropy(on=S.key, name="loss")(x, label)


@refused("idle (ReLU", "output 0 is connected to nothing")
def unused_output(x, y, label):
    nn.ReLU(name="idle")(x)  # here
    end(y, label)


@refused("fork (Cond", "output 1 is connected to nothing")
def unused_way_of_a_cond(y, label):
    taken, _ = nn.Cond(S.n < 3, name="fork")(y)  # here
    end(taken, label)


@refused("idle (Tanh", "output 0 is connected to nothing")
def unused_layer_in_a_loop(y, label):
    def body(h):
        nn.Tanh(name="idle")(h)  # here
        return nn.ReLU()(h)

    end(amp.loop(body, init=y, step=S.t.to(S.t + 1), while_=S.t < S.n), label)


@refused("head (Phi", "the loop head > body > step has no exit")
def loop_without_exit(y, label):
    head = nn.Phi(name="head")(y)  # here
    body = nn.ReLU(name="body")(head)
    head.also(nn.Isu(S.n.to(S.n + 1), name="step")(body))
    end(body, label)


@refused("head (Phi", "the loop head > body > fork never changes the state")
def loop_that_never_changes_state(y, label):
    head = nn.Phi(name="head")(y)  # here
    again, done = nn.Cond(S.n < 3, name="fork")(nn.ReLU(name="body")(head))
    head.also(again)
    end(done, label)


@refused("loop-phi (Phi", "does not fit (expected {key, n, t} (rows, 2) float32")
def linear_in_a_loop_of_another_size(y, label):
    fc = nn.Linear(2, 3, name="fc")
    end(amp.loop(fc, init=y, step=S.t.to(S.t + 1), while_=S.t < S.n), label)  # here


@refused("head (Phi", "carries other state fields (expected {key, n}, got {key, n, t})")
def phi_of_different_fields(y, label):
    head = nn.Phi(name="head")(y)  # here
    again, done = nn.Cond(S.t < S.n)(nn.Isu(S.t.to(0))(head))
    head.also(again)
    end(done, label)


@refused("bend (ReLU", "only Phi takes further ancestors")
def more_ancestors_for_a_relu(y, label):
    bend = nn.ReLU(name="bend")(y)  # here
    bend.also(y)
    end(bend, label)


@refused("fc (Linear", "called a second time")
def layer_called_twice(y, label):
    fc = nn.Linear(2, 2, name="fc")
    once = fc(y)  # here
    end(fc(once), label)


@refused("loss (MSE", "input 0 belongs to another graph")
def layer_of_another_model(y, label):
    leaked.append(nn.ReLU(name="bend")(y))
    traced(lambda label: nn.MSE(name="loss")(leaked[-1], label))  # here


@refused("bend (Tanh", "two nodes are called bend")
def two_nodes_of_one_name(y, label):
    first = nn.ReLU(name="bend")(y)
    end(nn.Tanh(name="bend")(first), label)  # here


@refused("label (Tanh", "two nodes are called label")
def node_called_like_a_field(y, label):
    end(nn.Tanh(name="label")(y), label)  # here


@refused("bend it (Tanh", "a node name holds letters, digits, - and _ only")
def node_with_a_blank_in_its_name(y, label):
    end(nn.Tanh(name="bend it")(y), label)  # here


@refused("fc (Linear", "input 0 is not connected")
def tuple_for_a_port(x, label):
    end(nn.Linear(2, 2, name="fc")(nn.Split(2, 2)(x)), label)  # here


@refused("bend (Tanh", "input 0 is not connected (expected a port, got None)")
def nothing_for_a_port(y, label):
    end(nn.Tanh(name="bend")(end(y, label)), label)  # here


@refused("", "S.n < 3 has no truth value")
def truth_of_an_expression(y, label):
    if S.n < 3:  # here
        end(y, label)


@refused("", "state expressions hold integers only (got 0.5 of type float)")
def number_that_is_no_integer(y, label):
    end(nn.Isu(S.n.to(S.n + 0.5))(y), label)  # here


@refused("", "the model function raised TypeError: 'Port' object is not subscriptable")
def python_error(y, label):
    end(y[0], label)  # here


@refused("", "the model function raised JSONDecodeError")
def error_inside_a_library(y, label):
    json.loads("{")  # here


@refused("", "the model function raised AttributeError")
def error_inside_a_layer(y, label):
    end(nn.Ungroup("t")(y), label)  # here


@pytest.mark.parametrize(("model", "node", "text"), refused)
def test_an_unsound_model_is_refused_at_its_line(model, node, text):
    error = refusal(model)
    assert error.where == place(model, node)
    assert text in str(error)


def unused_source(y, label, tokens):
    end(y, label)


def misspelled_field(y, lable):
    end(y, lable)


def nothing_at_all():
    pass


def endless(y):
    head = nn.Phi()(y)
    head.also(nn.Isu(S.n.to(S.n + 1))(head))


@pytest.mark.parametrize(
    ("model", "node", "text"),
    [
        (unused_source, "tokens (Source, {})", "output 0 is connected to nothing"),
        (misspelled_field, "{}", "no field is called lable. Hint: the data set has x, y, label, tokens"),
        (nothing_at_all, "{}", "the model has no loss"),
        (endless, "{}", "the model has no loss: no node would ever answer"),
    ],
)
def test_a_fault_of_the_whole_model_names_the_line_it_begins_at(model, node, text):
    error = refusal(model)
    assert error.where == node.format(f"test_graph_errors.py:{model.__code__.co_firstlineno}")
    assert text in str(error)


def test_a_layer_called_outside_a_model_names_the_line_of_the_call():
    layer = nn.ReLU()
    with pytest.raises(GraphError, match=r"^test_graph_errors.py:\d+: ReLU called outside a model function"):
        layer(None)


def test_a_layer_made_outside_the_model_stands_in_one_graph_only():
    layer = nn.ReLU(name="bend")

    def model(y, label):
        end(layer(y), label)

    traced(model)
    assert "called a second time" in str(refusal(model))


def test_a_wrong_call_of_the_model_itself_is_a_graph_error():
    def model(y, label, *, hidden):
        end(y, label)

    error = refusal(model)
    assert error.where == f"test_graph_errors.py:{model.__code__.co_firstlineno}"
    assert "missing 1 required keyword-only argument: 'hidden'" in str(error)


def test_a_model_without_code_of_its_own_still_names_a_place():
    error = refusal(functools.partial(python_error, label=None))
    assert error.where == place(python_error, "")


def test_errors_of_the_request_pass_through_as_they_are():
    def model(y, label):
        nn.Linear(2, 2, optimizer=amp.SGD(-1.0))

    with pytest.raises(KnobError, match=r"^learning_rate: must not be negative"):
        traced(model)


def test_an_empty_data_set_is_refused_by_its_name():
    class Nothing(list):
        pass

    with pytest.raises(DataError, match=r"^Nothing: the data set is empty") as caught:
        traced(nothing_at_all, Nothing())
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize(
    ("other", "got"),
    [(np.zeros((3, 2, 2), np.float32), r"\(3, 2, 2\) float32"), (np.zeros((3, 2)), r"\(3, 2\) float64")],
)
def test_instances_that_differ_in_more_than_sizes_are_refused(other, got):
    samples = [Instance({"y": array}) for array in (np.zeros((3, 2), np.float32), other)]
    with pytest.raises(DataError, match=rf"^field y: instances differ .*expected \(3, 2\) float32, got {got}\)"):
        traced(lambda y: amp.discard(y), samples)


def wide(x, label, *, hidden=3):
    end(nn.Linear(4, hidden)(x), label)


def test_the_sources_of_a_partial_stand_where_its_function_does():
    lines = {traced(model).nodes[0].line for model in (wide, functools.partial(wide, hidden=4))}
    assert lines == {f"test_graph_errors.py:{wide.__code__.co_firstlineno}"}
