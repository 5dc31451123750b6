"""Every exception of ampviz: one tree, each says what happened, where, and one hint."""

from __future__ import annotations


class AmpvizError(Exception):
    """Base of all errors that ampviz raises on purpose.

    The text is one line: `where: what (expected ..., got ...). Hint: ...`, with the parts that are known.
    `exit_code` is what the command line returns for it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", expected: object = None, got: object = None, hint: str = ""):
        self.what, self.where, self.expected, self.got, self.hint = what, where, expected, got, hint
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        facts = [
            f"{name} {value}" for name, value in (("expected", self.expected), ("got", self.got)) if value is not None
        ]
        if facts:
            text += f" ({', '.join(facts)})"
        if self.hint:
            text += f". Hint: {self.hint}"
        return " ".join(filter(None, map(str.strip, text.splitlines())))  # foreign texts may have several lines


class UsageError(AmpvizError):
    """The request itself is wrong (target, knob, option, file): nothing was started."""

    exit_code = 2


class GraphError(UsageError):
    """The model does not make a sound graph; `where` names the node and the line of the model."""


class DataError(UsageError):
    """A data file is missing, corrupt or of another format; `where` names the file and, where known, the record."""


class KnobError(UsageError):
    """A knob that does not exist, or a value outside its type or range."""


class NodeError(AmpvizError):
    """A node could not process a message; `where` names node, worker, key and model line."""


class WorkerError(AmpvizError):
    """A worker process died or broke the protocol."""


class LinkError(AmpvizError):
    """A peer on the viewer link sent something that is not a frame of this protocol version."""
