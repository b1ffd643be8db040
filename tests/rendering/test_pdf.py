"""The PDF of a document: what is on it, and what cannot get into it."""

import hashlib
import io
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import zxingcpp
from fontTools.ttLib import TTFont
from PIL import Image
from pypdf import PdfReader

from invoices import totals
from invoices.rendering import child, pdf, words
from invoices.rendering.engine import font_folder
from providers.contract import Address, BankAccount, Look, VatCategory
from tests.rendering.samples import HOSTED, document

LETTERS = "æøåäöÆØÅÄÖéÉüÜŠšŽžđðþ€§«»·\u201c\u201d\u2019\u2013\u00d7\u2212\u00a0\u202f"
LANGUAGES = ["en", "nb", "da", "sv", "fi"]


def reader(content: bytes) -> Any:
    return PdfReader(io.BytesIO(content))


def text_of(content: bytes) -> str:
    """Return all text, with every kind of blank as one blank."""
    pages = [page.extract_text() for page in reader(content).pages]
    return re.sub(r"[\s\u00a0\u202f]+", " ", " ".join(pages))


def pictures(content: bytes) -> list[Image.Image]:
    """Return the pictures of all pages."""
    found = [each.image for page in reader(content).pages for each in page.images]
    return [each for each in found if each is not None]


# -------------------------------------------------------------------------------------- the same
def test_same_document_gives_same_bytes():
    one, other = (pdf.render(document(), HOSTED) for _ in range(2))

    assert hashlib.sha256(one).hexdigest() == hashlib.sha256(other).hexdigest()


def test_another_process_gives_the_same_bytes():
    here = pdf.render(document(), HOSTED)
    pdf._renderer().stop()

    assert pdf.render(document(), HOSTED) == here


def test_bytes_hold_no_clock(monkeypatch):
    """The dates in the file are the document's issue date."""
    meta = reader(pdf.render(document(issue_date=date(2025, 3, 4)), HOSTED)).metadata

    assert meta is not None
    dates = {meta["/CreationDate"][:10], meta["/ModDate"][:10]}
    assert dates == {"D:20250304"}


# ------------------------------------------------------------------------------------ what it says
@pytest.mark.parametrize("language", LANGUAGES)
def test_totals_on_paper_are_those_of_the_document(language):
    given = document(10, discount="5", language=language)

    text = text_of(pdf.render(given, HOSTED))

    def written(amount: Decimal) -> str:
        return re.sub(r"[\s\u202f]", " ", words.amount(amount, language))

    amounts = given.totals
    for amount in (amounts.payable, amounts.vat, amounts.net, -amounts.discount_net):
        assert written(amount) in text
    for group in given.vat_totals:
        assert f"{written(group.base)} {written(group.vat)}" in text


def test_norwegian_invoice_carries_what_the_law_wants():
    """bokføringsforskriften § 5-1-1: number, date, parties, MVA, delivery, due date, VAT per rate."""
    text = text_of(pdf.render(document(), HOSTED))

    for wanted in (
        "Faktura 1042",
        "21. november 2026",
        "5. desember 2026",
        "19. november 2026",
        "Fjord og Fjell AS",
        "923 609 016 MVA",
        "Foretaksregisteret",
        "Bølgen Bakeri AS",
        "Storgata 1",
        "Konsulenttime, prosjekt «Ærlig økonomi»",
        "7,5 timer",
        "Mva. 25 %",
        "Mva. 15 %",
        "Mva. 12 %",
        "1234567897",
        "8601.11.17947",
        "NO93 8601 1117 947",
        HOSTED.rsplit("/", 2)[1],
    ):
        assert wanted in text


def test_every_optional_field_has_a_place():
    given = document(
        order_date=date(2026, 11, 2),
        payment_reference="REF-9",
        delivery_address=Address(lines=("Kaia 3",), postcode="5003", city="Bergen", country="NO"),
    )

    text = text_of(pdf.render(given, HOSTED))

    for wanted in (
        "2. november 2026", "REF-9", "Kaia 3", "5003 Bergen", "Rådgivning i november",
        "Takk for samarbeidet.", "Kari Nordmann", "S-77", "PO-4711", "Prosjekt 12", "Att. Åse Bølge",
        "forsinkelsesrenteloven", "faktura@fjord.example", "+47 22 00 00 00", "fjord.example",
        "DNBANOKKXXX",
    ):  # fmt: skip
        assert wanted in text


def test_reverse_charge_names_its_reason():
    line = totals.LineInput(
        quantity=Decimal(1),
        unit_price=Decimal(1000),
        vat_category=VatCategory.REVERSE_CHARGE,
        vat_rate=Decimal(0),
    )
    given = document(given=[line])
    reason = "Omvendt avgiftsplikt - Merverdiavgift ikke beregnet"
    groups = tuple(replace(group, reason=reason) for group in given.vat_totals)

    assert reason in text_of(pdf.render(replace(given, vat_totals=groups), HOSTED))


def test_prices_with_vat_and_rounding_are_shown_as_such():
    given = document(prices_include_vat=True)
    given = replace(given, totals=replace(given.totals, rounding=Decimal("-0.25")))

    text = text_of(pdf.render(given, HOSTED))

    assert "Beløp i NOK med mva." in text
    assert "Avrunding \u22120,25" in text


def test_without_bank_account_no_bank_block_is_drawn():
    text = text_of(pdf.render(document(bank=BankAccount(), kid="", payment_reference=""), HOSTED))

    assert "Betal via bank" not in text


def test_heads_repeat_and_pages_are_counted():
    content = pdf.render(document(120), HOSTED)
    pages = [page.extract_text() for page in reader(content).pages]

    assert len(pages) > 3
    for at, page in enumerate(pages[:-1], 1):
        assert "Enhetspris" in page
        assert f"Side {at} av {len(pages)}" in page.replace("\u00a0", " ")


@pytest.mark.requirement("V-28")
def test_qr_code_opens_the_hosted_page():
    qr = pictures(pdf.render(document(look=Look()), HOSTED))[-1]

    found = zxingcpp.read_barcodes(qr.convert("L").resize((400, 400), Image.Resampling.NEAREST))

    assert [each.text for each in found] == [HOSTED]


def test_paper_carries_the_address_as_a_link_too():
    page = reader(pdf.render(document(), HOSTED)).pages[0]
    links = [each.get_object()["/A"]["/URI"] for each in page["/Annots"]]

    assert HOSTED in links


def test_draft_without_address_has_no_code():
    text = text_of(pdf.render(document(number="", look=Look()), ""))

    assert "Fakturautkast" in text
    assert "Skann koden" not in text


# ------------------------------------------------------------------------- archival and accessible
def test_file_says_it_is_archival_accessible_and_in_which_language():
    file = reader(pdf.render(document(), HOSTED))
    root = file.root_object
    metadata = root["/Metadata"].get_object().get_data().decode()

    assert 'part="3"' in metadata or "<pdfaid:part>3" in metadata
    assert "conformance" in metadata
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert metadata.count("<rdf:RDF") == metadata.count("</rdf:RDF>") == 1
    assert root["/Lang"] == "nb"
    assert root["/MarkInfo"]["/Marked"] is not None
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert file.metadata is not None
    assert file.metadata.title == "Faktura 1042"


def test_pictures_have_words_and_tables_have_heads():
    """Walk the structure tree: figures with alternatives, header cells, one top heading."""
    root = reader(pdf.render(document(), HOSTED)).root_object["/StructTreeRoot"]
    kinds: list[str] = []
    alternatives: list[str] = []

    def walk(node):
        node = node.get_object()
        if isinstance(node, list):
            for each in node:
                walk(each)
        elif hasattr(node, "get"):
            kinds.append(str(node.get("/S", "")))
            if node.get("/S") == "/Figure":
                alternatives.append(str(node.get("/Alt", "")))
            if "/K" in node:
                walk(node["/K"])

    walk(root)

    assert kinds.count("/H1") == 1
    assert kinds.count("/TH") >= 6
    assert alternatives == ["Fjord og Fjell AS", f"QR-kode som åpner denne fakturaen på {HOSTED}"]


def test_all_fonts_are_embedded():
    resources = reader(pdf.render(document(), HOSTED)).pages[0]["/Resources"]
    fonts = resources["/Font"]
    names = set()
    for font in fonts.values():
        below = font.get_object()["/DescendantFonts"][0].get_object()
        assert "/FontFile2" in below["/FontDescriptor"] or "/FontFile3" in below["/FontDescriptor"]
        names.add(below["/BaseFont"].split("+")[1])

    assert names == {"Source-Sans", "Source-Sans-Semi-Bold"}


@pytest.mark.parametrize("name", ["SourceSansPro-Regular.ttf", "SourceSansPro-Semibold.ttf"])
def test_font_has_every_letter_of_the_five_languages(name):
    glyphs = TTFont(font_folder() / name).getBestCmap()

    assert [char for char in LETTERS if ord(char) not in glyphs] == []


# ------------------------------------------------------------------------------------------ attacks
ATTACKS = {
    "html": '<img src="https://evil.example/x.png"><link rel=attachment href="file:///etc/passwd">',
    "css": "</style><style>@import url(file:///etc/passwd)</style>",
    "colspan": '<td colspan="1000000000">',
    "nested": "<div>" * 1000,
    "file": "file:///etc/passwd",
    "long": "å" * 10_000,
    "rtl": "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627\u202c 100,00",
    "emoji": "👩‍👩‍👧‍👦 ☕ 🇳🇴 \U0001f600",
    "controls": "a\x00b\x08c\x1bd\ud800e\ufffe",
    "template": "{{ settings.SECRET_KEY }} {% include 'base.html' %}",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_text_is_printed_and_nothing_else(name):
    """Everywhere a merchant or customer may type; the answer is a PDF, in time."""
    hostile = ATTACKS[name]
    given = document(2, texts=[hostile], subject=hostile[:200], comment=hostile, terms=hostile)
    given = replace(given, customer=replace(given.customer, name=hostile[:200]))

    content = pdf.render(given, HOSTED)

    file = reader(content)
    assert file.attachments == {}
    assert b"root:x:0" not in content
    assert len({each.tobytes() for each in pictures(content)}) == 2
    if name in ("html", "css", "file", "template"):
        assert hostile.split()[0][:12] in text_of(content)


@pytest.mark.parametrize("colour", ["#fff;background:url(file:///etc/passwd)", "red", ""])
def test_a_colour_that_is_none_is_not_written_into_the_page(colour):
    assert 'style="background:#0b5b70"' in pdf.html(document(look=Look(colour=colour)))


FETCHES = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("engine", sys.argv[1])
engine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(engine)
from weasyprint.urls import FatalURLFetchingError
made = engine.Engine("")
made.render(sys.stdin.read(), b"0" * 32)
print(made.fetcher.refused)
for url in ("file:///etc/passwd", "http://127.0.0.1:1/", "ftp://127.0.0.1:1/", "//127.0.0.1:1/x"):
    for page in (f'<img src="{url}">', f'<link rel=stylesheet href="{url}">',
                 f'<link rel=attachment href="{url}">', f'<p style="background:url({url})">a'):
        try:
            made.render(page, b"0" * 32)
        except FatalURLFetchingError:
            continue
        except Exception as problem:
            print("other", url, page, type(problem))
        if not url.startswith("//"):
            print("ESCAPED", page)
"""


def test_nothing_is_fetched_and_what_would_be_is_fatal():
    """The fetcher itself, in a process of its own: escaped text asks for nothing at all."""
    hostile = ATTACKS["html"] + ATTACKS["css"]
    page = pdf.html(document(1, texts=[hostile], comment=hostile), HOSTED)

    ran = subprocess.run(
        [sys.executable, "-P", "-c", FETCHES, str(child.ENGINE)],
        input=page, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert ran.stdout.split("\n") == ["[]", ""]


def test_logo_that_cannot_be_read_is_not_left_out_in_silence():
    broken = Look(logo="data:image/png;base64,AAAA")

    with pytest.raises(pdf.RenderFailed, match="Failed to load image"):
        pdf.render(document(look=broken), HOSTED)
