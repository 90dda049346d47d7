"""Predictions: a question in a cell, answered before the cell that shows the truth is run.

- `answers`: the kinds of answers: what is typed, what is meant, and what was true.
- `prediction`: `predict(...)` and its `check(...)`.
- `form`: the form in the page.
"""

from .prediction import Prediction, predict

__all__ = ["Prediction", "predict"]
