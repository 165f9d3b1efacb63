"""All machines of a training meet before TensorFlow starts, or say who did not come.

TensorFlow's own start waits for the others inside C code that nothing in Python can interrupt, for
as long as it takes. So they meet here first: the chief listens at its own address, every other says
its rank there and waits; when all are there the chief sends them off. The port is TensorFlow's
again afterwards.

    meet(read_cluster(os.environ.get("TF_CONFIG")), longest_wait_secs=1800)

One line each way: `fieldmark RANK`, answered with `go`, or with `missing ADDRESS...` when the chief
gives up.
"""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass, field

from components.progressive_trainer.cluster import Cluster
from schemas.errors import ConfigError, FieldmarkError
from schemas.events import emit

_GREETING = "fieldmark"
_RETRY_SECS = 0.5
_SAY_AFTER_SECS = 30.0
"""Machines start seconds apart: only then is a missing one worth a line."""


def meet(cluster: Cluster, *, longest_wait_secs: float) -> None:
    """Returns when all machines of the cluster are here; at once for one machine.

    Args:
        cluster: the machines, and which this one is.
        longest_wait_secs: for all to come.

    Raises:
        FieldmarkError: if they do not come, with the addresses of those missing.
        ConfigError: if an address is no "host:port", or this machine cannot listen at its own.
    """
    if cluster.workers == 1:
        return
    deadline = time.monotonic() + longest_wait_secs
    if cluster.rank == 0:
        _receive(cluster, deadline, longest_wait_secs)
    else:
        _report(cluster, deadline, longest_wait_secs)


@dataclass
class _Arrivals:
    """Who is connected to the chief."""

    cluster: Cluster
    by_rank: dict[int, socket.socket] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        return [
            address
            for rank, address in enumerate(self.cluster.addresses)
            if rank and rank not in self.by_rank
        ]

    def answer(self, line: str) -> None:
        for connection in self.by_rank.values():
            with connection:
                connection.sendall(f"{line}\n".encode())


def _receive(cluster: Cluster, deadline: float, allowed_secs: float) -> None:
    arrivals, said_at = _Arrivals(cluster), time.monotonic() + _SAY_AFTER_SECS
    with selectors.DefaultSelector() as selector, _listening(cluster.addresses[0]) as server:
        selector.register(server, selectors.EVENT_READ)
        # Who came may be gone again: all are sent off when nothing more is heard for a moment.
        while _heard_something(selector, server, arrivals) or arrivals.missing:
            if time.monotonic() > said_at and arrivals.missing:
                said_at = float("inf")
                emit("note", text=f"waiting for {', '.join(arrivals.missing)} to join the training")
            if time.monotonic() > deadline and arrivals.missing:
                missing = arrivals.missing
                arrivals.answer(f"missing {' '.join(missing)}")
                raise _never_came(cluster, missing, allowed_secs)
    arrivals.answer("go")


def _heard_something(
    selector: selectors.BaseSelector, server: socket.socket, arrivals: _Arrivals
) -> bool:
    ready = selector.select(timeout=_RETRY_SECS)
    for key, _ in ready:
        if key.fileobj is server:
            selector.register(server.accept()[0], selectors.EVENT_READ)
        else:
            _hear(key.fileobj, arrivals, selector)  # type: ignore[arg-type]
    return bool(ready)


def _hear(connection: socket.socket, arrivals: _Arrivals, selector: selectors.BaseSelector) -> None:
    """A rank that reports, one that is gone again, or somebody who has no business here."""
    try:
        words = connection.recv(64).decode("ascii", "replace").split()
    except OSError:
        words = []
    ranks = range(1, arrivals.cluster.workers)
    if len(words) == 2 and words[0] == _GREETING and words[1] in map(str, ranks):
        arrivals.by_rank[int(words[1])] = connection
        return
    selector.unregister(connection)
    connection.close()
    for rank in [each for each, known in arrivals.by_rank.items() if known is connection]:
        del arrivals.by_rank[rank]


def _report(cluster: Cluster, deadline: float, allowed_secs: float) -> None:
    chief = _host_port(cluster.addresses[0])
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(chief, timeout=_RETRY_SECS) as connection:
                connection.sendall(f"{_GREETING} {cluster.rank}\n".encode())
                # The chief gives up at its own deadline, and says so.
                connection.settimeout(max(deadline - time.monotonic(), 0.0) + allowed_secs)
                words = connection.makefile().readline().split()
        except OSError:
            words = []
        if words[:1] == ["go"]:
            return
        if words[:1] == ["missing"]:
            raise _never_came(cluster, words[1:], allowed_secs)
        time.sleep(_RETRY_SECS)
    raise _never_came(cluster, [cluster.addresses[0]], allowed_secs)


def _listening(address: str) -> socket.socket:
    _, port = _host_port(address)
    try:
        return socket.create_server(("", port), reuse_port=True)
    except OSError as error:
        raise ConfigError(
            f"TF_CONFIG: the chief cannot listen at its own address {address} ({error.strerror}). "
            "Give it a free port, or end the process that holds this one."
        ) from error


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        raise ConfigError(
            f'TF_CONFIG: an address must be "host:port". Received: {address!r}. '
            "Give every machine the same addresses."
        )
    return host.strip("[]"), int(port)


def _never_came(cluster: Cluster, missing: list[str], allowed_secs: float) -> FieldmarkError:
    return FieldmarkError(
        f"Training on {cluster.workers} machines did not begin: within {allowed_secs:g} s "
        f"(trainer.longest_wait_secs) there was no word from {', '.join(missing)}. Start it with "
        "the same TF_CONFIG cluster, see that the chief's port can be reached from it, and start "
        "all of them again."
    )
