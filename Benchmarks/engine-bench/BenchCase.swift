import MallocCount

/// One thing that is measured.
struct BenchCase {
    let name: String
    /// How many operations one measurement takes.
    let operations: Int
    /// Does so many operations.
    let run: (Int) throws -> Void
    /// Allocations so far on the thread that does the work.
    var allocations: () throws -> Int = { Int(malloc_count()) }
}

struct BenchFailure: Error { let text: String }
