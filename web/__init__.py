"""The face: HTTP API, sign-in, pages; ``web/client`` is the browser application."""
