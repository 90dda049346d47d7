"""The HTML page for a browser that asks a route for a page instead of a WebSocket.

Nothing of the request is put into it.
"""

from __future__ import annotations

__all__ = ["CONTENT_SECURITY_POLICY", "UPGRADE_PAGE"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self' ws: wss:"
)

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
