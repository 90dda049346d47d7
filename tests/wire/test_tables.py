from __future__ import annotations

from astra_nb.wire.tables import html_table, text_table

TITLES = ("name", "")


def test_text() -> None:
    assert text_table(TITLES, [("a", "b <i>"), ("longer", "")]) == (
        "name\n------  -----\na       b <i>\nlonger"
    )
    assert text_table(TITLES, []) == "name\n----"


def test_html_has_no_markup_of_its_cells() -> None:
    assert html_table("1 < 2", TITLES, [("a", "b <i>")]) == (
        '<table class="tex2jax_ignore mathjax_ignore"><caption>1 &lt; 2</caption>'
        '<thead><tr><th scope="col">name</th><th scope="col"></th></tr></thead>'
        "<tbody><tr><td>a</td><td>b &lt;i&gt;</td></tr></tbody></table>"
    )
