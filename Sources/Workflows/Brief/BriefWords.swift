/// The words around the quotes of a brief, in the languages of RAG-DZ.
struct BriefWords: Sendable, Hashable {
    var language: String
    /// Before the topic, in the title.
    var brief: String
    var sources: String
    var page: String
    var characters: String
    var madeBy: String
    /// What the approver is asked; a template.
    var prompt: String
    /// Of the definition.
    var description: String

    /// The words in "fr", "ar" or "en"; in French for any other language.
    static func of(_ language: String) -> BriefWords {
        catalogue.first { $0.language == language } ?? catalogue[0]
    }

    static let catalogue = [
        BriefWords(
            language: "fr", brief: "Note :", sources: "Sources", page: "page", characters: "caractères",
            madeBy: "Établie par l’exécution",
            prompt: "Ranger la note sur « ${input.topic} » dans la collection ${input.collection} ?",
            description: "Cherche des sources sur un sujet, rédige une note faite de citations exactes, attend une "
                + "approbation et range la note comme document."),
        BriefWords(
            language: "ar", brief: "مذكرة:", sources: "المصادر", page: "الصفحة", characters: "الأحرف",
            madeBy: "أعدّها التنفيذ",
            prompt: "هل تُحفظ المذكرة حول «${input.topic}» في المجموعة ${input.collection}؟",
            description: "يبحث عن مصادر حول موضوع، ويحرّر مذكرة من اقتباسات حرفية، وينتظر الموافقة، ثم يحفظها كوثيقة."),
        BriefWords(
            language: "en", brief: "Brief:", sources: "Sources", page: "page", characters: "characters",
            madeBy: "Made by run",
            prompt: "Store the brief on “${input.topic}” in the collection ${input.collection}?",
            description: "Looks for sources on a topic, drafts a brief of exact quotes, waits for an approval and "
                + "stores the brief as a document."),
    ]
}
