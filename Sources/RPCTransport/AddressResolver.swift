internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import RPC

/// One place to connect to.
struct ServerAddress: Hashable, Sendable {
    let socket: SocketAddress
    /// The `:authority` of requests.
    let authority: String
    /// The host that a certificate must name.
    let hostname: String
}

/// Finds the addresses of a target. Names are looked up on a thread of their own: `getaddrinfo` blocks.
enum AddressResolver {
    static func resolve(_ target: RPCClient.Target, on loop: any EventLoop) -> EventLoopFuture<[ServerAddress]> {
        if let known = try? literal(target) { return loop.makeSucceededFuture(known) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try lookUp(target) }
    }

    /// The addresses of a target that needs no look-up; throws for one that does.
    private static func literal(_ target: RPCClient.Target) throws -> [ServerAddress] {
        switch target {
        case .host(let name, let port):
            [address(try SocketAddress(ipAddress: name, port: port), target)]
        case .unixSocket(let path): [address(try SocketAddress(unixDomainSocketPath: path), target)]
        case .anyOf(let targets): try targets.flatMap(literal)
        }
    }

    private static func lookUp(_ target: RPCClient.Target) throws -> [ServerAddress] {
        if let known = try? literal(target) { return known }
        switch target {
        case .host(let name, let port): return try lookUp(name, port).map { address($0, target) }
        case .unixSocket: return try literal(target)
        case .anyOf(let targets):
            // One name that cannot be found does not make the others useless.
            let results = targets.map { target in Result { try lookUp(target) } }
            let found = results.flatMap { (try? $0.get()) ?? [] }
            if found.isEmpty, let failed = results.first { return try failed.get() }
            return found
        }
    }

    private static func address(_ socket: SocketAddress, _ target: RPCClient.Target) -> ServerAddress {
        ServerAddress(socket: socket, authority: target.authority, hostname: target.hostname)
    }

    private static func lookUp(_ name: String, _ port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(name, "\(port)", &hints, &list)
        guard failure == 0, let list else {
            throw Status.unavailable(
                "The name \(name) cannot be resolved (\(String(cString: gai_strerror(failure)))): check it, or try again.",
                reason: "NAME_NOT_RESOLVED")
        }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let raw = entry.pointee.ai_addr else { continue }
            switch entry.pointee.ai_family {
            case AF_INET:
                raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { found.append(SocketAddress($0.pointee)) }
            case AF_INET6:
                raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { found.append(SocketAddress($0.pointee)) }
            default: continue
            }
        }
        return found
    }
}
