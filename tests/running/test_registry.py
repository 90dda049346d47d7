"""Which running server a new one replaces; exit and fork run in a Python of their own."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from typing import Any, cast

import pytest

from astra_nb.running import registry
from astra_nb.running.listener import Listener
from astra_nb.running.runner import Runner
from tests.helpers import run_python


class Running:
    """As much of a `Runner` as the registry asks for."""

    def __init__(
        self, port: int = 8080, *, asked: int | None = None, cell: str | None = None
    ) -> None:
        self.hostname, self.port, self.cell = "127.0.0.1", port, cell
        self.asked_port = port if asked is None else asked
        self.running = True
        self.what, self.url, self.close_timeout = "server", f"ws://127.0.0.1:{port}/", 0.0
        self.ended = threading.Event()
        self.calls: list[str] = []

    def forbid_wait(self) -> None:
        self.calls.append("forbid_wait")

    def shutdown(self) -> None:
        self.calls.append("shutdown")
        self.ended.set()


@pytest.fixture
def keep() -> Iterator[list[Runner]]:
    """Each runner that a test remembers is forgotten as it ends, and each that it drops."""
    kept: list[Runner] = []
    yield kept
    for runner in kept:
        registry.forget(runner)
        for place in registry.earlier(runner, "", -1, None):
            registry.end(place)


def remembered(keep: list[Runner], *running: Running) -> list[Runner]:
    runners = [cast(Runner, each) for each in running]
    for runner in runners:
        registry._runners[runner] = None
    keep += runners
    return runners


def earlier(
    own: Runner | None = None, port: int = 8080, cell: str | None = None, host: str = "127.0.0.1"
) -> Listener[Any] | None:
    """Return the only one that is replaced."""
    places = registry.earlier(own, host, port, cell)
    assert len(places) <= 1
    return places[0].runner() if places else None


def test_the_same_address_replaces(keep: list[Runner]) -> None:
    [runner] = remembered(keep, Running(8080))
    assert earlier() is runner
    assert earlier(port=8081) is None
    assert earlier(host="127.0.0.2") is None


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost"])
def test_another_name_for_the_same_address_replaces(keep: list[Runner], host: str) -> None:
    [runner] = remembered(keep, Running(8080))
    assert earlier(host=host) is runner


def test_a_server_that_moves_replaces_itself_and_what_is_there(keep: list[Runner]) -> None:
    there, own = remembered(keep, Running(8080), Running(8081))
    places = registry.earlier(own, "127.0.0.1", 8080, None)
    assert [place.runner() for place in places] == [there, own]


def test_the_same_server_replaces_itself_wherever_it_listens(keep: list[Runner]) -> None:
    first, second = remembered(keep, Running(8080), Running(8081))
    assert earlier(own=second, port=9000) is second
    assert earlier(own=first, port=0) is first


def test_any_free_port_replaces_what_the_same_cell_ran_that_way(keep: list[Runner]) -> None:
    fixed, free = remembered(keep, Running(8080, cell="a"), Running(41000, asked=0, cell="a"))
    assert earlier(port=0, cell="a") is free
    assert earlier(port=0, cell="b") is None
    assert earlier(port=0) is None
    assert earlier(port=8080, cell="b") is fixed


def test_without_a_cell_two_servers_on_free_ports_live_side_by_side(keep: list[Runner]) -> None:
    remembered(keep, Running(41000, asked=0))
    assert earlier(port=0) is None


def test_what_no_longer_runs_is_not_replaced(keep: list[Runner]) -> None:
    stopped = Running(8080)
    [runner] = remembered(keep, stopped)
    stopped.running = False
    assert earlier() is None
    assert earlier(own=runner) is None


@pytest.mark.parametrize("port", [8080, 0])
def test_a_server_that_was_dropped_is_replaced_until_it_has_been(
    keep: list[Runner], port: int
) -> None:
    [runner] = remembered(keep, Running(8080, asked=port, cell="a"))
    registry.drop(runner)
    [place] = registry.earlier(None, "127.0.0.1", port, "a")
    assert place[:4] == ("127.0.0.1", 8080, port, "a")
    registry.end(place)
    assert cast(Running, runner).calls == ["forbid_wait", "shutdown"]
    assert registry.earlier(None, "127.0.0.1", port, "a") == []


def test_of_a_server_that_has_ended_only_its_place_is_kept() -> None:
    runner = Running(8080)
    registry.drop(cast(Runner, runner))
    gone = weakref.ref(runner)
    del runner
    gc.collect()
    assert gone() is None
    [place] = registry.earlier(None, "127.0.0.1", 8080, None)
    registry.end(place)
    registry.end(place)  # as another thread may have
    assert registry.earlier(None, "127.0.0.1", 8080, None) == []


def test_forgetting_twice_is_not_an_error(keep: list[Runner]) -> None:
    [runner] = remembered(keep, Running())
    registry.forget(runner)
    registry.forget(runner)
    assert earlier() is None


def printed(code: str) -> str:
    run = run_python("-W", "error", "-c", code)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_an_exit_shuts_down_what_still_runs() -> None:
    code = """
import atexit
atexit.register(lambda: print("after:", server.running))  # runs last: it was registered first
from astra_nb import Server
server = Server(port=0)
server.run()
print("before:", server.running)
"""
    assert printed(code) == "before: True\nafter: False\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_leaves_its_child_without_servers() -> None:
    code = """
import os
from astra_nb import Server
from astra_nb.running import registry
server = Server(port=0)
server.run()
child = os.fork()
if child == 0:
    print("child:", registry.earlier(None, server.hostname, server.port, None) != [], flush=True)
    os._exit(0)
os.waitpid(child, 0)
print("parent:", registry.earlier(None, server.hostname, server.port, None) != [])
server.shutdown()
"""
    assert printed(code) == "child: False\nparent: True\n"
