internal import CCurl

/// One request under way. Lives and dies on the transfer thread.
@safe final class CurlTransfer {
    let easy: UnsafeMutableRawPointer
    /// Tells the handle from others, without being one.
    let address: UInt
    private let request: HTTPRequest
    private let continuation: AsyncThrowingStream<HTTPEvent, any Error>.Continuation
    private var headerList: UnsafeMutablePointer<curl_slist>?
    /// libcurl reads the body from here until the transfer ends.
    private let body: UnsafeMutableRawBufferPointer
    private var responseHeaders: [(name: String, value: String)] = []
    private var headSent = false
    private var received = 0
    private var failure: HTTPError?
    private var finished = false

    /// Finishes the continuation with an error, and gives nil, when the request cannot be made.
    init?(_ request: HTTPRequest, _ continuation: AsyncThrowingStream<HTTPEvent, any Error>.Continuation) {
        guard let easy = unsafe curl_easy_init() else {
            continuation.finish(throwing: HTTPError(.transfer, "libcurl gave no handle"))
            return nil
        }
        unsafe self.easy = easy
        address = UInt(bitPattern: easy)
        self.request = request
        self.continuation = continuation
        unsafe body = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, request.body.count), alignment: 1)
        unsafe body.copyBytes(from: request.body)
        guard configure() else {
            finish(throwing: HTTPError(.invalidURL, "the URL \(request.url) cannot be used"))
            return nil
        }
    }

    deinit {
        unsafe curl_easy_cleanup(easy)
        unsafe curl_slist_free_all(headerList)
        unsafe body.deallocate()
    }

    private func configure() -> Bool {
        guard request.url.hasPrefix("http://") || request.url.hasPrefix("https://") else { return false }
        let limits = request.limits
        var longs: [(CURLoption, Int)] = [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_TCP_NODELAY, 1),
            (CURLOPT_CONNECTTIMEOUT_MS, limits.connectMilliseconds), (CURLOPT_TIMEOUT_MS, limits.totalMilliseconds),
            (CURLOPT_LOW_SPEED_LIMIT, 1), (CURLOPT_LOW_SPEED_TIME, limits.silentSeconds),
        ]
        if request.method == .post { longs.append((CURLOPT_POST, 1)) }
        for (option, value) in longs where unsafe ragdz_curl_set_long(easy, option, value) != CURLE_OK { return false }
        guard unsafe ragdz_curl_set_string(easy, CURLOPT_URL, request.url) == CURLE_OK,
            unsafe ragdz_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK
        else { return false }
        if request.method == .post {
            guard unsafe ragdz_curl_set_body(easy, body.baseAddress, request.body.count) == CURLE_OK else {
                return false
            }
        }
        if let socket = request.unixSocket {
            guard unsafe ragdz_curl_set_string(easy, CURLOPT_UNIX_SOCKET_PATH, socket) == CURLE_OK else { return false }
        }
        if request.unixSocket != nil || isLoopback { unsafe ragdz_curl_set_string(easy, CURLOPT_PROXY, "") }
        return setHeaders() && setSinks()
    }

    private var isLoopback: Bool {
        let host = request.url.split(separator: "/", maxSplits: 2).last ?? ""
        return ["127.0.0.1", "localhost", "[::1]"].contains { host.hasPrefix($0) }
    }

    private func setHeaders() -> Bool {
        // An empty Expect keeps libcurl from waiting a second for "100 Continue" before a large body.
        for line in request.headers.map({ "\($0.name): \($0.value)" }) + ["Expect:"] {
            guard !line.utf8.contains(where: { $0 == 10 || $0 == 13 || $0 == 0 }) else { return false }
            guard let list = unsafe curl_slist_append(headerList, line) else { return false }
            unsafe headerList = list
        }
        return unsafe ragdz_curl_set_headers(easy, headerList) == CURLE_OK
    }

    /// Unretained: the engine keeps the transfer until libcurl has let go of the handle.
    private func setSinks() -> Bool {
        let user = unsafe Unmanaged.passUnretained(self).toOpaque()
        let bodySink: ragdz_curl_sink = { unsafe curlReceived($0, $1, $2, $3) { $0.receivedBody($1) } }
        let headerSink: ragdz_curl_sink = { unsafe curlReceived($0, $1, $2, $3) { $0.receivedHeader($1) } }
        return unsafe ragdz_curl_set_body_sink(easy, bodySink, user) == CURLE_OK
            && ragdz_curl_set_header_sink(easy, headerSink, user) == CURLE_OK
    }

    /// One header line, the status line, or the empty line at the end.
    fileprivate func receivedHeader(_ bytes: [UInt8]) -> Bool {
        let line = String(decoding: bytes, as: UTF8.self).trimmedLine
        if line.hasPrefix("HTTP/") {
            responseHeaders = []
        } else if line.isEmpty {
            let status = unsafe ragdz_curl_status(easy)
            if status >= 200, !headSent { sendHead(status) }
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            responseHeaders.append((line[..<colon].lowercased(), String(value)))
        }
        return true
    }

    private func sendHead(_ status: Int) {
        headSent = true
        continuation.yield(.head(status: status, headers: responseHeaders))
    }

    fileprivate func receivedBody(_ bytes: [UInt8]) -> Bool {
        received += bytes.count
        guard received <= request.limits.responseBytes else {
            failure = HTTPError(.tooLarge, "the response is larger than \(request.limits.responseBytes) bytes")
            return false
        }
        continuation.yield(.body(bytes))
        return true
    }

    func finish(_ result: CURLcode) {
        if result == CURLE_OK {
            if !headSent { sendHead(unsafe ragdz_curl_status(easy)) }
            finished = true
            continuation.finish()
        } else {
            finish(throwing: failure ?? error(result))
        }
    }

    func finish(throwing error: HTTPError) {
        guard !finished else { return }
        finished = true
        continuation.finish(throwing: error)
    }

    private func error(_ result: CURLcode) -> HTTPError {
        let reason = unsafe String(cString: curl_easy_strerror(result))
        let message = "\(request.unixSocket ?? request.url): \(reason)"
        switch result {
        case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_SSL_CONNECT_ERROR,
            CURLE_PEER_FAILED_VERIFICATION:
            return HTTPError(.connect, message)
        case CURLE_OPERATION_TIMEDOUT: return HTTPError(.timeout, message)
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: return HTTPError(.invalidURL, message)
        default: return HTTPError(.transfer, message)
        }
    }
}

/// Hands the bytes that libcurl received to the transfer; any other count than theirs ends the transfer.
private func curlReceived(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ user: UnsafeMutableRawPointer?,
    _ deliver: (CurlTransfer, [UInt8]) -> Bool
) -> Int {
    guard let bytes = unsafe bytes, let user = unsafe user else { return 0 }
    let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(user).takeUnretainedValue()
    let length = size * count
    guard length > 0 else { return 0 }
    let copy = unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: length))
    return deliver(transfer, copy) ? length : length + 1
}

extension String {
    fileprivate var trimmedLine: Substring {
        var line = self[...]
        while let last = line.last, last.isNewline || last == " " { line.removeLast() }
        return line
    }
}
