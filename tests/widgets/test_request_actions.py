"""A request is saved with its headers, and its secrets stay in the kernel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from astra_nb import Server, connect
from astra_nb.errors import LocalError
from astra_nb.widgets import Panel
from astra_nb.widgets.request_actions import MOST_SAVED, Request

from .conftest import customs, request
from .test_actions import act as act_with_fields

SECRETS = ("swordfish", "marlin", "herring")


def act(panel: Panel, name: str, *arguments: Any, **options: Any) -> dict[str, Any]:
    return act_with_fields(panel, name, *arguments, options=options)


def test_a_saved_request_is_sent_again_with_its_secrets(server: Server) -> None:
    panel: Panel = connect(f"{server.url}?token=swordfish&room=a").panel()
    shown = f"{server.url}?token=<hidden>&room=a"
    headers = {"Authorization": "Bearer marlin", "X-Name": "kim"}
    said = act(
        panel, "save_request", shown, headers=headers, subprotocols=["chat", "token.herring1"]
    )
    assert said["sentence"] == "Saved as request 1."
    [saved] = request(panel, "open")["status"]["requests"]
    assert saved == {
        "number": 1, "address": shown,
        "headers": {"Authorization": "<hidden>", "X-Name": "kim"},
        "subprotocols": ["chat", "token.<hidden>"], "faults": (),
    }  # fmt: skip
    panel.connect(f"{server.url}?token=other")  # the last address is another one now
    saved["headers"]["X-Name"] = "lea"
    options = {
        "headers": saved["headers"], "subprotocols": ["new", *saved["subprotocols"]], "saved": 1,
    }  # fmt: skip
    said = act(panel, "connect", shown, **options)
    assert not said["failed"]
    assert said["code"] == (
        f"panel.connect({shown!r}, headers={{'Authorization': '<hidden>', 'X-Name': 'lea'}}, "
        f"subprotocols=['new', 'chat', 'token.<hidden>'], saved=1)"
    )
    sent = server.connections[-1].request_with_secrets
    assert sent.path == "/?token=swordfish&room=a"
    assert (sent.headers["Authorization"], sent.headers["X-Name"]) == ("Bearer marlin", "lea")
    assert sent.headers["Sec-WebSocket-Protocol"] == "new, chat, token.herring1"
    again = act(panel, "save_request", shown, **options)  # a changed one is another one
    assert again["sentence"] == "Saved as request 2."
    assert act(panel, "save_request", shown, **options)["sentence"] == "This is saved request 2."
    seen = json.dumps([panel.get_state(), customs(panel)], default=str) + repr(panel.snapshot)
    assert not any(secret in seen for secret in SECRETS)
    panel.close()


def test_what_is_hidden_must_be_as_it_was_saved(server: Server, panel: Panel) -> None:
    panel.save_request("/?token=swordfish&room=a", headers={"Authorization": "Bearer marlin"})
    for address, headers, saved in (
        ("/?token=<hidden>&room=b", {}, 1),
        ("/", {"Authorization": "<hidden>"}, None),
        ("/", {"Cookie": "<hidden>"}, 1),
    ):
        said = act(panel, "connect", address, headers=headers, saved=saved)
        assert (said["failed"], "type the secret again" in said["sentence"]) == (True, True)
    with pytest.raises(LocalError, match="no saved request 7"):
        panel.connect("/", saved=7)
    assert server.connections == []
    panel.connect("/?token=<hidden>&room=a", headers={"Authorization": "<hidden>"}, saved=1)
    assert server.connections[0].request_with_secrets.path == "/?token=swordfish&room=a"


def test_subprotocols_that_look_alike_keep_their_order() -> None:
    saved = Request(subprotocols=["header-c3dvcmRmaXNo", "header-bWFybGlu"])
    assert saved.shown.subprotocols == ["header-<hidden>"] * 2
    assert saved.shown.revealed(saved).subprotocols == saved.subprotocols


def test_requests_are_forgotten_and_bounded(panel: Panel) -> None:
    for wrong in ("x", 1):
        assert act(panel, "save_request", "/", headers=wrong)["failed"]
    for number in range(MOST_SAVED + 2):
        panel.save_request(f"/{number}")
    saved = request(panel, "open")["status"]["requests"]
    assert (len(saved), saved[0]["number"]) == (MOST_SAVED, 3)
    assert panel.forget_request(3) == panel.forget_request(3) == "Removed."
    assert request(panel, "open")["status"]["requests"][0]["number"] == 4
