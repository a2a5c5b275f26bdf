import Testing

@testable import Bridge

@Suite struct PathTemplateTests {
    private func match(_ template: String, _ path: String) -> [String: String]? {
        PathTemplate(template)?.match(path[...]).map {
            Dictionary(uniqueKeysWithValues: $0.map { ($0.field.joined(separator: "."), $0.value) })
        }
    }

    @Test func variablesBindTheirSegment() {
        #expect(match("/v1/runs/{id}", "/v1/runs/abc") == ["id": "abc"])
        #expect(match("/v1/tenants/{tenant.id}", "/v1/tenants/t1") == ["tenant.id": "t1"])
        #expect(
            match("/v1/collections/{header.collection}/documents", "/v1/collections/c/documents")
                == ["header.collection": "c"])
        #expect(match("/v1/runs/{id}", "/v1/runs") == nil)
        #expect(match("/v1/runs/{id}", "/v1/runs/") == nil)
        #expect(match("/v1/runs/{id}", "/v1/runs/a/b") == nil)
        #expect(match("/v1/runs", "/v1/runs") == [:])
        #expect(match("/v1/runs", "/v1/runs/") == nil)
    }

    @Test func aVerbIsCutOffFirst() {
        #expect(match("/v1/runs/{id}:approve", "/v1/runs/abc:approve") == ["id": "abc"])
        #expect(match("/v1/runs/{id}:approve", "/v1/runs/abc:cancel") == nil)
        #expect(match("/v1/runs/{id}:approve", "/v1/runs/:approve") == nil)
        #expect(PathTemplate("/v1/runs/{id}:approve")?.verb == "approve")
    }

    @Test func valuesAreDecodedOnceAndMustBeUTF8() {
        #expect(match("/v1/c/{id}", "/v1/c/a%2Fb%20c+d") == ["id": "a/b c+d"])
        #expect(match("/v1/c/{id}", "/v1/c/%D8%B9%D9%82%D8%AF") == ["id": "عقد"])
        #expect(match("/v1/c/{id}", "/v1/c/%FF") == nil)
        #expect(match("/v1/c/{id}", "/v1/c/%2") == nil)
        #expect(match("/v1/c/{id}", "/v1/c/%zz") == nil)
        #expect(match("/v1/c/{id}", "/v1/c/%252F") == ["id": "%2F"])
    }

    @Test func patternsThatTheBridgeDoesNotKnowAreRefused() {
        for template in ["v1/x", "/v1/{name=shelves/*}", "/v1/**", "/v1/{}", "/v1//x", "/v1/{id"] {
            #expect(PathTemplate(template) == nil, "\(template)")
        }
    }

    @Test func queriesKeepOrderAndRepetition() {
        let query = QueryParameters("a=1&b.c=x%20y&a=2&flag&plus=1+2&=ignored")
        #expect(query?.parameters.map(\.name) == ["a", "b.c", "a", "flag", "plus"])
        #expect(query?.parameters.map(\.value) == ["1", "x y", "2", "", "1 2"])
        #expect(QueryParameters("a=%FF") == nil)
        #expect(QueryParameters(nil)?.parameters.isEmpty == true)
    }
}
