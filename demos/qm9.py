"""QM9: the dipole moment of a molecule from its atoms and bonds, by a gated graph network.

Run it with `ampviz run qm9`. A molecule is one instance: one message with a row for every atom but the hydrogens, which
holds what is known of it: element, hydrogens, charge, rings. Four times the rows travel along the bonds, each type
through weights of its own, in one node (Distribute, a Linear for each type and Collect do the same, and can be placed
apart); then every atom says how much it counts, and a gated sum of the rows is the prediction.
The metric `error_ratio` is the mean error in multiples of chemical accuracy, 0.1 debye. All 130,831 molecules are
`ampviz run demos/qm9.py:qm9_full`; their bonds need RDKit (`pip install rdkit`).
"""

from functools import partial

import ampviz as amp
from ampviz import S, T
from ampviz import nodes as nn
from ampviz.data.atoms import BONDS
from ampviz.data.qm9 import qm9 as molecules
from ampviz.data.qm9 import qm9_full as all_molecules

MOLECULES = 16  # an update: as many as are in flight, so that they make one batch


def gated_graph_network(atoms, mu, *, ratio, hidden=100, steps=4):
    bonds = nn.EdgeLinear(hidden, hidden, T.sources, T.targets, types=len(BONDS), name="bonds")
    cell = nn.GRU(hidden, hidden, name="cell")

    def step(h):
        return cell(bonds(h), h)

    h = amp.loop(step, init=atoms, step=S.t.to(S.t + 1), while_=S.t < steps)

    # The sum over the atoms, gated by what each atom is and has become.
    both = nn.Concat(on=S.key, name="readout-in")(h, atoms)
    gate = nn.Sigmoid(name="gate")(nn.Linear(2 * hidden, hidden, name="gate-in")(both))
    value = nn.Tanh(name="value")(nn.Linear(hidden, hidden, name="value-in")(h))
    molecule = nn.SumRows(name="sum")(nn.Multiply(name="gated")(gate, value))
    mixed = nn.ReLU(name="relu")(nn.Linear(hidden, hidden, name="mix")(molecule))  # a length is not a sum over atoms
    prediction = nn.Linear(hidden, 1, name="out")(mixed)
    nn.MAE(on=S.key, also={"error_ratio": ratio}, name="loss")(prediction, mu)


def experiment(data, *, epochs, learning_rate, decay):
    train = data("train", size=100)
    return amp.Experiment(
        model=partial(gated_graph_network, ratio=train.error_ratio(1.0)),
        train=train,
        valid=data("valid", size=100),
        optimizer=amp.Adam(learning_rate),
        epochs=epochs,
        knobs={
            "max_active_keys": 16,
            "max_batch": 256,
            "policy": "mixed",  # small messages gather, and go through a node as one
            "learning_rate_decay": decay,
            "min_update_interval": MOLECULES,
            # What stands inside the loop collects one gradient a step: as many molecules an update.
            **{f"{name}.min_update_interval": 4 * MOLECULES for name in ("bonds", "cell")},
        },
    )


def qm9():
    return experiment(molecules, epochs=4, learning_rate=0.002, decay=0.7)


def qm9_full():
    return experiment(all_molecules, epochs=12, learning_rate=0.001, decay=0.85)
