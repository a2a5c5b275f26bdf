import Glibc
import Synchronization

/// Counts SIGTERMs: the first one asks for a graceful stop, the second one ends the process.
enum Termination {
    private static let count = Atomic<Int>(0)

    static var signals: Int { count.load(ordering: .relaxed) }

    static func watch() {
        // Initialised before a handler may need it.
        _ = signals
        signal(SIGTERM) { _ in
            if Termination.count.add(1, ordering: .relaxed).newValue > 1 { _exit(1) }
        }
    }
}
