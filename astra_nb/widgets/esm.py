"""Join ES modules into the one self-contained text that an anywidget needs.

An anywidget's module is loaded from a blob address, where a relative import cannot be resolved.
The modules in `static/js` import each other by name from "./<module>.js" and nothing else, so each
is put after those it imports, and the import statements are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["STATIC", "join_modules"]

STATIC = Path(__file__).parent / "static"

# A statement begins a line; inside a string or a comment of ours it never does.
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w/]+\.js)";\n', re.MULTILINE)
ANY_IMPORT = re.compile(r"^import\b.*$", re.MULTILINE)


def join_modules(entry: Path) -> str:
    """Return a module and all that it imports as one text, the imported ones first.

    The names at the top of all the modules must differ; a clash is a syntax error in the page.

    Raises:
        ValueError: A module has an import of another form than the one that can be left out.
    """
    joined: dict[Path, str] = {}
    add_module(entry, joined)
    return "\n".join(joined.values())


def add_module(path: Path, joined: dict[Path, str]) -> None:
    if path in joined:
        return
    source = path.read_text(encoding="utf-8")
    text = IMPORT.sub("", source)
    other = ANY_IMPORT.search(text)
    if other:
        raise ValueError(
            f"{path.name}: cannot join the line {other.group()!r}; "
            f'write import {{ name }} from "./module.js"; in one statement'
        )
    for name in IMPORT.findall(source):
        add_module(path.parent / name, joined)
    joined[path] = f"// {path.name}\n{text}"
