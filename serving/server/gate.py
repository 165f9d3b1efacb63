"""How many photos are in the house, from the request's arrival to its answer.

A bound on the whole way, not on one queue: photos that wait to be decoded hold memory, too.

Law: `inside` never exceeds `capacity`, and comes back to what it was when a visit ends.

    with gate.visit() as visit:       # 1 photo, before the body is read
        visit.grow_to(len(photos))    # when it is known how many there are

Not for several threads: only the event loop counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from serving.server.errors import busy


class Gate:
    """Lets photos in while there is room.

    Args:
        capacity: most photos inside.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.inside = capacity, 0

    @contextmanager
    def visit(self) -> Iterator[Visit]:
        """Lets one photo in; yields the visit, which ends with the block.

        Raises:
            RequestError: 503, if there is no room.
        """
        visit = Visit(self)
        visit.grow_to(1)
        try:
            yield visit
        finally:
            self.inside -= visit.photos

    def enter(self, photos: int) -> None:
        """Lets photos in, all or none.

        Raises:
            RequestError: 503, if there is no room.
        """
        if self.inside + photos > self.capacity:
            raise busy(self.inside, self.capacity)
        self.inside += photos


class Visit:
    """The photos of one request.

    Attributes:
        photos: how many are inside.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate, self.photos = gate, 0

    def grow_to(self, photos: int) -> None:
        """Lets in as many more as are missing to `photos`.

        Raises:
            RequestError: 503, if there is no room.
        """
        more = max(photos - self.photos, 0)
        self._gate.enter(more)
        self.photos += more
