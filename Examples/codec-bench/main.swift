import Glibc
import ProtoRuntime

// CPU time of the codecs, best of several batches; scripts/bench-codec.sh builds it and its C++ peer and compares them.
// Usage: codec-bench COUNT         with COUNT > 0 runs each operation so often and prints nothing, for callgrind.

func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

nonisolated(unsafe) var sink = 0
let fixedCount = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 0 : 0
let only = CommandLine.arguments.count > 2 ? CommandLine.arguments[2] : ""

@inline(never)
func run(_ name: String, _ body: () -> Int) {
    if !only.isEmpty && only != name { return }
    if fixedCount > 0 {
        for _ in 0..<fixedCount { sink &+= body() }
        return
    }
    var count = 16
    while true {
        let start = cpuSeconds()
        for _ in 0..<count { sink &+= body() }
        if cpuSeconds() - start > 0.02 { break }
        count *= 2
    }
    var best = Double.infinity
    for _ in 0..<9 {
        let start = cpuSeconds()
        for _ in 0..<count { sink &+= body() }
        best = min(best, (cpuSeconds() - start) / Double(count))
    }
    print("swift \(name) \(Int(best * 1e9))")
}

@inline(__always)
func decoded<M: Message, Failure: Error>(_ decode: () throws(Failure) -> M) -> Int {
    do throws(Failure) {
        return try decode().unknownFields.isEmpty ? 1 : 0
    } catch {
        return 0
    }
}

func measure<M: Message>(_ name: String, _ message: M) {
    let wire = message.wireBytes()
    let json = (try? message.jsonBytes()) ?? []
    run("\(name)-encode") { message.wireBytes().count }
    run("\(name)-decode") { decoded { () throws(WireError) in try M(wire: wire) } }
    run("\(name)-json-encode") { (try? message.jsonBytes().count) ?? 0 }
    run("\(name)-json-decode") { decoded { () throws(JSONError) in try M(json: json) } }
}

measure(
    "100B",
    Bench_Small.with {
        $0.text = "abcdefghijklmnopqrstuvwx"
        $0.id = 1_234_567_890_123
        $0.values = (0..<8).map { 0.25 + 1.5 * Double($0) }
    })
measure(
    "4KB",
    Bench_Result.with { result in
        result.chunks = (0..<20).map { index in
            Bench_Chunk.with {
                $0.id = "doc-\(661_259 + index * 4_273)"
                $0.text = String(repeating: "passage of search index vector score ranking ", count: 3) + "server stream"
                $0.score = 0.5 + Float(index) / 67
                $0.meta = ["lang": "en", "page": "\(index * 47)", "source": "corpus-\(index % 3)"]
            }
        }
    })
