import ProtoRuntime
import Testing

typealias All = Ragdz_Test_AllFeatures
typealias Few = Ragdz_Test_FewFeatures

/// Decodes and tells how it ended.
private func failure(_ bytes: [UInt8]) -> WireError.Code? {
    do {
        _ = try All(wire: bytes)
        return nil
    } catch {
        return error.code
    }
}

/// `bytes` as the length-delimited field `number`.
private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    var size: [UInt8] = []
    var rest = bytes.count
    repeat {
        size.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
        rest >>= 7
    } while rest > 0
    // Numbers from 16 on take two bytes.
    return (number < 16 ? [number << 3 | 2] : [number << 3 & 0x7F | 0x82, number >> 4]) + size + bytes
}

@Suite struct MalformedWireTests {
    @Test(
        arguments: [
            ([0x18], .truncated), ([0x18, 0x80], .truncated), ([0x09, 1, 2, 3], .truncated),
            ([0x15, 1, 2], .truncated),
            ([0x72, 5, 0x61], .truncated), ([0x72, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], .truncated),
            ([0x18] + [UInt8](repeating: 0xFF, count: 10) + [1], .malformedVarint),
            ([0x00], .malformedTag), ([0x06], .malformedTag), ([0x1F], .malformedTag),
            ([0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0], .malformedTag), ([0x72, 2, 0xC3, 0x28], .invalidUTF8),
            ([0x1C], .unbalancedGroup), ([0x1B, 0x24], .unbalancedGroup), ([0x1B], .unbalancedGroup),
            ([0xAA, 0x01, 3, 0, 0, 0], .badPackedLength), ([0xBA, 0x01, 1, 0x80], .truncated),
        ] as [([UInt8], WireError.Code)])
    func typedError(_ bytes: [UInt8], _ code: WireError.Code) {
        #expect(failure(bytes) == code)
    }

    /// Every prefix of a valid message is a message or an error, never a trap.
    @Test func everyPrefix() throws {
        let bytes = try Sample.full().wireBytes()
        for count in 0..<bytes.count {
            if let message = try? All(wire: Array(bytes[..<count])) {
                #expect(try All(wire: message.wireBytes()) == message)
            }
        }
    }

    @Test func randomDamage() throws {
        let bytes = try Sample.full().wireBytes()
        var source = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &source) {
                damaged[Int.random(in: 0..<damaged.count, using: &source)] = UInt8.random(in: 0...255, using: &source)
            }
            // What is accepted must at least be written again.
            if let message = try? All(wire: damaged) { #expect(message.wireBytes().count == message.encodedSize()) }
        }
    }

    @Test func depth() {
        func nested(_ depth: Int) -> [UInt8] { (1..<depth).reduce([]) { bytes, _ in field(19, bytes) } }
        #expect(failure(nested(100)) == nil)
        #expect(failure(nested(101)) == .tooDeep)
        #expect(failure(nested(20_000)) == .tooDeep)
        let groups = [UInt8](repeating: 0x1B, count: 100_000)
        #expect(failure(groups) == .tooDeep)
    }

    /// A short message that claims a long field is refused before memory is asked for.
    @Test func hugeLengths() {
        for number: UInt8 in [14, 15, 21, 23, 33, 37, 51] {
            let tag = Array(field(number, [])[..<(number < 16 ? 1 : 2)])
            #expect(failure(tag + [0xFF, 0xFF, 0xFF, 0xFF, 0x07]) == .truncated)
        }
    }
}

@Suite struct WireSemanticsTests {
    @Test func defaultsAreNotWritten() {
        #expect(All().wireBytes() == [])
        var message = All()
        message.doubleValue = -0.0
        #expect(message.wireBytes() == [0x09, 0, 0, 0, 0, 0, 0, 0, 0x80])
        message = All()
        message.maybeBool = false
        #expect(message.wireBytes() == [0xD8, 0x02, 0])
    }

    @Test func packedAndUnpackedAreBothRead() throws {
        let packed = try All(wire: field(23, [1, 2, 3]))
        #expect(packed.int32s == [1, 2, 3])
        let unpacked = try All(wire: [0xB8, 0x01, 1, 0xB8, 0x01, 2] + field(23, [3]))
        #expect(unpacked == packed)
        #expect(try All(wire: field(39, [1, 2])).unpacked == [1, 2])
    }

    @Test func lastScalarWinsAndMessagesMerge() throws {
        #expect(try All(wire: [0x18, 1, 0x18, 2]).int32Value == 2)
        let merged = try All(wire: field(18, field(1, [0x61])) + field(18, [0x10, 7]))
        #expect(
            merged.leaf
                == .with {
                    $0.name = "a"
                    $0.rank = 7
                })
    }

    @Test func oneofKeepsTheLastMember() throws {
        let text = try All(wire: [0xE8, 0x03, 5] + field(62, [0x62]))
        #expect(text.choice == .choiceText("b"))
        let leaf = try All(wire: field(64, field(1, [0x61])) + field(64, [0x10, 9]))
        #expect(
            leaf.choice
                == .choiceLeaf(
                    .with {
                        $0.name = "a"
                        $0.rank = 9
                    }))
    }

    @Test func unknownFieldsAreKept() throws {
        let bytes = try Sample.full().wireBytes()
        let few = try Few(wire: bytes)
        #expect(!few.unknownFields.isEmpty)
        #expect(try All(wire: few.wireBytes()) == Sample.full())
        // A known number with another wire type is unknown too; groups are passed over whole.
        let odd: [UInt8] = [0x70, 1, 0x1B, 0x08, 1, 0x1C]
        #expect(try Few(wire: odd).wireBytes() == odd)
    }

    @Test func openEnums() throws {
        let message = try All(wire: [0x80, 0x01, 99])
        #expect(message.colour.rawValue == 99)
        #expect(message.colour.description == "99")
        #expect(message.wireBytes() == [0x80, 0x01, 99])
        var negative = All()
        negative.colour = .negative
        #expect(try All(wire: negative.wireBytes()).colour == .negative)
        #expect(negative.wireBytes().count == 12)
        #expect(Ragdz_Test_Aliased.one == .uno)
    }

    @Test func varintsAreCutToTheirType() throws {
        // An int32 of ten bytes, a bool above 1, a uint32 of 64 bits.
        let bytes: [UInt8] = [0x18] + [UInt8](repeating: 0xFF, count: 9) + [1]
        #expect(try All(wire: bytes).int32Value == -1)
        #expect(try All(wire: [0x68, 2]).boolValue)
        #expect(try All(wire: [0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]).uint32Value == .max)
    }

    @Test func mapEntriesWithoutKeyOrValue() throws {
        #expect(try All(wire: field(51, [])).stringMap == ["": ""])
        #expect(try All(wire: field(51, field(1, [0x61]))).stringMap == ["a": ""])
        #expect(try All(wire: field(51, field(2, [0x61]) + [0x18, 1])).stringMap == ["": "a"])
    }

    @Test func prefixAndPlan() throws {
        let message = try Sample.full()
        let plain = message.wireBytes()
        #expect(message.encodedSize() == plain.count)
        #expect(Array(message.wireBytes(prefix: 5)[5...]) == plain)
        let plan = message.wirePlan()
        var space = [UInt8](repeating: 0, count: plan.size)
        space.withUnsafeMutableBytes { message.encode(plan, into: $0) }
        #expect(try All(wire: space) == message)
    }

    @Test func valuesStayValues() {
        var first = All()
        first.child = .with { $0.int32Value = 1 }
        let second = first
        first.child?.int32Value = 2
        #expect(second.child?.int32Value == 1)
        #expect(first.child?.int32Value == 2)
    }
}
