"""What the server answers over plain HTTP: short texts, and a page that explains a WebSocket.

Nothing that a request says is put into a page.
"""

from __future__ import annotations

from collections.abc import Sequence

from astra_nb.wire.redaction import redact_path
from astra_nb.wire.text import visible

__all__ = [
    "UPGRADE_PAGE",
    "foreign_host",
    "foreign_origin",
    "unknown_path",
    "why_foreign_host",
    "why_foreign_origin",
]

LONGEST = 200  # characters of what a stranger sent

UPGRADE_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A WebSocket lives here</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }
code, pre, input, button, #log { font: 14px/1.5 ui-monospace, monospace; }
pre { padding: .75rem; border: 1px solid #8886; overflow-x: auto; }
form { display: flex; gap: .5rem; }
input { flex: 1; padding: .25rem .5rem; }
#log { min-height: 8rem; padding: .75rem; border: 1px solid #8886; white-space: pre-wrap; }
</style>
</head>
<body>
<h1>A WebSocket lives here</h1>
<p>Your browser asked for a page. This address speaks the WebSocket protocol, so the answer is
<code>426 Upgrade Required</code>: the request must ask for the upgrade
(RFC 6455, section 4.1). A script in a page can do that:</p>
<pre id="code"></pre>
<p>This page can do it too:</p>
<form id="form"><input id="text" value="Hello" aria-label="Text to send" autocomplete="off">
<button id="send">Send</button> <button id="close" type="button">Close</button></form>
<div id="log" role="log" aria-live="polite"></div>
<script>
const address = location.href.replace(/^http/, "ws").split("#")[0];
document.getElementById("code").textContent =
  `const socket = new WebSocket(${JSON.stringify(address)});\\n` +
  `socket.addEventListener("message", (event) => console.log(event.data));\\n` +
  `socket.addEventListener("open", () => socket.send("Hello"));`;
const log = document.getElementById("log");
const say = (line) => { log.append(line, "\\n"); };
const socket = new WebSocket(address);
socket.addEventListener("open", () => say("open"));
socket.addEventListener("message", async (event) => {
  const data = event.data;
  say("message: " + (typeof data === "string" ? data : `${data.size} bytes`));
});
socket.addEventListener("error", () => say("error"));
socket.addEventListener("close", ({ code, reason, wasClean }) =>
  say(`close: code ${code}, reason ${JSON.stringify(reason)}, wasClean ${wasClean}`));
document.getElementById("form").addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(document.getElementById("text").value);
});
document.getElementById("close").addEventListener("click", () => socket.close(1000, "Done"));
</script>
</body>
</html>
"""


def unknown_path(routes: list[str]) -> str:
    """Say what there is instead of the path that was asked for."""
    if not routes:
        return (
            "404 Not Found: this server has no route yet.\n"
            'Add one in the notebook: server.websocket("/", handle_socket)\n'
        )
    return "404 Not Found: no route has this path. There is:\n" + "".join(
        f"  {route}\n" for route in routes
    )


def foreign_origin() -> str:
    """Say why a page of this origin may not connect, and who can let it in."""
    return (
        "403 Forbidden: pages of this origin may not connect to this server "
        "(RFC 6455, section 10.2).\n"
        "Pages from this machine may. In the notebook, server.origins.append(origin) lets "
        "another one in.\n"
    )


def foreign_host(hosts: Sequence[str]) -> str:
    """Say why a request for these host names is refused, and who can let it in."""
    if not hosts:
        return (
            "400 Bad Request: there is no Host header.\n"
            "It names the server that is asked (RFC 6455, section 4.1); every client sends it.\n"
        )
    return (
        "421 Misdirected Request: the Host header does not name this server.\n"
        "A page could have pointed its own name at this machine (DNS rebinding). "
        "In the notebook, server.hosts.append(name) lets a name in.\n"
    )


def why_foreign_origin(origins: Sequence[str]) -> str:
    """Say on the log which origin was refused, and what would let it in."""
    named = ", ".join(map(quoted, origins))
    return (
        f"pages of the origin {named} may not connect (RFC 6455, section 10.2); if you know that "
        f"page, server.origins.append(...) lets it in"
    )


def why_foreign_host(hosts: Sequence[str]) -> str:
    """Say on the log which host was refused, and what would let it in."""
    if not hosts:
        return "the request has no Host header (RFC 6455, section 4.1)"
    named = ", ".join(map(quoted, hosts))
    return (
        f"the Host header says {named}, which is not this server: a page may have pointed its "
        f"own name at this machine (DNS rebinding); if you know that name, "
        f"server.hosts.append(...) lets it in"
    )


def quoted(text: str) -> str:
    return f'"{visible(redact_path(text[:LONGEST]))}"'
