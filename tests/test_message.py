"""The one-token names of messages: they print, parse back, and refuse anything else."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.errors import UsageError
from ampviz.message import BACKWARD, FORWARD, Token, is_training

names = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)
fields = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
tokens = st.builds(
    Token,
    names,
    st.sampled_from("FBU"),
    st.lists(st.tuples(fields, st.integers()), max_size=4).map(tuple),
)


@settings(max_examples=50, deadline=None)
@given(tokens)
def test_a_printed_token_parses_back(token):
    text = str(token)
    assert Token.parse(text) == token
    assert Token.parse(f"  {text}\n") == token


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (Token("fc1", "F", (("key", 7), ("t", 3))), "fc1.F key=7 t=3"),
        (Token("loop-phi", "B", (("key", -1),)), "loop-phi.B key=-1"),
        (Token("cell", "U"), "cell.U"),
    ],
)
def test_tokens_print_node_action_and_state(token, text):
    assert str(token) == text


@settings(max_examples=25, deadline=None)
@given(names, st.sampled_from([FORWARD, BACKWARD]), st.dictionaries(fields, st.integers(), max_size=4))
def test_a_token_of_a_message_pairs_its_fields_with_its_state(node, direction, state):
    token = Token.of(node, direction, tuple(state), tuple(state.values()))
    assert dict(token.state) == state
    assert token.action == {FORWARD: "F", BACKWARD: "B"}[direction]


def test_a_token_refuses_a_state_of_other_length():
    with pytest.raises(ValueError, match="zip"):
        Token.of("fc1", FORWARD, ("key", "t"), (1,))


@pytest.mark.parametrize(
    "text",
    [
        "", "fc1", "fc1.", ".F", "fc1.X", "fc1.f", "fc1.FF", "fc1.F key", "fc1.F key=", "fc1.F key=x",
        "fc1.F =3", "fc1.F key=--3", "fc1.F key=1.5", "fc1.Fkey=3", "fc1.F  key=3", "fc1.F\tkey=3",
        "a b.F key=3", "a.b.F key=3", "fc1.F key=3\nfc1.F", "fc1.F, key=3", "fc1 .F key=3",
    ],
)  # fmt: skip
def test_what_names_no_message_is_refused(text):
    with pytest.raises(UsageError, match=r"not the name of a message .*expected like `fc1.F key=7 t=3`") as caught:
        Token.parse(text)
    assert repr(text) in str(caught.value)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_token_or_a_usage_error(text):
    try:
        token = Token.parse(text)
    except UsageError:
        return
    assert Token.parse(str(token)) == token


@pytest.mark.parametrize(("key", "trains"), [(0, True), (7, True), (-1, False), (-50, False)])
def test_keys_below_zero_validate(key, trains):
    assert is_training(key) is trains
