/// Texts of the reasons of uploads in parts and of re-embedding.
extension StatusCatalogue {
    static let uploads = """
        UPLOAD_SIZE_MISSING
        fr Indiquez la taille du fichier en octets : au moins un.
        ar حدّد حجم الملف بالبايت: بايت واحد على الأقل.
        en Say how many bytes the file has: at least one.
        UPLOAD_PART_SIZE
        fr Un morceau est vide ou trop grand.
        ar الجزء فارغ أو كبير جدا.
        en A part is empty or too large.
        UPLOAD_GAP
        fr Ce morceau ne suit pas ce que le serveur a déjà : reprenez là où il en est.
        ar هذا الجزء لا يلي ما لدى الخادم: تابع من حيث وصل.
        en The part does not follow what the server has: go on where it is.
        UPLOAD_INCOMPLETE
        fr Le serveur n'a pas encore tout le fichier : envoyez d'abord le reste.
        ar لم يصل الملف كاملا إلى الخادم: أرسل الباقي أولا.
        en The server does not have the whole file yet: send the rest first.
        UPLOAD_DAMAGED
        fr Les octets reçus ne sont pas ceux du fichier : supprimez l'envoi et recommencez.
        ar البايتات المستلمة ليست بايتات الملف: احذف الإرسال وابدأ من جديد.
        en The bytes that came are not the file's: delete the upload and start again.
        UPLOAD_NOT_FOUND
        fr Cet envoi n'existe pas ; sans nouveau morceau pendant une heure, un envoi est oublié.
        ar هذا الإرسال غير موجود؛ ما لا يصله جزء خلال ساعة يُنسى.
        en There is no such upload; what gets no part for an hour is forgotten.
        UPLOAD_OTHER_FILE
        fr L'envoi commencé est celui d'un autre fichier.
        ar الإرسال الذي بدأ هو لملف آخر.
        en The upload that was begun is of another file.
        FILE_CHANGED
        fr Le fichier a changé pendant l'envoi : recommencez.
        ar تغيّر الملف أثناء إرساله: أعد المحاولة.
        en The file changed while it was sent: start again.
        EMBEDDING_MODEL_UNKNOWN
        fr Ce serveur n'a pas ce modèle de plongement.
        ar ليس لدى هذا الخادم نموذج التضمين هذا.
        en This server has no such embedding model.
        EMBEDDING_MODEL_SAME
        fr La collection a déjà ce modèle de plongement.
        ar للمجموعة نموذج التضمين هذا بالفعل.
        en The collection has this embedding model already.
        REEMBEDDING_UNDER_WAY
        fr La collection passe déjà à un autre modèle : attendez la fin ou annulez d'abord.
        ar تنتقل المجموعة إلى نموذج آخر: انتظر أو ألغِ الانتقال أولا.
        en The collection is on its way to another model: wait for it, or cancel it first.
        REEMBEDDING_OVER
        fr Le passage à l'autre modèle est déjà terminé.
        ar انتهى الانتقال إلى النموذج الآخر.
        en The re-embedding has ended already.
        REEMBEDDING_NOT_FOUND
        fr La collection n'a jamais changé de modèle.
        ar لم تنتقل المجموعة قط إلى نموذج آخر.
        en The collection was never embedded anew.
        REEMBEDDING_CRASHED
        fr Le serveur s'est arrêté plusieurs fois pendant le changement de modèle : prévenez son exploitant.
        ar توقف الخادم مرات أثناء الانتقال إلى النموذج: أخبر مشغّله.
        en The server ended several times while it embedded the collection: tell its operator.
        """
}
