"""The documents agree with the code: tables of knobs, keys and ranks, command lines, links, the model of the README."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ampviz.cli import main
from ampviz.experiment import load_experiment
from ampviz.knobs import KNOBS
from ampviz.runtime.lints import Lints
from ampviz.telemetry.snapshot import SessionInfo
from ampviz.tui.keys import help_lines
from ampviz.tui.places import PANES
from tests.test_layers import RANKS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def section(page: str, name: str) -> str:
    """What stands between the marks of this name."""
    return re.search(rf"<!-- {name} -->\n(.*?)<!-- end of {name} -->", (ROOT / page).read_text(), re.DOTALL)[1]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"|{'|'.join(cells)}|\n" if cells[0] == "---" else f"| {' | '.join(cells)} |\n" for cells in lines)


def test_the_knobs_are_those_of_the_table():
    rows = [
        [f"`{knob.name}`", f"`{str(knob.default).lower()}`", knob.expected(), "yes" if knob.per_node else "", knob.help]
        for knob in KNOBS.values()
    ]
    assert section("docs/usage.md", "knobs") == table(["knob", "default", "values", "per node", "what it is"], rows)


def test_the_keys_are_those_of_the_table():
    rows = [[group, f"`{key}`", words] for group, keys in help_lines() for key, words in keys]
    assert section("docs/usage.md", "keys") == table(["group", "key", "what it does"], rows)


def test_the_lints_are_those_of_a_session():
    lints = Lints(SessionInfo("", "", "", 1, 1, 1, "")).listed()
    rows = [[f"{lint.number}", lint.name, f"{lint.threshold:g}", lint.advice] for lint in lints]
    assert section("docs/usage.md", "lints") == table(["number", "lint", "threshold", "advice"], rows)


def test_the_ranks_are_those_that_are_enforced():
    rows = section("docs/architecture.md", "ranks").splitlines()[2:]
    assert [row.split("|")[2].replace("\\", "").split() for row in rows] == [names.split() for names in RANKS]


def test_every_pane_has_its_page():
    text = (ROOT / "docs/panes.md").read_text()
    assert [place.title for place in PANES if f"\n## {place.digit} {place.title}\n" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_is_named_exists(page, capsys):
    for line in re.findall(r"`(ampviz [^`]+)`", page.read_text()):
        words = shlex.split(line)[1:]
        command = words[:2] if words[0] == "data" else words[:1]
        with pytest.raises(SystemExit) as raised:
            main([*command, "--help"])
        assert raised.value.code == 0, line
        text = capsys.readouterr().out
        assert all(word.split("=")[0] in text for word in words if word.startswith("--")), line


def test_the_model_of_the_readme_traces(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    file = tmp_path / "my_model.py"
    file.write_text(code)
    graph = load_experiment(f"{file}:experiment").graph()
    assert {node.kind for node in graph.nodes} >= {"Lookup", "Linear", "Phi", "Cond", "Isu", "SoftmaxCrossEntropy"}
