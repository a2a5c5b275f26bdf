import Testing

@testable import Embedded

/// In mebibytes.
@Suite struct PageCacheTests {
    @Test(
        arguments: [
            (512, nil, 128), (8_192, nil, 512), (262_144, nil, 1_024),
            // What the control group leaves counts, where it leaves less than the machine has.
            (262_144, 4_096, 256), (4_096, 65_536, 256), (8_192, 1, 128),
        ] as [(Int64, Int64?, Int)])
    func itIsASixteenthWithinBounds(_ physical: Int64, _ limit: Int64?, _ expected: Int) {
        #expect(PageCache.megabytes(physical: physical << 20, limit: limit.map { $0 << 20 }) == expected)
    }

    @Test func theLimitOfAControlGroupIsANumberOrNone() {
        #expect(PageCache.limit(of: "4294967296\n") == 4_294_967_296)
        #expect(
            PageCache.limit(of: "max\n") == nil && PageCache.limit(of: "") == nil && PageCache.limit(of: "0") == nil)
    }
}
