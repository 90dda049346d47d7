"""Which address the browser uses, one row for each place where a kernel can run."""

from __future__ import annotations

import pytest

from astra_nb import Server, errors
from astra_nb.jupyter.browser_address import (
    SETTING,
    Environment,
    Page,
    browser_addresses,
    check_template,
    no_listening,
    unreachable,
)

HUB = {"JUPYTERHUB_SERVICE_PREFIX": "/user/jane/"}
BINDER = {**HUB, "BINDER_LAUNCH_HOST": "https://mybinder.example/"}
CODESPACE = {
    "CODESPACE_NAME": "fuzzy-train",
    "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "app.forwarded.example",
}
LAPTOP_PAGE = Page("http://localhost:8888", "localhost:8888", "/")
HUB_PAGE = Page("https://hub.example.org", "hub.example.org", "/user/jane/")
WEBVIEW = Page("vscode-webview://0a1b")

DIRECT = "ws://127.0.0.1:8080/"
PROXIED = "wss://hub.example.org/user/jane/proxy/8080/"


@pytest.mark.parametrize(
    ("environment", "page", "expected"),
    [
        pytest.param({}, None, [DIRECT], id="a plain kernel"),
        pytest.param(
            {},
            LAPTOP_PAGE,
            [DIRECT, "ws://localhost:8888/proxy/8080/"],
            id="a laptop, or a tunnel that looks like one",
        ),
        pytest.param(
            {},
            Page("http://127.0.0.1:8888", "127.0.0.1:8888", "/lab/x/"),
            ["ws://127.0.0.1:8888/lab/x/proxy/8080/", DIRECT],
            id="a base_url on a laptop",
        ),
        pytest.param(
            {},
            Page("http://box:8888", "box:8888", "/"),
            ["ws://box:8888/proxy/8080/"],
            id="a Jupyter server on another machine",
        ),
        pytest.param(HUB, None, ["/user/jane/proxy/8080/"], id="a hub before a page told"),
        pytest.param(HUB, HUB_PAGE, [PROXIED], id="a hub"),
        pytest.param(BINDER, HUB_PAGE, [PROXIED], id="Binder"),
        pytest.param(
            {**HUB, "JUPYTERHUB_PUBLIC_URL": "https://hub.example.org/user/jane/"},
            None,
            [PROXIED],
            id="a hub that tells its public address",
        ),
        pytest.param(
            HUB,
            Page("http://127.0.0.1:8000", "127.0.0.1:8000", "/user/jane/"),
            ["ws://127.0.0.1:8000/user/jane/proxy/8080/"],
            id="a hub on this machine",
        ),
        pytest.param(
            {"JUPYTERHUB_SERVICE_PREFIX": "/elsewhere/"},
            HUB_PAGE,
            [PROXIED],
            id="the page knows better than the environment",
        ),
        pytest.param(
            {"VSCODE_PROXY_URI": "https://{{port}}--ws.coder.example/"},
            WEBVIEW,
            ["wss://8080--ws.coder.example/"],
            id="VS Code with a proxy",
        ),
        pytest.param(
            {"VSCODE_PROXY_URI": "./proxy/{{port}}"},
            Page("https://code.example", "code.example"),
            ["wss://code.example/proxy/8080"],
            id="code-server's relative address",
        ),
        pytest.param(
            {"VSCODE_PROXY_URI": "./proxy/{{port}}"}, None, ["/proxy/8080"], id="before a page told"
        ),
        pytest.param({}, WEBVIEW, [DIRECT], id="VS Code on a laptop"),
        pytest.param(
            CODESPACE, WEBVIEW, ["wss://fuzzy-train-8080.app.forwarded.example/"], id="Codespaces"
        ),
        pytest.param(
            {"CODESPACE_NAME": "fuzzy-train"},
            None,
            ["wss://fuzzy-train-8080.app.github.dev/"],
            id="Codespaces with the usual domain",
        ),
        pytest.param(
            CODESPACE,
            HUB_PAGE,
            [PROXIED, "wss://fuzzy-train-8080.app.forwarded.example/"],
            id="JupyterLab in a codespace",
        ),
        pytest.param({"COLAB_RELEASE_TAG": "release"}, None, [], id="Colab"),
        pytest.param(
            {SETTING: "https://my.example/p/{port}/", **HUB},
            HUB_PAGE,
            ["wss://my.example/p/8080/"],
            id="a setting in the environment",
        ),
    ],
)
def test_the_addresses(environment: dict[str, str], page: Page | None, expected: list[str]) -> None:
    found = browser_addresses(Environment(environment), "127.0.0.1", 8080, page)
    assert [address.url for address in found] == expected
    assert all(address.why for address in found)
    assert all(address.hint for address in found)


def test_only_an_address_through_a_proxy_is_called_proxied() -> None:
    direct, proxied = browser_addresses(Environment(), "127.0.0.1", 8080, LAPTOP_PAGE)
    assert (direct.proxied, proxied.proxied) == (False, True)


def test_the_base_url_of_a_plain_jupyter_server_counts_when_no_page_told() -> None:
    around = Environment({}, jupyter_base_url="/user/jane-xyz/")
    urls = [address.url for address in browser_addresses(around, "127.0.0.1", 8080)]
    assert urls == [DIRECT, "/user/jane-xyz/proxy/8080/"]


def test_without_a_page_a_base_url_of_nothing_is_only_a_guess() -> None:
    around = Environment({}, jupyter_base_url="/")
    assert [address.url for address in browser_addresses(around, "127.0.0.1", 8080)] == [DIRECT]


def test_a_server_on_one_address_of_a_network_is_reached_there_alone() -> None:
    found = browser_addresses(Environment(HUB), "192.0.2.7", 8080, HUB_PAGE)
    assert [address.url for address in found] == ["ws://192.0.2.7:8080/"]


@pytest.mark.parametrize(
    ("hostname", "urls"),
    [
        ("localhost", ["/user/jane/proxy/8080/"]),
        ("0.0.0.0", ["/user/jane/proxy/8080/"]),
        ("::", ["/user/jane/proxy/8080/"]),
        ("lab.example.org", ["ws://lab.example.org:8080/"]),
    ],
)
def test_the_proxy_reaches_only_what_listens_on_loopback(hostname: str, urls: list[str]) -> None:
    found = browser_addresses(Environment(HUB), hostname, 8080)
    assert [address.url for address in found] == urls


def test_a_server_on_every_address_is_also_reached_at_the_pages_host() -> None:
    page = Page("http://box:8888", "box:8888", "/")
    found = browser_addresses(Environment(), "0.0.0.0", 8080, page)
    assert [address.url for address in found][-1] == "ws://box:8080/"


# What the server makes of it


def test_a_server_knows_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/jane/")
    server = Server(port=8080)
    assert server.url == DIRECT
    assert server.browser_url == "/user/jane/proxy/8080/"
    server.allow_page("https://hub.example.org", "hub.example.org", "/user/jane/")
    assert server.browser_url == PROXIED


def test_a_setting_of_the_user_replaces_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(port=9000)
    server.browser_url = "https://proxy.example.org/{port}/"
    assert server.browser_url == "wss://proxy.example.org/9000/"
    server.port = 9001
    assert server.browser_url == "wss://proxy.example.org/9001/"
    server.browser_url = None
    assert server.browser_url == "ws://127.0.0.1:9001/"


@pytest.mark.parametrize(
    "template",
    [
        *("", "proxy", "ftp://a.example/", "wss:///x", "wss://a.example/{host}/", 7, "http://["),
        *("wss://user:word@a.example/", "wss://a.example/#x"),
    ],
)
def test_what_is_not_an_address_is_refused_at_once(template: object) -> None:
    server = Server()
    with pytest.raises(errors.LocalError, match="browser_url"):
        server.browser_url = template  # type: ignore[assignment]


def test_a_password_in_an_address_is_not_repeated() -> None:
    server = Server()
    with pytest.raises(errors.LocalError) as caught:
        server.browser_url = "wss://jane:pa55word@a.example/"
    assert "pa55word" not in str(caught.value)


def test_colab_has_no_address_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    assert Server().browser_url is None
    assert "connect(server.url)" in unreachable(Environment({"COLAB_GPU": ""}))
    assert unreachable(Environment()) == ""


@pytest.mark.parametrize(
    "url", ["{port}/path", "./proxy/{{port}}:x", "http://[{port}", "mailto:{port}"]
)
def test_an_editors_setting_that_is_not_an_address_does_not_crash(url: str) -> None:
    around = Environment({"VSCODE_PROXY_URI": url})
    [first, *_] = browser_addresses(around, "127.0.0.1", 8080, WEBVIEW)
    assert "8080" in first.url


def test_a_setting_with_a_query_alone_gets_a_path() -> None:
    assert check_template("https://a.example?port={port}", 9) == "wss://a.example/?port=9"


def test_jupyterlite_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "emscripten")
    server = Server(port=0)
    assert server.browser_url is None
    with pytest.raises(errors.AddressUnavailable, match=r"JupyterLite.*Binder"):
        server.run()
    assert not server.running
    assert no_listening(Environment()) == ""
