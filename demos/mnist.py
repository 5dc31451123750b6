"""MNIST: a plain perceptron, the smallest model that shows the pipeline.

Run it with `ampviz run mnist`. A batch of 100 digits is one instance: one message with 100 rows walks through the
layers and back. The three wide layers are the heavy nodes: placed on different workers, they work on different
instances at the same time. Try `--max-active-keys 1` to see them wait for each other.
"""

import ampviz as amp
from ampviz import nodes as nn
from ampviz.data.mnist import mnist as digits


def perceptron(image, label, *, hidden=784):
    # Calling a layer on a port connects it; nothing is computed yet. The function's parameters name the data's fields.
    he = 6**0.5  # weights whose products keep their variance through a ReLU: deep layers learn from the first batch
    x = nn.ReLU(name="relu1")(nn.Linear(784, hidden, gain=he, name="fc1")(image))
    x = nn.ReLU(name="relu2")(nn.Linear(hidden, hidden, gain=he, name="fc2")(x))
    x = nn.ReLU(name="relu3")(nn.Linear(hidden, hidden, gain=he, name="fc3")(x))
    logits = nn.Linear(hidden, 10, name="fc4")(x)
    nn.SoftmaxCrossEntropy(name="loss")(logits, label)


def mnist():
    return amp.Experiment(
        model=perceptron,
        train=digits("train"),
        valid=digits("valid"),
        optimizer=amp.SGD(0.1),
        epochs=5,
        knobs={"max_active_keys": 4, "max_batch": 1},  # 100 rows a message are enough for a good matrix product
    )
