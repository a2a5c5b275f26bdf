/// A value stored out of line, for messages that contain themselves or would be very large in place.
///
/// It is an immutable copy: setting the field makes a new one, so values stay values.
public indirect enum Boxed<Value: Hashable & Sendable>: Sendable, Hashable {
    case value(Value)

    @inlinable
    public init(_ value: Value) { self = .value(value) }

    @inlinable
    public var value: Value {
        switch self {
        case .value(let value): value
        }
    }
}
