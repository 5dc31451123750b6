"""Conditions of breakpoints and watches: `staleness > 8 and norm is not nan`. Parsed here, never given to Python.

    condition  = and-part { "or" and-part }
    and-part   = not-part { "and" not-part }
    not-part   = "not" not-part | comparison
    comparison = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum | "is" ["not"] ("nan" | "inf") ]
    sum        = product { ("+" | "-") product }
    product    = value { ("*" | "/") value }
    value      = number | name | "-" value | "(" condition ")"

A name may have dots and dashes inside: `embed.staleness`, `fc1-2.queue`. A minus between names needs a space.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ampviz.errors import UsageError

Figures = Callable[[str], float]
"""Gives the value of a name."""
_Part = Callable[[Figures], float]

_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|([A-Za-z_][\w.]*(?:-\w[\w.]*)*)|(<=|>=|==|!=|[<>()+\-*/]))"
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_KINDS: dict[str, Callable[[float], bool]] = {"nan": math.isnan, "inf": math.isinf}
_WORDS = {"and", "or", "not", "is"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition; `names` are those it reads."""

    text: str
    names: frozenset[str]
    _root: _Part

    @classmethod
    def parse(cls, text: str, known: Collection[str]) -> Condition:
        """The condition that `text` says. Raises UsageError naming the column, for an unknown name with the nearest."""
        parser = _Parser(text, known)
        root = parser.condition()
        if parser.kind:
            raise parser.error("nothing more was expected here", at=parser.start)
        return cls(text.strip(), frozenset(parser.names), root)

    def holds(self, figures: Figures) -> bool:
        """Whether it is met. A division by zero is nan, which meets no comparison but `!=`."""
        return bool(self._root(figures))


class _Parser:
    """Recursive descent over the tokens of one text; `kind`, `token`, `start` are of the token that comes next."""

    def __init__(self, text: str, known: Collection[str]):
        self.text, self.known = text, known
        self.names: set[str] = set()
        self.kind, self.token, self.start, self._at = "", "", 0, 0
        self.advance()

    def advance(self) -> str:
        """Take the next token, and look at the one after it."""
        taken = self.token
        rest = self.text[self._at :]
        if not rest.strip():
            self.kind, self.token, self.start = "", "", len(self.text)
            return taken
        match = _TOKEN.match(self.text, self._at)
        if match is None:
            raise self.error("not a number, name or sign", at=self._at + len(rest) - len(rest.lstrip()))
        self.kind = ("number", "name", "sign")[(match.lastindex or 1) - 1]
        self.token, self.start, self._at = match[match.lastindex or 1], match.start(match.lastindex or 1), match.end()
        return taken

    def error(self, what: str, *, at: int, expected: str = "", hint: str = "") -> UsageError:
        where = f"column {at + 1} of {self.text!r}"
        return UsageError(what, where=where, expected=expected or None, got=self.text[at:] or "the end", hint=hint)

    def condition(self) -> _Part:
        parts = [self._and_part()]
        while self.token == "or":
            self.advance()
            parts.append(self._and_part())
        return parts[0] if len(parts) == 1 else lambda figures: any(part(figures) for part in parts)

    def _and_part(self) -> _Part:
        parts = [self._not_part()]
        while self.token == "and":
            self.advance()
            parts.append(self._not_part())
        return parts[0] if len(parts) == 1 else lambda figures: all(part(figures) for part in parts)

    def _not_part(self) -> _Part:
        if self.token != "not":
            return self._comparison()
        self.advance()
        part = self._not_part()
        return lambda figures: not part(figures)

    def _comparison(self) -> _Part:
        left = self._sum()
        if self.token == "is":
            return self._is(left)
        if self.token not in _COMPARE:
            return left
        compare = _COMPARE[self.advance()]
        right = self._sum()
        return lambda figures: compare(left(figures), right(figures))

    def _is(self, left: _Part) -> _Part:
        self.advance()
        wanted = True
        if self.token == "not":
            self.advance()
            wanted = False
        if self.token not in _KINDS:
            raise self.error("not a kind of number", at=self.start, expected="nan or inf")
        kind = _KINDS[self.advance()]
        return lambda figures: kind(left(figures)) is wanted

    def _sum(self) -> _Part:
        left = self._product()
        while self.token in ("+", "-"):
            left = _combined(operator.add if self.advance() == "+" else operator.sub, left, self._product())
        return left

    def _product(self) -> _Part:
        left = self._value()
        while self.token in ("*", "/"):
            left = _combined(operator.mul if self.advance() == "*" else _quotient, left, self._value())
        return left

    def _value(self) -> _Part:
        start = self.start
        if self.kind == "number":
            number = float(self.advance())
            return lambda figures: number
        if self.token == "-":
            self.advance()
            part = self._value()
            return lambda figures: -part(figures)
        if self.token == "(":
            self.advance()
            inside = self.condition()
            if self.token != ")":
                raise self.error("a parenthesis is not closed", at=self.start, expected=")")
            self.advance()
            return inside
        if self.kind != "name" or self.token in _WORDS:
            raise self.error("a value is missing", at=start, expected="a number, a name or (")
        return self._name()

    def _name(self) -> _Part:
        if self.token not in self.known:
            near = difflib.get_close_matches(self.token, self.known, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "known: " + ", ".join(sorted(self.known)[:12])
            raise self.error(f"no figure is called {self.token!r}", at=self.start, hint=hint)
        name = self.advance()
        self.names.add(name)
        return lambda figures: figures(name)


def _combined(operation: Callable[[float, float], float], left: _Part, right: _Part) -> _Part:
    return lambda figures: operation(left(figures), right(figures))


def _quotient(left: float, right: float) -> float:
    return left / right if right else math.nan
