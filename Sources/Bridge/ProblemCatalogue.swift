internal import RPC

/// The titles of problems in the languages of the platform, by status code.
enum ProblemCatalogue {
    struct Title: Sendable {
        let french: String
        let arabic: String
        let english: String
    }

    static func title(_ code: Status.Code, language: String) -> String {
        let title = titles[code] ?? unknown
        return switch language {
        case "ar": title.arabic
        case "en": title.english
        default: title.french
        }
    }

    private static let unknown = Title(
        french: "Erreur du serveur", arabic: "خطأ في الخادم", english: "Server error")

    private static let titles: [Status.Code: Title] = [
        .cancelled: Title(french: "Appel annulé", arabic: "أُلغي الطلب", english: "Call cancelled"),
        .invalidArgument: Title(
            french: "Requête non valable", arabic: "طلب غير صالح", english: "Invalid request"),
        .deadlineExceeded: Title(
            french: "Délai dépassé", arabic: "انقضت المهلة", english: "Deadline exceeded"),
        .notFound: Title(french: "Introuvable", arabic: "غير موجود", english: "Not found"),
        .alreadyExists: Title(french: "Existe déjà", arabic: "موجود من قبل", english: "Already exists"),
        .permissionDenied: Title(
            french: "Accès refusé", arabic: "الوصول مرفوض", english: "Permission denied"),
        .resourceExhausted: Title(
            french: "Limite atteinte", arabic: "تم بلوغ الحد", english: "Limit reached"),
        .failedPrecondition: Title(
            french: "Impossible dans l'état actuel", arabic: "غير ممكن في الحالة الراهنة",
            english: "Not possible in the present state"),
        .aborted: Title(french: "Conflit, à réessayer", arabic: "تعارض، أعد المحاولة", english: "Conflict, try again"),
        .outOfRange: Title(french: "Hors limites", arabic: "خارج النطاق", english: "Out of range"),
        .unimplemented: Title(french: "Non pris en charge", arabic: "غير مدعوم", english: "Not supported"),
        .internalError: unknown,
        .unavailable: Title(
            french: "Service momentanément indisponible", arabic: "الخدمة غير متاحة حاليا",
            english: "Service unavailable for the moment"),
        .dataLoss: Title(french: "Données perdues", arabic: "فُقدت بيانات", english: "Data lost"),
        .unauthenticated: Title(
            french: "Clé absente ou refusée", arabic: "المفتاح غائب أو مرفوض", english: "Key missing or refused"),
    ]
}
