"""Modules are joined so that nothing is imported any more and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from astra_nb.widgets.esm import STATIC, join_modules


@pytest.mark.parametrize("name", ["panel.js", "offline.js", "browser_client.js"])
def test_a_joined_widget_imports_nothing(name: str) -> None:
    text = join_modules(STATIC / "js" / name)
    assert not any(line.startswith("import ") for line in text.splitlines())
    assert text.count("export default") == 1
    # Once each, though several modules import them.
    assert text.count("// dom.js\n") == 1


def test_imported_modules_come_first(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = b;\n')
    (tmp_path / "b.js").write_text('import {\n  c,\n} from "./c.js";\nexport const b = c;\n')
    (tmp_path / "c.js").write_text("export const c = 1;\n")
    assert join_modules(tmp_path / "a.js") == (
        "// c.js\nexport const c = 1;\n\n// b.js\nexport const b = c;\n\n"
        "// a.js\nexport const a = b;\n"
    )


@pytest.mark.parametrize(
    "line", ['import x from "./b.js";', 'import { x } from "https://example.org/x.js";']
)
def test_an_import_that_cannot_be_joined_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.js").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"a\.js: cannot join the line"):
        join_modules(tmp_path / "a.js")
