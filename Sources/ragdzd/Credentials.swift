internal import Glibc
internal import Keys
internal import Logging
internal import TLS
internal import UnixSignals

/// What the process shows and trusts over TLS, and whom it knows by certificate; read again while it serves.
///
/// It happens on SIGHUP and when one of the files changes. New connections use what was read last, running ones go on with
/// what they began with. Files that do not fit together change nothing: the log says why, and the old ones stay in force.
struct Credentials: Sendable {
    /// How often the files are looked at.
    static let watchInterval: Duration = .seconds(1)

    /// Nil in plain text.
    let tls: TLSCredentials?
    let services: ServiceDirectory
    private let files: Settings.TLSFiles?
    private let logger: Logger

    init(_ files: Settings.TLSFiles?, logger: Logger) throws {
        self.files = files
        self.logger = logger
        // Until somebody listens, a SIGHUP must not end the process: files are read now anyway.
        signal(SIGHUP, SIG_IGN)
        services = ServiceDirectory(try Self.readServices(files?.services))
        tls = try files.map { files in
            let verification: TLSConfiguration.ClientVerification =
                files.clientAuthority == nil ? .none : files.requiresClient ? .required : .optional
            do {
                return try TLSCredentials(
                    .server,
                    TLSConfiguration(
                        certificateFile: files.certificate, keyFile: files.key, authorityFile: files.clientAuthority,
                        clientVerification: verification))
            } catch {
                throw Settings.Invalid("TLS cannot be set up: \(error)")
            }
        }
    }

    private static func readServices(_ path: String?) throws -> ServiceMap {
        guard let path else { return ServiceMap() }
        guard let text = SmallFile.text(path) else {
            throw Settings.Invalid("RAGDZ_SERVICES: \(path) cannot be read, or is no text of at most 1 MiB.")
        }
        do { return try ServiceMap(parsing: text) } catch {
            throw Settings.Invalid("RAGDZ_SERVICES: \(path), \(error).")
        }
    }

    /// Everything or nothing: the certificate and the service map are read, and both are put in force.
    func reload(because cause: String) {
        guard tls != nil else { return logger.info("nothing to read again: no TLS", metadata: ["cause": "\(cause)"]) }
        do {
            let map = try Self.readServices(files?.services)
            try tls?.reload()
            services.replace(map)
            logger.notice("certificate and services read again", metadata: ["cause": "\(cause)"])
        } catch {
            logger.error(
                "certificate and services not read again; the old ones stay in force",
                metadata: ["cause": "\(cause)", "error": "\(error)"])
        }
    }

    /// Answers SIGHUP, until the task is cancelled. Without this the signal would end the process.
    func answerSignals() async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) { reload(because: "SIGHUP") }
    }

    /// Notices changed files, until the task is cancelled.
    func watchFiles() async {
        let paths = [files?.certificate, files?.key, files?.clientAuthority, files?.services].compactMap { $0 }
        guard !paths.isEmpty else { return }
        var known = paths.map(FileStamp.init)
        while (try? await Task.sleep(for: Self.watchInterval)) != nil {
            let now = paths.map(FileStamp.init)
            if now == known { continue }
            known = now
            reload(because: "a file has changed")
        }
    }
}

/// What changes when a file is written or replaced; all zero when there is none.
struct FileStamp: Sendable, Hashable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    init(_ path: String) {
        var status = stat()
        let exists = stat(path, &status) == 0
        device = exists ? UInt(status.st_dev) : 0
        inode = exists ? UInt(status.st_ino) : 0
        size = exists ? Int(status.st_size) : 0
        seconds = exists ? status.st_mtim.tv_sec : 0
        nanoseconds = exists ? status.st_mtim.tv_nsec : 0
    }
}

/// Files that are read whole.
enum SmallFile {
    static let maximumSize = 1 << 20

    /// The text of a file; nil when it cannot be read, is larger than the limit or no UTF-8.
    static func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: maximumSize + 1)
        let size = fread(&bytes, 1, bytes.count, file)
        guard size <= maximumSize, ferror(file) == 0 else { return nil }
        return String(validating: bytes[..<size], as: UTF8.self)
    }
}
