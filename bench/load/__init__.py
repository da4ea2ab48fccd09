"""Load clients: real signalling, ICE checks, DTLS and SRTP, and many of them in one process.

Signalling is asyncio. Media is not: one turn of the clock empties all sockets into one matrix and counts it with numpy.
"""
