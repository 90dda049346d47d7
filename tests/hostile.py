"""Payloads of strangers who want a page, a terminal or a reader to do something."""

from __future__ import annotations

import re

__all__ = ["ACTIVE", "HOSTILE"]

# What must not be in anything that is shown: controls, and what turns the direction of a text.
ACTIVE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

TEXTS = (
    # Markup
    "<img src=x onerror=hacked()>",
    "<script>hacked()</script>",
    "</script><script>hacked()</script>",
    "<svg onload=hacked()><animate onbegin=hacked() attributeName=x></svg>",
    "</pre></bdi></textarea><img src=x onerror=hacked()>",
    "<iframe srcdoc='<script>parent.hacked()</script>'></iframe>",
    "<math><mtext><table><mglyph><style><!--</style><img src=x onerror=hacked()>",
    "<style>* { display: none }</style>",
    '" onmouseover=hacked() x="',
    "' autofocus onfocus=hacked() x='",
    "<a href='javascript:hacked()'>here</a>",
    '![x](x "onerror=hacked()") [y](javascript:hacked())',
    r"$\href{javascript:hacked()}{x}$ \(\style{color:red}{x}\)",
    "{{hacked()}} ${hacked()} <%= hacked() %>",
    "&lt;img src=x onerror=hacked()&gt; &#60;script&#62;",
    # The direction of text, and what cannot be seen
    "\u202egnp.exe",
    "\u2066\u2067\u2068\u2069",
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d",
    "\u200b\u200c\u2060\ufeff",
    "a" + "\u0301" * 500,
    "\u2028\u2029\x85",
    "\U000e0041\U000e0042 \ufffe\uffff",
    # Terminals and protocols
    "\x00nul",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "\x9b31m\x08\x08\x7f",
    "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "first line\n" * 300,
    # JSON
    '{"__proto__": {"polluted": 1}, "constructor": 2, "toString": null}',
    '{"<b>key</b>": "<img src=x onerror=hacked()>", "\\u202e": "\\u0000\\ud800"}',
    '{"a": 1, "a": 2, "big": 9007199254740993, "too": 1e999, "minus": -0.0}',
    "1" * 10_000,
    "[" * 100_000,
    "[" * 50_000 + "]" * 50_000,
    '{"a":' * 2_000 + "1" + "}" * 2_000,
    # Size
    "A" * (10 * 2**20),
)
BYTES = (
    b"\xed\xa0\x80\xed\xb0\x80",  # surrogates
    b"\xc0\xaf\xe0\x80\xaf",  # longer than they need to be
    b"\xf5\x80\x80\x80\xff\xfe",
    b"\xe2\x82",  # cut short
    b"<script>hacked()</script>\xff",
    bytes(range(256)),
)
HOSTILE: tuple[tuple[int, bytes], ...] = (
    *((1, text.encode("utf-8", "surrogatepass")) for text in TEXTS),
    *((opcode, data) for data in BYTES for opcode in (1, 2)),
)
"""Opcode and payload of each frame; texts that are not UTF-8 are among them."""
