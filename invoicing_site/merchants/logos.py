"""Uploaded logos, decoded and drawn anew: what we keep is a small PNG and nothing else.

Re-encoding drops EXIF, colour profiles and anything hidden behind the picture.
"""

from __future__ import annotations

import io

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageFile, ImageOps

MAX_BYTES = 2 * 1024 * 1024
MAX_SIDE = 4000
KEPT = (600, 200)
FORMATS = ("PNG", "JPEG")


def clean(data: bytes) -> bytes:
    """Return the picture as a PNG of at most 600 x 200 pixels.

    Raises ValidationError when it is too heavy, too large, or no PNG or JPEG.
    """
    if len(data) > MAX_BYTES:
        raise too_heavy(len(data))
    # WeasyPrint turns this on in every process that imports it; half a logo is no logo.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image)
            return _drawn_anew(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    # What a broken file makes Pillow raise, as its own fuzzers list it.
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, IndexError) as error:
        raise ValidationError(
            _("The logo could not be read as a PNG or JPEG. Save it as PNG and choose it again."),
            code="logo",
        ) from error


def too_heavy(size: int) -> ValidationError:
    """Return the error for a file of `size` bytes that is over the limit."""
    return ValidationError(
        _("The logo has %(size)s MB; at most 2 MB are taken. Save it smaller."),
        params={"size": f"{size / 1024 / 1024:.1f}"},
        code="logo",
    )


def _check_size(image: Image.Image) -> None:
    """Refuse by what the head of the file says, before any pixel is decoded."""
    if max(image.size) > MAX_SIDE:
        raise _too_large(*image.size)


def _too_large(width: int | None = None, height: int | None = None) -> ValidationError:
    size = f"{width} × {height}" if width else _("far too many")  # noqa: RUF001
    return ValidationError(
        _(
            "The logo has %(size)s pixels; at most %(most)s on each side are taken. "
            "Save it smaller."
        ),
        params={"size": size, "most": MAX_SIDE},
        code="logo",
    )


def _drawn_anew(image: Image.Image) -> bytes:
    upright = ImageOps.exif_transpose(image)
    see_through = upright.has_transparency_data
    pixels = upright.convert("RGBA" if see_through else "RGB")
    pixels.thumbnail(KEPT)
    # A copy of the pixels only: convert() would carry the file's notes along.
    fresh = Image.new(pixels.mode, pixels.size)
    fresh.paste(pixels)
    out = io.BytesIO()
    fresh.save(out, "PNG", optimize=True)
    return out.getvalue()
