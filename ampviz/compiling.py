"""State expressions as Python functions: code objects through `ast`, never through text."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ampviz.errors import GraphError
from ampviz.state import Assign, Binary, Const, Entry, Expression, Field, Fields, State, Table, Tabled, Tables

Compiled = Callable[[State, Tables | None], Any]

_OPERATORS: dict[str, type[ast.operator] | type[ast.cmpop]] = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "//": ast.FloorDiv, "%": ast.Mod, "&": ast.BitAnd, "|": ast.BitOr,
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
}  # fmt: skip


def compile_expression(expression: Expression, fields: Fields) -> Compiled:
    """A function (state, tables) -> value, for states with these fields. Raises GraphError for an unknown field."""
    return _function(_to_ast(expression, fields))


def compile_each(expression: Expression, fields: Fields) -> Callable[[Iterable[Tabled]], list[Any]]:
    """A function of pairs (state, tables) -> a value for each, as `compile_expression` gives them one by one."""
    return _for_each(_to_ast(expression, fields))


def compile_assignments(
    assigns: Sequence[Assign], fields: Fields, result: Fields
) -> Callable[[Iterable[Tabled]], list[State]]:
    """A function of pairs (state, tables) -> each state with the assigned fields changed, and only `result` kept."""
    return _for_each(_changed(assigns, fields, result))


def compile_assignments_and(
    values: Sequence[Expression], assigns: Sequence[Assign], fields: Fields, result: Fields
) -> Callable[[Iterable[Tabled]], list[tuple[Any, ...]]]:
    """A function of pairs (state, tables) -> what `compile_assignments` gives for each, and the values behind it."""
    given = [_to_ast(value, fields) for value in values]
    return _for_each(ast.Tuple([_changed(assigns, fields, result), *given], ast.Load()))


def compile_projection(names: Sequence[str], fields: Fields) -> Callable[[Iterable[State]], list[Any]]:
    """A function of states -> some fields of each: a bare int for one field, else a tuple in the given order."""
    picks = [_to_ast(Field(name), fields) for name in names]
    body = picks[0] if len(picks) == 1 else ast.Tuple(picks, ast.Load())
    return _for_each(body, ast.Name("s", ast.Store()))


def _changed(assigns: Sequence[Assign], fields: Fields, result: Fields) -> ast.expr:
    changed = {assign.field: assign.value for assign in assigns}
    return ast.Tuple([_to_ast(changed.get(name, Field(name)), fields) for name in result], ast.Load())


def _to_ast(expression: Expression, fields: Fields) -> ast.expr:
    match expression:
        case Const(value):
            return ast.Constant(value)
        case Field(name):
            if name not in fields:
                raise GraphError(f"the state has no field {name}", expected=f"one of {', '.join(fields)}")
            return ast.Subscript(ast.Name("s", ast.Load()), ast.Constant(fields.index(name)), ast.Load())
        case Table(name):
            return ast.Subscript(ast.Name("t", ast.Load()), ast.Constant(name), ast.Load())
        case Entry(table, index):
            return ast.Subscript(_to_ast(table, fields), _to_ast(index, fields), ast.Load())
        case Binary(symbol, left, right):
            kind, a, b = _OPERATORS[symbol], _to_ast(left, fields), _to_ast(right, fields)
            if issubclass(kind, ast.cmpop):
                return ast.Compare(a, [kind()], [b])
            return ast.BinOp(a, kind(), b)
    raise TypeError(f"not an expression: {expression!r}")


def _for_each(body: ast.expr, item: ast.expr | None = None) -> Callable[[Iterable[Any]], list[Any]]:
    """The function `lambda items: [body for item in items]`, where an item is (s, t) unless it is given."""
    pair = ast.Tuple([ast.Name("s", ast.Store()), ast.Name("t", ast.Store())], ast.Store())
    turn = ast.comprehension(item or pair, ast.Name("items", ast.Load()), [], 0)
    return _function(ast.ListComp(body, [turn]), ("items",))


def _function(body: ast.expr, arguments: tuple[str, ...] = ("s", "t")) -> Callable[..., Any]:
    """The function `lambda arguments: body`. Only trees built by `_to_ast` come here, never text."""
    signature = ast.arguments([], [ast.arg(name) for name in arguments], None, [], [], None, [])
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(signature, body)))
    module = compile(tree, "<state expression>", "eval")
    code = next(const for const in module.co_consts if isinstance(const, types.CodeType))
    return types.FunctionType(code, {"__builtins__": {}})
