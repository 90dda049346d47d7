"""Where the kernel runs: a laptop, JupyterHub, Binder, Codespaces, VS Code, Colab, JupyterLite."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .page import base_path

__all__ = ["Environment", "base_url_of_jupyter"]


@dataclass(frozen=True, slots=True)
class Environment:
    """What a kernel can find out by itself about where it runs."""

    environment: Mapping[str, str] = field(default_factory=dict)
    jupyter_base_url: str | None = None  # of the Jupyter server that started this kernel
    platform: str = "linux"  # as `sys.platform`

    @classmethod
    def here(cls) -> Environment:
        """Return the environment of this process, with what Jupyter's own file adds."""
        return cls(dict(os.environ), base_url_of_jupyter(os.environ), sys.platform)

    @property
    def hub_prefix(self) -> str | None:
        """The path of this user's server on a JupyterHub or on Binder, or None elsewhere."""
        return base_path(self.environment.get("JUPYTERHUB_SERVICE_PREFIX"))

    @property
    def is_colab(self) -> bool:
        return any(name.startswith("COLAB_") for name in self.environment)

    @property
    def is_lite(self) -> bool:
        """Whether Python itself runs in the browser."""
        return self.platform in ("emscripten", "wasi")

    @property
    def place(self) -> str:
        """The name of the place, in a word or two."""
        names = {
            "JupyterLite": self.is_lite,
            "Google Colab": self.is_colab,
            "GitHub Codespaces": self.environment.get("CODESPACE_NAME"),
            "Binder": self.environment.get("BINDER_LAUNCH_HOST")
            or self.environment.get("BINDER_REPO_URL"),
            "a JupyterHub": self.hub_prefix,
            "VS Code in a browser": self.environment.get("VSCODE_PROXY_URI"),
        }
        return next((name for name, there in names.items() if there), "this machine")


def base_url_of_jupyter(environment: Mapping[str, str]) -> str | None:
    """Return the base URL from the file that the Jupyter server keeps about itself, or None.

    That file also holds its token; only the base URL is taken from it.
    """
    process = environment.get("JPY_PARENT_PID", "")
    if not process.isdigit():
        return None
    try:
        from jupyter_core.paths import jupyter_runtime_dir

        path = Path(jupyter_runtime_dir()) / f"jpserver-{process}.json"
        return base_path(json.loads(path.read_text(encoding="utf-8")).get("base_url"))
    except (ImportError, OSError, ValueError, AttributeError):
        return None
