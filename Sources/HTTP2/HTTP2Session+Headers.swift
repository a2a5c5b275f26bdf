/// What the owner of a session may ask about received header lists.
extension HTTP2Session {
    /// The fields of an event's header list, in order; only the place of the varying one is not kept.
    public func forEachHeader(
        of event: HTTP2Event, _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) {
        if let known = event.known {
            for field in unsafe memory[known].fields { unsafe body(field.nameBytes, field.valueBytes) }
        }
        for field in arena.fields[event.headers] { unsafe body(field.nameBytes, field.valueBytes) }
    }

    /// Fields of this name may differ between lists that are otherwise equal.
    public var varyingHeader: StaticString? {
        get { memory.varyingName }
        set { memory.varyingName = newValue }
    }

    /// Ties what the owner made of a header list (fields of the varying name apart) to it: when an equal one comes,
    /// `meaning` gives it back. Only the last few lists are kept, and no large ones.
    public func remember(_ meaning: AnyObject, for event: HTTP2Event) {
        guard event.known == nil else { return }
        let fields = arena.fields[event.headers].filter { field in
            memory.varyingName.map { !field.hasName($0) } ?? true
        }
        guard fields.reduce(0, { $0 + $1.size }) <= HeaderMemory.maximumSize else { return }
        memory.remember(KnownHeaders(meaning, fields))
    }

    /// What was tied to an equal header list before.
    public func meaning(of event: HTTP2Event) -> AnyObject? { event.known.map { memory[$0].meaning } }

    /// Whether the list has a field of the varying name, when its meaning is known.
    public func hasVaryingHeader(_ event: HTTP2Event) -> Bool { !event.headers.isEmpty }
}
