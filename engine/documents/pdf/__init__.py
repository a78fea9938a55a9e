"""PDF to pieces: lines with geometry, furniture removed, headings found, paragraphs re-flowed."""

from engine.documents.pdf.read import page_image, read_pdf

__all__ = ["page_image", "read_pdf"]
