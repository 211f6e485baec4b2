"""``fusion.billing.service.invoice_pdf``: an invoice on one plain page.

What the stand-in prints has the number and the lines of the invoice, and no design.
"""

import base64
from typing import Any

from odoo_bridge.embedded.addon_export import export_catalog
from odoo_bridge.embedded.env import Records, api_model

_PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


@api_model
def invoice_pdf(records: Records, move_id: int, max_bytes: int) -> dict[str, Any]:
    """Answers ``{"row", "pdf", "reason"}`` as the addon's method does; a reason is gone
    or too_large. Changes nothing."""
    page = export_catalog(records, "invoice", record_ids=[move_id])
    if not page["rows"]:
        return {"row": False, "pdf": False, "reason": "gone"}
    row = page["rows"][0]
    content = make_pdf(
        [f"Invoice {row['number'] or 'DRAFT'}", f"{row['total']} {row['currency']}"]
        + [f"{line['description']}: {line['amount']}" for line in row["lines"]]
    )
    if len(content) > max_bytes:
        return {"row": row, "pdf": False, "reason": "too_large"}
    return {"row": row, "pdf": base64.b64encode(content).decode(), "reason": False}


def make_pdf(texts: list[str]) -> bytes:
    """A PDF of one page with these lines."""
    shown = [text.encode("ascii", "replace").replace(b"\n", b" ") for text in texts]
    for sign in (b"\\", b"(", b")"):
        shown = [text.replace(sign, b"\\" + sign) for text in shown]
    lines = b"".join(b"(" + text + b") Tj T*\n" for text in shown)
    stream = b"BT /F1 11 Tf 14 TL 40 750 Td\n" + lines + b"ET"
    length = str(len(stream)).encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _PAGE + b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length " + length + b" >>\nstream\n" + stream + b"\nendstream",
        _FONT,
    ]
    content, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        content
        + b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\n" % size
        + b"startxref\n%d\n%%%%EOF\n" % len(content)
    )
