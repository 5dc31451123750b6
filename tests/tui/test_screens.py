"""The pictures of the documentation are what the code draws."""

from __future__ import annotations

import pytest

from tests.tui.screens import FOLDER, NAMES, drawn


@pytest.mark.parametrize("name", NAMES)
async def test_the_picture_is_what_is_drawn(name):
    kept = (FOLDER / f"{name}.svg").read_text()
    assert await drawn(name) == kept, "look at the change, then run python -m tests.tui.screens"


def test_there_is_no_picture_that_nobody_draws():
    assert {path.stem for path in FOLDER.glob("*")} == set(NAMES)
