/// Which of the service families one process serves.
enum Feature: String, Sendable, Hashable, CaseIterable {
    case tenants, keys, members, retrieval, workflows
}

/// What a server is told from outside, read and checked once at its start.
///
/// Every value comes from the command line, from the environment (`RAGDZ_…`) or from a JSON file, in this order.
struct Settings: Sendable {
    /// Where the server keeps what is its own: the embedded database, the pepper, the operator's first credential.
    var dataFolder: String
    /// RPC: HTTP/2, in plain text on loopback unless a certificate is given.
    var listen: ListenAddress
    /// HTTP/1.1 with JSON; nil: no bridge.
    var bridge: ListenAddress?
    /// Origins that browsers may call the bridge from; empty: the bridge's own only.
    var bridgeOrigins: [String]
    var features: Set<Feature>
    /// Event loops; each has its own connections to the database.
    var threads: Int
    var logLevel: String
    /// Which calls get a line in the log.
    var callLogging: CallLogging
    /// A database of your own, as the role `ragdz_app`; nil: the embedded one.
    var databaseURL: String?
    /// The same database as a role that may migrate it; nil: `ragdzd migrate` was run by somebody else.
    /// Connections to the database per thread at most; nil: as `PoolLimits.defaults` says.
    var databaseConnections: Int?
    var databaseOwnerURL: String?
    /// An OpenAI-compatible endpoint for embeddings; nil: the supervised one on this machine.
    var embeddingsURL: String?
    var embeddingsModel: String?
    var embeddingsDimension: Int?
    var embeddingsKey: String?
    /// Of the model, when its vectors have changed under the same name: collections tell revisions apart.
    var embeddingsRevision: String?
    /// A second model, for collections that move to it or come from it.
    var secondEmbeddings: SecondEmbeddings?
    /// An OpenAI-compatible endpoint for answers; nil: answers are extracts.
    var chatURL: String?
    var chatModel: String?
    var chatKey: String?
    /// The text of the pepper; nil: the file in the data folder.
    var pepper: String?
    /// The text of the keys that sign sessions; nil: the file in the data folder.
    var sessionKeys: String?
    var tls: TLSFiles?
    /// Plain text beyond loopback, for a proxy in front that ends TLS.
    var allowsPlaintext: Bool
    /// How long a stop waits for running calls, in seconds.
    var stopSeconds: Int

    /// Another OpenAI-compatible endpoint for embeddings.
    struct SecondEmbeddings: Sendable, Hashable {
        /// Nil: the embedded server.
        var url: String?
        var model: String
        var dimension: Int
        var key: String?
        var revision: String?
    }

    struct TLSFiles: Sendable, Hashable {
        var certificate: String
        var key: String
        /// The CA of client certificates; nil: clients are not asked for one.
        var clientAuthority: String?
        /// A connection without a client certificate is refused.
        var requiresClient = false
        /// Which names in client certificates stand for which services (`ServiceMap`); nil: for none.
        var services: String?
    }

    /// Why a server does not start with these settings; the message names the setting and what to do.
    struct Invalid: Error, Sendable, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// What holds between the settings.
    func validate() throws {
        if tls == nil, !allowsPlaintext {
            for address in [listen, bridge].compactMap({ $0 }) where !address.isLoopback {
                throw Invalid(
                    """
                    \(address) is reachable from other machines, and the server would speak plain text there: give \
                    RAGDZ_TLS_CERT and RAGDZ_TLS_KEY, or say RAGDZ_PLAINTEXT=allow when a proxy in front ends TLS.
                    """)
            }
        }
        if let bridge, !bridge.isLoopback, tls != nil, !allowsPlaintext {
            throw Invalid(
                "The bridge speaks plain text: keep RAGDZ_BRIDGE on loopback behind a proxy, or say RAGDZ_PLAINTEXT=allow."
            )
        }
        guard !features.isEmpty else { throw Invalid("RAGDZ_FEATURES names no feature.") }
        guard (1...256).contains(threads) else { throw Invalid("RAGDZ_THREADS is 1 to 256.") }
        guard (0...3600).contains(stopSeconds) else { throw Invalid("RAGDZ_STOP_SECONDS is 0 to 3600.") }
    }
}
