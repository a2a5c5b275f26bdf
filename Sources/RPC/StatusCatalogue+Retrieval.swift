/// Texts of the reasons of collections, documents, questions and models.
extension StatusCatalogue {
    static let retrieval = """
        ATTRIBUTE_INVALID
        fr Une donnée du document est trop longue ou contient un caractère de contrôle.
        ar إحدى خواص المستند طويلة جدا أو فيها محرف تحكم.
        en An attribute of the document is too long or has a control character.
        CHANGED_MEANWHILE
        fr Cela a changé entre-temps : relisez et réessayez.
        ar تغيّر هذا في الأثناء: اقرأه من جديد وأعد المحاولة.
        en It was changed meanwhile: read it again and try again.
        COLLECTION_AMBIGUOUS
        fr Plusieurs collections portent ce nom : donnez l'identifiant.
        ar أكثر من مجموعة تحمل هذا الاسم: أعط المعرّف.
        en More than one collection has this name: give its id.
        COLLECTION_EXISTS
        fr Une collection de ce nom existe déjà.
        ar توجد مجموعة بهذا الاسم.
        en There is a collection of this name already.
        COLLECTION_MISSING
        fr Nommez une collection, ou donnez son identifiant.
        ar سمّ مجموعة أو أعط معرّفها.
        en Name a collection, or give its id.
        COLLECTION_NAME_CHARACTERS
        fr Le nom d'une collection n'a ni caractère de contrôle, ni barre oblique, ni espace au bord.
        ar اسم المجموعة بلا محارف تحكم ولا شرطة مائلة ولا فراغ في طرفيه.
        en The name of a collection has no control characters, no slash, and no space at either end.
        COLLECTION_NAME_IS_ID
        fr Le nom d'une collection ne peut pas ressembler à un identifiant.
        ar لا يجوز أن يشبه اسم المجموعة معرّفا.
        en The name of a collection cannot look like an id.
        COLLECTION_NAME_LENGTH
        fr Le nom de la collection est vide ou trop long.
        ar اسم المجموعة فارغ أو طويل جدا.
        en The name of the collection is empty or too long.
        COLLECTION_NOT_FOUND
        fr Cette collection n'existe pas.
        ar هذه المجموعة غير موجودة.
        en There is no such collection.
        COUNTRY_INVALID
        fr Un pays s'écrit en deux lettres capitales, comme DZ.
        ar يكتب البلد بحرفين لاتينيين كبيرين مثل DZ.
        en A country is two capital letters, such as DZ.
        DATA_MISSING
        fr Après l'en-tête, chaque message d'un envoi contient data.
        ar بعد الترويسة تحمل كل رسالة من الإرسال data.
        en After the header, every message of an upload holds data.
        DOCUMENT_EXISTS
        fr La collection a déjà ce fichier pour ces groupes.
        ar في المجموعة هذا الملف لهذه الفئات.
        en The collection has this file for these groups already.
        DOCUMENT_ID_INVALID
        fr document_ids sont des identifiants de documents.
        ar document_ids معرّفات مستندات.
        en document_ids are ids of documents.
        DOCUMENT_NOT_FOUND
        fr Ce document n'existe pas.
        ar هذا المستند غير موجود.
        en There is no such document.
        DOCUMENT_TOO_LARGE
        fr Le document est trop grand.
        ar المستند كبير جدا.
        en The document is too large.
        DOCUMENT_TOO_LONG
        fr Le texte du document est trop long : partagez-le.
        ar نص المستند طويل جدا: قسّمه.
        en The document's text is too long: split it.
        EMBEDDINGS_BUSY
        fr Trop de textes attendent le serveur de vecteurs : réessayez dans un moment.
        ar نصوص كثيرة تنتظر خادم المتجهات: أعد المحاولة بعد لحظة.
        en Too many texts wait for the embedding server: try again in a moment.
        EMBEDDINGS_INVALID
        fr Le serveur de vecteurs a donné une réponse inutilisable : l'opérateur doit s'en occuper.
        ar أعطى خادم المتجهات ردا لا يمكن استعماله: على المشغل النظر فيه.
        en The embedding server gave an answer that cannot be used: the operator must look at it.
        EMBEDDINGS_TIMEOUT
        fr Le serveur de vecteurs est trop lent : réessayez dans un moment.
        ar خادم المتجهات بطيء جدا: أعد المحاولة بعد لحظة.
        en The embedding server is too slow: try again in a moment.
        EMBEDDINGS_UNAVAILABLE
        fr Le serveur de vecteurs est indisponible : réessayez dans un moment.
        ar خادم المتجهات غير متاح: أعد المحاولة بعد لحظة.
        en The embedding server is away: try again in a moment.
        EMBEDDINGS_WRONG_DIMENSION
        fr Les vecteurs n'ont pas la dimension réglée : l'opérateur doit corriger.
        ar أبعاد المتجهات تخالف الإعداد: على المشغل التصحيح.
        en The vectors have another dimension than configured: the operator must correct it.
        EMBEDDING_MODEL_CHANGED
        fr La collection a été faite pour un modèle que ce serveur n'a plus : utilisez une nouvelle collection.
        ar أُنشئت المجموعة لنموذج لا يشغله هذا الخادم: استعمل مجموعة جديدة.
        en The collection was made for a model that this server does not run: use a new collection.
        EMPTY_FILE
        fr Le fichier est vide.
        ar الملف فارغ.
        en The file is empty.
        ENCRYPTED_PDF
        fr Le PDF est chiffré : envoyez-le sans mot de passe.
        ar ملف PDF مشفر: أرسله دون كلمة سر.
        en The PDF is encrypted: send it without a password.
        EVALUATION_LABEL
        fr Une étiquette est trop longue.
        ar إحدى العلامات طويلة جدا.
        en A label is too long.
        EVALUATION_SIZE
        fr Une évaluation a trop ou trop peu de cas.
        ar عدد حالات التقييم خارج النطاق.
        en An evaluation has too many or too few cases.
        EVALUATION_WORDS
        fr Les mots à trouver sont trop longs.
        ar الكلمات المراد إيجادها طويلة جدا.
        en The words to find are too long.
        EXTRACTION_TIMEOUT
        fr La lecture du document a pris trop de temps.
        ar استغرقت قراءة المستند وقتا طويلا.
        en Reading the document took too long.
        EXTRACTOR_MISSING
        fr Ce serveur ne lit pas ce type de fichier : l'opérateur doit installer ce qui manque.
        ar هذا الخادم لا يقرأ هذا النوع: على المشغل تثبيت ما ينقص.
        en This server cannot read this type: the operator must install what is missing.
        FILENAME_INVALID
        fr Le nom du fichier est vide, trop long ou contient des caractères de contrôle.
        ar اسم الملف فارغ أو طويل جدا أو يحوي محارف تحكم.
        en The file name is empty, too long or has control characters.
        FILENAME_REQUIRED
        fr Nommez le fichier : …/documents?filename=NOM.
        ar سمّ الملف: …/documents?filename=NAME.
        en Name the file: …/documents?filename=NAME.
        FILE_UNREADABLE
        fr Le fichier ne peut pas être lu.
        ar تعذرت قراءة الملف.
        en The file cannot be read.
        FILTER_EMPTY
        fr Une partie du filtre n'a pas de condition.
        ar جزء من المرشح بلا شرط.
        en A part of the filter has no condition.
        FILTER_RANGE
        fr L'intervalle du filtre commence après sa fin.
        ar مجال المرشح يبدأ بعد نهايته.
        en The filter's range begins after its end.
        FILTER_TOO_LARGE
        fr Le filtre est trop grand ou trop imbriqué.
        ar المرشح كبير جدا أو متداخل جدا.
        en The filter is too large or nested too deep.
        FILTER_VALUES
        fr Une condition du filtre a trop de valeurs, ou aucune qui vaille.
        ar في أحد شروط المرشح قيم كثيرة جدا أو لا قيمة صالحة.
        en A condition of the filter has too many values, or none that counts.
        GROUPS_INVALID
        fr Il y a trop de groupes, ou un nom qui n'en est pas un.
        ar الفئات كثيرة جدا أو فيها اسم غير صالح.
        en There are too many groups, or one that is no name of a group.
        GROUP_NOT_HELD
        fr La clé n'appartient pas à ce groupe.
        ar المفتاح لا ينتمي إلى هذه الفئة.
        en The key does not have this group.
        HEADER_MISSING
        fr Le premier message d'un envoi contient header.
        ar تحمل الرسالة الأولى من الإرسال header.
        en The first message of an upload holds header.
        INVALID_PDF
        fr Le PDF est endommagé.
        ar ملف PDF متضرر.
        en The PDF is damaged.
        LANGUAGE_UNKNOWN
        fr Cette langue n'est pas proposée : ar, fr ou en.
        ar هذه اللغة غير متاحة: ar أو fr أو en.
        en This language is not offered: ar, fr or en.
        LIMIT_OUT_OF_RANGE
        fr limit est hors limites.
        ar قيمة limit خارج النطاق.
        en limit is out of range.
        MODEL_TIMEOUT
        fr Le modèle est trop lent : réessayez, ou demandez une réponse par extraits.
        ar النموذج بطيء جدا: أعد المحاولة، أو اطلب جوابا بالمقتطفات.
        en The model is too slow: try again, or ask with extractive set.
        MODEL_UNAVAILABLE
        fr Le modèle n'a pas donné de réponse utilisable : réessayez, ou demandez une réponse par extraits.
        ar لم يعط النموذج جوابا صالحا: أعد المحاولة، أو اطلب جوابا بالمقتطفات.
        en The model gave no usable answer: try again, or ask with extractive set.
        NO_TEXT
        fr Le document ne contient pas de texte.
        ar لا يحوي المستند نصا.
        en The document has no text.
        QUERY_EMPTY
        fr Écrivez ce que vous cherchez.
        ar اكتب ما تبحث عنه.
        en Write what you are looking for.
        QUERY_TOO_LONG
        fr La question est trop longue.
        ar السؤال طويل جدا.
        en The question is too long.
        TAGS_INVALID
        fr Il y a trop d'étiquettes, ou une qui est vide ou trop longue.
        ar الوسوم كثيرة جدا أو بينها وسم فارغ أو طويل جدا.
        en There are too many tags, or one that is empty or too long.
        TIME_INVALID
        fr La date n'est pas entre les années 1 et 9999.
        ar التاريخ خارج السنوات 1 إلى 9999.
        en The time is not in the years 1 to 9999.
        TOO_MANY_COLLECTIONS
        fr La requête nomme trop de collections.
        ar يسمي الطلب مجموعات أكثر من المسموح.
        en The request names too many collections.
        TOO_MANY_PAGES
        fr Le document a trop de pages : partagez-le.
        ar للمستند صفحات كثيرة: قسّمه.
        en The document has too many pages: split it.
        TURN_EXISTS
        fr La conversation a une autre question sous cet identifiant : choisissez-en un nouveau.
        ar في المحادثة سؤال آخر بمعرّف الطلب هذا: اختر معرّفا جديدا.
        en The conversation has another question under this request id: choose a new one.
        UNSUPPORTED_ENCODING
        fr L'encodage du texte n'est pas pris : envoyez de l'UTF-8.
        ar ترميز النص غير مقبول: أرسل UTF-8.
        en The text's encoding is not taken: send UTF-8.
        UNSUPPORTED_TYPE
        fr Ce type de fichier n'est pas pris.
        ar نوع الملف هذا غير مقبول.
        en This type of file is not taken.
        UPLOADS_BUSY
        fr Trop d'envois sont en cours : réessayez dans un moment.
        ar عمليات إرسال كثيرة جارية: أعد المحاولة بعد لحظة.
        en Too many uploads are going on: try again in a moment.
        UPLOAD_MESSAGE_TOO_LARGE
        fr Un message de l'envoi est trop grand : envoyez des morceaux plus petits.
        ar إحدى رسائل الإرسال كبيرة جدا: أرسل أجزاء أصغر.
        en One message of the upload is too large: send smaller pieces.
        UPLOAD_TOO_LARGE
        fr Le document est trop grand.
        ar المستند كبير جدا.
        en The document is too large.
        ARCHIVE_BOMB
        fr Le fichier contient bien plus qu'il ne devrait : enregistrez-le à nouveau.
        ar في الملف أكثر بكثير مما يلزم: احفظه من جديد.
        en The file holds far more than it needs to: save it again.
        ENCRYPTED_OFFICE
        fr Le fichier est protégé par un mot de passe : retirez la protection.
        ar الملف محمي بكلمة سر: أزل الحماية.
        en The file is protected by a password: remove the protection.
        INGEST_CANCELLED
        fr Le traitement du document a été annulé.
        ar أُلغيت معالجة المستند.
        en The ingest was cancelled.
        INGEST_CRASHED
        fr Le serveur s'est arrêté plusieurs fois sur ce document : divisez-le ou simplifiez-le.
        ar توقف الخادم مرات عند هذا المستند: قسّمه أو بسّطه.
        en The server ended several times over this document: split it or make it simpler.
        INGEST_NOT_FOUND
        fr Ce traitement n'existe pas, ou il est terminé depuis plus d'un jour.
        ar هذه المعالجة غير موجودة أو انتهت منذ أكثر من يوم.
        en There is no such ingest, or it ended more than a day ago.
        INGEST_NOT_RETRYABLE
        fr Seul un traitement échoué pour une raison passagère peut être repris.
        ar لا تُعاد إلا معالجة فشلت لسبب عابر.
        en Only an ingest that failed for a reason that may pass can be tried again.
        INGEST_OVER
        fr Le traitement du document est déjà terminé.
        ar انتهت معالجة المستند.
        en The ingest has ended already.
        INGEST_STATE_UNKNOWN
        fr Cet état n'existe pas.
        ar هذه الحالة غير موجودة.
        en There is no such state.
        INGEST_SUPERSEDED
        fr Le même document est en route par un autre envoi.
        ar المستند نفسه في الطريق بإرسال آخر.
        en The same document is on its way with another ingest.
        INVALID_CSV
        fr Le tableau est illisible : enregistrez-le en CSV et en UTF-8.
        ar لا يُقرأ الجدول: احفظه بصيغة CSV وترميز UTF-8.
        en The table cannot be read: save it as CSV in UTF-8.
        INVALID_EML
        fr Le message est illisible : enregistrez-le à nouveau.
        ar لا تُقرأ الرسالة: احفظها من جديد.
        en The mail cannot be read: save it again.
        INVALID_FILE
        fr Le fichier est endommagé : enregistrez-le à nouveau.
        ar الملف تالف: احفظه من جديد.
        en The file is damaged: save it again.
        INVALID_OFFICE
        fr Le fichier bureautique est endommagé : enregistrez-le à nouveau.
        ar ملف المكتب تالف: احفظه من جديد.
        en The Office file is damaged: save it again.
        VERSION_ATTRIBUTES
        fr Une nouvelle version garde ce que le document dit de lui : changez-le à part.
        ar تحتفظ النسخة الجديدة بوصف المستند: غيّره على حدة.
        en A new version keeps what is known of its document: change that by itself.
        """
}
