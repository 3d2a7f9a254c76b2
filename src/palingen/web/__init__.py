"""Browser pages: one HTML file each, without a server or a network."""
