extension Connection {
    /// Gives the connection to a COPY until that has ended. Nothing may be on its way.
    func copy(_ statement: Statement, _ direction: CopyOperation.Direction) -> CopyOperation? {
        guard state == .ready, spans.isEmpty, copying == nil else { return nil }
        let operation = CopyOperation(statement, direction, on: handle)
        operation.rearm = { [unowned self, unowned operation] in
            if operation.hasEnded { copying = nil }
            guard state == .ready else { return }
            wantsWrite = operation.hasUnsent
            arm()
        }
        operation.cancel = { [unowned self] in cancelHead() }
        operation.broke = { [unowned self] error in
            copying = nil
            lose(error)
        }
        copying = operation
        return operation
    }
}
