import Glibc

/// Counts what the engine spends on a call, a streamed message and a codec run.
///
/// Usage: engine-bench [CASE [COUNT]]
/// Without a case every one runs and prints `case allocations-per-operation`. With a case and a count it runs just
/// that often and prints nothing but the case: a profiler that counts instructions is asked for two counts, and the
/// difference is free of start-up.
let cases = try engineCases() + codecCases() + keyCases()
let wanted = CommandLine.arguments.dropFirst().first
for one in cases where wanted == nil || wanted == one.name {
    if let count = CommandLine.arguments.dropFirst(2).first.flatMap(Int.init) {
        try one.run(count)
        print(one.name)
    } else {
        // What is built once (tables, buffers, tasks that are kept) is there before counting begins.
        try one.run(one.operations)
        let before = try one.allocations()
        try one.run(one.operations)
        let each = Double(try one.allocations() - before) / Double(one.operations)
        print("\(one.name) \(Double(Int(each * 100 + 0.5)) / 100)")
    }
}
exit(0)
