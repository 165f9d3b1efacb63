"""How much a stranger may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """What is refused before anything is decoded.

    Attributes:
        max_mb: size of a request's body, in megabytes of 1,000,000 bytes.
        max_pixels: width times height of a photo.
        max_photos: photos of one request.
        max_waiting: photos of all requests that are in the house at a time; more are told to come
            back.
        max_read_secs: how long a request's body may take to arrive.
    """

    max_mb: float = 20.0
    max_pixels: int = 50_000_000
    max_photos: int = 32
    max_waiting: int = 256
    max_read_secs: float = 60.0

    def __post_init__(self) -> None:
        if self.max_photos > self.max_waiting:
            raise ConfigError(
                f"A request of {self.max_photos} photos would never be let in where "
                f"{self.max_waiting} may wait. Raise --max-waiting, or lower --max-photos."
            )

    @property
    def max_bytes(self) -> int:
        """The same as `max_mb`, in bytes."""
        return int(self.max_mb * 1_000_000)
