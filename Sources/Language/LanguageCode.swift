/// The languages that the platform reads. Anything else is undetermined and still searchable.
public enum LanguageCode: String, Sendable, Hashable, CaseIterable {
    case arabic = "ar"
    case french = "fr"
    case english = "en"
    case undetermined = "und"
}

/// What a text was taken for, and how sure that is.
public struct DetectedLanguage: Sendable, Hashable {
    public let code: LanguageCode
    /// 0 (a guess) to 1 (certain).
    public let confidence: Double
    /// Darija counts as Arabic, in whichever letters.
    public let variety: LanguageVariety

    public init(code: LanguageCode, confidence: Double, variety: LanguageVariety = .standard) {
        self.code = code
        self.confidence = confidence
        self.variety = variety
    }
}
