"""The admission policy: defaults, and the decision by host, by origin and by path."""

from __future__ import annotations

import re
from typing import Any

import pytest
from websockets.proxy import parse_proxy

from astra_nb import seeded
from astra_nb.errors import LocalError
from astra_nb.net.policy import (
    CHECK,
    CHECK_PATH,
    Admission,
    Policy,
    check_seeded,
    check_seeded_way,
    host_allowed,
    origin_allowed,
    split_target,
)
from astra_nb.net.refusals import foreign_host, foreign_origin, invalid_host, unknown_path
from astra_nb.net.routes import make_page, make_route

LOCAL = ["127.0.0.1:8080"]
HUB = "https://hub.example.org"


def handle(socket: object) -> None:
    pass


def test_defaults() -> None:
    policy = Policy("127.0.0.1")
    assert (policy.origins, policy.hosts, policy.routes) == ([], [], [])
    assert policy.max_message_size == 1_048_576
    assert (policy.open_timeout, policy.close_timeout, policy.keepalive) == (10.0, 2.0, None)
    assert re.fullmatch("[0-9a-f]{16}", policy.check_answer)
    other = Policy("127.0.0.1")
    assert other.check_answer != policy.check_answer
    assert other.origins is not policy.origins
    assert other.hosts is not policy.hosts
    assert other.routes is not policy.routes


# Origins


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost:8888", "https://localhost", "http://LOCALHOST", "http://a.localhost"),
        *("http://127.0.0.1:9999", "http://127.8.8.8", "https://[::1]:8888"),
        *(HUB, f"{HUB}:443", "HTTPS://Hub.Example.ORG"),
    ],
)
def test_an_allowed_origin(origin: str) -> None:
    assert origin_allowed(origin, [HUB])


@pytest.mark.parametrize(
    "entry",
    [
        *(HUB, f"{HUB}/", f"{HUB}:443", f"{HUB}:443/", "HTTPS://Hub.Example.ORG", f" {HUB}\n"),
        "https://hub.example.org:0443",
    ],
)
def test_an_origin_means_its_scheme_host_and_port_however_it_is_written(entry: str) -> None:
    assert origin_allowed(HUB, ["https://other.example", entry])
    assert not origin_allowed(f"{HUB}:444", [entry])
    assert not origin_allowed("http://hub.example.org", [entry])


@pytest.mark.parametrize("entry", ["", "hub.example.org", f"{HUB}/user/jane", "null", None, 5])
def test_what_does_not_mean_an_origin_lets_no_page_in(entry: Any) -> None:
    assert not origin_allowed(HUB, [entry])


@pytest.mark.parametrize("origin", ["null", "file://"])
def test_an_origin_without_a_site_counts_when_it_is_listed_just_so(origin: str) -> None:
    assert origin_allowed(origin, [origin])
    assert not origin_allowed(origin, ["http://localhost"])


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "http://localhost.evil.example", "http://127.0.0.1.evil.example"),
        *("https://hub.example.org:444", "http://hub.example.org", "https://hub.example.org/"),
        *("null", "", "file://localhost", "ftp://127.0.0.1", "vscode-webview://localhost"),
        *("http://[", "http://", "localhost", "http://192.168.0.1"),
        *("http://localhost:evil", "http://evil@localhost", "http://localhost@evil.example"),
        *(
            "http://localhost/",
            "http://localhost:",
            "http://localhost:99999",
            "http://loc\xaalhost",
        ),
        *("http://localhost, http://localhost", "http://localhost\\@evil.example", "http://::1"),
    ],
)
def test_a_foreign_origin(origin: str) -> None:
    assert not origin_allowed(origin, [HUB])
    assert origin_allowed(origin, [HUB, "*"])


# Hosts


@pytest.mark.parametrize(
    "host",
    [
        *("localhost:80", "LOCALHOST", "a.localhost", "127.0.0.1", "[::1]:8080"),
        *("192.0.2.7:8080", "[2001:db8::7]"),  # an address cannot be rebound
        *("hub.example.org", "HUB.example.org:443"),
        *("kernel.example", "KERNEL.example:8080", "kernel.example.", "localhost:"),
    ],
)
def test_an_allowed_host(host: str) -> None:
    assert host_allowed(host, "Kernel.example", ["Hub.example.org"])


@pytest.mark.parametrize(
    "host",
    [
        *("rebound.example:8080", "hub.example.org.evil.example", "localhost.evil.example"),
        *("127.0.0.1.nip.example", "127.0.0.1@evil.example", "evil.example#127.0.0.1"),
        *("", ":80", "[", "1", "127.1", "0x7f000001", "::1", "[127.0.0.1]", "[::1]x"),
        *("localhost:evil", "evil@localhost", "localhost:99999", "localhost/", "loc\xaalhost"),
        *("localhost\\.evil.example", "localhost,evil.example", "a..localhost", "localhost evil"),
    ],
)
def test_a_foreign_host(host: str) -> None:
    assert not host_allowed(host, "kernel.example", ["hub.example.org"])
    assert host_allowed(host, "kernel.example", ["*"])


@pytest.mark.parametrize(
    "entry",
    [
        *("hub.example.org", "HUB.example.org", "hub.example.org/", "hub.example.org:443"),
        *("hub.example.org:8443/", "hub.example.org.", " hub.example.org\n"),
    ],
)
def test_a_host_means_its_name_however_it_is_written(entry: str) -> None:
    assert host_allowed("hub.example.org:8080", "kernel.example", ["other.example", entry])
    assert not host_allowed("sub.hub.example.org", "kernel.example", [entry])


@pytest.mark.parametrize("entry", ["", "https://hub.example.org", "jane@hub.example.org", None, 5])
def test_what_does_not_mean_a_host_lets_no_name_in(entry: Any) -> None:
    assert not host_allowed("hub.example.org", entry, [entry])


# Request targets


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("/a?b", None, "/a?b"),
        ("/http://evil.example/", None, "/http://evil.example/"),
        ("//evil.example/a", None, "//evil.example/a"),
        ("http://localhost:8080/a?b=http://c", "localhost:8080", "/a?b=http://c"),
        ("WS://localhost/", "localhost", "/"),
        ("https://[::1]:1/a", "[::1]:1", "/a"),
        ("wss://localhost", "localhost", "/"),
        ("http://localhost?b", "localhost", "/?b"),
        ("http://a@b/c", "a@b", "/c"),
        ("http:///a", "", "/a"),
        ("ftp://localhost/", None, "ftp://localhost/"),
        ("localhost:8080", None, "localhost:8080"),
        ("*", None, "*"),
    ],
)
def test_a_request_target_is_a_path_or_a_whole_address(
    target: str, host: str | None, path: str
) -> None:
    assert split_target(target) == (host, path)


# The decision


def policy_with_routes() -> Policy:
    routes = [make_route("/", handle), make_route("/{first}", handle), make_route("/b", handle)]
    return Policy("127.0.0.1", origins=[HUB], hosts=["hub.example.org"], routes=routes)


def test_a_route_that_matches_is_admitted_with_its_parameters() -> None:
    policy = policy_with_routes()
    assert policy.admit("/", LOCAL, []) == Admission(policy.routes[0], {})
    assert policy.admit("/c?x=1", LOCAL, []) == Admission(policy.routes[1], {"first": "c"})
    assert policy.admit("/caf%C3%A9", ["hub.example.org"], [HUB]) == Admission(
        policy.routes[1], {"first": "café"}
    )


def test_of_two_routes_the_one_without_a_parameter_is_admitted() -> None:
    policy = policy_with_routes()
    assert policy.admit("/b?x=1", LOCAL, []) == Admission(policy.routes[2], {})
    policy.routes = [make_route("/{a}x", handle), make_route("/x{b}", handle)]
    assert policy.admit("/xx", LOCAL, []) == Admission(policy.routes[0], {"a": "x"})


def test_a_path_without_a_route_is_refused_with_those_there_are() -> None:
    policy = policy_with_routes()
    assert policy.admit("/a/b", LOCAL, []) == unknown_path(["/", "/{first}", "/b"])
    policy.routes = []
    assert policy.admit("/", LOCAL, []) == unknown_path([])


def test_the_check_needs_no_route_and_no_route_takes_its_path() -> None:
    policy = Policy("127.0.0.1")
    assert policy.admit(CHECK_PATH, LOCAL, []) == Admission(CHECK, {})
    policy.routes = [make_route(CHECK_PATH, handle)]
    assert policy.admit(f"{CHECK_PATH}?a=b", LOCAL, []) == Admission(CHECK, {})
    assert CHECK_PATH == "/.well-known/astra-nb/check"  # pages that are open ask for it


@pytest.mark.parametrize("path", ["/", "/nope/nope", CHECK_PATH])
@pytest.mark.parametrize(
    "hosts",
    [
        *([], [""], ["evil@localhost"], ["localhost:evil"], ["localhost/"], ["local host"]),
        *(["127.0.0.1", "127.0.0.1"], ["127.0.0.1", "evil.example"], ["127.0.0.1", ""]),
        *(["[::1"], ["::1"], ["localhost:99999"], ["http://localhost"], ["localhost, localhost"]),
    ],
)
def test_the_form_of_the_host_is_judged_first(path: str, hosts: list[str]) -> None:
    policy = policy_with_routes()
    assert policy.admit(path, hosts, ["https://evil.example"]) == invalid_host(hosts)


@pytest.mark.parametrize("path", ["/", "/nope/nope", CHECK_PATH])
@pytest.mark.parametrize("host", ["evil.example", "a..localhost", "localhost,localhost", "1"])
def test_the_host_is_judged_before_the_origin(path: str, host: str) -> None:
    policy = policy_with_routes()
    assert policy.admit(path, [host], ["https://evil.example"]) == foreign_host([host])


def test_the_host_of_a_whole_address_must_be_allowed_as_well() -> None:
    policy = policy_with_routes()
    assert policy.admit("/", LOCAL, [], "localhost") == Admission(policy.routes[0], {})
    assert policy.admit("/", LOCAL, [], "evil.example") == foreign_host([*LOCAL, "evil.example"])
    assert policy.admit("/", ["evil.example"], [], "localhost") == foreign_host(
        ["evil.example", "localhost"]
    )
    assert policy.admit("/", [], [], "localhost") == invalid_host([])
    for bad in "", "evil@localhost", "localhost:evil":
        assert policy.admit("/", LOCAL, [], bad) == invalid_host([*LOCAL, bad])
        assert policy.admit("/", [bad], [], "localhost") == invalid_host([bad, "localhost"])


def test_no_setting_does_without_a_host_header_or_allows_two() -> None:
    policy = Policy("127.0.0.1", hosts=["*"], routes=[make_route("/", handle)])
    assert policy.admit("/", ["evil.example"], []) == Admission(policy.routes[0], {})
    for hosts in [], ["evil.example", "evil.example"], ["evil@evil.example"]:
        assert policy.admit("/", hosts, []) == invalid_host(hosts)


@pytest.mark.parametrize("path", ["/", "/nope/nope", CHECK_PATH])
@pytest.mark.parametrize(
    "origins", [["https://evil.example"], [HUB, "https://evil.example"], ["null", HUB]]
)
def test_every_origin_must_be_allowed_before_the_path_counts(path: str, origins: list[str]) -> None:
    assert policy_with_routes().admit(path, LOCAL, origins) == foreign_origin(origins)


def test_changes_count_from_the_next_request_on() -> None:
    policy = policy_with_routes()
    page = "https://other.example"
    assert policy.admit("/", ["other.example"], [page]) == foreign_host(["other.example"])
    policy.hosts.append("other.example")
    assert policy.admit("/", ["other.example"], [page]) == foreign_origin([page])
    policy.origins.append(page)
    assert policy.admit("/", ["other.example"], [page]) == Admission(policy.routes[0], {})


def test_a_request_for_no_websocket_gets_a_page_before_a_route() -> None:
    page, route, other = make_page("/", handle), make_route("/", handle), make_route("/b", handle)
    policy = Policy("127.0.0.1", routes=[route, other], pages=[page])

    def admitted(path: str, upgrades: bool) -> object:
        decision = policy.admit(path, ["localhost"], [], None, upgrades)
        return decision.route if isinstance(decision, Admission) else decision.status

    assert admitted("/", True) is route
    assert admitted("/", False) is page
    assert admitted("/b", False) is other
    assert admitted("/c", False) == 404


def test_the_hook_of_a_route() -> None:
    own = make_route("/a/{x}", handle, handshake=len)
    free = make_route("/b/{x}", handle)
    policy = Policy("127.0.0.1", hooks={own.shape: id, free.shape: id})
    assert policy.hook_of(own) is len
    assert policy.hook_of(free) is id
    assert policy.hook_of(make_route("/", handle)) is None


# Keys from a seed


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (Policy("0.0.0.0"), "listens on '0.0.0.0'"),
        (Policy("127.0.0.1", origins=[HUB]), f"lets {HUB!r} in"),
        (Policy("localhost", hosts=["hub.example.org"]), "lets 'hub.example.org' in"),
    ],
)
def test_keys_from_a_seed_are_for_this_machine_alone(policy: Policy, why: str) -> None:
    with pytest.raises(LocalError, match=re.escape(f"and this server {why}; end it")):
        check_seeded(policy)
    check_seeded(Policy("localhost"))


def test_beside_keys_from_a_seed_no_origin_of_others_is_let_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = Policy("127.0.0.1", origins=[HUB], routes=[make_route("/", handle)])
    assert isinstance(policy.admit("/", LOCAL, [HUB]), Admission)
    monkeypatch.setattr(seeded, "current", seeded.Seeded(7))
    assert policy.admit("/", LOCAL, [HUB]) == foreign_origin([HUB])
    assert isinstance(policy.admit("/", LOCAL, ["http://localhost:8888"]), Admission)


def test_with_keys_from_a_seed_a_client_goes_nowhere_else() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        check_seeded_way(host, True)
    with pytest.raises(LocalError, match=r'"evil\\x1b\.example" is not this machine; nothing was'):
        check_seeded_way("evil\x1b.example", None)


def test_where_a_proxy_leads_that_goes_with_predictable_keys() -> None:
    for address in ("http://127.0.0.1:3128", "socks5h://localhost:1080"):
        check_seeded_way("localhost", parse_proxy(address))
    for none in (None, True):
        check_seeded_way("localhost", none)
    with pytest.raises(LocalError, match=r'"proxy\.example" is not this machine'):
        check_seeded_way("localhost", parse_proxy("http://u:s3cr3t@proxy.example:3128"))
