internal import Dispatch
internal import Glibc

extension RPCServer {
    /// Waits for SIGTERM or SIGINT, then stops gracefully: running calls get `grace` to end.
    ///
    /// For the end of a `main`: `try await server.start()`, then this. The process takes both signals over.
    public func runUntilSignalled(grace: Duration = .seconds(10)) async {
        let (signals, heard) = AsyncStream.makeStream(of: Void.self)
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { heard.yield() }
            source.resume()
            return source
        }
        for await _ in signals { break }
        for source in sources { source.cancel() }
        await shutdown(grace: grace)
    }
}
