"""Which address the browser uses, one row for each place a kernel can be in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from astra_nb import Server, errors
from astra_nb.jupyter.browser_address import (
    SETTING,
    Environment,
    Page,
    browser_addresses,
    no_listening,
    unreachable,
)
from astra_nb.jupyter.environment import base_url_of_jupyter

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


def test_only_what_stands_between_is_called_a_proxy() -> None:
    direct, proxied = browser_addresses(Environment(), "127.0.0.1", 8080, LAPTOP_PAGE)
    assert (direct.proxied, proxied.proxied) == (False, True)


def test_the_base_url_of_a_plain_jupyter_server_counts_when_no_page_told() -> None:
    around = Environment({}, jupyter_base_url="/user/jane-xyz/")
    urls = [address.url for address in browser_addresses(around, "127.0.0.1", 8080)]
    assert urls == [DIRECT, "/user/jane-xyz/proxy/8080/"]


def test_a_server_on_one_address_of_a_network_is_reached_there_alone() -> None:
    found = browser_addresses(Environment(HUB), "192.0.2.7", 8080, HUB_PAGE)
    assert [address.url for address in found] == ["ws://192.0.2.7:8080/"]


def test_a_server_on_every_address_is_also_reached_at_the_pages_host() -> None:
    page = Page("http://box:8888", "box:8888", "/")
    found = browser_addresses(Environment(), "0.0.0.0", 8080, page)
    assert [address.url for address in found][-1] == "ws://box:8080/"


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, "this machine"),
        (HUB, "a JupyterHub"),
        (BINDER, "Binder"),
        (CODESPACE, "GitHub Codespaces"),
        ({"VSCODE_PROXY_URI": "./proxy/{{port}}"}, "VS Code in a browser"),
        ({"COLAB_GPU": ""}, "Google Colab"),
    ],
)
def test_the_place(environment: dict[str, str], place: str) -> None:
    assert Environment(environment).place == place


# What a page tells


@pytest.mark.parametrize(
    ("told", "page"),
    [
        (("http://localhost:8888", "localhost:8888", "/"), LAPTOP_PAGE),
        (("https://hub.example.org", "hub.example.org", "/user/jane"), HUB_PAGE),
        (("vscode-webview://0a1b", "0a1b", None), WEBVIEW),
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
    with pytest.raises(errors.LocalError, match="not the one of the origin"):
        Page.told("https://hub.example.org", "evil.example")


# Jupyter's file


def test_the_base_url_is_read_from_jupyters_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "jpserver-42.json").write_text(
        json.dumps({"base_url": "/user/jane-xyz", "token": "s3cret"})
    )
    assert base_url_of_jupyter({"JPY_PARENT_PID": "42"}) == "/user/jane-xyz/"
    monkeypatch.setenv("JPY_PARENT_PID", "42")
    assert "s3cret" not in repr(Environment.here().jupyter_base_url)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"base_url": 7}'])
def test_a_file_that_says_nothing_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "jpserver-42.json").write_text(content)
    assert base_url_of_jupyter({"JPY_PARENT_PID": "42"}) is None
    assert base_url_of_jupyter({"JPY_PARENT_PID": "../42"}) is None
    assert base_url_of_jupyter({}) is None


# The server's face


def test_a_server_knows_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/jane/")
    server = Server(port=8080)
    assert server.url == DIRECT
    assert server.browser_url == "/user/jane/proxy/8080/"
    server.allow_page("https://hub.example.org", "hub.example.org", "/user/jane/")
    assert server.browser_url == PROXIED


def test_an_address_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_what_is_no_address_is_refused_at_once(template: object) -> None:
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


def test_jupyterlite_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "emscripten")
    server = Server(port=0)
    assert server.browser_url is None
    with pytest.raises(errors.AddressUnavailable, match=r"JupyterLite.*Binder"):
        server.run()
    assert not server.running
    assert no_listening(Environment()) == ""
