"""The relay: router, transport, producer, consumer. Media is forwarded, never decoded. Knows no meeting."""
