"""The page for browsers: what it holds, and that its policy allows just that."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from websockets.datastructures import Headers

from astra_nb.net.http_pages import (
    CONTENT_SECURITY_POLICY,
    SECURITY_HEADERS,
    UPGRADE_PAGE,
    add_security_headers,
)


class Elements(HTMLParser):
    """Collects the start tags, the end tags that match none, and the visible text."""

    VOID = frozenset({"meta", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.started: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.stray: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.started.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1:] == [tag]:
            self.open.pop()
        else:
            self.stray.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.text += data


def script() -> str:
    (found,) = re.findall(r"<script>\n(.*)</script>", UPGRADE_PAGE, re.DOTALL)
    assert isinstance(found, str)
    return found


def test_the_page_is_well_formed_and_names_its_language_and_encoding() -> None:
    page = Elements(UPGRADE_PAGE)
    assert UPGRADE_PAGE.startswith("<!doctype html>\n")
    assert (page.open, page.stray) == ([], [])
    assert ("html", {"lang": "en"}) in page.started
    assert ("meta", {"charset": "utf-8"}) in page.started


def test_the_page_says_what_the_browser_got_and_what_to_do() -> None:
    text = " ".join(Elements(UPGRADE_PAGE).text.split())
    assert "the answer is 426 Upgrade Required: the request must ask for the upgrade" in text
    assert "(RFC 6455, section 4.1)" in text
    assert "A WebSocket lives here" in text


def test_the_page_puts_text_and_never_markup_into_itself() -> None:
    assert "innerHTML" not in UPGRADE_PAGE
    assert "document.write" not in UPGRADE_PAGE
    assert 'byId("code").textContent =' in script()
    # A line break in the shown code, not one in the page's own script.
    assert script().count(r");\n`") == 2


def test_each_element_that_the_script_uses_is_there() -> None:
    ids = {attributes.get("id") for _, attributes in Elements(UPGRADE_PAGE).started}
    wanted = set(re.findall(r'byId\("(\w+)"\)', script()))
    assert wanted == {"code", "log", "form", "text", "close", "connect", "send"}
    assert wanted <= ids


def test_a_reader_of_the_page_can_use_it_without_seeing_it() -> None:
    elements = dict(Elements(UPGRADE_PAGE).started)
    assert elements["input"]["aria-label"] == "Text to send"
    assert (elements["div"]["role"], elements["div"]["aria-live"]) == ("log", "polite")


def test_the_policy_lets_the_page_connect_and_load_nothing() -> None:
    assert CONTENT_SECURITY_POLICY == (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    for _, attributes in Elements(UPGRADE_PAGE).started:
        assert not {"src", "href", "action"} & set(attributes)


def test_no_site_can_show_an_answer_in_a_frame_or_read_it_as_something_else() -> None:
    assert SECURITY_HEADERS == {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def test_the_page_connects_only_in_the_answer_to_a_button() -> None:
    before, after = script().split('byId("connect").addEventListener("click", () => {\n')
    assert after.startswith("  socket = new WebSocket(address);\n")
    # The other one is in the code that the page shows.
    assert (before.count("new WebSocket("), after.count("new WebSocket(")) == (1, 1)
    buttons = [attributes for tag, attributes in Elements(UPGRADE_PAGE).started if tag == "button"]
    assert [button.get("type") for button in buttons] == ["button", None, "button"]
    assert not any("autofocus" in attributes for _, attributes in Elements(UPGRADE_PAGE).started)


def test_a_line_that_was_sent_leaves_the_input() -> None:
    [submit] = re.findall(r'"submit", \(event\) => \{(.+?)\n\}\);', script(), re.DOTALL)
    sent, emptied = submit.index("socket.send("), submit.index('byId("text").value = "";')
    assert sent < emptied


def test_a_header_that_is_there_stays() -> None:
    headers = Headers({"content-security-policy": CONTENT_SECURITY_POLICY})
    add_security_headers(headers)
    assert dict(headers.raw_items()) == {
        **{name: value for name, value in SECURITY_HEADERS.items() if not name.endswith("Policy")},
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
