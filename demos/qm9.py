"""QM9: the dipole moment of a molecule from its atoms and bonds, by a gated graph network.

Run it with `ampviz run qm9`. A molecule is one instance: one message with a row for every atom. Four times its rows
travel along the bonds, each type of bond through its own Linear; then every atom says how much it counts, and a gated
sum of the rows is the prediction. The metric `error_ratio` is the mean error in multiples of chemical accuracy, 0.1
debye. `ampviz run demos/qm9.py:qm9_full` takes all 130,831 molecules; their bonds need RDKit (`pip install rdkit`).
"""

from functools import partial

import ampviz as amp
from ampviz import S, T
from ampviz import nodes as nn
from ampviz.data.molecules import BONDS
from ampviz.data.qm9 import qm9 as molecules
from ampviz.data.qm9 import qm9_full as all_molecules


def gated_graph_network(atoms, mu, *, ratio, hidden=100, steps=4):
    bond = [nn.Linear(hidden, hidden, name=kind) for kind in BONDS]
    cell = nn.GRU(hidden, hidden, name="cell")

    def step(h):
        parts = nn.Distribute(T.sources, types=len(BONDS), name="along-bonds")(h)
        sent = [linear(part) for linear, part in zip(bond, parts, strict=True)]
        arrived = nn.Collect(T.targets, rows=T.nodes, name="arrivals")(*sent)
        return cell(nn.Concat(on=(S.key, S.t), name="join")(arrived, h))

    h = amp.loop(step, init=atoms, step=S.t.to(S.t + 1), while_=S.t < steps)

    # The sum over the atoms, gated by what each atom is and has become.
    both = nn.Concat(on=S.key, name="readout-in")(h, atoms)
    gate = nn.Sigmoid(name="gate")(nn.Linear(2 * hidden, hidden, name="gate-in")(both))
    value = nn.Tanh(name="value")(nn.Linear(hidden, hidden, name="value-in")(h))
    molecule = nn.SumRows(name="sum")(nn.Multiply(name="gated")(gate, value))
    mixed = nn.ReLU(name="relu")(nn.Linear(hidden, hidden, name="mix")(molecule))  # a length is not a sum over atoms
    prediction = nn.Linear(hidden, 1, name="out")(mixed)
    nn.MSE(on=S.key, also={"error_ratio": ratio}, name="loss")(prediction, mu)


def experiment(data, *, epochs, keys, decay):
    train = data("train", size=100)
    return amp.Experiment(
        model=partial(gated_graph_network, ratio=train.error_ratio(1.0)),
        train=train,
        valid=data("valid", size=100),
        optimizer=amp.Adam(0.002),
        epochs=epochs,
        knobs={
            "max_active_keys": keys,
            "max_batch": 64,
            "learning_rate_decay": decay,
            "min_update_interval": 5,
            # What stands inside the loop collects one gradient a step: the same five molecules an update.
            **{f"{name}.min_update_interval": 20 for name in (*BONDS, "cell")},
        },
    )


def qm9():
    return experiment(molecules, epochs=4, keys=10, decay=0.6)


def qm9_full():
    return experiment(all_molecules, epochs=14, keys=16, decay=0.8)
