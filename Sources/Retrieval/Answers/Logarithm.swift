internal import Glibc

extension Double {
    /// The natural logarithm. Named apart from Glibc's `log`, so that one file needs it.
    static func logarithm(_ value: Double) -> Double { log(value) }
    static func exponential(_ value: Double) -> Double { exp(value) }
}
