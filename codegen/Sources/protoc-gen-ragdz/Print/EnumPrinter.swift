/// Prints an open enum: a struct around the number.
struct EnumPrinter {
    let visibility: String

    func printType(_ model: EnumModel, _ out: inout CodePrinter) {
        out.doc(model.comment)
        out.block("\(visibility) struct \(model.swiftName): ProtoEnum") { out in
            for value in model.values {
                out.doc(value.comment)
                out.line(
                    "\(visibility) static let \(Naming.escaped(value.swiftName)) = Self(rawValue: \(value.number))")
            }
            out.line()
            out.line("\(visibility) var rawValue: Int32")
            out.line("\(visibility) init(rawValue: Int32) { self.rawValue = rawValue }")
            out.line()
            out.line("\(visibility) static var protoEnumName: String { \(CodePrinter.literal(model.protoName)) }")
            out.line("\(visibility) static let protoNames: [(number: Int32, name: String)] = [")
            out.indented { out in
                for value in model.values {
                    out.line("(\(value.number), \(CodePrinter.literal(value.protoName))),")
                }
            }
            out.line("]")
        }
    }
}
