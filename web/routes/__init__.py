"""The HTTP API, one file a noun; each exports ``routes``."""
