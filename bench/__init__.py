"""Measurements on the path that a user takes: the shipped command, real sockets, everything on.

One door: ``.venv/bin/python -m bench NAME [--quick] [--json]``.
"""
