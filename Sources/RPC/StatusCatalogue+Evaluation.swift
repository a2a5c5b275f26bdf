/// Texts of the reasons of evaluations and of conversations.
extension StatusCatalogue {
    static let evaluation = """
        EVAL_CASE_ID
        fr after_case_id est le case_id d'un résultat, ou vide.
        ar الحقل after_case_id هو case_id لإحدى النتائج، أو فارغ.
        en after_case_id is the case_id of an outcome, or empty.
        EVAL_SET_NOT_FOUND
        fr Ce jeu de questions n'existe pas.
        ar مجموعة الأسئلة هذه غير موجودة.
        en There is no such set of questions.
        EVAL_RUN_NOT_FOUND
        fr Cette évaluation n'existe pas.
        ar هذا التقييم غير موجود.
        en There is no such run of an evaluation.
        EVAL_SET_EXISTS
        fr Un jeu de questions de ce nom existe déjà.
        ar توجد مجموعة أسئلة بهذا الاسم.
        en There is a set of questions of this name already.
        EVAL_SET_FULL
        fr Ce jeu de questions est plein : créez-en un autre.
        ar مجموعة الأسئلة ممتلئة: أنشئ مجموعة أخرى.
        en This set of questions is full: make another one.
        EVAL_SET_NAME
        fr Le nom d'un jeu de questions n'est pas valable.
        ar اسم مجموعة الأسئلة غير صالح.
        en The name of a set of questions is not valid.
        EVAL_SETS_DIFFER
        fr Seules des évaluations du même jeu se comparent.
        ar لا تُقارن إلا تقييمات المجموعة نفسها.
        en Only runs of the same set can be compared.
        FEEDBACK_VERDICT
        fr L'avis est juste, faux ou sans réponse possible.
        ar الرأي: صحيح أو خاطئ أو لا جواب له.
        en The verdict is right, wrong or unanswerable.
        FEEDBACK_DOCUMENTS
        fr Nommez les documents qui répondent, ou dites qu'aucun ne répond.
        ar سمّ المستندات التي تجيب، أو قل إنه لا شيء يجيب.
        en Name the documents that answer, or say that nothing answers.
        EVAL_SETS_FULL
        fr Vous avez trop de jeux de questions : supprimez-en un.
        ar لديك مجموعات أسئلة كثيرة جدا: احذف واحدة.
        en You have too many sets of questions: delete one.
        EVAL_SET_EMPTY
        fr Ce jeu n'a pas de question : ajoutez-en.
        ar لا أسئلة في هذه المجموعة: أضف بعضها.
        en This set has no questions: add some.
        EVAL_RUNS_BUSY
        fr Trop d'évaluations sont en cours : attendez la fin de l'une d'elles, ou annulez-en une.
        ar تقييمات كثيرة جارية: انتظر نهاية أحدها أو ألغ واحدا.
        en Too many evaluations are going on: wait for one to end, or cancel one.
        EVAL_RUN_UNFINISHED
        fr Seule une évaluation réussie se compare.
        ar لا يُقارن إلا تقييم اكتمل.
        en Only a run that has succeeded can be compared.
        CONVERSATION_NOT_FOUND
        fr Cette conversation n'existe pas, ou n'est plus gardée.
        ar هذه المحادثة غير موجودة أو لم تعد محفوظة.
        en There is no such conversation, or it is not kept any more.
        CONVERSATION_TITLE
        fr Le titre d'une conversation est trop long ou contient un caractère de contrôle.
        ar عنوان المحادثة طويل جدا أو فيه محرف تحكم.
        en The title of a conversation is too long or has a control character.
        CONVERSATION_RETENTION
        fr Une conversation est gardée de 1 à 365 jours.
        ar تُحفظ المحادثة من يوم إلى 365 يوما.
        en A conversation is kept for 1 to 365 days.
        CONVERSATIONS_FULL
        fr Vous avez trop de conversations : supprimez-en une.
        ar لديك محادثات كثيرة جدا: احذف واحدة.
        en You have too many conversations: delete one.
        """
}
