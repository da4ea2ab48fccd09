"""The words and the law of a meeting. Nothing here opens a socket."""
