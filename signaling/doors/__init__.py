"""Doors beside the browser's: hardware encoders send by WHIP, plain players watch by WHEP (``docs/whip.md``)."""
