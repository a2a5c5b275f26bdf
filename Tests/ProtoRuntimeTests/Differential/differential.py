"""Random messages for the differential test of the codec, and the verdict on what Swift made of them.

    differential.py make FOLDER COUNT SEED    writes wire.bin and json.bin: each message as Python encodes it; odd.bin:
                                              other wire forms of them; plain.bin: messages for protobuf-c
    differential.py check FOLDER              reads Swift's rewire.bin (wire to wire), tojson.bin (wire to JSON),
                                              fromjson.bin (JSON to wire), reodd.bin (odd forms to wire) and unknown.bin
                                              (odd forms through a message that knows no field); prints what differs
    differential.py refuse FOLDER             prints which messages of refused.bin Python reads

A record is a length of four bytes, big endian, and the bytes.
"""
import difflib, pathlib, random, struct, subprocess, sys

folder = pathlib.Path(sys.argv[2])
root = pathlib.Path(__file__).resolve().parents[3]
stubs = folder / "stubs"
if not stubs.exists():
    stubs.mkdir(parents=True)
    protos = root / "codegen/Tests/protos"
    subprocess.check_call([sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"--python_out={stubs}",
                           "all_features.proto"])
sys.path.insert(0, str(stubs))

import all_features_pb2 as pb
from google.protobuf import any_pb2, duration_pb2, json_format, message, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor as F

INTEGERS = {
    F.TYPE_INT32: (-2**31, 2**31 - 1), F.TYPE_SINT32: (-2**31, 2**31 - 1), F.TYPE_SFIXED32: (-2**31, 2**31 - 1),
    F.TYPE_INT64: (-2**63, 2**63 - 1), F.TYPE_SINT64: (-2**63, 2**63 - 1), F.TYPE_SFIXED64: (-2**63, 2**63 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1), F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_UINT64: (0, 2**64 - 1), F.TYPE_FIXED64: (0, 2**64 - 1),
}
LETTERS = ["a", "Z", "\"", "\\", "\n", "\0", "\x7f", "é", "ع", "\u2028", "\ud7ff", "\ue000", "🙂", "\U0010ffff", "/", "<"]


class Maker:
    def __init__(self, source, for_c=False):
        self.random = source
        # Strings of C end at the first NUL, and protobuf-c takes -0.0 for the default value and drops it.
        self.letters = [letter for letter in LETTERS if letter != "\0" or not for_c]
        self.zero = 0.0 if for_c else -0.0

    def text(self):
        return "".join(self.random.choice(self.letters) for _ in range(self.random.choice([0, 1, 3, 15, 16, 40, 200])))

    def scalar(self, field):
        r = self.random
        if field.type in INTEGERS:
            low, high = INTEGERS[field.type]
            return r.choice([0, 1, 127, 128, low, high, r.randint(low, high)])
        if field.type == F.TYPE_BOOL:
            return r.random() < 0.5
        if field.type == F.TYPE_STRING:
            return self.text()
        if field.type == F.TYPE_BYTES:
            return r.randbytes(r.choice([0, 1, 2, 3, 50]))
        if field.type == F.TYPE_ENUM:
            return r.choice([v.number for v in field.enum_type.values] + [1234, -77])
        if field.type == F.TYPE_FLOAT:  # Python refuses to read the largest float that it writes.
            return r.choice([0.5, self.zero, float("inf"), float("-inf"), 2.0**127, 1.401298464324817e-45, 0.1,
                             struct.unpack("f", struct.pack("f", r.uniform(-1e9, 1e9)))[0]])
        return r.choice([self.zero, 1e300, 5e-324, float("inf"), float("nan"), 0.1, r.uniform(-1e15, 1e15), 2.0**53])

    def value(self, value, depth):
        r = self.random
        kind = r.randrange(6 if depth < 3 else 4)
        if kind == 0: value.null_value = 0
        elif kind == 1: value.number_value = r.choice([0.0, -1.5, 1e20, r.uniform(-1e6, 1e6)])
        elif kind == 2: value.string_value = self.text()
        elif kind == 3: value.bool_value = r.random() < 0.5
        elif kind == 4:
            value.struct_value.SetInParent()
            for _ in range(r.randrange(3)): self.value(value.struct_value.fields[self.text()], depth + 1)
        else:
            value.list_value.SetInParent()
            for _ in range(r.randrange(3)): self.value(value.list_value.values.add(), depth + 1)

    def fill(self, message, depth=0):
        r = self.random
        name = message.DESCRIPTOR.full_name
        message.SetInParent()
        if name == "google.protobuf.Timestamp":
            message.seconds = r.choice([0, -62135596800, 253402300799, r.randint(-62135596800, 253402300799)])
            message.nanos = r.choice([0, 1, 999999999, 500000000, 123000, r.randrange(10**9)])
        elif name == "google.protobuf.Duration":
            sign = r.choice([1, -1])
            message.seconds = sign * r.choice([0, 1, 315576000000, r.randrange(10**9)])
            message.nanos = sign * r.choice([0, 1, 999999999, 500000000])
        elif name == "google.protobuf.FieldMask":
            message.paths.extend(r.choice(["a", "a_b.c_d", "foo", "x1_y"]) for _ in range(r.randrange(4)))
        elif name == "google.protobuf.Value":
            self.value(message, depth)
        elif name == "google.protobuf.Struct":
            for _ in range(r.randrange(4)): self.value(message.fields[self.text()], 0)
        elif name == "google.protobuf.ListValue":
            for _ in range(r.randrange(4)): self.value(message.values.add(), 0)
        elif name == "google.protobuf.Any":
            inner = r.choice([duration_pb2.Duration(seconds=3), pb.FewFeatures(string_value=self.text()),
                              timestamp_pb2.Timestamp(seconds=5), pb.Nothing(), struct_pb2.Value(bool_value=True)])
            message.Pack(inner)
        else:
            self.fields(message, depth)
        return message

    def fields(self, message, depth):
        r = self.random
        density = r.choice([0.05, 0.3, 0.9]) if depth == 0 else 0.08
        for field in message.DESCRIPTOR.fields:
            # Python writes repeated nulls as null, and refuses to read that.
            if r.random() > density or field.name == "nulls": continue
            target = getattr(message, field.name)
            if field.message_type and field.message_type.GetOptions().map_entry:
                key, value = field.message_type.fields
                for _ in range(r.randrange(4)):
                    k = self.scalar(key)
                    if value.message_type: self.fill(target[k], depth + 1)
                    else: target[k] = self.scalar(value)
            elif field.is_repeated:
                for _ in range(r.choice([0, 1, 2, 5, 40 if depth == 0 else 2])):
                    if field.message_type: self.fill(target.add(), depth + 1)
                    else: target.append(self.scalar(field))
            elif field.message_type:
                if depth < 4: self.fill(target, depth + 1)
            elif field.enum_type and field.enum_type.full_name == "google.protobuf.NullValue":
                setattr(message, field.name, 0)
            else:
                setattr(message, field.name, self.scalar(field))


def write(path, records):
    path.write_bytes(b"".join(struct.pack(">I", len(r)) + r for r in records))


def read(path):
    data, records, place = path.read_bytes(), [], 0
    while place < len(data):
        size, = struct.unpack_from(">I", data, place)
        records.append(data[place + 4:place + 4 + size])
        place += 4 + size
    return records


def canonical(message):
    return message.SerializeToString(deterministic=True)


def difference(one, other):
    lines = difflib.unified_diff(str(one).splitlines(), str(other).splitlines(), n=1, lineterm="")
    return "\n".join(lines)[:1200] or "only in bytes"


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def get_varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place


def split(data):
    """The fields of a message: (number, wire type, the bytes of its value without a length)."""
    place = 0
    while place < len(data):
        tag, place = get_varint(data, place)
        start = place
        if tag & 7 == 0:
            _, place = get_varint(data, place)
        elif tag & 7 == 2:
            size, start = get_varint(data, place)
            place = start + size
        else:
            place += 8 if tag & 7 == 1 else 4
        yield tag >> 3, tag & 7, data[start:place]


def join(number, kind, value, source):
    tag = number << 3 | kind
    return varint(tag) + (varint(len(value)) if kind == 2 else b"") + value


FIXED = {F.TYPE_DOUBLE: 8, F.TYPE_FIXED64: 8, F.TYPE_SFIXED64: 8, F.TYPE_FLOAT: 4, F.TYPE_FIXED32: 4, F.TYPE_SFIXED32: 4}


def elements(field, value):
    """The elements of a packed run."""
    place = 0
    while place < len(value):
        start = place
        if field.type in FIXED: place += FIXED[field.type]
        else: _, place = get_varint(value, place)
        yield value[start:place]


def odd(message, source):
    """Another wire form of the same message: runs unpacked and packed, messages in two parts, unknown fields between,
    fields given twice, fields out of order."""
    pieces = []
    for number, kind, value in split(message.SerializeToString()):
        field = message.DESCRIPTOR.fields_by_number.get(number)
        is_scalar = field.type not in (F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_MESSAGE)
        if field.is_repeated and is_scalar and kind == 2 and source.random() < 0.6:
            wire = {8: 1, 4: 5}.get(FIXED.get(field.type), 0)
            out = b""
            run = b""
            for element in elements(field, value):
                if source.random() < 0.5: run += element
                else:
                    if run: out += join(number, 2, run, source)
                    run = b""
                    out += join(number, wire, element, source)
            pieces.append((number, out + (join(number, 2, run, source) if run else b"")))
        elif field.is_repeated and is_scalar and kind != 2 and source.random() < 0.5:
            pieces.append((number, join(number, 2, value, source)))
        elif field.type == F.TYPE_MESSAGE and not field.is_repeated and source.random() < 0.4:
            # What comes in two parts is merged. Parts are cut between fields.
            inner = [join(*part, source) for part in split(value)]
            cut = source.randrange(len(inner) + 1)
            pieces.append((number, join(number, 2, b"".join(inner[:cut]), source)
                           + join(number, 2, b"".join(inner[cut:]), source)))
        elif is_scalar and not field.is_repeated and field.containing_oneof is None and source.random() < 0.3:
            pieces.append((number, join(number, kind, value if kind else varint(1), source) + join(number, kind, value, source)))
        else:
            pieces.append((number, join(number, kind, value, source)))
    for number in source.sample(range(3000, 9000), source.randrange(4)):
        group = varint(number << 3 | 3) + b"\x08\x96\x01\x12\x01x" + varint(number << 3 | 4)
        pieces.append((number, source.choice([join(number, 0, varint(source.getrandbits(64)), source),
                                              join(number, 2, source.randbytes(9), source), join(number, 5, b"abcd", source),
                                              join(number, 1, b"abcdefgh", source), group])))
    # Elements of one field, and members of one oneof, keep their order.
    order = {number: source.random() for number, _ in pieces}
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof and field.number in order: order[field.number] = -sum(field.containing_oneof.name.encode())
    pieces.sort(key=lambda piece: order[piece[0]])
    return b"".join(piece for _, piece in pieces)


def make(count, seed):
    source = random.Random(seed)
    maker = Maker(source)
    messages = [maker.fill(pb.AllFeatures()) for _ in range(count)]
    write(folder / "wire.bin", [m.SerializeToString() for m in messages])
    write(folder / "json.bin", [json_format.MessageToJson(m, indent=None).encode() for m in messages])
    write(folder / "odd.bin", [odd(m, source) for m in messages])
    plain = Maker(source, for_c=True)
    write(folder / "plain.bin", [plain.fill(pb.AllFeatures()).SerializeToString() for _ in range(count)])


def check():
    originals = [pb.AllFeatures.FromString(r) for r in read(folder / "wire.bin")]
    # What JSON loses (a float's spelling, for one) is lost in Python's own round trip too.
    texts = [json_format.Parse(r, pb.AllFeatures(), max_recursion_depth=200) for r in read(folder / "json.bin")]
    oddities = [pb.AllFeatures.FromString(r) for r in read(folder / "odd.bin")]
    results = {
        "reodd": ([pb.AllFeatures.FromString(r) for r in read(folder / "reodd.bin")], oddities),
        "unknown": ([pb.AllFeatures.FromString(r) for r in read(folder / "unknown.bin")], oddities),
        "rewire": ([pb.AllFeatures.FromString(r) for r in read(folder / "rewire.bin")], originals),
        "fromjson": ([pb.AllFeatures.FromString(r) for r in read(folder / "fromjson.bin")], texts),
        "tojson": ([json_format.Parse(r, pb.AllFeatures(), max_recursion_depth=200)
                    for r in read(folder / "tojson.bin")], originals),
    }
    bad = 0
    for name, (got, expected) in results.items():
        if len(got) != len(expected):
            print(f"{name}: {len(got)} messages instead of {len(expected)}")
            bad += 1
        for index, (one, other) in enumerate(zip(got, expected)):
            if canonical(one) != canonical(other):
                bad += 1
                if bad < 6: print(f"{name} {index} differs (- Swift, + Python):\n{difference(one, other)}")
    print(f"{len(originals)} messages, {bad} differences")
    sys.exit(1 if bad else 0)


def refuse():
    bad = 0
    for index, record in enumerate(read(folder / "refused.bin")):
        try:
            pb.AllFeatures.FromString(record)
        except message.DecodeError:
            continue
        bad += 1
        if bad < 6: print(f"{index} is read by Python: {record.hex()}")
    sys.exit(1 if bad else 0)


if sys.argv[1] == "make":
    make(int(sys.argv[3]), int(sys.argv[4]))
elif sys.argv[1] == "refuse":
    refuse()
else:
    check()
