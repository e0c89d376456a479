"""Writes PNG files whose bytes depend on the pixels alone.

Pillow's files depend on the version of the compression library that it was built with. Here compression is as plain
as the format allows (RFC 1951, 3.2.6: fixed codes; RFC 2083: each row as its difference from the row above): runs of
equal bytes become one reference. Drawn scenes shrink to about a sixteenth by it.
"""

import struct
import zlib

import numpy as np
import numpy.typing as npt

from eibench_tasks.scenes.canvas import Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2  # filter type: each byte less the byte above it
_SHORTEST, _LONGEST = 3, 258  # bytes that one reference can stand for
_END = 256


def png_bytes(pixels: Pixels) -> bytes:
    """A PNG file of pixels of the shape (height, width, 3)."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 0] = _UP
    flat = pixels.reshape(height, -1)
    rows[:, 1:] = flat
    rows[1:, 1:] -= flat[:-1]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", deflated(rows.ravel())) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deflated(data: npt.NDArray[np.uint8]) -> bytes:
    """A zlib stream of the data: one block with fixed codes, in which only runs of one byte are shortened."""
    values, widths = _symbols(data)
    starts = np.concatenate(([0], np.cumsum(widths)))
    bits = np.zeros(3 + int(starts[-1]), np.uint8)
    bits[:2] = 1  # the last block; fixed codes (01, lowest bit first)
    for place in range(int(widths.max())):
        there = widths > place
        bits[3 + starts[:-1][there] + place] = values[there] >> place & 1
    packed = np.packbits(bits, bitorder="little").tobytes()
    return b"\x78\x01" + packed + struct.pack(">I", zlib.adler32(data.tobytes()))


def _symbols(data: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The codes of the data, lowest bit first, and the number of bits of each.

    A run is its first byte, then references of up to 258 bytes; a rest that is too short for one is spelled out.
    """
    edges = np.flatnonzero(np.diff(data)) + 1
    starts = np.concatenate(([0], edges))
    lengths = np.diff(np.concatenate((starts, [len(data)])))
    whole, rest = np.divmod(lengths - 1, _LONGEST)
    short = np.where(rest < _SHORTEST, rest, 0)
    pieces = 1 + whole + np.where(rest < _SHORTEST, short, 1)
    run = np.repeat(np.arange(len(starts)), pieces)
    place = np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    literal = data[starts[run]].astype(np.int64)
    number = np.where(place == 0, literal, np.where(place <= whole[run], _LONGEST, rest[run]) + 1_000)
    number = np.where((place > whole[run]) & (rest[run] < _SHORTEST), literal, number)
    values, widths = (np.concatenate((table[number], [table[_END]])) for table in _tables())
    return values, widths


def _tables() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Codes and widths of each literal, of the end of the block, and from 1,000 on of each length at distance 1."""
    values, widths = np.zeros(1_000 + _LONGEST + 1, np.int64), np.zeros(1_000 + _LONGEST + 1, np.int64)
    for symbol in range(257):
        values[symbol], widths[symbol] = _fixed(symbol)
    symbol, length = 257, _SHORTEST
    for extra in (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5):
        for more in range(1 << extra):
            code, width = _fixed(symbol)
            values[1_000 + length], widths[1_000 + length] = code | more << width, width + extra + 5
            length += 1
        symbol += 1
    values[1_000 + _LONGEST], widths[1_000 + _LONGEST] = _fixed(285)[0], _fixed(285)[1] + 5
    return values, widths  # the five bits more are the code of distance 1: zeros


def _fixed(symbol: int) -> tuple[int, int]:
    """The fixed code of a symbol, its bits in the order in which they are written, and their number."""
    if symbol < 144:
        code, width = 0x30 + symbol, 8
    elif symbol < 256:
        code, width = 0x190 + symbol - 144, 9
    elif symbol < 280:
        code, width = symbol - 256, 7
    else:
        code, width = 0xC0 + symbol - 280, 8
    return int(f"{code:0{width}b}"[::-1], 2), width
