import Language
import Testing

@Suite struct NegationTests {
    @Test(arguments: [
        "Il n'est pas imposable.", "Aucune taxe n'est due.", "sans frais", "It isn't due.", "No tax is due.",
        "They cannot appeal.",
        "لا تخضع الشركة للضريبة", "ولم يسدد المبلغ", "ليست معفاة", "بدون رسوم", "ماكتبتش", "hadi machi lmoujib",
    ])
    func denials(_ text: String) { #expect(Negation.isIn(text)) }

    @Test(arguments: [
        "Il ne paie que 19 %.", "Le passage est libre.", "A notice is due.", "Nothing is said of knots.",
        "الشركة خاضعة للضريبة",
        "مفتش الضرائب", "ما يدفعه المكلف", "ماش", "إلا الشركات", "",
    ])
    func statements(_ text: String) { #expect(!Negation.isIn(text)) }
}
