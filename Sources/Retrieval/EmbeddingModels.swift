public import Models

/// The embedding models that this server has, each under its name. New collections get the first.
///
/// Every collection's vectors are of one model, and a query is compared with them by a vector of the same. Who moves collections
/// to another model runs both until the last of them has moved.
public struct EmbeddingModels: Sendable {
    public let first: any TextEmbedder
    /// The others; one of the name of another one is left out.
    public let further: [any TextEmbedder]

    public init(_ first: any TextEmbedder, further: [any TextEmbedder] = []) {
        self.first = first
        var names: Set = [first.model]
        self.further = further.filter { names.insert($0.model).inserted }
    }

    var all: [any TextEmbedder] { [first] + further }
    var names: [String] { all.map(\.model) }

    func named(_ name: String) -> (any TextEmbedder)? { all.first { $0.model == name } }

    /// Nil, too, when the model of this name has vectors of another dimension here.
    func named(_ name: String, dimension: Int) -> (any TextEmbedder)? {
        all.first { $0.model == name && $0.dimension == dimension }
    }
}
