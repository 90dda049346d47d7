"""The HTML page for a browser that asks a route for a page, and the headers of every refusal.

Nothing of the request is put into the page, and it opens no connection until its button is
pressed: any site can make a browser load it, with a path and a query of that site's choice.
"""

from __future__ import annotations

from websockets.datastructures import Headers

__all__ = ["CONTENT_SECURITY_POLICY", "SECURITY_HEADERS", "UPGRADE_PAGE", "add_security_headers"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# Of every answer that is not a WebSocket: no site can show it in a frame, keep a window on it,
# guess another type for it, or see where it leads from.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

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
<p>This page can do it too. It connects when you press the button, not before: a link on another
site may have led you here.</p>
<form id="form"><button id="connect" type="button">Connect</button>
<input id="text" value="Hello" aria-label="Text to send" autocomplete="off">
<button id="send" disabled>Send</button> <button id="close" type="button" disabled>Close</button>
</form>
<div id="log" role="log" aria-live="polite"></div>
<script>
const byId = (id) => document.getElementById(id);
const address = location.href.replace(/^http/, "ws").split("#")[0];
byId("code").textContent =
  `const socket = new WebSocket(${JSON.stringify(address)});\\n` +
  `socket.addEventListener("message", (event) => console.log(event.data));\\n` +
  `socket.addEventListener("open", () => socket.send("Hello"));`;
const log = byId("log");
const say = (line) => { log.append(line, "\\n"); };
let socket;
const draw = () => {
  const state = socket ? socket.readyState : WebSocket.CLOSED;
  byId("connect").disabled = state !== WebSocket.CLOSED;
  byId("send").disabled = byId("close").disabled = state !== WebSocket.OPEN;
};
byId("connect").addEventListener("click", () => {
  socket = new WebSocket(address);
  socket.addEventListener("open", () => { say("open"); draw(); });
  socket.addEventListener("message", ({ data }) =>
    say("message: " + (typeof data === "string" ? data : `${data.size} bytes`)));
  socket.addEventListener("error", () => say("error"));
  socket.addEventListener("close", ({ code, reason, wasClean }) => {
    say(`close: code ${code}, reason ${JSON.stringify(reason)}, wasClean ${wasClean}`);
    draw();
  });
  draw();
});
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(byId("text").value);
  byId("text").value = "";
});
byId("close").addEventListener("click", () => { socket.close(1000, "Done"); draw(); });
</script>
</body>
</html>
"""


def add_security_headers(headers: Headers) -> None:
    """Add what every page and every refusal has, unless it is there."""
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
