"""Screenshots as small files: a page has few colours, so 256 of them do, and a picture is a third as large."""

import base64
import struct
import zlib
from pathlib import Path

from playwright.sync_api import Page

# The colours that are there most often, and of each pixel the one that is nearest to it.
_REDUCE = """
async (picture) => {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 256).map(([pixel]) => pixel);
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const distance = (one, other) =>
    [0, 8, 16].reduce((sum, shift) => sum + (((one >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0);
  const nearest = (pixel) => {
    const distances = palette.map((each) => distance(pixel, each));
    return distances.indexOf(Math.min(...distances));
  };
  const places = new Map(palette.map((pixel, place) => [pixel, place]));
  for (const pixel of counts.keys()) if (!places.has(pixel)) places.set(pixel, nearest(pixel));
  const shown = Array.from(pixels, (pixel) => String.fromCharCode(places.get(pixel))).join("");
  return { width, height, palette: palette.flatMap(parts), shown };
}
"""


def take(page: Page, path: Path) -> None:
    """What is to be seen of a page, as a PNG."""
    picture = base64.b64encode(page.screenshot()).decode()
    workshop = page.context.new_page()  # no content security policy of the admin's holds there
    reduced = workshop.evaluate(_REDUCE, picture)
    workshop.close()
    width, height, pixels = reduced["width"], reduced["height"], reduced["shown"].encode("latin-1")
    rows = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", bytes(reduced["palette"]))
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
