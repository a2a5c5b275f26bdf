/// Questions to the texts of demo/corpus, with the file that answers them, or none.
///
/// Written by hand for the evidence gate. The unanswerable ones are of two kinds: some have nothing to do with the
/// texts, others ask for something that stands next to what the texts hold (another country, another tax).
enum CalibrationSet {
    struct Question: Sendable {
        let text: String
        /// A part of the name of the file that answers it, or nil. Several files, between bars, when each does.
        let file: String?
        /// What a quote of the answer holds.
        var quote: String?

        func isAnswered(by name: String) -> Bool {
            (file ?? "").split(separator: "|").contains { name.contains($0) }
        }
    }

    static let questions = answerable + unanswerable

    static let answerable: [Question] = [
        Question(
            text: "Quel est le taux de l'IBS pour les activités de production ?", file: "algerie-ibs", quote: "19 %"),
        Question(
            text: "Combien d'associés une SARL peut-elle compter en Algérie ?", file: "algerie-sarl-eurl",
            quote: "cinquante"),
        Question(
            text: "Quelle est la part de l'employeur dans la cotisation CNAS ?", file: "algerie-cnas", quote: "25 %"),
        Question(
            text: "Dans quel délai l'employeur doit-il affilier un travailleur ?", file: "algerie-cnas",
            quote: "dix jours"),
        Question(text: "Quel est le taux de conversion minimal de la LPP ?", file: "suisse-lpp", quote: "6,8 %"),
        Question(text: "Quel est le capital minimum d'une Sàrl suisse ?", file: "suisse-creer-sarl", quote: "20"),
        Question(
            text: "Quand les acomptes provisionnels de l'IBS sont-ils versés ?", file: "algerie-ibs", quote: "20 mars"),
        Question(text: "Quel est le taux normal de la TVA en Algérie ?", file: "algerie-tva", quote: "19 %"),
        Question(text: "Quelle est la durée légale de la période d'essai en Suisse ?", file: "suisse-contrat"),
        Question(text: "Où s'inscrire au registre du commerce en Algérie ?", file: "algerie-cnrc"),
        Question(text: "À partir de quel salaire est-on assuré à la LPP ?", file: "suisse-lpp", quote: "22 680"),
        Question(text: "Quel est le taux de TVA en Suisse depuis 2024 ?", file: "swiss-vat", quote: "8.1"),
        Question(
            text: "Quel est l'âge minimum pour devenir auto-entrepreneur en Algérie ?", file: "auto-entrepreneur",
            quote: "16 years"),
        Question(
            text: "Combien de jours de congé annuel a un travailleur algérien ?", file: "العطل|algerie-code-du-travail"),
        Question(text: "What is the standard VAT rate in Switzerland?", file: "swiss-vat", quote: "8.1"),
        Question(text: "How much of the wage goes to the AHV?", file: "swiss-ahv", quote: "8.7"),
        Question(text: "What is Zefix?", file: "zefix", quote: "Central Business Name Index"),
        Question(
            text: "When did the revised Swiss data protection act come into force?", file: "swiss-data",
            quote: "1 September 2023"),
        Question(text: "Which agency replaced ANDI for investment in Algeria?", file: "investment", quote: "AAPI"),
        Question(
            text: "What turnover may an auto-entrepreneur not exceed?", file: "auto-entrepreneur", quote: "five million"
        ),
        Question(text: "How are wages taxed with IRG in Algeria?", file: "algeria-income"),
        Question(
            text: "At what rate does the Confederation tax the profit of companies?", file: "swiss-corporate",
            quote: "8.5 percent"),
        Question(text: "Who protects personal data in Algeria?", file: "18-07"),
        Question(
            text: "How many partners may an Algerian limited liability company have?",
            file: "algerie-sarl-eurl|الشركات-التجارية"),
        Question(text: "How long is the notice period of a Swiss employment contract?", file: "suisse-contrat"),
        Question(
            text: "What is the social security contribution rate for employees in Algeria?", file: "algerie-cnas",
            quote: "34,5 %"),
        Question(text: "Is health insurance compulsory in Switzerland?", file: "التأمين-الصحي", quote: "ملزم"),
        Question(text: "ما هي نسبة الضريبة الجزافية الوحيدة؟", file: "الضريبة-الجزافية"),
        Question(text: "ما هو سن التقاعد للعامل الأجير في الجزائر؟", file: "التقاعد", quote: "ستين سنة"),
        Question(text: "كم مدة العطلة السنوية؟", file: "العطل"),
        Question(text: "ما هي شروط الحصول على علامة مؤسسة ناشئة؟", file: "المؤسسات-الناشئة"),
        Question(text: "متى يجب الانتساب إلى صندوق كاسنوس؟", file: "كاسنوس", quote: "عشرة أيام"),
        Question(text: "هل التأمين الصحي إلزامي في سويسرا؟", file: "التأمين-الصحي", quote: "ملزم"),
        Question(text: "من يقتطع الضريبة من المنبع في سويسرا؟", file: "الضرائب-على-الأجانب", quote: "رب العمل"),
        Question(text: "أين يجب استضافة موقع التجارة الإلكترونية؟", file: "التجارة-الإلكترونية", quote: "com.dz"),
        Question(text: "ما هي مسؤولية الشركاء في شركة التضامن؟", file: "الشركات-التجارية", quote: "من غير تحديد"),
        Question(text: "ما هي نسبة الضريبة على أرباح الشركات لأنشطة الإنتاج؟", file: "algerie-ibs", quote: "19 %"),
        Question(text: "ما هو معدل الرسم على القيمة المضافة في سويسرا؟", file: "swiss-vat", quote: "8.1"),
        Question(text: "كم عدد الشركاء في الشركة ذات المسؤولية المحدودة؟", file: "algerie-sarl-eurl|الشركات-التجارية"),
        Question(text: "ما هي نسبة اشتراك الضمان الاجتماعي للأجراء؟", file: "algerie-cnas", quote: "34,5 %"),
    ]

    static let unanswerable: [Question] = [
        Question(text: "Comment préparer une tarte aux pommes ?", file: nil),
        Question(text: "Qui a gagné la Coupe du monde de football en 1998 ?", file: nil),
        Question(text: "Quelle est la capitale de l'Australie ?", file: nil),
        Question(text: "Comment réparer une fuite d'eau sous l'évier ?", file: nil),
        Question(text: "Quel est le numéro de téléphone du directeur général ?", file: nil),
        Question(text: "Combien de planètes compte le système solaire ?", file: nil),
        Question(text: "Quels sont les symptômes de la grippe ?", file: nil),
        Question(text: "Quel est le prix d'un billet de train de Lyon à Marseille ?", file: nil),
        Question(text: "Comment installer Linux sur un ordinateur portable ?", file: nil),
        Question(text: "Quelle est la durée de vie d'une tortue ?", file: nil),
        Question(text: "Quels sont les droits de succession au Canada ?", file: nil),
        Question(text: "Comment obtenir un permis de conduire international ?", file: nil),
        Question(text: "Who wrote Romeo and Juliet?", file: nil),
        Question(text: "How do I train a dog to sit?", file: nil),
        Question(text: "What is the boiling point of water at high altitude?", file: nil),
        Question(text: "Which programming language is the fastest?", file: nil),
        Question(text: "What is the weather forecast for tomorrow in London?", file: nil),
        Question(text: "How far is the Moon from the Earth?", file: nil),
        Question(text: "What ingredients do I need for couscous?", file: nil),
        Question(text: "How can I lose weight quickly?", file: nil),
        Question(text: "What are the rules of chess?", file: nil),
        Question(text: "How do I reset the password of my bank account?", file: nil),
        Question(text: "What is the speed limit on German motorways?", file: nil),
        Question(text: "How do I apply for a student visa to Japan?", file: nil),
        Question(text: "كيف أحضر الكسكسي باللحم؟", file: nil),
        Question(text: "من هو مؤلف رواية البؤساء؟", file: nil),
        Question(text: "ما هي عاصمة اليابان؟", file: nil),
        Question(text: "كيف أتعلم السباحة؟", file: nil),
        Question(text: "كم يبلغ ارتفاع برج إيفل؟", file: nil),
        Question(text: "ما هي أعراض مرض السكري؟", file: nil),
        Question(text: "من فاز بكأس أمم إفريقيا؟", file: nil),
        Question(text: "كيف أصلح محرك السيارة؟", file: nil),
        Question(text: "ما هو أفضل هاتف محمول هذه السنة؟", file: nil),
        Question(text: "متى بدأت الحرب العالمية الأولى؟", file: nil),
        Question(text: "ما هي أركان الإسلام الخمسة؟", file: nil),
        Question(text: "كيف أزرع الطماطم في الحديقة؟", file: nil),
        Question(text: "Quel est le taux de TVA en Norvège ?", file: nil),
        Question(text: "Comment fonctionne l'assurance automobile en Algérie ?", file: nil),
        Question(text: "Quel est le montant de l'impôt sur la fortune en France ?", file: nil),
        Question(text: "Combien coûte un brevet européen ?", file: nil),
        Question(text: "What is the corporate tax rate in Ireland?", file: nil),
        Question(text: "How is inheritance taxed in Texas?", file: nil),
        Question(text: "What is the minimum age to buy alcohol in Switzerland?", file: nil),
        Question(text: "Which documents are needed to import a car into Algeria?", file: nil),
        Question(text: "ما هي شروط الحصول على الجنسية السويسرية؟", file: nil),
        Question(text: "كم تبلغ رسوم تسجيل السيارات في المغرب؟", file: nil),
        Question(text: "ما هي شروط الزواج في القانون الجزائري؟", file: nil),
        Question(text: "كيف يتم انتخاب رئيس الجمهورية في تونس؟", file: nil),
    ]
}
