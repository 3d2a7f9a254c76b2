"""Records as plain JSON to figures and pages; no torch."""
