/// The last envelope of a response in RAG-DZ framing: `StreamEnd{status = 1, trailing_metadata = 2}`.
package struct StreamEnd: Equatable {
    package var status: Status
    package var metadata: Metadata

    /// `message StreamEnd { google.rpc.Status status = 1; repeated Entry trailing_metadata = 2; }` with
    /// `message Entry { string name = 1; oneof value { string text = 2; bytes binary = 3; } }`.
    package func wireBytes() -> [UInt8] {
        var writer = FieldWriter()
        writer.field(1, status.wireBytes())
        for entry in metadata.entries {
            writer.message(2) { inner in
                inner.string(1, entry.name)
                switch entry.value {
                case .text(let text): inner.field(2, Array(text.utf8))
                case .binary(let bytes): inner.field(3, bytes)
                }
            }
        }
        return writer.bytes
    }

    package init(status: Status, metadata: Metadata = Metadata()) {
        self.status = status
        self.metadata = metadata
    }

    /// Nil when the bytes are no `StreamEnd`.
    package init?(wire: some Collection<UInt8>) {
        self.init(status: .ok)
        var reader = FieldReader(wire)
        while let (number, value) = reader.next() {
            switch number {
            case 1:
                guard let slice = value.slice, let status = Status(wire: slice) else { return nil }
                self.status = status
            case 2: Self.readEntry(value.slice ?? [], into: &metadata)
            default: break
            }
        }
        if reader.isMalformed { return nil }
    }

    private static func readEntry(_ bytes: ArraySlice<UInt8>, into metadata: inout Metadata) {
        var name = ""
        var value: FieldReader.Value?
        var isBinary = false
        var reader = FieldReader(bytes)
        while let (number, field) = reader.next() {
            if number == 1 { name = field.text ?? "" } else { (value, isBinary) = (field, number == 3) }
        }
        if isBinary {
            metadata.add(name, bytes: Array(value?.slice ?? []))
        } else {
            metadata.add(name, value?.text ?? "")
        }
    }
}
