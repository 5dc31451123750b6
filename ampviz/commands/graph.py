"""`ampviz graph`: the graph of a model and which worker hosts what."""

from __future__ import annotations

import argparse

from ampviz.commands.settings import knob_options, model_options, model_spec


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `graph`."""
    graph = commands.add_parser("graph", help="print the graph of a model and its placement")
    graph.add_argument("target", metavar="TARGET")
    model_options(graph)
    knob_options(graph)
    graph.set_defaults(command=_graph)


def _graph(options: argparse.Namespace) -> int:
    import msgspec

    from ampviz.experiment import load_experiment
    from ampviz.graph import EVERY
    from ampviz.runtime.profile import placed

    spec = model_spec(options)
    experiment = load_experiment(spec.target)
    graph = experiment.graph(spec.variant)
    knobs = experiment.knob_values(graph, spec.knobs)
    hosts, costs = placed(experiment, graph, spec, knobs)
    print(graph, end="\n\n")
    if EVERY in hosts:
        print(f"every worker hosts all {len(hosts)} nodes; an instance stays with one of {spec.workers}")
        if spec.placement_policy != "auto":
            return 0
        print("with placement=round-robin:")
        hosts, costs = placed(experiment, graph, msgspec.structs.replace(spec, placement_policy="round-robin"), knobs)
    for worker in range(spec.workers):
        hosted = [node for node in graph.nodes if hosts[node.id] == worker]
        share = sum(costs.nodes[node.id] for node in hosted) / sum(costs.nodes) if costs else 0.0
        measured = f" ({share:.0%} of the measured time)" if costs else ""
        print(f"worker {worker}{measured}: {' '.join(node.name for node in hosted) or '-'}")
    return 0
