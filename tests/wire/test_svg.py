from __future__ import annotations

from xml.etree import ElementTree

from astra_nb.wire.svg import Drawing, Picture

SVG = "{http://www.w3.org/2000/svg}"
EVIL = '</text></desc><script>alert(1)</script>"&'


def drawn() -> tuple[Picture, ElementTree.Element]:
    drawing = Drawing(100)
    drawing.words(1, 10, EVIL, anchor="end", bold=True)
    drawing.line((0, 0), (10, 0), (10, 30), arrow=True)
    drawing.line((0, 0), (0, 0), arrow=True, dashed=True)
    drawing.box(0, 40, 20, 10, tinted=True)
    picture = drawing.picture(EVIL, EVIL, EVIL)
    return picture, ElementTree.fromstring(picture.svg)


def test_it_has_a_role_a_name_and_a_description_for_those_who_do_not_see_it() -> None:
    _, root = drawn()

    assert root.get("role") == "img"
    assert root.get("aria-label") == EVIL
    assert [root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")] == [EVIL, EVIL]


def test_nothing_that_is_written_is_markup() -> None:
    picture, root = drawn()

    assert root.findtext(f"{SVG}text") == EVIL
    assert {each.tag.removeprefix(SVG) for each in root.iter()} == {
        "svg", "title", "desc", "text", "polyline", "polygon", "rect"
    }  # fmt: skip
    assert "<script" not in picture._repr_html_()


def test_it_is_as_high_as_what_is_in_it_and_has_the_colours_of_the_page() -> None:
    picture, root = drawn()

    assert root.get("viewBox") == "0 0 100 56"
    for each in root:
        colours = {each.get("fill"), each.get("stroke")} - {None, "none"}
        assert colours in (set(), {"currentColor"})
    assert "background" not in picture.svg
    assert "url(" not in picture.svg


def test_an_arrow_ends_where_its_line_ends() -> None:
    _, root = drawn()
    points = root.findall(f"{SVG}polygon")

    assert points[0].get("points") == "10.0 30.0 6.5 23.0 13.5 23.0"
    assert len(points) == 2


class Printer:
    def __init__(self) -> None:
        self.printed = ""

    def text(self, text: str) -> None:
        self.printed += text


def test_a_terminal_gets_the_text_and_a_page_both() -> None:
    picture, printer = Picture("<svg/>", "a < b\nc"), Printer()

    picture._repr_pretty_(printer, cycle=False)

    assert printer.printed == str(picture) == "a < b\nc"
    assert picture._repr_html_() == (
        '<div class="astra-nb-picture tex2jax_ignore mathjax_ignore"><svg/><details><summary>'
        'as text</summary><pre style="overflow-x:auto">a &lt; b\nc</pre></details></div>'
    )
