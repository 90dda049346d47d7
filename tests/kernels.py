"""A real IPython kernel, asked as a front end asks."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.helpers import python_environment


class Kernel:
    """A kernel and what its cells have printed, by the message that asked for it."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.output: dict[str, str] = {}
        self.replies: dict[str, dict[str, Any]] = {}

    def run(
        self,
        code: str,
        *,
        cell: str | None = None,
        timeout: float = 30.0,
        stop_on_error: bool = True,
    ) -> str:
        """Run a cell to its end and give its message's id.

        Args:
            stop_on_error: Whether an error aborts what is asked next, for a moment.

        Raises:
            AssertionError: The cell raised, or it did not end in time.
        """
        message = self.client.session.msg(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": stop_on_error,
            },
            metadata={"cellId": cell} if cell else {},
        )
        self.client.shell_channel.send(message)
        sent: str = message["header"]["msg_id"]
        deadline = time.monotonic() + timeout
        while True:
            reply = self.client.get_shell_msg(timeout=max(0.01, deadline - time.monotonic()))
            if reply["parent_header"].get("msg_id") == sent:
                break
        content = reply["content"]
        assert content["status"] == "ok", "\n".join(content.get("traceback", [content["status"]]))
        return sent

    def complete(self, code: str) -> None:
        """Ask for a completion, as Tab does; it makes another message the latest one."""
        self.client.complete(code, reply=True, timeout=10)

    def wait_for_output(self, text: str, timeout: float = 10.0) -> dict[str, str]:
        """Collect output until `text` has come somewhere; give it by message id."""
        deadline = time.monotonic() + timeout
        while not any(text in output for output in self.output.values()):
            try:
                message = self.client.get_iopub_msg(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{text!r} was not printed: {self.output}") from None
            if message["msg_type"] == "stream":
                parent = message["parent_header"].get("msg_id", "")
                self.output[parent] = self.output.get(parent, "") + message["content"]["text"]
        return self.output


@contextmanager
def running_kernel(**environment: str) -> Iterator[Kernel]:
    """Start a kernel that finds this repository's package; it is gone at the end."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=python_environment(**environment))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
