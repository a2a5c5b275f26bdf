public import Glibc
internal import Synchronization

/// A value for each thread that asks, which no other thread ever sees: what an event loop keeps for itself needs no lock.
///
/// A thread's value lives until the thread ends, or until the thread makes one for another owner after this one is gone.
public final class ThreadLocal<Value: AnyObject>: Sendable {
    @usableFromInline let number = ThreadSlots.nextNumber()
    private let make: @Sendable () -> Value

    public init(_ make: @escaping @Sendable () -> Value) { self.make = make }

    /// This thread's value. Use it at once: after an `await` the thread may be another one.
    @inlinable public func here() -> Value {
        if let slots = unsafe pthread_getspecific(ThreadSlots.key) {
            let slots = unsafe Unmanaged<ThreadSlots>.fromOpaque(slots)
            // A number is given once, so what is found under it is of this owner's type.
            if let value = unsafe slots._withUnsafeGuaranteedRef({ $0.value(of: number) }) {
                return unsafe unsafeDowncast(value, to: Value.self)
            }
        }
        return makeHere()
    }

    @usableFromInline @inline(never) func makeHere() -> Value {
        let value = make()
        ThreadSlots.ofThisThread().add(value, of: self, number)
        return value
    }
}

/// All thread-local values of one thread. There are few: one for each cache of the process.
@usableFromInline final class ThreadSlots {
    private struct Owner { weak var object: AnyObject? }

    @usableFromInline var numbers: [Int] = []
    @usableFromInline var values: [AnyObject] = []
    private var owners: [Owner] = []

    private static let count = Atomic<Int>(0)
    @usableFromInline static func nextNumber() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }

    @usableFromInline static let key: pthread_key_t = {
        var key = pthread_key_t()
        _ = unsafe pthread_key_create(&key) { pointer in
            guard let pointer = unsafe pointer else { return }
            unsafe Unmanaged<ThreadSlots>.fromOpaque(pointer).release()
        }
        return key
    }()

    static func ofThisThread() -> ThreadSlots {
        if let known = unsafe pthread_getspecific(key) {
            return unsafe Unmanaged<ThreadSlots>.fromOpaque(known).takeUnretainedValue()
        }
        let slots = ThreadSlots()
        // Released by the key's destructor when the thread ends.
        _ = unsafe pthread_setspecific(key, Unmanaged.passRetained(slots).toOpaque())
        return slots
    }

    @inlinable func value(of number: Int) -> AnyObject? {
        for index in numbers.indices where numbers[index] == number { return values[index] }
        return nil
    }

    func add(_ value: AnyObject, of owner: AnyObject, _ number: Int) {
        for index in owners.indices.reversed() where owners[index].object == nil {
            owners.remove(at: index)
            numbers.remove(at: index)
            values.remove(at: index)
        }
        owners.append(Owner(object: owner))
        numbers.append(number)
        values.append(value)
    }
}
