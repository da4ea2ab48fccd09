"""What must be known of an H.264 stream to keep it in a file: its size and its configuration record. Pure.

ITU-T H.264, sections 7.3.1 and 7.3.2.1 (parameter sets); ISO/IEC 14496-15, section 5.3.3.1 (configuration record).
"""

from __future__ import annotations

SLICE, IDR, SPS, PPS, DELIMITER, FILLER = 1, 5, 7, 8, 9, 12
_WITH_CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


class _Bits:
    """Reads bits of an RBSP, emulation prevention removed. Raises ``ValueError`` past the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("parameter set cut off")
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        """Exp-Golomb, unsigned (section 9.1)."""
        zeros = 0
        while self.read(1) == 0:
            zeros += 1
            if zeros > 31:
                raise ValueError("code too long")
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _skip_scaling_lists(bits: _Bits, lists: int) -> None:
    for index in range(lists):
        if bits.read(1):
            last = following = 8
            for _ in range(16 if index < 6 else 64):
                if following:
                    following = (last + bits.se()) % 256
                last = following or last


def picture_size(sps: bytes) -> tuple[int, int]:
    """Width and height in pixels, cropping applied. Raises ``ValueError`` when the SPS cannot be read."""
    bits = _Bits(sps[1:128].replace(b"\0\0\3", b"\0\0"))
    profile = bits.read(8)
    bits.read(16)
    bits.ue()
    chroma = 1
    if profile in _WITH_CHROMA:
        chroma = bits.ue()
        if chroma == 3:
            bits.read(1)
        bits.ue()
        bits.ue()
        bits.read(1)
        if bits.read(1):
            _skip_scaling_lists(bits, 12 if chroma == 3 else 8)
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.read(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue()
    bits.read(1)
    width, rows = 16 * (bits.ue() + 1), bits.ue() + 1
    progressive = bits.read(1)
    height = 16 * rows * (2 - progressive)
    if not progressive:
        bits.read(1)
    bits.read(1)
    if bits.read(1):
        across = 2 if chroma in (1, 2) else 1
        down = (2 if chroma == 1 else 1) * (2 - progressive)
        width -= across * (bits.ue() + bits.ue())
        height -= down * (bits.ue() + bits.ue())
    if not (0 < width <= 16384 and 0 < height <= 16384):
        raise ValueError("no picture has this size")
    return width, height


def configuration(sps: bytes, pps: bytes) -> bytes:
    """The AVCDecoderConfigurationRecord with four-byte lengths. The SPS must be one that ``picture_size`` can read."""
    head = bytes((1, sps[1], sps[2], sps[3], 0xFF, 0xE1))
    return head + len(sps).to_bytes(2, "big") + sps + b"\1" + len(pps).to_bytes(2, "big") + pps
