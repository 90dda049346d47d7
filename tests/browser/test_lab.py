"""The harness itself: what the other browser tests rely on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.lab import App, Lab

WIDGET = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
        const button = document.createElement("button");
        const show = () => { button.textContent = `count ${model.get("value")}`; };
        button.addEventListener("click", () => {
            model.set("value", model.get("value") + 1);
            model.save_changes();
        });
        model.on("change:value", show);
        show();
        el.append(button);
    } };
    """
    value = traitlets.Int(41).tag(sync=True)

counter = Counter()
counter
'''

APPS: tuple[App, ...] = ("lab", "notebook")


@pytest.mark.parametrize("app", APPS)
def test_a_widget_is_clicked_and_python_knows(lab: Lab, app: App) -> None:
    lab.write("widget.ipynb", [WIDGET, "print('value', counter.value)"])
    page = lab.open("widget.ipynb", app=app)

    page.cell(0).run()
    button = page.cell(0).output.get_by_role("button", name="count 41")
    button.click()
    expect(page.cell(0).output.get_by_role("button", name="count 42")).to_be_visible()
    page.cell(1).run()

    assert page.cell(1).text == "value 42"


def test_run_all_runs_each_cell_and_the_file_tells(lab: Lab) -> None:
    lab.write("all.ipynb", ["# Title", "x = 20", "x + 1", "print(x + 2)"], markdown=[0])
    page = lab.open("all.ipynb")

    page.run_all()

    assert page.cell(2).text == "21"
    assert page.cell(-1).text == "22"
    assert page.cell("cell-3").execution_count == 3
    assert page.errors() == []
    assert page.save().cells[3].outputs[0].text == "22\n"


def test_a_far_cell_is_found_on_the_page(lab: Lab) -> None:
    lab.write("long.ipynb", [f"print('line of cell {n}\\n' * 10)" for n in range(30)])
    page = lab.open("long.ipynb")

    page.run_all()

    expect(page.cell(29).output).to_contain_text("line of cell 29")
    expect(page.cell(0).output).to_contain_text("line of cell 0")


def test_an_error_in_a_cell_is_told(lab: Lab) -> None:
    lab.write("error.ipynb", ["1 / 0"])
    page = lab.open("error.ipynb")

    page.run_all()

    assert page.errors() == ["cell 0: ZeroDivisionError: division by zero"]


def test_a_running_cell_is_interrupted(lab: Lab) -> None:
    lab.write(
        "wait.ipynb", ["import threading\nprint('waiting', flush=True)\nthreading.Event().wait()"]
    )
    page = lab.open("wait.ipynb")

    page.cell(0).run(wait=False)
    page.cell(0).wait_for_text("waiting")
    page.kernel("interrupt")
    page.cell(0).wait_for_text("KeyboardInterrupt")


def test_a_restarted_kernel_knows_nothing(lab: Lab) -> None:
    lab.write("restart.ipynb", ["x = 1", "print('x' in globals())"])
    page = lab.open("restart.ipynb")
    page.cell(0).run()

    page.kernel("restart")
    page.cell(1).run()

    assert page.cell(1).text == "False"


def test_the_kernel_finds_the_package(lab: Lab) -> None:
    lab.write("package.ipynb", ["import astra_nb; print(astra_nb.__name__)"])
    page = lab.open("package.ipynb")

    page.run_all()

    assert page.cell(0).text == "astra_nb"


@pytest.mark.parametrize("app", APPS)
def test_both_themes_and_a_picture_of_each(lab: Lab, app: App) -> None:
    lab.write("theme.ipynb", ["1 + 1"])
    page = lab.open("theme.ipynb", app=app)
    assert page.shows_theme("light")

    page.set_theme("dark")
    assert page.shows_theme("dark")
    page.load()
    assert page.shows_theme("dark")
    assert page.screenshot(f"harness-{app}-dark").stat().st_size > 1000


def test_an_error_in_the_console_fails_the_test(lab: Lab) -> None:
    lab.write("console.ipynb", ["1"])
    page = lab.open("console.ipynb")

    page.page.evaluate("() => { console.error('the roof is on fire'); }")

    with pytest.raises(AssertionError, match="the roof is on fire"):
        lab.close()
    page.console_errors.clear()
