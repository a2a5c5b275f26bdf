import ProtoRuntime
import Schema

/// A search result of 20 hits, some 4 KB.
private func searchResult() -> Ragdz_V1_SearchResponse {
    var response = Ragdz_V1_SearchResponse()
    for number in 0..<20 {
        var hit = Ragdz_V1_SearchHit()
        hit.documentID = "0192f0c4-7e1d-7cc1-b1a0-00000000\(1000 + number)"
        hit.text = String(repeating: "Le contrat est résilié de plein droit. ", count: 4)
        hit.score = 1 / Double(number + 1)
        response.hits.append(hit)
    }
    return response
}

func codecCases() throws -> [BenchCase] {
    let message = searchResult()
    let bytes = message.wireBytes()
    return [
        BenchCase(name: "encode", operations: 200) { count in
            for _ in 0..<count where message.wireBytes().count != bytes.count {
                throw BenchFailure(text: "encoding is not stable")
            }
        },
        BenchCase(name: "decode", operations: 200) { count in
            for _ in 0..<count where try Ragdz_V1_SearchResponse(wire: bytes).hits.count != 20 {
                throw BenchFailure(text: "decoding lost hits")
            }
        },
    ]
}
