"""Controls of ipywidgets that a click reaches while a cell runs."""

from __future__ import annotations

import ipywidgets

from .bridge import Reachable

__all__ = ["Button", "Dropdown", "IntText", "Text", "ToggleButton", "ToggleButtons"]


class Button(Reachable, ipywidgets.Button):  # type: ignore[misc]  # ipywidgets has no types
    """A button."""


class Dropdown(Reachable, ipywidgets.Dropdown):  # type: ignore[misc]
    """A choice of one from a list."""


class ToggleButtons(Reachable, ipywidgets.ToggleButtons):  # type: ignore[misc]
    """A choice of one, with all of them visible."""


class Text(Reachable, ipywidgets.Text):  # type: ignore[misc]
    """One line of text."""


class ToggleButton(Reachable, ipywidgets.ToggleButton):  # type: ignore[misc]
    """A button that is on or off."""


class IntText(Reachable, ipywidgets.BoundedIntText):  # type: ignore[misc]
    """A whole number within bounds."""
