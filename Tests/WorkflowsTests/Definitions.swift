import ProtoRuntime
import Schema

@testable import Workflows

// Short forms for definitions in tests.

func definition(_ name: String = "test", _ steps: Ragdz_V1_StepDefinition...) -> Ragdz_V1_Definition {
    var definition = Ragdz_V1_Definition()
    definition.name = name
    definition.steps = steps
    return definition
}

func action(
    _ id: String, _ name: String = "test.echo", needs: [String] = [], with parameters: Google_Protobuf_Struct? = nil,
    attempts: Int32 = 0, backoff: Google_Protobuf_Duration? = nil, timeout: Google_Protobuf_Duration? = nil
) -> Ragdz_V1_StepDefinition {
    var step = Ragdz_V1_StepDefinition()
    step.id = id
    step.kind = .action
    step.action = name
    step.needs = needs
    step.with_p = parameters
    step.timeout = timeout
    if attempts != 0 || backoff != nil {
        var retry = Ragdz_V1_RetryPolicy()
        retry.maxAttempts = attempts
        retry.initialBackoff = backoff
        step.retry = retry
    }
    return step
}

func approval(_ id: String, needs: [String] = [], prompt: String = "Go on?") -> Ragdz_V1_StepDefinition {
    var step = Ragdz_V1_StepDefinition()
    step.id = id
    step.kind = .approval
    step.needs = needs
    step.prompt = prompt
    return step
}

func timer(_ id: String, needs: [String] = [], micros: Int64) -> Ragdz_V1_StepDefinition {
    var step = Ragdz_V1_StepDefinition()
    step.id = id
    step.kind = .timer
    step.needs = needs
    step.delay = Google_Protobuf_Duration(microseconds: micros)
    return step
}
