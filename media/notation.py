"""The JSON of Socket.IO connections, as fast as it can be had."""

from __future__ import annotations

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()


class Json:
    """What python-socketio takes for its JSON. ``msgspec.Raw`` is put in as it is."""

    @staticmethod
    def dumps(value: object, **_: Any) -> str:
        return _encoder.encode(value).decode()

    loads = staticmethod(msgspec.json.decode)


def written(value: object) -> msgspec.Raw:
    """JSON that the library neither looks through for binary parts nor encodes again."""
    return msgspec.Raw(_encoder.encode(value))
