"""What a page reports about itself is checked before it is believed."""

from __future__ import annotations

import pytest

from astra_nb import errors
from astra_nb.jupyter.page import MAX_LENGTH, Page, base_path, parse_url

HUB_PAGE = Page("https://hub.example.org", "hub.example.org", "/user/jane/")


@pytest.mark.parametrize(
    ("told", "page"),
    [
        (
            ("http://localhost:8888", "localhost:8888", "/"),
            Page("http://localhost:8888", "localhost:8888", "/"),
        ),
        (("https://hub.example.org", "hub.example.org", "/user/jane"), HUB_PAGE),
        (("vscode-webview://0a1b", "0a1b", None), Page("vscode-webview://0a1b")),
        (
            ("https://hub.example.org", "hub.example.org", "/\u202e/"),
            Page("https://hub.example.org", "hub.example.org", None),
        ),
        (
            ("https://hub.example.org", "hub.example.org", 7),
            Page("https://hub.example.org", "hub.example.org", None),
        ),
    ],
)
def test_a_page_tells_where_it_is(told: tuple[object, ...], page: Page) -> None:
    assert Page.told(*told) == page


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "*", "", "https://", "https://a.example/path", "a.example", "http://["),
        *(None, 7, "https://" + "a" * 600, "https://a.example "),
    ],
)
def test_an_origin_that_names_no_site_lets_nobody_in(origin: object) -> None:
    with pytest.raises(errors.LocalError, match="origin"):
        Page.told(origin, "a.example")


def test_a_host_that_is_not_the_origins_is_refused() -> None:
    with pytest.raises(errors.LocalError, match="not the host of the origin"):
        Page.told("https://hub.example.org", "evil.example")


@pytest.mark.parametrize(
    ("page", "local", "name"),
    [
        (Page("http://localhost:8888", "localhost:8888"), True, "localhost"),
        (Page("http://[::1]:8888", "[::1]:8888"), True, "::1"),
        (HUB_PAGE, False, "hub.example.org"),
        (Page("vscode-webview://localhost"), False, ""),
    ],
)
def test_a_page_is_local_only_over_http_from_loopback(page: Page, local: bool, name: str) -> None:
    assert (page.is_local, page.name) == (local, name)


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("user/jane", "/user/jane/"),
        ("https://hub.example.org/user/jane?x=1", "/user/jane/"),
        ("/a b/", None),
        ("http://[", None),
        ("/" + "a" * MAX_LENGTH, None),
        (None, None),
    ],
)
def test_a_base_path_has_a_slash_at_both_ends(base: object, path: str | None) -> None:
    assert base_path(base) == path


@pytest.mark.parametrize("url", ["http://[", "http://a.example:port/", "http://a.example:99999/"])
def test_what_is_not_an_address_has_no_parts(url: str) -> None:
    assert parse_url(url) is None
