"""RFC 7541: header blocks that must not be decoded. Every one is a COMPRESSION_ERROR of the connection."""
from cases_generic import *


def raw(field):
    return sends(lambda p: frame(HEADERS, END_HEADERS, 1, block(p.request()) + field))


BROKEN = connection(COMPRESSION_ERROR)

CASES = [
    ("H2.3.3", "indexed field with an index beyond the tables", raw(integer(70, 7, 0x80)), BROKEN),
    ("H2.3.3", "literal whose name has an index beyond the tables", raw(integer(70, 6, 0x40) + text("v")), BROKEN),
    ("H2.3.3", "index of an entry that was evicted",
     sends(lambda p: frame(HEADERS, END_HEADERS, 1, block(p.request()) + literal("x-kept", "v", "indexing")) + body(),
           lambda p: frame(HEADERS, END_HEADERS, 3, integer(0, 5, 0x20) + block(p.request()) + indexed(62))), BROKEN),
    ("H4.2", "table size update at the end of a block", raw(integer(1, 5, 0x20)), BROKEN),
    ("H4.2", "table size update in the middle of a block", raw(integer(1, 5, 0x20) + literal("x-a", "a")), BROKEN),
    ("H5.1", "integer without an end", raw(b"\xff" + b"\xff" * 10), BROKEN),
    ("H5.1", "integer beyond 2^32", raw(b"\xff" + b"\x80" * 9 + b"\x01"), BROKEN),
    ("H5.2", "string longer than the block", raw(b"\x00\x03abc\x7f" + b"v"), BROKEN),
    ("H5.2", "Huffman padding of more than 7 bits", raw(b"\x00" + text("x-a") + b"\x82\x1f\xff"), BROKEN),
    ("H5.2", "Huffman padding of zeros", raw(b"\x00" + text("x-a") + b"\x81\x18"), BROKEN),
    ("H5.2", "Huffman code of EOS", raw(b"\x00" + text("x-a") + b"\x84\xff\xff\xff\xff"), BROKEN),
    ("H6.1", "index 0", raw(b"\x80"), BROKEN),
    ("H6.3", "table size update beyond SETTINGS_HEADER_TABLE_SIZE",
     sends(lambda p: frame(HEADERS, END_HEADERS, 1, integer(4097, 5, 0x20) + block(p.request()))), BROKEN),
    ("H2.2", "block that ends inside a field", raw(b"\x40"), BROKEN),
]
