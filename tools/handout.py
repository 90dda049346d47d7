"""Make handouts for printing, and slides, of the notebooks with their stored outputs.

Run by `make handout`. Nothing is executed, and a page requests nothing from elsewhere: reveal.js
is copied beside the slides.

Usage: python tools/handout.py [NOTEBOOK ...]
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from nbconvert import HTMLExporter, SlidesExporter
from nbformat.v4 import new_markdown_cell

REPOSITORY = Path(__file__).resolve().parent.parent
REVEAL = REPOSITORY / "node_modules" / "reveal.js"
WIDGET = "application/vnd.jupyter.widget-view+json"

# What nbconvert's own templates load from elsewhere is left out: no notebook has formulas.
LOCAL = """
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
"""
TEMPLATES = DictLoader(
    {
        "handout.html.j2": "{% extends 'lab/index.html.j2' %}" + LOCAL,
        "slides.html.j2": "{% extends 'reveal/index.html.j2' %}"
        + LOCAL
        + """
{%- block html_head_css -%}<style>.reveal h1, .reveal h2 { text-transform: none !important }</style>
{%- endblock -%}
{%- block footer_js -%}
<script src="reveal.js/dist/reveal.js"></script>
<script>Reveal.initialize({hash: true, slideNumber: true, width: 1100, height: 760});</script>
{%- endblock -%}
""",
    }
)


def read(path: Path) -> nbformat.NotebookNode:
    """Return a notebook whose widgets are the text or the table that is stored beside them."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":  # nobody can unfold what is printed
            cell.source = cell.source.replace("<details>", "<details open>")
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
    return notebook


def handout(path: Path) -> str:
    """Return a notebook as one page."""
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        extra_loaders=[TEMPLATES], template_file="handout.html.j2"
    )
    page, _ = exporter.from_notebook_node(read(path), {"metadata": {"name": path.stem}})
    return str(page)


def slides(path: Path) -> str:
    """Return a notebook as slides: a heading begins one, and what follows is below it.

    A text and the cell after it are on one slide.
    """
    notebook = read(path)
    cells: list[nbformat.NotebookNode] = []
    for cell in notebook.cells:
        after_text = bool(cells) and cells[-1].cell_type == "markdown"
        if cell.cell_type == "markdown":
            parts = re.split(r"^(?=##? )", cell.source, flags=re.MULTILINE)
            cells += [new_markdown_cell(part) for part in parts if part.strip()]
            continue
        cells.append(cell)
        cell.metadata["slideshow"] = {"slide_type": "-" if after_text else "subslide"}
    for cell in cells:
        if cell.cell_type == "markdown":
            begins = cell.source.startswith(("# ", "## "))
            cell.metadata["slideshow"] = {"slide_type": "slide" if begins else "subslide"}
    notebook.cells = cells
    exporter = SlidesExporter(  # type: ignore[no-untyped-call]
        extra_loaders=[TEMPLATES], template_file="slides.html.j2",
        reveal_url_prefix="reveal.js", reveal_theme="white", reveal_scroll=True,
    )  # fmt: skip
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    return str(page)


def main() -> None:
    paths = [Path(name) for name in sys.argv[1:]]
    paths = paths or sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
    build = REPOSITORY / "build"
    for kind in (handout, slides):
        folder = build / kind.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            (folder / f"{path.stem}.html").write_text(kind(path), encoding="utf-8")
        print(f"handout: {len(paths)} pages in {folder.relative_to(REPOSITORY)}/")
    shutil.copytree(REVEAL / "dist", build / "slides" / "reveal.js" / "dist", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
