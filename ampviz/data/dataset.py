"""The data set protocol: `len(dataset)` and `dataset[index] -> Instance`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct
from numpy.typing import NDArray


class Instance(Struct, frozen=True):
    """What one key stands for: what the data set returns for one index; may be a bucket of rows.

    `fields`: payloads for the sources, by name; arrays with rows on axis 0.
    `state`: integers that every message of the instance carries beside its key (such as `n`, a length).
    `tables`: what state expressions read as `T.name`, structure and labels: an int or (nested) lists of ints.
    """

    fields: Mapping[str, NDArray[Any]]
    state: Mapping[str, int] = {}
    tables: Mapping[str, Any] = {}


class Dataset(Protocol):
    """A fixed collection of instances. Every worker opens its own handle, so indexing must be cheap and repeatable.

    All instances of one data set have the same field names, dtypes, state names and table names, and the same shapes
    up to the sizes that vary. Implementations keep large arrays memory-mapped or generate them from a seed.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Instance: ...
