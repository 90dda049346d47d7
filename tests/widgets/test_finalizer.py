"""The call comes when an object is gone, and keeps neither end alive."""

from __future__ import annotations

import gc

from astra_nb.widgets.finalizer import call_when_gone


class Watched:
    pass


class Owner:
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    def note(self) -> None:
        self.calls.append("gone")


def test_the_method_is_called_once_the_object_is_gone() -> None:
    calls: list[str] = []
    owner, watched = Owner(calls), Watched()
    call_when_gone(watched, owner.note)
    gc.collect()
    assert calls == []
    del watched
    gc.collect()
    assert calls == ["gone"]


def test_an_owner_that_went_first_is_not_called() -> None:
    calls: list[str] = []
    owner, watched = Owner(calls), Watched()
    call_when_gone(watched, owner.note)
    del owner, watched
    gc.collect()
    assert calls == []
