"""Report: records as plain JSON to figures, tables, one PDF and one HTML page. Needs no torch."""
