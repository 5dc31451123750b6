"""The models of the demos as a good PyTorch user would write them: what ampviz is compared with.

A module a workload, with a class for each way to write it. All read the data sets of `ampviz.data` and start from
the arrays of ampviz, so that the same weights and instances must give the same loss (`benchmarks.same`).
"""

import warnings

warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nobody writes to what is read
warnings.filterwarnings("ignore", "Sparse invariant checks")
