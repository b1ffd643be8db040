"""Pictures as people upload them."""

import io
import struct
import zlib

from PIL import Image


def picture(size=(900, 300), *, kind="PNG", mode="RGB", colour=(11, 91, 112), **saving) -> bytes:
    """Return one file of one colour."""
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **saving)
    return out.getvalue()


def with_gps() -> bytes:
    """Return a JPEG that tells where and by whom it was taken, lying on its side."""
    image = Image.new("RGB", (400, 200), "white")
    exif = image.getexif()
    exif[0x0112] = 6  # orientation: turn to the right
    exif[0x013B] = "CANARY PHOTOGRAPHER"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def bomb(width=60_000, height=60_000) -> bytes:
    """Return a PNG of a few bytes whose head promises billions of pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9))
