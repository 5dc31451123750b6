"""Tables from the JSON that `python -m benchmarks` writes; with --write as docs/benchmarks.md, and the JSON beside it.

python -m benchmarks.report [FILE] [--write]
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rounds import options
from benchmarks.session import ROOT

PAGE, KEPT = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.json"
MADE = ROOT / "build" / "benchmarks" / "benchmarks.json"
Result = Mapping[str, Any]


def report(found: Result) -> str:
    """Everything that was measured, as Markdown."""
    results: Sequence[Result] = found["results"]
    compared = [result for result in results if result["benchmark"] == "compare"]
    parts = [_made(found)]
    if compared:
        parts += ["### Against PyTorch", _table(_AGAINST, [row for result in compared for row in _against(result)])]
    limits = [row for result in results for row in _LIMITS.get(result["benchmark"], _nothing)(result)]
    if limits:
        parts += ["### Limits of the machine and of the engine", _table(("what", "measured", "spread", "goal"), limits)]
    curves = [row for result in results for row in _CURVES.get(result["benchmark"], _nothing)(result)]
    if curves:
        parts += ["### How cost grows", _table(("what", "by size", "outcome"), curves)]
    if compared:
        parts += ["### Every variant", _table(_EVERY, [row for result in compared for row in _every(result)])]
    return "\n\n".join(parts) + "\n"


def replaced(page: str, text: str) -> str:
    """The page with this between its marks."""
    marked = f"<!-- benchmarks -->\n{text}<!-- end of benchmarks -->"
    return re.sub(r"<!-- benchmarks -->\n.*?<!-- end of benchmarks -->", lambda _: marked, page, flags=re.DOTALL)


def _made(found: Result) -> str:
    remark = f" {found['remark']}" if found.get("remark") else ""
    versions = [f"{name} {found.get(name) or 'not installed'}" for name in ("numpy", "torch", "mkl", "numba")]
    return (
        f"Made by `python -m benchmarks` on {found['date']}: {found['machine']}, Python {found['python']}, "
        f"{', '.join(versions)}; rounds in turns: {found['rounds']}, of {found['seconds']:g} s a measurement; medians, "
        f"and the smallest and largest round as spread.{remark}"
    )


_AGAINST = ("workload", "ampviz, 2 workers", "in flight", "PyTorch", "how", "in flight", "ratio", "spread", "goal",
            "CPU ratio")  # fmt: skip


def _against(result: Result) -> list[list[str]]:
    """For each goal two workers of ampviz over the best PyTorch variant that it is about, and over the other kinds."""
    variants = result["variants"]
    rows = []
    for line in result["against"]:
        ratio, best, goal = line["ratio"], line["best"], line["goal"]
        reached = "" if goal is None or ratio["median"] >= goal else ", missed"
        rows.append([
            result["workload"], f"{_number(variants[line['ours']]['median'])} {result['unit']}",
            str(line["ours_in_flight"]), _number(variants[best]["median"]), best, str(line["in_flight"]),
            f"{ratio['median']:.2f}", f"{ratio['low']:.2f} to {ratio['high']:.2f}",
            "" if goal is None else f"{goal:g}{reached}", f"{line['cpu_ratio']:.2f}",
        ])  # fmt: skip
    if rows:
        return rows
    ours = [(label.split(", ")[2], numbers) for label, numbers in variants.items() if label.startswith(_TWO)]
    return [
        [result["workload"], f"{_number(numbers['median'])} {result['unit']}", count.split()[0], *["-"] * 7]
        for count, numbers in ours
    ]


_TWO, _ONE = "ampviz, 2 workers, ", "ampviz, 1 worker, "


_EVERY = ("workload", "variant", "median", "spread", "CPU us an instance")


def _every(result: Result) -> list[list[str]]:
    return [
        [result["workload"], name, f"{_number(numbers['median'])} {result['unit']}", _spread(numbers),
         f"{numbers['cpu_us']:,.0f}"]
        for name, numbers in result["variants"].items()
    ]  # fmt: skip


def _machine(result: Result) -> list[list[str]]:
    gain = result["two_processes_over_one"]
    return [
        *([f"products of (100, 784) and (784, 784), {name}", f"{numbers['median']:.0f} GFLOP/s", _spread(numbers), ""]
          for name, numbers in result["variants"].items()),
        ["two processes over one", f"{gain['median']:.2f}", f"{gain['low']:.2f} to {gain['high']:.2f}", ""],
    ]  # fmt: skip


def _products(result: Result) -> list[list[str]]:
    us, gain = result["variants"]["products"]["median"], result["training_over_products"]
    return [[
        f"matrix products of {result['workload']} by themselves ({result['variant']}, 1 thread)",
        f"{_number(us)} us an instance, {result['GFLOP_per_s']['median']:.0f} GFLOP/s; "
        f"training in PyTorch takes {gain['median']:.2f} times as long",
        f"{gain['low']:.2f} to {gain['high']:.2f}", "",
    ]]  # fmt: skip


def _kernels(result: Result) -> list[list[str]]:
    return [
        [f"share of a worker's time inside kernels, {name}", f"{numbers['median']:.0%}",
         f"{numbers['low']:.0%} to {numbers['high']:.0%}", f">= {numbers['goal']:.0%}" if "goal" in numbers else ""]
        for name, numbers in result["variants"].items()
    ]  # fmt: skip


def _wire(result: Result) -> list[list[str]]:
    return [
        [f"frames of {name} between two workers", f"{numbers['median']:,.0f}/s, {numbers['GB_per_s']:.2f} GB/s",
         _spread(numbers), f">= {numbers['goal']:,.0f}/s" if "goal" in numbers else ""]
        for name, numbers in result["variants"].items()
    ]  # fmt: skip


def _memory(result: Result) -> list[list[str]]:
    what = f"peak RSS of a worker without parameters, {result['workload']}"
    if result.get("kernels") == "numba":
        what += ", numba's kernels"
    measured = f"{result['without_parameters_MB']:.0f} MB (of them files {result['files_MB']:.0f})"
    return [[what, measured, f"{result['peak_MB']:.0f} MB in all",
             f"< {result['goal_MB']:.0f} MB" if "goal_MB" in result else ""]]  # fmt: skip


def _startup(result: Result) -> list[list[str]]:
    first = "`ampviz run listred` to its first trained instance"
    return [
        [name.replace("first instance", first) if name.startswith("first instance") else f"`{name}`",
         f"{numbers['median']:.3f} s", _spread(numbers), f"< {numbers['goal']:g} s" if "goal" in numbers else ""]
        for name, numbers in result["variants"].items()
    ]  # fmt: skip


def _ui(result: Result) -> list[list[str]]:
    return [
        [f"cost of a session being {how}, {result['target']}", f"{cost:.1%}", "", ""]
        for how, cost in result["cost"].items()
    ]


def _dispatch_limit(result: Result) -> list[list[str]]:
    names = [name for name in result["variants"] if name.startswith("loop")]
    return [
        [f"a message without a kernel, {name}", f"{result['variants'][name]['median']:.2f} us",
         _spread(result["variants"][name]), f"< {result['goal']:g} us"]
        for name in names
    ]  # fmt: skip


def _dispatch_curve(result: Result) -> list[list[str]]:
    rows = []
    for what, growth in result["growth"].items():
        points = {name.split()[0]: numbers for name, numbers in result["variants"].items() if name.endswith(f" {what}")}
        curve = ", ".join(f"{size}: {numbers['median']:.2f}" for size, numbers in points.items() if size.isdigit())
        outcome = f"the last over the first {growth['median']:.2f}"
        rows.append([f"us a message without a kernel, by {what}", curve, outcome])
    return rows


def _keys(result: Result) -> list[list[str]]:
    curve = ", ".join(f"{keys}: {_number(numbers['median'])}" for keys, numbers in result["variants"].items())
    return [[f"{result['workload']}, {result['unit']} by `max_active_keys`", curve, f"knee at {result['knee']}"]]


def _placement(result: Result) -> list[list[str]]:
    curve = ", ".join(f"{policy}: {_number(numbers['median'])}" for policy, numbers in result["variants"].items())
    what = f"{result['workload']}, {result['unit']} with two workers, {result['in_flight']} in flight, by placement"
    return [[what, curve, f"{result['gain']['median']:.2f}"]]


def _scaling(result: Result) -> list[list[str]]:
    """Two workers with as many in flight each as one has; else (older results) with as many in all."""
    variants = result["variants"]
    alone = next(label for label in variants if label.startswith(_ONE))
    count = int(alone.removeprefix(_ONE).split()[0])
    one, two = variants[alone], variants.get(f"{_TWO}{2 * count} in flight") or variants[f"{_TWO}{count} in flight"]
    gain = [b / a for a, b in zip(one["rounds"], two["rounds"], strict=True)]
    curve = f"1: {_number(one['median'])}, 2: {_number(two['median'])}"
    return [[f"{result['workload']}, {result['unit']} by workers", curve, f"{sorted(gain)[len(gain) // 2]:.2f}"]]


def _accuracy(result: Result) -> list[list[str]]:
    means = [sum(result[side]) / len(result[side]) for side in ("ampviz", "torch")]
    what = f"{result['workload']}, {result['metric']} after {result['epochs']} epoch(s): ampviz, PyTorch"
    return [[what, f"{means[0]:.4f}, {means[1]:.4f}", "", f"worse by at most {result['allowed']:g}"]]


def _nothing(result: Result) -> list[list[str]]:
    return []


Rows = Callable[[Result], list[list[str]]]
_LIMITS: dict[str, Rows] = {
    "machine": _machine, "products": _products, "kernels": _kernels, "dispatch": _dispatch_limit, "wire": _wire,
    "memory": _memory, "startup": _startup, "ui": _ui, "accuracy": _accuracy,
}  # fmt: skip
_CURVES: dict[str, Rows] = {"dispatch": _dispatch_curve, "keys": _keys, "compare": _scaling, "placement": _placement}


def _spread(numbers: Result) -> str:
    return f"{_number(numbers['low'])} to {_number(numbers['high'])}"


def _number(value: float) -> str:
    """Three digits or more, with thousands set apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=MADE, metavar="FILE", help=f"default: {MADE}")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}, and the JSON beside it")
    chosen = parser.parse_args()
    text = report(json.loads(chosen.file.read_text()))
    if chosen.write:
        if chosen.file.resolve() != KEPT:
            shutil.copyfile(chosen.file, KEPT)
        PAGE.write_text(replaced(PAGE.read_text(), text))
    print(text)


if __name__ == "__main__":
    main()
