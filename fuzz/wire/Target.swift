internal import ProtoRuntime

/// The wire decoder: what it accepts must survive a round trip.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    guard let message = try? Ragdz_Test_AllFeatures(wire: input) else { return 0 }
    let bytes = message.wireBytes()
    let again = try? Ragdz_Test_AllFeatures(wire: bytes)
    precondition(again != nil, "wrote what cannot be read")
    // Sizes are compared, because NaN is not equal to itself and maps have no order.
    precondition(again?.wireBytes().count == bytes.count, "a round trip changes the size")
    // A message that knows nothing keeps every byte.
    let unknown = try? Ragdz_Test_Nothing(wire: input)
    precondition(unknown != nil, "unknown fields are refused where known ones are not")
    precondition((try? Ragdz_Test_AllFeatures(wire: unknown?.wireBytes() ?? [])) != nil, "unknown fields are lost")
    return 0
}
