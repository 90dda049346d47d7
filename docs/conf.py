"""The book: how Sphinx builds the documents, the notebooks and the reference into one site.

`make book` calls Sphinx with the repository as its source folder, so that a link between documents
and notebooks is the same here and on GitHub. Nothing is executed: outputs are the stored ones.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import sphinx.search
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.search.en import SearchEnglish
from sphinx.util.docstrings import prepare_docstring

import astra_nb

project = "astra_nb"
author = "the astra_nb authors"
release = version = astra_nb.__version__
html_title = f"astra_nb {version}"

root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "notebooks/*.ipynb",
    "notebooks/exercises/release/**.ipynb",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
extensions = ["myst_nb", "sphinx.ext.autodoc"]

# ------------------------------------------------------------------- notebooks
nb_execution_mode = "off"
suppress_warnings = ["mystnb.unknown_mime_type"]  # of ours; the text beside it is shown
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # would be loaded from outside
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

# ------------------------------------------------------------------- reference
default_role = "code"  # docstrings have `names` as in Markdown
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}

# ------------------------------------------------------------------------ site
smartquotes = False  # values in docstrings are quoted as Python does

html_theme = "furo"
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_favicon = "images/icon.svg"
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # pages cannot be read from file://


class Words(SearchEnglish):
    """English, with numbers: a close code is searched for as often as a name."""

    def word_filter(self, word: str) -> bool:
        return word not in self.stopwords


def read_docstring(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Turn a docstring in the project's style into reStructuredText."""
    if what == "function" and not inspect.isroutine(obj):  # such as connect
        lines[:] = prepare_docstring(inspect.getdoc(type(obj).__call__) or "")
    lines[:] = mark_listings(lines)
    # Of an attribute's sentence, Google's style would take all before a colon for its type.
    if what not in ("attribute", "data", "property"):
        lines[:] = GoogleDocstring(lines, Config(), app, what, name, obj, options).lines()


def mark_listings(lines: list[str]) -> list[str]:
    """Mark what is indented after an empty line as a listing, as Markdown does."""
    marked: list[str] = []
    margin, listing = 0, False
    for before, line in zip(["", *lines], lines, strict=False):
        indent = len(line) - len(line.lstrip())
        if line.strip() and not (listing and indent > margin):
            listing = not before.strip() and indent >= margin + 4
            if listing and not (marked and "".join(marked[-2:]).endswith("::")):
                marked += [" " * margin + "::", ""]
            margin = margin if listing else indent
        marked.append(line)
    return marked


def write_entrance(app: Sphinx, error: Exception | None) -> None:
    """Write the page that a folder is opened with; it leads to the first one."""
    if error is None:
        page = f'<meta http-equiv="refresh" content="0; url={root_doc}.html">'
        link = f'<a href="{root_doc}.html">{html_title}</a>'
        icon = '<link rel="icon" href="data:,">'  # one that is loaded would be given up at once
        text = f"<!doctype html><meta charset=utf-8><title>{html_title}</title>{icon}{page}{link}"
        Path(app.outdir, "index.html").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", read_docstring)
    sphinx.search.languages["en"] = Words
    app.connect("build-finished", write_entrance)
