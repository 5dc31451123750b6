"""Every knob: what it takes, what it refuses and says, near names, values of single nodes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.errors import KnobError
from ampviz.knobs import KNOBS, POLICIES, KnobValues, find_knob

RANGES = {
    "max_active_keys": (int, 1, 100_000),
    "min_update_interval": (int, 1, 10_000_000),
    "max_batch": (int, 1, 4096),
    "learning_rate": (float, 0.0, 1e6),
    "learning_rate_decay": (float, 0.0, 1.0),
    "gradient_clip": (float, 0.0, 1e9),
    "slow_motion": (float, 0.0, 60.0),
}
PER_NODE = {"min_update_interval", "learning_rate", "learning_rate_decay", "gradient_clip", "freeze"}
whole = [name for name, (kind, _, _) in RANGES.items() if kind is int]
fractional = [name for name, (kind, _, _) in RANGES.items() if kind is float]


@pytest.fixture
def values():
    return KnobValues(["fc1", "cell", "loop-cell"])


def test_this_file_knows_every_knob():
    assert set(KNOBS) == {*RANGES, "policy", "validate", "freeze"}
    assert {name for name, knob in KNOBS.items() if knob.per_node} == PER_NODE


@pytest.mark.parametrize("name", KNOBS)
def test_every_default_parses_to_itself_also_as_text(name):
    knob = find_knob(name)
    assert knob.parse(knob.default) == knob.default
    assert knob.parse(str(knob.default)) == knob.default
    assert type(knob.parse(str(knob.default))) is type(knob.default)
    assert knob.help


@pytest.mark.parametrize(("name", "kind", "low", "high"), [(name, *facts) for name, facts in RANGES.items()])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_numbers_of_the_range_are_taken_and_others_refused(name, kind, low, high, data):
    numbers = st.integers(-high, 2 * high) if kind is int else st.floats(-high, 2 * high)
    number = data.draw(st.one_of(numbers, st.sampled_from([low, high])))
    for raw in (number, str(number)):
        if low <= number <= high:
            value = find_knob(name).parse(raw)
            assert value == number
            assert type(value) is kind
        else:
            with pytest.raises(KnobError, match=f"^{name}: out of range "):
                find_knob(name).parse(raw)


@pytest.mark.parametrize("name", whole)
@pytest.mark.parametrize("raw", [2.0, 3, "4", " 5 "])
def test_whole_numbers_may_come_as_floats_and_text(name, raw):
    value = find_knob(name).parse(raw)
    assert type(value) is int
    assert value == float(raw)


@pytest.mark.parametrize("name", fractional)
@pytest.mark.parametrize("raw", [1, "1", 1.0, "1e0", "0.5", "1e-3"])
def test_fractional_knobs_give_floats(name, raw):
    value = find_knob(name).parse(raw)
    assert type(value) is float
    assert value == float(raw)


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize(
    "raw",
    [
        *("", "two", None, True, False, [], math.nan, math.inf, -math.inf, "nan", "inf"),
        pytest.param(10**400, id="400 zeros"),
        pytest.param("1" * 5000, id="5000 ones"),
    ],
)
def test_what_is_no_number_is_refused(name, raw):
    with pytest.raises(KnobError, match=f"^{name}: ") as caught:
        find_knob(name).parse(raw)
    assert caught.value.got == repr(raw)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", whole)
@pytest.mark.parametrize("raw", [1.5, "1.5", "1e3"])
def test_fractions_are_refused_where_a_whole_number_is_needed(name, raw):
    with pytest.raises(KnobError, match=f"^{name}: not a value of this knob .expected a whole number from 1 to"):
        find_knob(name).parse(raw)


@pytest.mark.parametrize("policy", ["backward", "mixed", "oldest", "deepest", "fifo"])
def test_every_policy_is_a_choice(policy):
    assert policy in POLICIES
    assert find_knob("policy").parse(policy) == policy


@pytest.mark.parametrize("raw", ["", "newest", "FIFO", None, 1, True])
def test_other_policies_are_refused_with_the_choices(raw):
    with pytest.raises(KnobError) as caught:
        find_knob("policy").parse(raw)
    assert "policy: " in str(caught.value)
    assert "one of backward, mixed, oldest, deepest, fifo" in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (True, True), (False, False), (1, True), (0, False), ("on", True), ("off", False), ("ON", True),
        ("true", True), ("False", False), ("1", True), ("0", False),
    ],
)  # fmt: skip
def test_switches_take_the_words_for_on_and_off(raw, value):
    assert find_knob("validate").parse(raw) is value


@pytest.mark.parametrize("raw", ["", "yes", 2, 0.5, None, "onn"])
def test_other_words_for_a_switch_are_refused(raw):
    with pytest.raises(KnobError, match=r"^validate: not a value of this knob \(expected on or off"):
        find_knob("validate").parse(raw)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("max_batch", "a whole number from 1 to 4096"),
        ("min_update_interval", "a whole number from 1 to 10000000"),
        ("learning_rate_decay", "a number from 0 to 1"),
        ("slow_motion", "a number from 0 to 60"),
        ("validate", "on or off"),
        ("policy", "one of backward, mixed, oldest, deepest, fifo"),
    ],
)
def test_the_range_can_be_said_in_words(name, words):
    assert find_knob(name).expected() == words


@pytest.mark.parametrize(
    ("name", "near"), [("max_active_key", "max_active_keys"), ("learningrate", "learning_rate"), ("polcy", "policy")]
)
def test_a_misspelled_knob_is_answered_with_near_names(name, near):
    with pytest.raises(KnobError, match=f"no knob is called '{name}'. Hint: did you mean .*{near}"):
        find_knob(name)


@pytest.mark.parametrize("name", ["", "zzzzzz"])
def test_a_knob_like_no_other_is_answered_with_the_help(name):
    with pytest.raises(KnobError, match="Hint: see ampviz run --help"):
        find_knob(name)


def test_values_start_at_the_defaults(values):
    assert values.as_dict() == {name: knob.default for name, knob in KNOBS.items()}


def test_given_values_win_over_defaults_in_their_order():
    values = KnobValues(["fc1"], {"max_batch": "3", "fc1.learning_rate": 0.5, "learning_rate": 2})
    assert values.get("max_batch") == 3
    assert values.get("learning_rate") == 2.0
    assert values.get("learning_rate", "fc1") == 0.5


@pytest.mark.parametrize("name", sorted(PER_NODE))
def test_the_value_of_a_node_wins_over_the_global_one(values, name):
    before = values.get(name)
    assert values.set(f"cell.{name}", "1") == 1
    assert (values.get(name, "cell"), values.get(name, "fc1"), values.get(name)) == (1, before, before)
    values.set(name, 0.5 if name in fractional else 7 if name in whole else False)
    assert values.get(name, "cell") == 1
    assert values.get(name, "fc1") == values.get(name) != 1
    assert values.as_dict()[f"cell.{name}"] == 1


def test_the_name_of_a_replicated_layer_stands_for_its_copies():
    values = KnobValues(["fc1", "cell-0", "cell-1"], {}, {"cell-0": "cell", "cell-1": "cell"})
    values.set("cell.learning_rate", 0.5)
    values.set("cell-1.learning_rate", 0.25)
    values.set("learning_rate", 2.0)
    assert [values.get("learning_rate", node) for node in ("fc1", "cell-0", "cell-1")] == [2.0, 0.5, 0.25]
    assert values.as_dict()["cell.learning_rate"] == 0.5


def test_numbers_are_whole(values):
    values.set("loop-cell.min_update_interval", "6")
    assert values.number("min_update_interval", "loop-cell") == 6
    assert type(values.number("min_update_interval")) is int


def test_the_dictionary_is_a_copy(values):
    values.as_dict()["max_batch"] = 99
    assert values.get("max_batch") == KNOBS["max_batch"].default


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("max_batch", 0, "max_batch: out of range (expected a whole number from 1 to 4096, got 0)"),
        ("cell.learning_rate", "fast", "learning_rate: not a value of this knob"),
        ("max_bach", 3, "did you mean max_batch"),
        ("cel.learning_rate", 1, "no node with parameters is called 'cel'. Hint: did you mean cell?"),
        ("zzz.learning_rate", 1, "Hint: nodes with knobs: fc1, cell, loop-cell"),
        ("cell.learning_rat", 1, "did you mean learning_rate"),
        ("cell.max_batch", 3, "max_batch is one for the whole session. Hint: set max_batch without a node"),
        ("cell.", 3, "no knob is called ''"),
        (".max_batch.x", 3, "no knob is called 'x'"),
    ],
)
def test_a_refused_set_says_why_and_changes_nothing(values, name, value, text):
    values.set("cell.learning_rate", 0.25)
    before = values.as_dict()
    with pytest.raises(KnobError) as caught:
        values.set(name, value)
    assert text in str(caught.value)
    assert values.as_dict() == before


@pytest.mark.parametrize(
    ("name", "value", "up", "down"),
    [
        ("max_active_keys", 8, [9, 10, 20, 30], [7, 6, 5, 4]),
        ("max_active_keys", 16, [20, 30], [10, 9]),
        ("max_active_keys", 2, [3], [1, 1]),
        ("max_active_keys", 100_000, [100_000], [90_000]),
        ("learning_rate", 0.1, [0.2, 0.3], [0.09, 0.08]),
        ("learning_rate", 0.9, [1.0, 2.0, 3.0], [0.8]),
        ("learning_rate", 0.00015, [0.0002], [0.0001, 0.00009]),
        ("learning_rate_decay", 1.0, [1.0], [0.9, 0.8]),
        ("gradient_clip", 0.0, [0.001, 0.002], [0.0]),
        ("policy", "fifo", ["backward", "mixed"], ["deepest", "oldest"]),
        ("freeze", False, [True, False], [True, False]),
    ],
)
def test_steps_go_by_the_leading_digit_within_the_range(name, value, up, down):
    knob = find_knob(name)
    for upwards, expected in ((True, up), (False, down)):
        now = value
        for each in expected:
            now = knob.stepped(now, upwards)
            assert now == each
            assert type(now) is knob.type
