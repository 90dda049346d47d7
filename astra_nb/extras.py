"""How to install what an optional part needs."""

from __future__ import annotations

__all__ = ["NEEDS", "install_command"]

# The extras of pyproject.toml. The package is on no index, so that a command with
# "astra-nb[lua]" would fail for whoever installed a wheel: the requirements are named instead.
NEEDS = {
    "files": ("python-pcapng>=2.1", "ijson>=3.3", "tqdm>=4.66"),
    "lab": ("jupyterlab>=4.6", "notebook>=7.6", "jupyter-server-proxy>=4.6"),
    "lua": ("lupa>=2.8",),
    "socks": ("python-socks>=3.2",),
    "tls": ("trustme>=1.2",),
}


def install_command(extra: str) -> str:
    """Return the command that installs what an extra needs, such as "lua"."""
    return " ".join(["pip install", *(f'"{requirement}"' for requirement in NEEDS[extra])])
