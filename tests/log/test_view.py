from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

from astra_nb.log import FrameLog, LogView
from astra_nb.log.view import FilteredView

from .samples import HELLO, conversation, numbers, text_frame


def test_filter() -> None:
    log = conversation()
    view = log.filter(direction="sent", kind="frame")
    assert numbers(list(view)) == [7, 8, 12]
    assert len(view) == 3
    assert numbers(list(log.filter(predicate=lambda record: record.number > 11))) == [12, 13]
    assert numbers(list(log.frames)) == [6, 7, 8, 9, 11, 12]


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"type": "binary"}, ValueError, "'binary' is not a type; choose from 'text', "),
        ({"connection": "1"}, TypeError, "connection is the number of a connection, "),
        ({"typ": "text"}, TypeError, "'typ' is not a criterion; choose from 'kind', 'type', "),
    ],
)
def test_a_filter_that_no_record_could_pass_is_refused(
    wanted: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        conversation().filter(**wanted)


def test_filters_can_be_stacked_and_stay_live() -> None:
    log = FrameLog()
    view = log.frames.filter(type="text").filter(text="2")
    assert list(view) == []
    for number in range(1, 31):
        log.append_frames(1, "server", "sent", text_frame(number), 1)
    assert numbers(list(view)) == [2, 12, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]
    log.max_frames = 4
    assert numbers(list(view)) == [27, 28, 29]
    assert numbers(view.since(27, limit=1)) == [29]


def test_indexing() -> None:
    log = conversation()
    for view in (log, log.filter(predicate=lambda record: True)):
        assert isinstance(view, LogView)
        assert [view[0].number, view[12].number, view[-1].number, view[-13].number] == [
            1,
            13,
            13,
            1,
        ]
        assert numbers(view[2:5]) == [3, 4, 5]
        assert numbers(view[::-6]) == [13, 7, 1]
        for index in (13, -14):
            with pytest.raises(IndexError, match=rf"^no record at index {index}: there are 13$"):
                view[index]


def test_a_log_is_true_even_when_it_is_empty() -> None:
    assert FrameLog()
    assert conversation()


def test_a_filtered_view_is_true_while_a_record_passes_it() -> None:
    log = FrameLog()
    texts = log.filter(type="text")
    assert not texts
    assert not log.frames
    log.append_frames(1, "server", "received", text_frame(7), 1)
    assert texts
    assert log.frames
    assert not log.filter(type="ping")
    assert not texts.filter(text="8")


def test_reprs_are_short_and_tell_no_time() -> None:
    log = conversation()
    assert repr(log) == "<FrameLog: 6 frames, 7 other records, 0 dropped>"
    assert repr(log.frames) == "<FilteredView: 6 frames, 0 other records>"
    assert repr(log.filter(kind="notice")) == "<FilteredView: 0 frames, 1 other record>"


def test_ipython_shows_the_table() -> None:
    class Own(FrameLog):
        pass

    own = Own()
    own.append_frames(1, "server", "sent", HELLO, 1)
    log = conversation()
    for view in (log, log.frames, own, FrameLog(), FrameLog.from_jsonl(log.to_jsonl())):
        shown, _ = DisplayFormatter().format(view)  # type: ignore[no-untyped-call]
        assert shown == {"text/plain": view.text(), "text/html": view.html()}


def test_ipython_shows_each_class_of_the_package_in_its_own_way() -> None:
    def all_below(base: type[Any]) -> Iterator[type[Any]]:
        for each in type.__subclasses__(base):
            yield each
            yield from all_below(each)

    pretty = []
    for each in set(all_below(object)):
        if str(each.__module__).startswith("astra_nb.") and hasattr(each, "_repr_pretty_"):
            # As IPython does it: the first class that has one of both decides.
            first = next(
                base for base in each.__mro__ if {"__repr__", "_repr_pretty_"} & vars(base).keys()
            )
            assert "_repr_pretty_" in vars(first), each
            pretty.append(each)
    assert {FrameLog, FilteredView} <= set(pretty)


def test_a_long_log_is_shown_by_its_newest_200_records() -> None:
    log = FrameLog()
    log.append_frames(1, "server", "sent", HELLO * 1234, 1234)
    for view in (log, log.frames):
        lines = str(view).splitlines()
        assert lines[0] == "1,034 earlier records not shown."
        assert len(lines) == 203
        assert lines[3].startswith("1035 ")
        assert lines[-1].startswith("1234 ")
        assert len(view.text().splitlines()) == 1236
        assert view._repr_html_().count("<tr>") == 201
        assert "Log: the newest 200 of 1,234 records; 1,034 earlier not shown" in (
            view._repr_html_()
        )


def test_relative_times_count_from_the_first_record_there_was() -> None:
    log = FrameLog(max_frames=1)
    log.append_frames(1, "server", "sent", HELLO, 1)
    origin = log[0].time
    log.append_frames(1, "server", "sent", HELLO, 1)
    view = log.filter(type="text")
    assert log.origin == view.origin == origin
    shown = view.text(["relative"]).splitlines()[-1].strip()
    assert shown == f"{log[0].time - origin:+.3f}"


def test_messages_are_joined_in_a_view() -> None:
    log = conversation()
    assert [message.type for message in log.messages] == ["text", "text", "ping", "text", "close"]
    assert [m.value for m in log.filter(direction="received").messages] == ["Hello", "Hello"]


def test_a_view_can_be_exported_alone() -> None:
    log = conversation()
    again = FrameLog.from_jsonl(log.filter(type=["ping", "close"]).to_jsonl())
    assert numbers(list(again)) == [8, 12]


def test_an_export_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("before")
    text = conversation().to_jsonl(path)
    assert path.read_text(encoding="utf-8") == text
    assert text.count("\n") == 13


def test_a_view_can_be_drawn() -> None:
    view = conversation().filter(type=["text", "ping"])
    assert view.sequence().count("|-- TEXT") == 2
    lines = view.sequence(limit=1).splitlines()
    assert lines[0] == "3 earlier records not shown."
    assert "|-- TEXT" in lines[-1]


@pytest.mark.parametrize(
    ("picture", "begins"),
    [
        ("handshake_picture", "Opening handshake of connection 1\n"),
        ("ping_picture", "1 PING on a time line\n"),
        ("state_picture", "States of both ends of connection 1\n"),
        ("fan_out_picture", "Fan-out of a message of client #1\n"),
        ("utf8_picture", "5 bytes of UTF-8\n"),
    ],
)
def test_pictures(picture: str, begins: str) -> None:
    log = conversation()

    assert str(getattr(log, picture)()).startswith(begins)
    assert str(getattr(log.filter(connection=9), picture)()).startswith("(no ")


def test_a_view_is_saved_in_the_format_of_the_suffix(tmp_path: Path) -> None:
    log = conversation()
    log.frames.save(tmp_path / "frames.jsonl")
    assert (tmp_path / "frames.jsonl").read_text(encoding="utf-8") == log.frames.to_jsonl()
    with pytest.raises(ValueError, match=r"'\.txt'; the suffix names the format: "):
        log.save(tmp_path / "frames.txt")
