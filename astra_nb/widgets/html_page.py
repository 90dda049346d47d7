"""One HTML page that holds the panel and a log: without a kernel, without the network.

The page has the panel's own module and style, and answers the module's requests itself from the
records in it (`static/js/offline.js`), which are compressed JSON.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from astra_nb.log import LogView
from astra_nb.log.criteria import record_text
from astra_nb.log.frame_log import FrameLog
from astra_nb.wire.text import counted

from .catalog import CATALOG
from .esm import STATIC, join_modules
from .inspector import describe
from .log_rows import FIELDS, rows_between
from .marks import Marks
from .payload_pages import COPIES, bad_bytes, payload_of, payload_page

__all__ = ["html_page"]

MOST_RECORDS = 10_000  # the newest; each takes about 0.3 kB in the file
MOST_TEXT = 65_536  # characters of a payload that are searched

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>astra_nb: {title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width"><style>{css}
body {{ margin: 0; background: var(--jp-layout-color0, #fff); }}
.astra-console {{ height: 100vh !important; resize: none !important; border: 0 !important; }}
@media (prefers-color-scheme: dark) {{ body {{ --jp-layout-color0: #111; }} }}
</style></head><body><main id="panel"></main>
<script type="application/octet-stream" id="log">{data}</script>
<script type="module">{js}
showOffline(document.getElementById("panel"), document.getElementById("log").textContent);
</script></body></html>
"""


def html_page(view: LogView) -> str:
    """Return a log as one HTML page; everything of a stranger in it is data, never markup."""
    newest = view.since(0, MOST_RECORDS)
    left_out = len(view) - len(newest)
    log = FrameLog.of(newest)
    marks = Marks()
    marks.count(log)
    rows = rows_between(log, newest[0].number, newest[-1].number) if newest else []
    records: list[dict[str, Any]] = []
    for record in newest:
        data, as_ = payload_of(log, record)
        whole, whole_as = payload_of(log, record, whole=True)
        bad = bad_bytes(record) if record.kind == "frame" else None
        at = -1 if bad is None else bad["at"]
        records.append({
            "detail": describe(log, record, marks.connections.get(record.connection)),
            "payload": {**payload_page(data, 0, None, at), "as": as_},
            "whole": None if whole == data
            else {**payload_page(whole, 0, None), "as": whole_as},
            "text": record_text(record)[:MOST_TEXT],
            "explanation": COPIES["explanation"](data, as_, record),
            "drawing": COPIES["drawing"](data, as_, record),
        })  # fmt: skip
    content = {
        "fields": FIELDS,
        "rows": rows,
        "records": records,
        "errors": marks.errors,
        "connections": [{**vars(each), "rtt": None} for each in marks.connections.values()],
        "origin": view.origin,
        "catalog": CATALOG,
        "spans": log.spans(),
        "note": f"{counted(left_out, 'older record')} are not in this page." if left_out else "",
    }
    packed = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)
    js = join_modules(STATIC / "js" / "offline.js").replace("</script", "<\\/script")
    return PAGE.format(
        title="a log of frames",
        css=(STATIC / "panel.css").read_text(encoding="utf-8"),
        data=base64.b64encode(packed).decode(),
        js=js,
    )
