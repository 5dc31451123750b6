"""Message states and the expressions over them.

A state is a plain tuple of ints, one per field. Which fields an edge carries is known when the graph is built, so
states need no names at run time: `key` comes first, the other fields follow in alphabetical order (`field_order`).

`S.t + 1`, `S.t < S.n` and `T.parent[S.node]` are expressions: data that prints, pickles, inverts (`inverted`) and
compiles to a fast function of (state, tables) (`compiling`). `S` names state fields, `T` the structure tables of the
instance. Only integers and booleans occur; control flow never looks at payloads (paper, section 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ampviz.errors import GraphError

State = tuple[int, ...]
Fields = tuple[str, ...]
Tables = Mapping[str, Any]
Tabled = tuple[State, Tables | None]
"""A state and the tables of its instance, or None where they are not read"""

_BINDING = {"*": 5, "//": 5, "%": 5, "+": 4, "-": 4, "&": 3, "|": 2}
_COMPARISONS = 1


def field_order(names: Iterable[str]) -> Fields:
    """The one order in which these fields stand in a state tuple: `key` first, the others alphabetically."""
    return tuple(sorted(set(names), key=lambda name: (name != "key", name)))


class Expression:
    """An integer or boolean computed from a state and the tables of its instance."""

    __slots__ = ()

    def __add__(self, other: Operand) -> Binary: return Binary("+", self, lift(other))  # fmt: skip

    def __radd__(self, other: Operand) -> Binary: return Binary("+", lift(other), self)  # fmt: skip

    def __sub__(self, other: Operand) -> Binary: return Binary("-", self, lift(other))  # fmt: skip

    def __rsub__(self, other: Operand) -> Binary: return Binary("-", lift(other), self)  # fmt: skip

    def __mul__(self, other: Operand) -> Binary: return Binary("*", self, lift(other))  # fmt: skip

    def __rmul__(self, other: Operand) -> Binary: return Binary("*", lift(other), self)  # fmt: skip

    def __floordiv__(self, other: Operand) -> Binary: return Binary("//", self, lift(other))  # fmt: skip

    def __mod__(self, other: Operand) -> Binary: return Binary("%", self, lift(other))  # fmt: skip

    def __and__(self, other: Operand) -> Binary: return Binary("&", self, lift(other))  # fmt: skip

    def __or__(self, other: Operand) -> Binary: return Binary("|", self, lift(other))  # fmt: skip

    def __lt__(self, other: Operand) -> Binary: return Binary("<", self, lift(other))  # fmt: skip

    def __le__(self, other: Operand) -> Binary: return Binary("<=", self, lift(other))  # fmt: skip

    def __gt__(self, other: Operand) -> Binary: return Binary(">", self, lift(other))  # fmt: skip

    def __ge__(self, other: Operand) -> Binary: return Binary(">=", self, lift(other))  # fmt: skip

    def __eq__(self, other: Operand) -> Binary: return Binary("==", self, lift(other))  # type: ignore[override]  # fmt: skip # builds an expression, like the other comparisons

    def __ne__(self, other: Operand) -> Binary: return Binary("!=", self, lift(other))  # type: ignore[override]  # fmt: skip # as above

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise GraphError(
            f"{self} has no truth value while the model is traced",
            hint="control flow is decided per message: use Cond or amp.loop, and & | instead of and, or",
        )

    def children(self) -> tuple[Expression, ...]:
        return ()

    def fields(self) -> set[str]:
        """The state fields this expression reads."""
        return {name for child in self.children() for name in child.fields()}

    def tables(self) -> set[str]:
        """The instance tables this expression reads."""
        return {name for child in self.children() for name in child.tables()}

    def same(self, other: Expression) -> bool:
        """Structural equality (`==` builds an expression instead)."""
        return repr(self) == repr(other)


Operand = Expression | int


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Const(Expression):
    """A literal integer."""

    value: int

    def __repr__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Field(Expression):
    """A field of the state, written `S.name`."""

    name: str

    def __repr__(self) -> str:
        return f"S.{self.name}"

    def fields(self) -> set[str]:
        return {self.name}

    def to(self, value: Operand) -> Assign:
        """The change of state `name := value`, for Isu, Group and `amp.loop`."""
        return Assign(self.name, lift(value))


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Table(Expression):
    """A table of the instance, written `T.name`: a number, or a sequence indexed by `T.name[expression]`."""

    name: str

    def __repr__(self) -> str:
        return f"T.{self.name}"

    def __getitem__(self, index: Operand) -> Entry:
        return Entry(self, lift(index))

    def tables(self) -> set[str]:
        return {self.name}


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Entry(Expression):
    """One entry of a table: `T.parent[S.node]`."""

    table: Expression
    index: Expression

    def __repr__(self) -> str:
        return f"{self.table}[{self.index}]"

    def __getitem__(self, index: Operand) -> Entry:
        return Entry(self, lift(index))

    def children(self) -> tuple[Expression, ...]:
        return (self.table, self.index)


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Binary(Expression):
    """`left operator right`; comparisons give booleans."""

    operator: str
    left: Expression
    right: Expression

    def __repr__(self) -> str:
        chains = self.operator not in _BINDING  # Python reads a < b < c as a < b and b < c
        return f"{self._inner(self.left, chains)} {self.operator} {self._inner(self.right, True)}"

    def _inner(self, child: Expression, looser: bool) -> str:
        mine = _BINDING.get(self.operator, _COMPARISONS)
        if isinstance(child, Binary) and _BINDING.get(child.operator, _COMPARISONS) < mine + looser:
            return f"({child})"
        return str(child)

    def children(self) -> tuple[Expression, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, eq=False, slots=True)
class Assign:
    """`field := value`, a change of the state."""

    field: str
    value: Expression

    def __repr__(self) -> str:
        return f"{self.field} := {self.value}"

    def inverted(self, fields: Fields, where: str = "") -> Assign | None:
        """The assignment that undoes this one on a state that had `fields`; None if the field was new (drop it).

        Undone are `f + e`, `f - e` and `e + f` where `e` does not read `f`. Raises GraphError for anything else.
        """
        if self.field not in fields:
            return None
        match self.value:
            case Binary("+", Field(name), step) if name == self.field and name not in step.fields():
                return Assign(name, Field(name) - step)
            case Binary("-", Field(name), step) if name == self.field and name not in step.fields():
                return Assign(name, Field(name) + step)
            case Binary("+", step, Field(name)) if name == self.field and name not in step.fields():
                return Assign(name, Field(name) - step)
        raise GraphError(
            f"cannot invert {self}",
            where=where,
            hint=f"backward messages must find their way back: use S.{self.field} + step or - step",
        )


def lift(value: Operand) -> Expression:
    """An int as a constant expression; expressions pass through."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, int):
        return Const(int(value))
    raise GraphError("state expressions hold integers only", got=f"{value!r} of type {type(value).__name__}")


class _Names:
    """`S.t`, `T.parent`: attribute access makes the expression."""

    def __init__(self, kind: type[Field] | type[Table]):
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy, pickle and inspect probe for dunder names
            raise AttributeError(name)
        return self._kind(name)


S = _Names(Field)
T = _Names(Table)
