"""The plain PDF the provider makes of an invoice when the merchant brings none of its own."""

from providers.sandbox.models import AppInvoice

TOP, LEFT, STEP = 780, 60, 18


def invoice(found: AppInvoice) -> bytes:
    """Draw an invoice on one A4 page: issuer, number, lines, total, due date."""
    return document(_lines(found))


def document(lines: list[str]) -> bytes:
    """Write lines of text as a PDF of one page, in the reader's own Helvetica."""
    shown = "\n".join(f"({_escaped(line)}) Tj T*" for line in lines)
    stream = f"BT /F1 11 Tf {STEP} TL {LEFT} {TOP} Td\n{shown}\nET".encode("cp1252", "replace")
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 4 0 R >> >> >>"
    )
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page,
            font,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        ]
    )


def _file(objects: list[bytes]) -> bytes:
    content = b"%PDF-1.4\n"
    places = []
    for number, one in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return content + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(content))
    )


def _lines(found: AppInvoice) -> list[str]:
    articles = found.body.get("InvoiceArticles") or found.body.get("InvoiceLineItem") or []
    return [
        found.issuer.name,
        f"Invoice {found.number or found.payment_reference}",
        "",
        *[
            f"{line.get('ArticleDescription', '')}   {line.get('TotalPriceIncludingVat', '')}"
            for line in articles
        ],
        "",
        f"Total {found.total:.2f} {found.currency}",
        f"Due {found.due_date.isoformat()}",
    ]


def _escaped(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
