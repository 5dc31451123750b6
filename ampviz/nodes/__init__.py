"""The node library: what a model function is made of."""

from ampviz.nodes.control import Cond, Isu, Phi
from ampviz.nodes.dropout import Dropout, StopGrad
from ampviz.nodes.edge_linear import EdgeLinear
from ampviz.nodes.fan import Bcast, Pick, Split
from ampviz.nodes.flatmap import Flatmap
from ampviz.nodes.group import Group
from ampviz.nodes.join import Concat, Multiply
from ampviz.nodes.linear import Linear
from ampviz.nodes.lookup import Lookup
from ampviz.nodes.loss import MAE, MSE, Huber, SelectionCrossEntropy, SoftmaxCrossEntropy
from ampviz.nodes.pointwise import ReLU, Sigmoid, Tanh
from ampviz.nodes.recurrent import GRU, LSTM, RNN
from ampviz.nodes.rows import Replicate, SumRows
from ampviz.nodes.terminal import Discard, Source, Zeros
from ampviz.nodes.topology import Collect, Distribute
from ampviz.nodes.tree import BranchLSTM, LeafLSTM
from ampviz.nodes.ungroup import Ungroup

__all__ = [
    "GRU",
    "LSTM",
    "MAE",
    "MSE",
    "RNN",
    "Bcast",
    "BranchLSTM",
    "Collect",
    "Concat",
    "Cond",
    "Discard",
    "Distribute",
    "Dropout",
    "EdgeLinear",
    "Flatmap",
    "Group",
    "Huber",
    "Isu",
    "LeafLSTM",
    "Linear",
    "Lookup",
    "Multiply",
    "Phi",
    "Pick",
    "ReLU",
    "Replicate",
    "SelectionCrossEntropy",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "Source",
    "Split",
    "StopGrad",
    "SumRows",
    "Tanh",
    "Ungroup",
    "Zeros",
]
