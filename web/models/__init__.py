"""Request and response bodies of the HTTP API, one file a noun; TypeScript types and OpenAPI follow from them.

Moments are ISO 8601 with offset, days are ``YYYY-MM-DD``. Every refusal is a ``Problem``.
"""
