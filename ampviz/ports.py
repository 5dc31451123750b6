"""What the messages of a port carry: state fields, and the shape and dtype of every array of the payload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ampviz.state import Fields

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class ArrayType:
    """One array of a payload: (rows, *shape) of this dtype. A None in `shape` differs between instances."""

    shape: Shape
    dtype: str = "float32"

    def __str__(self) -> str:
        sizes = ", ".join(["rows", *("?" if size is None else str(size) for size in self.shape)])
        return f"({sizes}) {self.dtype}"

    def meets(self, other: ArrayType) -> bool:
        """Whether one array can be of both types."""
        return self.dtype == other.dtype and shapes_meet(self.shape, other.shape)


@dataclass(frozen=True, slots=True)
class PortType:
    """What the messages of a port carry: the fields of their state, and a payload (rows, *shape) of this dtype.

    A None in `shape` is a size that differs between instances. Where the payload is a tuple of arrays of equal rows,
    such as (h, c), `rest` describes the arrays after the first.
    """

    fields: Fields
    shape: Shape
    dtype: str = "float32"
    rest: tuple[ArrayType, ...] = ()

    @classmethod
    def of(cls, fields: Fields, arrays: Sequence[ArrayType]) -> PortType:
        """The type of a payload of these arrays: a tuple, if they are several."""
        return cls(fields, arrays[0].shape, arrays[0].dtype, tuple(arrays[1:]))

    @property
    def arrays(self) -> tuple[ArrayType, ...]:
        """Every array of the payload."""
        return (ArrayType(self.shape, self.dtype), *self.rest)

    @property
    def fixed(self) -> bool:
        """Whether every size but the number of rows is the same for all messages."""
        return all(None not in array.shape for array in self.arrays)

    def __str__(self) -> str:
        return f"{braces(self.fields)} {' + '.join(map(str, self.arrays))}"

    def meets(self, other: PortType) -> bool:
        """Whether messages of both types may travel one edge."""
        return (
            self.fields == other.fields
            and len(self.rest) == len(other.rest)
            and all(mine.meets(theirs) for mine, theirs in zip(self.arrays, other.arrays, strict=True))
        )


def shapes_meet(a: Shape, b: Shape) -> bool:
    """Whether two row shapes can be the same: equal rank, and equal sizes where both are known."""
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def braces(fields: Fields) -> str:
    """The fields as people write them: {key, t}."""
    return "{" + ", ".join(fields) + "}"
