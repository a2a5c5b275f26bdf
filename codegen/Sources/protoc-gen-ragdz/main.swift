import CDescriptor
import Glibc

/// A protoc plugin reads one CodeGeneratorRequest from standard input and answers on standard output.
func readAll() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(STDIN_FILENO, &buffer, buffer.count)
        if count <= 0 { return bytes }
        bytes.append(contentsOf: buffer[..<count])
    }
}

func writeAll(_ bytes: [UInt8]) {
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes {
            write(STDOUT_FILENO, $0.baseAddress?.advanced(by: written), $0.count - written)
        }
        if count <= 0 { exit(1) }
        written += count
    }
}

do {
    let request = try RequestReader.read(readAll())
    writeAll(ResponseWriter.bytes(try Generator.run(request)))
} catch {
    let message = (error as? GeneratorError)?.message ?? "\(error)"
    writeAll(ResponseWriter.bytes(error: message))
}
