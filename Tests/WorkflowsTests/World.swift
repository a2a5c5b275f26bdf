import ProtoRuntime
import RPC
import Synchronization

@testable import Workflows

/// What the actions of the tests do to the world outside, and what they were asked to do.
final class World: Sendable {
    private struct State {
        /// Every call, by the action's name.
        var calls: [String] = []
        /// Effects by their idempotency key: a second one under a key finds the first.
        var effects: [String: Int] = [:]
        var cancelled: [String] = []
        var failuresLeft = 0
    }
    private let state = Mutex(State())

    var calls: [String] { state.withLock { $0.calls } }
    var cancelled: [String] { state.withLock { $0.cancelled } }
    var effects: [String: Int] { state.withLock { $0.effects } }
    func failNext(_ times: Int) { state.withLock { $0.failuresLeft = times } }

    func called(_ input: StepInput) { state.withLock { $0.calls.append("\(input.stepID)#\(input.attempt)") } }
    func wasCancelled(_ input: StepInput) { state.withLock { $0.cancelled.append(input.stepID) } }
    func effect(_ key: String) { state.withLock { $0.effects[key, default: 0] += 1 } }
    func fails() -> Bool {
        state.withLock { state in
            guard state.failuresLeft > 0 else { return false }
            state.failuresLeft -= 1
            return true
        }
    }

    var registry: ActionRegistry {
        ActionRegistry([
            Echo(world: self), Effect(world: self), Flaky(world: self), Broken(world: self), Sleeper(world: self),
            Deaf(world: self), Large(world: self),
        ])
    }
}

/// Gives its parameters back.
struct Echo: StepAction {
    static var name: String { "test.echo" }
    static var scope: String { "test.run" }
    let world: World
    func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        world.called(input)
        return input.parameters
    }
}

/// Does something outside under its idempotency key.
struct Effect: StepAction {
    static var name: String { "test.effect" }
    static var scope: String { "test.run" }
    let world: World
    func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        world.called(input)
        world.effect(input.idempotencyKey)
        return ["key": .string(input.idempotencyKey)]
    }
}

/// Fails as often as the world says, in a way that may pass.
struct Flaky: StepAction {
    static var name: String { "test.flaky" }
    static var scope: String { "test.run" }
    let world: World
    func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        world.called(input)
        if world.fails() { throw Status.unavailable("The other side is away.", reason: "AWAY") }
        return ["attempt": .number(Double(input.attempt))]
    }
}

struct Broken: StepAction {
    static var name: String { "test.broken" }
    static var scope: String { "test.run" }
    let world: World
    func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        world.called(input)
        throw Status.invalidArgument("The parameters are wrong.", reason: "WRONG")
    }
}

/// Sleeps `seconds`, or until it is cancelled.
struct Sleeper: StepAction {
    static var name: String { "test.sleep" }
    static var scope: String { "test.run" }
    let world: World
    func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        world.called(input)
        do { try await Task.sleep(for: .seconds(input.parameters["seconds"]?.numberValue ?? 60)) } catch {
            world.wasCancelled(input)
            throw error
        }
        return ["slept": true]
    }
}

/// Does not listen to a cancellation: it does its effect and says so.
struct Deaf: StepAction {
    static var name: String { "test.deaf" }
    static var scope: String { "test.run" }
    let world: World
    func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        world.called(input)
        try? await Task.sleep(for: .seconds(60))
        world.effect(input.idempotencyKey)
        return ["done": true]
    }
}

struct Large: StepAction {
    static var name: String { "test.large" }
    static var scope: String { "test.run" }
    let world: World
    func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        world.called(input)
        let size = Int(input.parameters["bytes"]?.numberValue ?? 0)
        return ["text": .string(String(repeating: "x", count: size))]
    }
}
