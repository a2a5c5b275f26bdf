import Language
import Testing

@Suite struct PlaceNamesTests {
    @Test func aPlaceIsOneInEveryLanguage() {
        let swiss = PlaceNames.places(in: "Quel est le taux en Suisse ?")
        #expect(swiss.count == 1)
        for text in [
            "ما هي النسبة في سويسرا؟", "والشركات السويسرية", "بسويسرا", "Swiss companies", "in Switzerland",
            "Les banques suisses",
        ] {
            #expect(PlaceNames.places(in: text) == swiss, "\(text)")
        }
        #expect(PlaceNames.places(in: "للجزائر") == PlaceNames.places(in: "en Algérie"))
        #expect(PlaceNames.places(in: "in South Africa").count == 1)
        #expect(PlaceNames.places(in: "Norway") != swiss)
        #expect(PlaceNames.places(in: "Le taux de la taxe est de 19 %.").isEmpty)
    }
}
