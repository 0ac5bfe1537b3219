"""A QR code as a drawing: vector, with the quiet edge that scanners need."""

import io

import segno


def qr_svg(text: str) -> str:
    """The code of `text` as SVG; a quarter of it may be dirty or folded and it is still read."""
    drawing = io.BytesIO()
    segno.make(text, error="q", micro=False).save(drawing, kind="svg", border=4, xmldecl=False, svgns=True, nl=False)
    return drawing.getvalue().decode("ascii")
