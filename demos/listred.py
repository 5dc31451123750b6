"""List reduction: a recurrent network whose loop runs as often as each list is long.

Run it with `ampviz run listred`. A bucket of 100 lists of one length is one instance: it travels as one message with
100 rows. What differs between instances is how often the loop turns, and the state (S.t, S.n) of a message decides it.
"""

import ampviz as amp
from ampviz import S
from ampviz import nodes as nn
from ampviz.data.listred import CLASSES, VOCABULARY, list_reduction


def rnn(tokens, label, *, hidden=128):
    # tokens (rows, n) become n messages (rows,), numbered by the new state field t; the table turns them into vectors.
    column = nn.Ungroup(S.t, count=S.n, axis=1, name="columns")(tokens)
    word = nn.Lookup(VOCABULARY, hidden, scale=0.5, name="embed")(column)

    # The cell is one node, used n times: in it the word of step t waits for the hidden state of step t, or that for the
    # word. With --replicas 2 there are two copies of it, and each list meets one of them.
    cell = amp.replicate(nn.RNN(hidden, hidden, nonlinearity="relu", orthogonal=True, name="cell"))

    def step(h):
        return cell(word, h)

    start = nn.Zeros(hidden, name="h0")(tokens)
    h = amp.loop(step, init=start, step=S.t.to(S.t + 1), while_=S.t < S.n)

    # Every forward message comes home as a backward one: the loss is where they turn round.
    logits = nn.Linear(hidden, CLASSES, name="out")(h)
    nn.SoftmaxCrossEntropy(on=S.key, name="loss")(logits, label)


def listred():
    return amp.Experiment(
        model=rnn,
        train=list_reduction("train"),
        valid=list_reduction("valid"),
        optimizer=amp.Adam(0.003),
        epochs=12,
        knobs={
            "max_active_keys": 4,
            "learning_rate_decay": 0.8,
            "gradient_clip": 1.0,
            # What stands inside the loop collects one gradient a turn: two buckets an update.
            "cell.min_update_interval": 12,
            "embed.min_update_interval": 12,
        },
    )
