"""The bytes of an image file without its metadata, for files whose metadata are broken and whose pixels are not."""

_PNG = b"\x89PNG\r\n\x1a\n"
# Segments of a JPEG that hold no pixels and say nothing of them: APP1 to APP13, APP15 and comments. APP0 and APP14
# stay, which tell how colours are coded (ITU-T T.872).
_JPEG_METADATA = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
_JPEG_SCAN = 0xDA
_WEBP_PIXELS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
# The bits of VP8X that announce an ICC profile, EXIF and XMP.
_WEBP_ANNOUNCED = 0x20 | 0x08 | 0x04


def without_metadata(content: bytes) -> bytes | None:
    """The same PNG, JPEG or WebP with all that its pixels need and nothing else; None for any other content.

    PNG: the critical chunks and tRNS (ISO/IEC 15948, 4.7.2). JPEG: all segments but APPn and comments (ITU-T T.81,
    annex B). WebP: the chunks of its frames. What is broken in these stays broken.
    """
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(b"\xff\xd8"):
        return _jpeg(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _webp(content)
    return None


def _png(content: bytes) -> bytes:
    kept, start = [_PNG], len(_PNG)
    while start + 12 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        kind = content[start + 4 : start + 8]
        if kind == b"tRNS" or not kind[0] & 0x20:  # critical: the first letter is upper-case
            kept.append(content[start:end])
        start = end
    return b"".join(kept)


def _jpeg(content: bytes) -> bytes:
    kept, start = [content[:2]], 2
    while start + 4 <= len(content) and content[start] == 0xFF:
        marker = content[start + 1]
        if marker == 0xFF:  # a fill byte
            start += 1
            continue
        if marker == _JPEG_SCAN:
            break
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
        if marker not in _JPEG_METADATA:
            kept.append(content[start:end])
        start = end
    return b"".join([*kept, content[start:]])


def _webp(content: bytes) -> bytes:
    kept, start = list[bytes](), 12
    while start + 8 <= len(content):
        kind, size = content[start : start + 4], int.from_bytes(content[start + 4 : start + 8], "little")
        end = start + 8 + size + size % 2
        chunk = content[start:end]
        if kind == b"VP8X" and len(chunk) > 8:
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_ANNOUNCED & 0xFF]) + chunk[9:]
        if kind in _WEBP_PIXELS:
            kept.append(chunk)
        start = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
