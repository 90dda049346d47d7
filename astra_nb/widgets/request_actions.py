"""A panel's clients, and the requests that it keeps for them; secrets stay in the kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from astra_nb.errors import LocalError
from astra_nb.wire.redaction import HIDDEN, Redactor, redact_path
from astra_nb.wire.text import counted

from .senders import Senders

__all__ = ["MOST_SAVED", "REQUEST_ACTIONS", "Request", "RequestActions", "without_secrets"]

REQUEST_ACTIONS = ("connect", "disconnect", "save_request", "forget_request")
MOST_SAVED = 100


@dataclass(frozen=True)
class Request:
    """What a client's opening handshake is made of: arguments of `astra_nb.connect`."""

    address: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    subprotocols: Sequence[str] = ()
    faults: Sequence[str] = ()

    @property
    def shown(self) -> Request:
        """The request with its secrets hidden: a notebook stores what a panel shows."""
        redactor = Redactor()
        headers = redactor.headers((str(a), str(b)) for a, b in self.headers.items())
        return replace(
            self,
            address=redact_path(str(self.address)),
            headers=dict(headers),
            subprotocols=[redactor.subprotocol(str(each)) for each in self.subprotocols],
        )

    def as_json(self) -> dict[str, Any]:
        """Return what a page is shown of it."""
        return asdict(self.shown)

    def revealed(self, saved: Request | None) -> Request:
        """Return the request with the secrets of a saved one where that one's are hidden.

        Raises:
            LocalError: Something hidden is not as in the saved one, so its secret is unknown.
        """
        if HIDDEN not in repr(self):  # `connect` judges the rest
            return self
        real, shown = saved or Request(), (saved or Request()).shown
        # Of two subprotocols that look alike, the first one comes first.
        protocols = list(zip(shown.subprotocols, real.subprotocols, strict=True))
        subprotocols = []
        for name in self.subprotocols:
            found = next((pair for pair in protocols if pair[0] == name), (name, name))
            if found in protocols:
                protocols.remove(found)
            subprotocols.append(found[1])
        request = replace(
            self,
            address=real.address if self.address == shown.address else self.address,
            headers={
                name: real.headers[name] if shown.headers.get(name) == value else value
                for name, value in self.headers.items()
            },
            subprotocols=subprotocols,
        )
        for text in (request.address, *request.headers.values(), *subprotocols):
            if HIDDEN in str(text):
                raise LocalError(
                    f"{str(text)!r:.80} has a hidden part, which the kernel knows only for a saved "
                    f"request that was not changed; type the secret again"
                )
        return request


class RequestActions:
    """The controls of a panel's own clients as methods; see `Actions`."""

    senders: Senders
    _requests: dict[int, Request]
    _request_numbers: Iterator[int]

    def connect(
        self,
        address: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        faults: Sequence[str] = (),
        saved: int | None = None,
    ) -> str:
        """Open a client in the kernel, which reads all that it receives.

        Args:
            address: For the panel of a server a path, or its whole address; else an address, "" for
                the last one.
            faults: Names of faults of `astra_nb.faults` about a request or the conduct of an end.
            saved: Number of a saved request, whose secrets come in where this one has `<hidden>`.

        Raises:
            AstraError: As `astra_nb.connect`.
            LocalError: There is no such saved request, or a hidden part is not as it has it.
        """
        request = self._revealed(Request(address, headers or {}, subprotocols, faults), saved)
        number = self.senders.connect(
            request.address,
            headers=request.headers,
            subprotocols=request.subprotocols,
            faults=faults,
        )
        return f"A client in the kernel has connected: #{number}."

    def disconnect(self) -> str:
        """Close the panel's own clients with 1000."""
        return f"Closed {counted(self.senders.close(), 'client')} with 1000."

    def save_request(
        self,
        address: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        faults: Sequence[str] = (),
        saved: int | None = None,
    ) -> str:
        """Keep a request with its headers, to connect with it again; arguments as for `connect`.

        Its secrets stay in the kernel: a page gets them hidden.

        Raises:
            LocalError: As `connect`.
        """
        request = self._revealed(Request(address, headers or {}, subprotocols, faults), saved)
        for number, each in self._requests.items():
            if each == request:
                return f"This is saved request {number}."
        request.as_json()  # so that nothing is kept that cannot be shown
        number = next(self._request_numbers)
        self._requests[number] = request
        for oldest in list(self._requests)[:-MOST_SAVED]:
            del self._requests[oldest]
        return f"Saved as request {number}."

    def forget_request(self, number: int) -> str:
        """Remove a saved request by its number."""
        self._requests.pop(number, None)
        return "Removed."

    def _revealed(self, request: Request, saved: int | None) -> Request:
        if saved is not None and saved not in self._requests:
            raise LocalError(f"there is no saved request {saved!r:.20} now")
        known = self._requests[saved] if saved is not None else None
        if known is None or request.address != known.shown.address:
            address = self.senders.resolve(request.address)
            request = replace(request, address=address)
        return request.revealed(known)


def without_secrets(
    arguments: Sequence[object], options: Mapping[str, object]
) -> tuple[list[object], dict[str, object]]:
    """Return the arguments and options of `connect` with their secrets hidden."""
    headers, subprotocols = options.get("headers"), options.get("subprotocols")
    shown = Request(
        "".join(map(str, arguments[:1])),
        headers if isinstance(headers, Mapping) else {},
        subprotocols if isinstance(subprotocols, list) else (),
    ).shown
    hidden: dict[str, object] = {"headers": shown.headers, "subprotocols": shown.subprotocols}
    return [shown.address] * len(arguments), {
        name: hidden.get(name, value) for name, value in options.items()
    }
