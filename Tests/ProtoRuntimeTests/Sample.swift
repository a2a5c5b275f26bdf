import ProtoRuntime

/// A message with something in every field.
enum Sample {
    static func full() throws -> All {
        var message = try scalars()
        message.leaf = .with {
            $0.name = "leaf"
            $0.rank = -5
        }
        message.child = .with { $0.child = .with { $0.stringValue = "inner" } }
        message.doubles = [1.5, -2.25, .infinity]
        message.floats = [0.5]
        message.int32s = [1, -1, .max]
        message.sint64s = [.min, .max, 0]
        message.fixed32s = [1, 2]
        message.bools = [true, false]
        message.strings = ["a", "", "ب"]
        message.blobs = [[], [1, 2, 3]]
        message.colours = [.red, .negative, .init(rawValue: 77)]
        message.leaves = [.init(), .with { $0.rank = 1 }]
        message.unpacked = [5, 6]
        message.maybeInt64 = 0
        message.maybeString = ""
        message.stringMap = ["k": "v"]
        message.leafMap = [-3: .with { $0.name = "x" }]
        message.boolMap = [true: 1.25]
        message.choice = .choiceSelf(.with { $0.boolValue = true })
        wellKnown(&message)
        message.far = "far"
        return message
    }

    private static func scalars() throws -> All {
        .with {
            $0.doubleValue = 1e300
            $0.floatValue = -0.25
            $0.int32Value = .min
            $0.int64Value = .max
            $0.uint32Value = .max
            $0.uint64Value = .max
            $0.sint32Value = .min
            $0.sint64Value = -1
            $0.fixed32Value = 7
            $0.fixed64Value = 8
            $0.sfixed32Value = -9
            $0.sfixed64Value = -10
            $0.boolValue = true
            $0.stringValue = "سلام \"\u{1F642}\"\n"
            $0.bytesValue = [0, 255, 128]
            $0.colour = .green
            $0.aliased = .one
        }
    }

    private static func wellKnown(_ message: inout All) {
        message.timestamp = .init(unixMicros: 1_700_000_000_123_456)
        message.duration = .init(seconds: -1, nanos: -500_000_000)
        message.fieldMask = .init(paths: ["a.b_c", "d"])
        message.struct = ["list": [1, "two", nil, true], "object": ["x": 1.5]]
        message.value = .null
        message.listValue = [1, [2]]
        message.any = .init(Google_Protobuf_Duration(seconds: 3))
        message.empty = .init()
        message.wrappedInt64 = .init(-4)
        message.wrappedString = .init("")
        message.values = ["x", nil]
    }
}
