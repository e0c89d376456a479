"""Finds an image whose perceptual hash differs in a few bits, without looking at all of them.

A hash of 64 bits is cut into four bands of 16. Where two hashes differ in at most d bits, either some band is the
same, or one of any d - 3 bands differs in one bit alone (else there would be at least 4 + (d - 3) differences). So
four to 68 look-ups in an index find every near hash, for d from 0 to 7. An image costs the same however many there
are already, up to those that share a band by chance: one in 65,536 for each look-up.
"""

import sqlite3

_BANDS, _BITS = 4, 16


def bands(hash_: int) -> list[int]:
    """The bands of a hash, each with its number in front, as the index has them."""
    return [number << _BITS | (hash_ >> number * _BITS & 0xFFFF) for number in range(_BANDS)]


def _probes(hash_: int, distance: int) -> list[int]:
    """The bands that some band of every hash within the distance is among."""
    own = bands(hash_)
    around = own[: max(0, distance - _BANDS + 1)]
    return own + [band ^ 1 << bit for band in around for bit in range(_BITS)]


def nearest(db: sqlite3.Connection, hash_: int, distance: int) -> str | None:
    """The image of the run whose hash differs least, in at most so many bits (0 to 7); None where there is none."""
    probes = _probes(hash_, distance)
    marks = ", ".join("?" * len(probes))
    found = db.execute(f"SELECT DISTINCT image, hash FROM bands WHERE band IN ({marks})", probes)
    near = [(bits, image) for image, other in found if (bits := (hash_ ^ unsigned(other)).bit_count()) <= distance]
    return min(near)[1] if near else None


def add(db: sqlite3.Connection, image: str, hash_: int) -> None:
    """Puts an image into the index."""
    rows = [(band, image, signed(hash_)) for band in bands(hash_)]
    db.executemany("REPLACE INTO bands VALUES (?, ?, ?)", rows)


def remove(db: sqlite3.Connection, image: str, hash_: int) -> None:
    """Takes an image out of the index."""
    db.executemany("DELETE FROM bands WHERE band = ? AND image = ?", [(band, image) for band in bands(hash_)])


def signed(hash_: int) -> int:
    """A hash as SQLite's integers hold it."""
    return hash_ - (1 << 64) if hash_ >> 63 else hash_


def unsigned(hash_: int) -> int:
    """A hash out of SQLite."""
    return hash_ & (1 << 64) - 1
