"""Goals: what `--target` accepts, which metrics exist, and when an epoch meets one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.errors import UsageError
from ampviz.runtime.goal import Goal
from tests.telemetry.samples import report

COMPARISONS = {
    ">=": lambda a, b: not a < b,
    "<=": lambda a, b: not a > b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


@pytest.mark.parametrize(
    ("text", "metric", "comparison", "value"),
    [
        ("accuracy>=0.97", "accuracy", ">=", 0.97),
        ("valid_loss<0.1", "valid_loss", "<", 0.1),
        ("  train_loss <= 1e-3 ", "train_loss", "<=", 0.001),
        ("score>-2", "score", ">", -2.0),
        ("score<+.5E+1", "score", "<", 5.0),
    ],
)
def test_a_target_is_metric_comparison_and_number(text, metric, comparison, value):
    assert Goal.parse(text) == Goal(metric, comparison, value)


@pytest.mark.parametrize(
    "text",
    ["", "accuracy", "accuracy>=", ">=0.9", "accuracy=0.9", "accuracy==0.9", "accuracy=>0.9", "accuracy>=0.9.1",
     "accuracy>=e", "accuracy>=97%", "top 1>=0.9", "accuracy>=0.9 loss<1", "0.9<=accuracy", "accuracy>>0.9"],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="not a target") as caught:
        Goal.parse(text)
    assert caught.value.where == "--target"
    assert "accuracy>=0.97" in str(caught.value)
    assert repr(text) in str(caught.value)


@given(st.sampled_from(["accuracy", "valid_loss"]), st.sampled_from(sorted(COMPARISONS)), st.integers(-9999, 9999))
@settings(max_examples=25, deadline=None)
def test_a_goal_prints_as_it_is_parsed(metric, comparison, hundredths):
    goal = Goal(metric, comparison, hundredths / 100)
    assert Goal.parse(str(goal)) == goal


@pytest.mark.parametrize("metric", ["accuracy", "train_loss", "valid_loss"])
def test_metrics_that_the_session_will_have_pass(metric):
    Goal(metric, ">", 0.0).check({"accuracy": 0}, validated=True)


@pytest.mark.parametrize(
    ("metric", "validated", "known"),
    [
        ("acuracy", True, "accuracy or train_loss or valid_loss"),
        ("valid_loss", False, "accuracy or train_loss"),
        ("loss", False, "accuracy or train_loss"),
    ],
)
def test_other_metrics_are_refused_with_the_known_ones(metric, validated, known):
    with pytest.raises(UsageError, match=f"'{metric}'") as caught:
        Goal(metric, ">", 0.0).check({"accuracy": 0}, validated=validated)
    assert caught.value.expected == known


@given(
    st.sampled_from(["accuracy", "train_loss", "valid_loss"]),
    st.sampled_from(sorted(COMPARISONS)),
    st.integers(-3, 3),
    st.integers(-3, 3),
)
@settings(max_examples=50, deadline=None)
def test_an_epoch_meets_a_goal_as_its_numbers_compare(metric, comparison, value, limit):
    values = {"accuracy": 100.0, "train_loss": 100.0, "valid_loss": 100.0, metric: float(value)}
    epoch = msgspec.structs.replace(
        report(),
        metrics={"accuracy": values["accuracy"]},
        train_loss=values["train_loss"],
        valid_loss=values["valid_loss"],
    )
    assert Goal(metric, comparison, float(limit)).reached(epoch) is COMPARISONS[comparison](value, limit)


@pytest.mark.parametrize("goal", [Goal("valid_loss", "<", 9.0), Goal("recall", ">", -1.0)], ids=str)
def test_a_metric_without_a_value_meets_nothing(goal):
    assert not goal.reached(report())
