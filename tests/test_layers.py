"""The shape of the package: who may import whom, where asyncio and the UI libraries occur, how long things are."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

import ampviz

PACKAGE = Path(__file__).parents[1] / "ampviz"
RANKS = [
    "errors state compiling message loops",
    "ports building graph check knobs conditions optim blas fused subnormals shared",
    "nodes",
    "tracing placement experiment data",
    "telemetry",
    "runtime",
    "tui",
    "cli __main__ commands headless launched listed terminal watched",
    "__init__",
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names.split()}
SCREEN = ("tui.", "commands.", "headless", "watched")
LOOPS = ("runtime.serve", "runtime.backends.hosted", "commands.run")
FORBIDDEN = {"pickle", "cPickle", "dill", "marshal", "shelve"}


def sources() -> dict[str, str]:
    """The text of each module, by its name without `ampviz.`; a package is called `name.__init__`."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path.read_text()
        for path in sorted(PACKAGE.rglob("*.py"))
        if "demos" not in path.parts
    }


def reachable(tree: ast.AST):
    """The statements of a module, save those under `if TYPE_CHECKING`."""
    frontier = [tree]
    while frontier:
        node = frontier.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            frontier += node.orelse
        elif not isinstance(node, ast.expr):
            frontier += ast.iter_child_nodes(node)


@functools.cache
def imported(text: str) -> set[str]:
    """The dotted names that a module imports, `package.name` for `from package import name`."""
    found = set()
    for node in reachable(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def own_imports(text: str, modules: set[str]) -> set[str]:
    """The modules of the package that a module imports."""
    found = set()
    for name in imported(text):
        head, _, rest = name.partition(".")
        if head != "ampviz" or rest == "__version__":
            continue
        options = [rest, f"{rest}.__init__".lstrip("."), rest.rpartition(".")[0]]
        options.append(f"{options[2]}.__init__".lstrip("."))
        found.add(next(option for option in options if option in modules))
    return found


def rank(module: str) -> int:
    return RANK[module.split(".")[0]]


def rank_faults(texts: dict[str, str]) -> list[str]:
    """Imports that go up, or out of what the UI may know."""
    faults = []
    for module, text in texts.items():
        for other in own_imports(text, set(texts)):
            allowed = rank(other) <= rank(module)
            if module.startswith("tui."):
                allowed = rank(other) <= 1 or other.split(".")[0] in ("telemetry", "tui")
            if not allowed:
                faults.append(f"{module} imports {other}")
    return faults


def cycles(texts: dict[str, str]) -> list[str]:
    """Modules that import themselves, by whatever way."""
    edges = {module: own_imports(text, set(texts)) for module, text in texts.items()}

    def reached(module: str) -> set[str]:
        seen, frontier = set(), [module]
        while frontier:
            fresh = edges[frontier.pop()] - seen
            seen |= fresh
            frontier += fresh
        return seen

    return [module for module in texts if module in reached(module)]


def library_faults(texts: dict[str, str]) -> list[str]:
    """Imports of asyncio and the UI libraries outside the modules they belong to, and of what must not occur at all."""
    faults = []
    for module, text in texts.items():
        heads = {name.split(".")[0] for name in imported(text)}
        allowed = {
            "asyncio": "asyncio" in (ast.get_docstring(ast.parse(text)) or ""),
            "textual": module.startswith(SCREEN),
            "rich": module.startswith(SCREEN),
            "uvloop": module in LOOPS,
            **dict.fromkeys(FORBIDDEN, False),
            "": False,  # a relative import
        }
        faults += [f"{module} imports {head}" for head in sorted(heads) if not allowed.get(head, True)]
    return faults


def unsafe_calls(text: str) -> list[str]:
    """Calls that run data as code."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    unsafe = [ast.unparse(call.func) for call in calls]
    keywords = [ast.unparse(keyword) for call in calls for keyword in call.keywords]
    return [
        *(name for name in unsafe if name in ("eval", "exec", "__import__")),
        *(text for text in keywords if text.startswith("allow_pickle=") and text != "allow_pickle=False"),
    ]


def function_lengths(text: str) -> dict[str, int]:
    return {
        f"{node.name}:{node.lineno}": node.end_lineno - node.lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


TEXTS = sources()
each_module = pytest.mark.parametrize("module", TEXTS)


def test_every_module_has_a_rank():
    assert {module.split(".")[0] for module in TEXTS} == set(RANK)
    assert len(TEXTS) > 50


def test_no_module_hides_a_public_name():
    assert not (set(ampviz.__all__) - {"nodes"}) & {module.split(".")[0] for module in TEXTS}


def test_modules_import_lower_ranks_or_their_own():
    assert not rank_faults(TEXTS)


def test_there_are_no_import_cycles():
    assert not cycles(TEXTS)


def test_libraries_stay_where_they_belong():
    assert not library_faults(TEXTS)


@each_module
def test_nothing_runs_data_as_code(module):
    assert not unsafe_calls(TEXTS[module])


@each_module
def test_files_and_functions_are_short(module):
    assert len(TEXTS[module].splitlines()) <= 400
    assert not {name: length for name, length in function_lengths(TEXTS[module]).items() if length > 60}


@each_module
def test_modules_say_what_they_are(module):
    text = TEXTS[module]
    assert not text or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("state", "from ampviz.graph import Graph"),
        ("graph", "from ampviz import nodes as nn"),
        ("optim", "import ampviz"),
        ("optim", "def f():\n    from ampviz.nodes.linear import Linear"),
        ("nodes.linear", "import ampviz.tracing"),
        ("tracing", "from ampviz.telemetry.board import Board"),
        ("tui.app", "from ampviz.nodes import linear"),
        ("tui.app", "from ampviz.tracing import trace"),
        ("telemetry.board", "if TYPE_CHECKING:\n    pass\nelse:\n    import ampviz.cli"),
    ],
)
def test_an_import_of_a_higher_rank_would_be_seen(module, text):
    assert [fault for fault in rank_faults({**TEXTS, module: text}) if fault.startswith(f"{module} ")]


@pytest.mark.parametrize(
    "text",
    [
        "from ampviz import __version__",
        "if TYPE_CHECKING:\n    import ampviz.cli",
        "import ampviz.errors",
        "import ast",
    ],
)
def test_free_imports_are_free(text):
    assert not rank_faults({**TEXTS, "graph": text})


def test_a_cycle_within_a_rank_would_be_seen():
    closed = {**TEXTS, "nodes.payload": "from ampviz.nodes.base import Node"}
    assert not rank_faults(closed)
    assert {"nodes.payload", "nodes.base"} <= set(cycles(closed))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("graph", '"""Says nothing."""\nimport asyncio.queues'),
        ("runtime.peer", "import uvloop"),
        ("telemetry.board", "from rich.text import Text"),
        ("runtime.serve", "import textual"),
        ("cli", "import pickle"),
        ("nodes.base", "from . import payload"),
    ],
)
def test_a_library_in_the_wrong_place_would_be_seen(module, text):
    assert len(library_faults({module: text})) == 1


def test_code_made_from_data_would_be_seen():
    text = "eval('1')\nexec('a = 1')\nself.eval()\nload(path, allow_pickle=False)\nload(path, allow_pickle=True)"
    assert unsafe_calls(text) == ["eval", "exec", "allow_pickle=True"]
