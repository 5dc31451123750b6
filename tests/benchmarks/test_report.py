"""Tables are made from what was measured, and the page in the documents is what the script makes of its JSON."""

from __future__ import annotations

import json

import pytest

from benchmarks.keys import knee
from benchmarks.report import KEPT, PAGE, replaced, report
from benchmarks.rounds import in_turns, ratio, spread


def values(*rounds, cpu=100.0):
    return {**spread(rounds), "rounds": list(rounds), "cpu_us": cpu}


LINE = {
    "best": "eager, 1 thread", "in_flight": 1, "ours": "ampviz, 2 workers, 2 in flight", "ours_in_flight": 2,
    "ratio": spread([1.3, 0.9, 1.25]), "cpu_ratio": 1.5,
}  # fmt: skip
COMPARED = {
    "benchmark": "compare",
    "workload": "mnist",
    "unit": "digits/s",
    "torch": "2.13.0",
    "variants": {
        "ampviz, 2 workers, 2 in flight": values(11000.0, 22000.0, 20000.0),
        "ampviz, 1 worker, 1 in flight": values(10000.0, 11000.0, 12000.0),
        "eager, 1 thread": values(9000.0, 9500.0, 9900.0, cpu=150.0),
    },
    "against": [
        {**LINE, "goal": 1.1},
        {**LINE, "goal": 1.3},
        {**LINE, "goal": None},
    ],
}
MEASURED = {
    "date": "2026-11-25", "machine": "2 cores", "python": "3.11.7", "numpy": "2.4.6", "torch": "2.13.0", "mkl": None,
    "numba": "0.68.1",
    "rounds": 3, "seconds": 2.0,
    "remark": "", "results": [
        {"benchmark": "same", "workload": "mnist", "variants": {}},
        {"benchmark": "products", "workload": "listred", "variant": "nn.RNN", "MFLOP": 113.7,
         "variants": {"products": values(745.0), "training": values(2190.0)},
         "GFLOP_per_s": spread([152.6]), "training_over_products": spread([2.9, 2.94, 2.96])},
        {"benchmark": "wire", "variants": {"4 KB": {**values(3e5), "GB_per_s": 1.229, "goal": 250_000}}},
        {"benchmark": "keys", "workload": "mnist", "unit": "digits/s", "knee": 4,
         "variants": {"1": values(900.0), "4": values(1950.0), "8": values(2000.0)}},
        {"benchmark": "placement", "workload": "mnist", "unit": "digits/s", "in_flight": 4, "gain": values(1.25),
         "variants": {"keys": values(2000.0), "round-robin": values(1600.0)}},
        COMPARED,
    ],
}  # fmt: skip
REPORT = """\
Made by `python -m benchmarks` on 2026-11-25: 2 cores, Python 3.11.7, numpy 2.4.6, torch 2.13.0, mkl not installed, \
numba 0.68.1; rounds in turns: 3, of 2 s a measurement; medians, and the smallest and largest round as spread.

### Against PyTorch

| workload | ampviz, 2 workers | in flight | PyTorch | how | in flight | ratio | spread | goal | CPU ratio |
|---|---|---|---|---|---|---|---|---|---|
| mnist | 20,000 digits/s | 2 | 9,500 | eager, 1 thread | 1 | 1.25 | 0.90 to 1.30 | 1.1 | 1.50 |
| mnist | 20,000 digits/s | 2 | 9,500 | eager, 1 thread | 1 | 1.25 | 0.90 to 1.30 | 1.3, missed | 1.50 |
| mnist | 20,000 digits/s | 2 | 9,500 | eager, 1 thread | 1 | 1.25 | 0.90 to 1.30 |  | 1.50 |

### Limits of the machine and of the engine

| what | measured | spread | goal |
|---|---|---|---|
| matrix products of listred by themselves (nn.RNN, 1 thread) | 745 us an instance, 153 GFLOP/s; \
training in PyTorch takes 2.94 times as long | 2.90 to 2.96 |  |
| frames of 4 KB between two workers | 300,000/s, 1.23 GB/s | 300,000 to 300,000 | >= 250,000/s |

### How cost grows

| what | by size | outcome |
|---|---|---|
| mnist, digits/s by `max_active_keys` | 1: 900, 4: 1,950, 8: 2,000 | knee at 4 |
| mnist, digits/s with two workers, 4 in flight, by placement | keys: 2,000, round-robin: 1,600 | 1.25 |
| mnist, digits/s by workers | 1: 11,000, 2: 20,000 | 1.67 |

### Every variant

| workload | variant | median | spread | CPU us an instance |
|---|---|---|---|---|
| mnist | ampviz, 2 workers, 2 in flight | 20,000 digits/s | 11,000 to 22,000 | 100 |
| mnist | ampviz, 1 worker, 1 in flight | 11,000 digits/s | 10,000 to 12,000 | 100 |
| mnist | eager, 1 thread | 9,500 digits/s | 9,000 to 9,900 | 150 |
"""


def test_the_report_says_what_was_measured():
    assert report(MEASURED) == REPORT


def test_the_page_in_the_documents_is_what_its_json_says():
    page = PAGE.read_text()
    assert replaced(page, report(json.loads(KEPT.read_text()))) == page
    assert "<!-- benchmarks -->\n" in page


def test_only_what_stands_between_the_marks_is_replaced():
    page = "before\n<!-- benchmarks -->\nold\n\\1\n<!-- end of benchmarks -->\nafter\n"
    assert replaced(page, "new \\g<0>\n") == (
        "before\n<!-- benchmarks -->\nnew \\g<0>\n<!-- end of benchmarks -->\nafter\n"
    )


def test_variants_take_turns():
    order = []
    numbers = iter([3.0, 30.0, 1.0, 10.0, 2.0, 20.0])

    def measure(name):
        order.append(name)
        return next(numbers)

    result = in_turns({"a": lambda: measure("a"), "b": lambda: measure("b")}, 3)
    assert order == ["a", "b"] * 3
    assert result["a"] == {"median": 2.0, "low": 1.0, "high": 3.0, "rounds": [3.0, 1.0, 2.0]}


def test_a_ratio_is_taken_within_each_round():
    slow_then_fast = {"rounds": [10.0, 40.0, 20.0]}
    assert ratio(slow_then_fast, {"rounds": [5.0, 10.0, 10.0]}) == {"median": 2.0, "low": 2.0, "high": 4.0}


@pytest.mark.parametrize(
    ("speeds", "keys"), [({1: 50, 2: 89, 4: 90, 8: 100, 16: 95}, 4), ({1: 100, 2: 100}, 1), ({1: 10, 2: 100}, 2)]
)
def test_the_knee_is_where_more_keys_hardly_help(speeds, keys):
    assert knee(speeds) == keys
