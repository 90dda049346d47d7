"""Run the notebooks on fresh kernels and store what they show: `make notebooks`.

Names of notebooks choose some; without names, all of `notebooks/` are run. What would differ at
each run, or tell about the machine, is taken out: times, widget states, versions.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CELL_TIMEOUT = 60  # seconds, as `make test` allows

# What a notebook tells about its kernel: enough to open it anywhere.
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def main(names: list[str]) -> int:
    paths = [Path(name) for name in names] or sorted(NOTEBOOKS.glob("*.ipynb"))
    if not paths:
        print(f"there is no notebook in {NOTEBOOKS}", file=sys.stderr)
        return 1
    return sum([refresh(path) for path in paths])


def refresh(path: Path) -> int:
    """Run one notebook and store it; if a cell fails, leave the file as it is and return 1."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"{path.name}: a cell failed, the file is as it was\n{error}", file=sys.stderr)
        return 1
    tidy(notebook)
    nbformat.validate(notebook)
    before = path.read_text(encoding="utf-8")
    text = nbformat.writes(notebook) + "\n"
    path.write_text(text, encoding="utf-8")
    print(f"{path.name}: {'as it was' if text == before else 'refreshed'}")
    return 0


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Remove what varies between runs, and number the cells from 1."""
    notebook.metadata = nbformat.from_dict(METADATA)
    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.source.strip():
            number += 1
        cell.execution_count = number if cell.source.strip() else None
        cell.outputs = merge_streams(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            # A view without its model shows an error; its text form stays.
            if "data" in output:
                output.data.pop("application/vnd.jupyter.widget-view+json", None)


def merge_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join what was printed in a row, which a kernel may send in any number of parts."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if (
            last is not None
            and output.output_type == last.output_type == "stream"
            and output.name == last.name
        ):
            last.text += output.text
        else:
            merged.append(output)
    return merged


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
