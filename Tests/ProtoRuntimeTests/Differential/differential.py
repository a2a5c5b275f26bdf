"""Random messages for the differential test of the codec, and the verdict on what Swift made of them.

    differential.py make FOLDER COUNT SEED    writes wire.bin and json.bin: each message as Python encodes it
    differential.py check FOLDER              reads Swift's rewire.bin (wire to wire), tojson.bin (wire to JSON) and
                                              fromjson.bin (JSON to wire); prints what differs

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
from google.protobuf import any_pb2, duration_pb2, json_format, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor as F

INTEGERS = {
    F.TYPE_INT32: (-2**31, 2**31 - 1), F.TYPE_SINT32: (-2**31, 2**31 - 1), F.TYPE_SFIXED32: (-2**31, 2**31 - 1),
    F.TYPE_INT64: (-2**63, 2**63 - 1), F.TYPE_SINT64: (-2**63, 2**63 - 1), F.TYPE_SFIXED64: (-2**63, 2**63 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1), F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_UINT64: (0, 2**64 - 1), F.TYPE_FIXED64: (0, 2**64 - 1),
}
LETTERS = ["a", "Z", "\"", "\\", "\n", "\0", "\x7f", "é", "ع", "\u2028", "\ud7ff", "\ue000", "🙂", "\U0010ffff", "/", "<"]


class Maker:
    def __init__(self, source):
        self.random = source

    def text(self):
        return "".join(self.random.choice(LETTERS) for _ in range(self.random.choice([0, 1, 3, 15, 16, 40, 200])))

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
            return r.choice([0.5, -0.0, float("inf"), float("-inf"), 2.0**127, 1.401298464324817e-45, 0.1,
                             struct.unpack("f", struct.pack("f", r.uniform(-1e9, 1e9)))[0]])
        return r.choice([-0.0, 1e300, 5e-324, float("inf"), float("nan"), 0.1, r.uniform(-1e15, 1e15), 2.0**53])

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
            if r.random() > density: continue
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


def make(count, seed):
    maker = Maker(random.Random(seed))
    messages = [maker.fill(pb.AllFeatures()) for _ in range(count)]
    write(folder / "wire.bin", [m.SerializeToString() for m in messages])
    write(folder / "json.bin", [json_format.MessageToJson(m, indent=None).encode() for m in messages])


def check():
    originals = [pb.AllFeatures.FromString(r) for r in read(folder / "wire.bin")]
    # What JSON loses (a float's spelling, for one) is lost in Python's own round trip too.
    texts = [json_format.Parse(r, pb.AllFeatures(), max_recursion_depth=200) for r in read(folder / "json.bin")]
    results = {
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


if sys.argv[1] == "make":
    make(int(sys.argv[3]), int(sys.argv[4]))
else:
    check()
