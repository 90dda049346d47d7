"""The exercise notebooks, worked through as a student does: untouched, wrong, hint, right."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from astra_nb.exercises import NOTEBOOKS
from astra_nb.exercises.progress import FILE_NAME
from tests.browser.lab import FIND_PANEL, Lab, NotebookPage
from tests.helpers import REPOSITORY

RELEASE = REPOSITORY / "notebooks" / "exercises" / "release" / "websockets"
WRONG = """\
def handle_socket(socket):
    while True:
        message = socket.recv()
        print("came:", message.type)
        socket.send_text(str(message.value))
"""


def write_cell(page: NotebookPage, name: str, source: str) -> None:
    """Put text into a cell, as typing would."""
    page.page.evaluate(
        f"([index, source]) => ({FIND_PANEL})().content.model.cells.get(index)"
        ".sharedModel.setSource(source)",
        [page.cell(name).index, source],
    )


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_to_its_end_untouched_and_then_solved(lab: Lab, name: str) -> None:
    page = lab.open(lab.add(RELEASE / f"{name}.ipynb"))
    page.run_all()
    for exercise in NOTEBOOKS[name]:
        cell = page.cell(f"{exercise.name}-check")
        assert f"{exercise.title}: not attempted." in cell.text
    assert page.errors() == []

    for exercise in NOTEBOOKS[name]:
        write_cell(page, f"{exercise.name}-answer", exercise.solution_text)
    page.run_all()
    for exercise in NOTEBOOKS[name]:
        cell = page.cell(f"{exercise.name}-check")
        assert f"{exercise.title}: right." in cell.text
    assert "All done." in page.cell(f"{NOTEBOOKS[name][-1].name}-check").text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_exercise_is_worked_through(lab: Lab, theme: str) -> None:
    (lab.server.root / FILE_NAME).unlink(missing_ok=True)
    lab.set_theme("dark" if theme == "dark" else "light")
    page = lab.open(lab.add(RELEASE / "1-first-steps.ipynb", f"{theme}.ipynb"), height=900)
    answer, check, hint = (page.cell(f"echo-{part}") for part in ("answer", "check", "hint"))
    page.cell("imports").run()

    answer.run()
    check.run()
    region = check.output.get_by_role("region", name="Echo: not attempted")
    expect(region).to_contain_text("A first step: echo.hint()")
    page.screenshot(f"exercise-untouched-{theme}")

    write_cell(page, "echo-answer", WRONG)
    answer.run()
    check.run()
    region = check.output.get_by_role("region", name="Echo: not yet")
    expect(region).to_contain_text("The client got text")
    expect(region).to_contain_text(
        "Send bytes back as bytes and text as text; look at message.type."
    )
    expect(region.get_by_role("heading", name="Echo: not yet.")).to_be_visible()
    calls = region.get_by_text("socket.send_text(str(message.value))").first
    expect(calls).to_be_hidden()  # folded
    for folded in ("What the handler called", "The last frames", "What your code printed"):
        region.get_by_text(folded).click()
    expect(calls).to_be_visible()
    expect(region).to_contain_text("came: bytes")
    page.screenshot(f"exercise-wrong-{theme}", check.locator)

    write_cell(page, "echo-hint", "echo.hint(2)")
    hint.run()
    expect(hint.output.get_by_role("region", name="Echo: hint 2 of 3")).to_be_visible()
    page.screenshot(f"exercise-hint-{theme}", hint.locator)

    page.kernel("restart")
    page.cell("imports").run()
    write_cell(page, "echo-answer", NOTEBOOKS["1-first-steps"][0].solution_text)
    answer.run()
    check.run()
    region = check.output.get_by_role("region", name="Echo: right")
    expect(region).to_contain_text("1 of 4 right")
    page.screenshot(f"exercise-right-{theme}")
