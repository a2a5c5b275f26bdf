import Testing

@testable import RPCTransport

@Suite struct LargeRequestsTests {
    @Test func requestsWaitForRoomInTheirOrder() {
        var room = LargeRequests(capacity: 100)
        let step1 = room.reserve(1, 60)
        #expect(step1)
        let step2 = room.reserve(3, 50)
        #expect(!step2)
        // A small one that would fit does not overtake: it could keep the large one waiting for ever.
        let step3 = room.reserve(5, 10)
        #expect(!step3)
        let step4 = room.release(60)
        #expect(step4 == [3, 5])
        #expect(room.reserved == 60)
        let step5 = room.release(50)
        #expect(step5 == [])
        let step6 = room.release(10)
        #expect(step6 == [])
        #expect(room.reserved == 0)
    }

    @Test func whoLeavesWhileWaitingHoldsNobodyUp() {
        var room = LargeRequests(capacity: 100)
        let step7 = room.reserve(1, 60)
        #expect(step7)
        let step8 = room.reserve(3, 90)
        #expect(!step8)
        let step9 = room.reserve(5, 40)
        #expect(!step9)
        let step10 = room.leave(3)
        #expect(step10 == [5])
        #expect(room.reserved == 100)
    }
}
