"""The node library: what a model function is made of."""

from ampviz.nodes.aggregate import Group, Ungroup
from ampviz.nodes.control import Cond, Isu, Phi
from ampviz.nodes.join import Bcast, Concat, Split
from ampviz.nodes.linear import Linear
from ampviz.nodes.lookup import Lookup
from ampviz.nodes.loss import MSE, SoftmaxCrossEntropy
from ampviz.nodes.pointwise import ReLU, Sigmoid, Tanh
from ampviz.nodes.terminal import Discard, Source, Zeros

__all__ = [
    "MSE",
    "Bcast",
    "Concat",
    "Cond",
    "Discard",
    "Group",
    "Isu",
    "Linear",
    "Lookup",
    "Phi",
    "ReLU",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "Source",
    "Split",
    "Tanh",
    "Ungroup",
    "Zeros",
]
