"""State expressions: how they print, what they compute, and how assignments are undone."""

from __future__ import annotations

import operator
import pickle
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ampviz.compiling import (
    compile_assignments,
    compile_assignments_and,
    compile_each,
    compile_expression,
    compile_projection,
)
from ampviz.errors import GraphError
from ampviz.state import Assign, Expression, S, T, field_order, lift

FIELDS = ("key", "a", "b")
OPERATIONS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
    "&": operator.and_, "|": operator.or_, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ROW, GRID = 5, (3, 4)

small = st.integers(-6, 6)
states = st.tuples(*[small for _ in FIELDS])
tables = st.fixed_dictionaries(
    {
        "x": small,
        "row": st.tuples(*[small] * ROW),
        "grid": st.tuples(*[st.tuples(*[small] * GRID[1])] * GRID[0]),
    }
)


def trees(fields=FIELDS):
    """Expression trees as nested tuples, which this file builds and evaluates in its own two ways."""
    numbers = st.tuples(st.just("number"), small)
    leaves = numbers | st.tuples(st.just("field"), st.sampled_from(fields)) | st.just(("x",))
    pairs = st.sampled_from([*OPERATIONS, "grid"])
    return st.recursive(
        leaves,
        lambda inner: st.tuples(pairs, inner, inner) | st.tuples(st.just("row"), inner),
        max_leaves=12,
    )


def built(tree) -> Expression:
    match tree:
        case ("number", value):
            return lift(value)
        case ("field", name):
            return getattr(S, name)
        case ("x",):
            return T.x
        case ("row", index):
            return T.row[built(index) % ROW]
        case ("grid", first, second):
            return T.grid[built(first) % GRID[0]][built(second) % GRID[1]]
        case (symbol, left, right):
            return OPERATIONS[symbol](built(left), built(right))
    raise AssertionError(tree)


def computed(tree, state, table):
    match tree:
        case ("number", value):
            return value
        case ("field", name):
            return state[FIELDS.index(name)]
        case ("x",):
            return table["x"]
        case ("row", index):
            return table["row"][computed(index, state, table) % ROW]
        case ("grid", first, second):
            row = table["grid"][computed(first, state, table) % GRID[0]]
            return row[computed(second, state, table) % GRID[1]]
        case (symbol, left, right):
            return OPERATIONS[symbol](computed(left, state, table), computed(right, state, table))
    raise AssertionError(tree)


def outcome(function, *arguments):
    """Type and value of a result, or that it divides by zero."""
    try:
        value = function(*arguments)
    except ZeroDivisionError:
        return "division by zero"
    return type(value), value


def atoms(tree) -> set:
    """Every number and name that occurs in a tree."""
    return set().union(*(atoms(part) if isinstance(part, tuple) else {part} for part in tree))


@settings(max_examples=50, deadline=None)
@given(trees(), states, tables)
def test_compiled_expressions_compute_what_python_computes(tree, state, table):
    compiled = compile_expression(built(tree), FIELDS)
    expected = outcome(computed, tree, state, table)
    assert outcome(compiled, state, table) == expected
    assert outcome(lambda: alone(compile_each(built(tree), FIELDS), state, table)) == expected


def alone(each, state, table):
    """What a function of many pairs gives for one that comes twice."""
    one, other = each([(state, table), (state, table)])
    assert one == other
    return one


@settings(max_examples=50, deadline=None)
@given(trees(), states, tables)
def test_printed_text_means_the_same_to_python(tree, state, table):
    expression = built(tree)
    names = {"S": SimpleNamespace(**dict(zip(FIELDS, state, strict=True))), "T": SimpleNamespace(**table)}
    compiled = compile_expression(expression, FIELDS)
    assert outcome(eval, repr(expression), names) == outcome(compiled, state, table)


@settings(max_examples=25, deadline=None)
@given(trees())
def test_expressions_know_what_they_read_and_survive_pickling(tree):
    expression = built(tree)
    assert expression.fields() == atoms(tree) & set(FIELDS)
    assert expression.tables() == atoms(tree) & {"x", "row", "grid"}
    copy = pickle.loads(pickle.dumps(expression))
    assert copy.same(expression)
    assert not copy.same(expression + 1)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (S.t + 1, "S.t + 1"), (1 - S.t, "1 - S.t"), (3 + S.t, "3 + S.t"), (2 * S.t, "2 * S.t"),
        (S.t < S.n, "S.t < S.n"), (S.n > 2, "S.n > 2"), (lift(2) > S.n, "2 > S.n"),
        (T.parent[S.node], "T.parent[S.node]"),
        (T.child[S.node][0] != T.root, "T.child[S.node][0] != T.root"), ((S.a + S.b) * 2, "(S.a + S.b) * 2"),
        (S.a + S.b * 2, "S.a + S.b * 2"), (S.a - S.b - 1, "S.a - S.b - 1"), (S.a - (S.b - 1), "S.a - (S.b - 1)"),
        ((S.a < 3) & (S.b >= 0) | (S.a == 9), "(S.a < 3) & (S.b >= 0) | (S.a == 9)"),
        ((S.a < 3) == (S.b < 3), "(S.a < 3) == (S.b < 3)"), (S.a + -1, "S.a + -1"), (S.a + True, "S.a + 1"),
        (S.t.to(S.t + 1), "t := S.t + 1"), (S.node.to(T.parent[S.node]), "node := T.parent[S.node]"),
    ],
)  # fmt: skip
def test_expressions_print_as_they_are_written(expression, text):
    assert repr(expression) == str(expression) == text


@pytest.mark.parametrize(
    "use",
    [
        lambda: bool(S.t < S.n), lambda: not S.t, lambda: S.t == 1 and S.n == 2, lambda: 0 < S.t < S.n,
        lambda: S.t in (1, 2), lambda: max(S.t, S.n),
    ],
)  # fmt: skip
def test_truth_values_are_refused_while_tracing(use):
    with pytest.raises(GraphError, match=r"^S\..* has no truth value .* Hint: .*use Cond or amp\.loop"):
        use()


@pytest.mark.parametrize("wrong", [1.5, "a", None, [1], S])
def test_only_integers_enter_an_expression(wrong):
    with pytest.raises(GraphError, match=r"state expressions hold integers only .*of type"):
        S.t + wrong


def test_private_names_are_no_fields():
    with pytest.raises(AttributeError):
        _ = S.__wrapped__


def test_unknown_fields_are_named_with_the_known_ones():
    with pytest.raises(GraphError, match=r"the state has no field n \(expected one of key, a, b\)"):
        compile_expression(S.a < S.n, FIELDS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["key", "n", "t", "node", "a", "zz"])))
def test_key_leads_and_the_other_fields_follow_alphabetically(names):
    ordered = field_order(names)
    assert set(ordered) == set(names)
    assert len(ordered) == len(set(names))
    assert list(ordered) == sorted(ordered, key=lambda name: "" if name == "key" else name)
    assert field_order(reversed(names)) == ordered


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4), states)
def test_projections_pick_fields_in_the_given_order(names, state):
    values = [state[FIELDS.index(name)] for name in names]
    expected = values[0] if len(names) == 1 else tuple(values)
    assert compile_projection(names, FIELDS)([state, state]) == [expected, expected]


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), trees(), max_size=3), states, tables)
def test_assignments_all_read_the_state_before(changes, state, table):
    result = field_order([*FIELDS, *changes])
    assigns = [getattr(S, name).to(built(tree)) for name, tree in changes.items()]

    def changed():
        after = dict(zip(FIELDS, state, strict=True))
        after |= {name: computed(tree, state, table) for name, tree in changes.items()}
        return tuple(after[name] for name in result)

    assert outcome(alone, compile_assignments(assigns, FIELDS, result), state, table) == outcome(changed)


def test_assignments_drop_fields_that_are_not_asked_for():
    change = compile_assignments([S.b.to(S.a + S.b)], FIELDS, ("key", "b"))
    assert change([((7, 2, 3), None), ((8, 0, 1), None)]) == [(7, 5), (8, 1)]


def test_values_behind_assignments_read_the_state_before_them():
    change = compile_assignments_and([S.b * 10, lift(4)], [S.b.to(S.a + S.b)], FIELDS, ("key", "b"))
    assert change([((7, 2, 3), None), ((8, 0, 1), None)]) == [((7, 5), 30, 4), ((8, 1), 10, 4)]


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["f + e", "f - e", "e + f"]), trees(("key", "b")), states, tables)
def test_undo_of_a_change_gives_the_state_back(form, tree, state, table):
    step = built(tree)
    assume(outcome(computed, tree, state, table) != "division by zero")
    assign = S.a.to({"f + e": S.a + step, "f - e": S.a - step, "e + f": step + S.a}[form])
    inverse = assign.inverted(FIELDS)
    assert inverse is not None
    assert inverse.field == "a"
    after = alone(compile_assignments([assign], FIELDS, FIELDS), state, table)
    assert after[1] - state[1] == (-1 if form == "f - e" else 1) * computed(tree, state, table)
    assert alone(compile_assignments([inverse], FIELDS, FIELDS), after, table) == state


@settings(max_examples=25, deadline=None)
@given(trees(), states, tables)
def test_a_new_field_is_undone_by_dropping_it(tree, state, table):
    assume(outcome(computed, tree, state, table) != "division by zero")
    wider = field_order([*FIELDS, "t"])
    assign = S.t.to(built(tree))
    assert assign.inverted(FIELDS) is None
    after = alone(compile_assignments([assign], FIELDS, wider), state, table)
    assert alone(compile_assignments([], wider, FIELDS), after, table) == state


@pytest.mark.parametrize(
    "value", [S.t * 2, S.t // 2, S.n - S.t, S.t + S.t, S.t - S.t, S.n + 1, T.next[S.t], S.t + T.next[S.t], lift(0)]
)
def test_what_forgets_the_old_value_cannot_be_inverted(value):
    with pytest.raises(GraphError) as caught:
        Assign("t", value).inverted(("key", "n", "t"), where="here")
    assert f"here: cannot invert t := {value}" in str(caught.value)
    assert "S.t + step" in caught.value.hint
