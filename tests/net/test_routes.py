"""Routes: which paths match, decoding, what cannot be a route, and which handlers are async."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from astra_nb.errors import InvalidRoute
from astra_nb.net.routes import PathPattern, is_async, make_page, make_route


def handle(socket: object) -> None:
    pass


async def handle_async(socket: object) -> None:
    pass


def test_a_route_has_its_options_and_defaults() -> None:
    route = make_route("/", handle)
    assert (route.path, route.handler, route.is_async) == ("/", handle, False)
    assert (route.automatic_pong, route.compression, route.subprotocols) == (True, None, ())
    route = make_route(
        "/b", handle_async, automatic_pong=False, compression="deflate", subprotocols=["b", "a"]
    )
    assert (route.path, route.handler, route.is_async) == ("/b", handle_async, True)
    assert (route.automatic_pong, route.compression) == (False, "deflate")
    assert route.subprotocols == ("b", "a")


def takes_nothing() -> None: ...


@pytest.mark.parametrize(
    ("route", "path", "parameters"),
    [
        ("/", "/", {}),
        ("/", "/?a=/b", {}),
        ("/", "/a", None),
        ("/a", "/a", {}),
        ("/a", "/a/", None),
        ("/a", "/A", None),
        ("/a", "/ab", None),
        ("/a", "/b/a", None),
        ("/a.b", "/a.b", {}),
        ("/a.b", "/axb", None),
        ("/a+(b)$", "/a+(b)$", {}),
        ("/{name}", "/x", {"name": "x"}),
        ("/{name}", "/", None),
        ("/{name}", "/x/y", None),
        ("/{name}", "/x?name=y", {"name": "x"}),
        ("/room/{name}/{seat}", "/room/caf%C3%A9/7?x=1", {"name": "café", "seat": "7"}),
        ("/{name}", "/a%2Fb%3Fc%20d+e", {"name": "a/b?c d+e"}),
        ("/{name}", "/%zz%ff", {"name": "%zz\ufffd"}),
        ("/{name}-{class}.txt", "/a-b-c.txt", {"name": "a-b", "class": "c"}),
        ("/v{major}", "/v2", {"major": "2"}),
        ("/räume/{größe}", "/r%C3%A4ume/XL", {"größe": "XL"}),
        ("/a b", "/a%20b", {}),
        ("/a%20b", "/a%20b", {}),
        ("/a|b~^", "/a|b~^", {}),
        ("/räume", "/r%c3%a4ume", {}),
        ("/r%c3%a4ume", "/r%C3%A4ume", {}),
        ("/a", "/%61", {}),
        ("/a b/{who}", "/a%20b/c%20d", {"who": "c d"}),
        ("/a%2Fb", "/a%2fb", {}),
        ("/a%2Fb", "/a/b", None),
        ("/a/b", "/a%2Fb", None),
        ("/a%3Fb", "/a%3Fb", {}),
        ("/100%", "/100%25", {}),
        ("/{name}", "/a%0Ab", {"name": "a\nb"}),
        ("/{name}", "/%2F", {"name": "/"}),
        ("/a/", "/a/", {}),
        ("/a/", "/a", None),
        ("/a//b", "/a//b", {}),
        ("/a/{name}", "/a//", None),
        ("/%7Bname%7D", "/%7Bname%7D", {}),
        ("/%7Bname%7D", "/x", None),
    ],
)
def test_which_paths_a_route_matches(
    route: str, path: str, parameters: dict[str, str] | None
) -> None:
    assert make_route(route, handle).match(path) == parameters


def test_routes_of_one_shape_match_the_same_paths() -> None:
    def shape(path: str) -> object:
        return make_route(path, handle).shape

    assert shape("/{a}/x/{b}") == shape("/{c}/x/{d}")
    assert shape("/{a}/x/{b}") != shape("/{a}/y/{b}")
    assert shape("/räume/a b") == shape("/r%C3%A4ume/a%20b")
    assert shape("/{a}") != shape("/%7B%7D")


def test_the_rank_of_a_route_says_how_closely_it_matches() -> None:
    paths = ["/{x}/{y}", "/{x}/lobby", "/room/{x}", "/room/a{x}", "/room/a{x}c", "/room/lobby"]
    ranks = [make_route(path, handle).rank for path in paths]
    assert ranks == sorted(ranks, reverse=True)


NO_PATH = 'a path is a str that begins with "/", like "/" or "/room/{name}", not '
NO_PARAMETER = "is not a parameter; each one has its own name, like {name}"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("room", f"{NO_PATH}'room'; the path comes first, then the handler"),
        ("", f"{NO_PATH}''; the path comes first, then the handler"),
        (None, f"{NO_PATH}None; the path comes first, then the handler"),
        (
            "/?a=1",
            "the path '/?a=1' holds a query or a fragment; a route is the path alone, "
            "and the query is in socket.request.path",
        ),
        (
            "/a#b",
            "the path '/a#b' holds a query or a fragment; a route is the path alone, "
            "and the query is in socket.request.path",
        ),
        ("/{a}/{a}", f"{{a}} in the path '/{{a}}/{{a}}' {NO_PARAMETER}"),
        ("/{1}", f"{{1}} in the path '/{{1}}' {NO_PARAMETER}"),
        ("/{}", f"{{}} in the path '/{{}}' {NO_PARAMETER}"),
        ("/{a-b}", f"{{a-b}} in the path '/{{a-b}}' {NO_PARAMETER}"),
        ("/{a", "the path '/{a' has an unmatched brace"),
        (
            "/\ud83d",
            "the path '/\\ud83d' holds half a character, U+D83D, which no request can ask for; "
            "take it out",
        ),
        ("/a}", "the path '/a}' has an unmatched brace"),
        ("/{{a}}", "the path '/{{a}}' has an unmatched brace"),
    ],
)
def test_what_is_not_a_path(path: Any, message: str) -> None:
    with pytest.raises(InvalidRoute) as caught:
        make_route(path, handle)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (
            "/",
            "a handler is a function that takes a socket, not str '/'; "
            "write: def handle_socket(socket): ...",
        ),
        (
            None,
            "a handler is a function that takes a socket, not NoneType None; "
            "write: def handle_socket(socket): ...",
        ),
        (
            ["x" * 100],
            f"a handler is a function that takes a socket, not list ['{'x' * 58}; "
            f"write: def handle_socket(socket): ...",
        ),
        (
            lambda: None,
            "the handler <lambda>() cannot be called with the socket alone "
            "(too many positional arguments); write: def handle_socket(socket): ...",
        ),
        (
            lambda socket, other: None,
            "the handler <lambda>(socket, other) cannot be called with the socket alone "
            "(missing a required argument: 'other'); write: def handle_socket(socket): ...",
        ),
        (
            takes_nothing,
            "the handler takes_nothing() -> 'None' cannot be called with the socket alone "
            "(too many positional arguments); write: def takes_nothing(socket): ...",
        ),
    ],
)
def test_what_is_not_a_handler(handler: Any, message: str) -> None:
    with pytest.raises(InvalidRoute) as caught:
        make_route("/", handler)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"compression": "gzip"},
            'compression is "deflate", None, or a dict of parameters such as '
            "{\"server_max_window_bits\": 10}, not 'gzip'",
        ),
        (
            {"compression": {"server_max_window_bits": 8}},
            "the parameter server_max_window_bits of compression is a number of bits from 9 to 15, "
            "not 8 (RFC 7692, section 7.1)",
        ),
        ({"subprotocols": "chat"}, "subprotocols is a list of names, like ['chat'], not a str"),
        (
            {"subprotocols": ["a b"]},
            "item 0 of subprotocols is not a name: one or more letters, digits and "
            "!#$%&'*+-.^_`|~ (RFC 6455, section 4.1)",
        ),
    ],
)
def test_what_is_not_an_option(options: Any, message: str) -> None:
    with pytest.raises(InvalidRoute) as caught:
        make_route("/", handle, **options)
    assert str(caught.value) == message


def generate(socket: object) -> Any:
    yield


async def generate_async(socket: object) -> Any:
    yield


class GeneratingCallable:
    __name__ = "callable"

    def __call__(self, socket: object) -> Any:
        yield

    async def method(self, socket: object) -> Any:
        yield


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        (generate, "generate"),
        (generate_async, "generate_async"),
        (GeneratingCallable(), "callable"),
        (GeneratingCallable().method, "method"),
        (functools.partial(generate), "functools.partial("),
        (lambda socket: (yield), "<lambda>"),
    ],
)
def test_a_generator_is_not_a_handler(handler: Any, name: str) -> None:
    with pytest.raises(InvalidRoute) as caught:
        make_route("/", handler)
    assert f"the handler {name}" in str(caught.value)
    assert "has a yield in it, so calling it makes a generator" in str(caught.value)


def plain_decorator(handler: Any) -> Any:
    @functools.wraps(handler)
    def decorated(socket: object) -> Any:
        return handler(socket)

    return decorated


class Callable:
    def __call__(self, socket: object) -> None:
        pass


class AsyncCallable:
    async def __call__(self, socket: object) -> None:
        pass

    async def method(self, socket: object) -> None:
        pass


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (handle, False),
        (handle_async, True),
        (Callable(), False),
        (AsyncCallable(), True),
        (AsyncCallable().method, True),
        (functools.partial(functools.partial(handle_async)), True),
        (functools.partial(AsyncCallable()), True),
        (functools.partial(handle), False),
        (print, False),
    ],
)
def test_which_handlers_are_async(handler: Any, expected: bool) -> None:
    assert is_async(handler) is expected
    assert make_route("/", handler).is_async is expected


def test_decorators_that_name_what_they_wrap_are_looked_through() -> None:
    for handler in [
        plain_decorator(handle_async),
        plain_decorator(plain_decorator(AsyncCallable())),
        functools.partial(plain_decorator(functools.partial(handle_async))),
        functools.lru_cache(handle_async),
    ]:
        assert is_async(handler)
    assert not is_async(plain_decorator(handle))


def test_a_partial_of_a_partial_is_looked_through() -> None:
    inner = functools.partial(AsyncCallable())
    inner.name = "kept"  # type: ignore[attr-defined]  # so that Python does not merge the two
    outer = functools.partial(inner)
    assert outer.func is inner
    assert is_async(outer)


def test_a_handler_without_a_signature_is_taken() -> None:
    handler = Callable()
    handler.__signature__ = "as some builtins"  # type: ignore[attr-defined]
    assert make_route("/", handler).handler is handler


@pytest.mark.parametrize(
    ("handler", "arguments"),
    [
        (lambda: "", 0),
        (lambda request: "", 1),
        (lambda request, more="": "", 1),
        (lambda *arguments: "", 1),
        (lambda request, answer: "", 2),
    ],
    ids=["none", "request", "default", "any", "both"],
)
def test_how_many_arguments_the_handler_of_a_page_takes(handler: Any, arguments: int) -> None:
    page = make_page("/a/{x}", handler, {"X-A": "1"})
    assert (page.arguments, page.headers, page.path) == (arguments, (("X-A", "1"),), "/a/{x}")
    assert page.match("/a/7") == {"x": "7"}
    assert page.shape == PathPattern(path="/a/{y}").shape


@pytest.mark.parametrize(
    ("path", "handler", "headers", "message"),
    [
        ("a", len, (), "a path is a str"),
        ("/a", 7, (), "a page's handler is a function that takes the request, not int 7; write: "
         "def handle_request(request): ..."),
        ("/a", lambda a, b, c: "", (), "the page's handler <lambda>(a, b, c) cannot be called"),
        ("/a", generate, (), "the page's handler generate has a yield in it, so calling it makes a "
                             "generator and runs none of its lines; take the yield out, and "
                             "return"),
        ("/a", len, {"X": "a\nb"}, "the header X holds a line break"),
    ],
)  # fmt: skip
def test_what_is_not_a_page(path: str, handler: Any, headers: Any, message: str) -> None:
    with pytest.raises(InvalidRoute) as caught:
        make_page(path, handler, headers)
    assert str(caught.value).startswith(message)


def test_a_route_may_have_a_hook() -> None:
    assert make_route("/", handle, handshake=len).hook is len
    with pytest.raises(InvalidRoute) as caught:
        make_route("/", handle, handshake=lambda: None)
    assert str(caught.value) == (
        "the handshake hook <lambda>() cannot be called with the handshake alone (too many "
        "positional arguments); write: def handle_handshake(handshake): ..."
    )
