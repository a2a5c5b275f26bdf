import Language
import Testing

@Suite struct LanguageDetectorTests {
    @Test(arguments: [
        ("Quel est le taux de la TVA en Suisse ?", LanguageCode.french),
        ("Comment créer une SARL en Algérie", .french),
        ("impôt sur les sociétés", .french),
        ("La société à responsabilité limitée est constituée par un ou plusieurs associés.", .french),
        ("What is the minimum capital of a company?", .english),
        ("How do I install a package", .english),
        ("The employer withholds the contribution from the wage each month.", .english),
        ("ما هو الحد الأدنى لرأس المال", .arabic),
        ("كيف أسجل شركة SARL في الجزائر", .arabic),
        ("", .undetermined), ("12345 67", .undetermined),
        ("Der schnelle braune Fuchs springt über faule Hunde zum Haus hinauf mit Schwung und Kraft", .undetermined),
        ("中文文本中文文本", .undetermined),
    ])
    func languages(_ sample: (String, LanguageCode)) {
        let detected = LanguageDetector.detect(sample.0)
        #expect(detected.code == sample.1, "\(sample.0): \(detected)")
    }

    @Test func longTextsAreCertain() {
        let french = LanguageDetector.detect(
            "Toute personne qui exerce une activité commerciale doit être inscrite au registre du commerce dans le délai fixé par la loi."
        )
        #expect(french.code == .french && french.confidence > 0.6)
        let english = LanguageDetector.detect(
            "Anyone who carries out a commercial activity must be registered with the trade register within the time set by law."
        )
        #expect(english.code == .english && english.confidence > 0.6)
    }
}
