"""Uploaded logos: what is kept is our own small PNG."""

import io
import tracemalloc

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from invoicing_site.merchants import logos
from tests.merchants.pictures import bomb, picture, with_gps


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_large_picture_is_made_to_fit(kind):
    kept = opened(logos.clean(picture((3000, 500), kind=kind)))

    assert (kept.format, kept.size) == ("PNG", (600, 100))


def test_small_picture_is_not_blown_up():
    assert opened(logos.clean(picture((60, 20)))).size == (60, 20)


def test_see_through_stays_see_through():
    kept = opened(logos.clean(picture(mode="RGBA", colour=(0, 0, 0, 0))))

    assert kept.mode == "RGBA"
    assert kept.getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize(("mode", "colour"), [("CMYK", (0, 0, 0, 0)), ("L", 255)])
def test_other_colour_spaces_become_rgb(mode, colour):
    kept = opened(logos.clean(picture(kind="JPEG", mode=mode, colour=colour)))

    assert kept.mode == "RGB"
    assert kept.getpixel((0, 0)) == (255, 255, 255)


def test_exif_is_used_for_turning_and_then_dropped():
    sent = with_gps()
    assert b"CANARY" in sent

    kept = logos.clean(sent)

    assert opened(kept).size == (100, 200)
    assert b"CANARY" not in kept
    assert not opened(kept).getexif()


def test_what_hides_behind_the_picture_is_dropped():
    assert b"<script>" not in logos.clean(picture() + b"<script>alert(1)</script>")


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"",
        picture()[:200],
        picture((20, 20), kind="GIF"),
        picture((20, 20), kind="WEBP"),
        picture((20, 20), kind="BMP"),
    ],
    ids=["svg", "pdf", "nothing", "cut", "gif", "webp", "bmp"],
)
def test_anything_else_is_refused_with_what_to_do(data):
    with pytest.raises(ValidationError, match="Save it as PNG"):
        logos.clean(data)


@pytest.mark.parametrize("side", [4001, 60_000])
def test_bomb_is_refused_before_a_pixel_is_decoded(side):
    tracemalloc.start()
    try:
        with pytest.raises(ValidationError, match="at most 4000"):
            logos.clean(bomb(side, side))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2_000_000


def test_more_than_two_megabytes_are_refused():
    with pytest.raises(ValidationError, match="at most 2 MB are taken"):
        logos.clean(b"\x89PNG" + b"\0" * logos.MAX_BYTES)
