"""Actions on the lints: switch one."""

from __future__ import annotations

from ampviz.telemetry.link import SwitchLint
from ampviz.tui.actions.base import SessionApp
from ampviz.tui.panes.lints import LintPane


class LintActions(SessionApp):
    def on_lint_pane_switched(self, event: LintPane.Switched) -> None:
        lint = event.lint
        self.send(lambda number: SwitchLint(number, lint.number, not lint.on))
