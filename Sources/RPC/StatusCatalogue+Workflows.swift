/// Texts of the reasons of workflows and their runs.
extension StatusCatalogue {
    static let workflows = """
        AFTER_SEQUENCE
        fr after_sequence est le numéro du dernier événement vu, ou 0.
        ar after_sequence هو رقم آخر حدث شوهد، أو 0.
        en after_sequence is the number of the last event seen, or 0.
        ATTEMPTS_RANGE
        fr Le nombre d'essais d'une étape est hors limites.
        ar عدد محاولات الخطوة خارج النطاق.
        en The number of attempts of a step is out of range.
        CYCLE
        fr Les étapes s'attendent en cercle.
        ar الخطوات تنتظر بعضها في حلقة.
        en The steps wait for each other in a circle.
        DECIDED_OTHERWISE
        fr L'approbation a été tranchée dans l'autre sens.
        ar حُسمت الموافقة في الاتجاه الآخر.
        en The approval was decided the other way.
        DEFINITION_TOO_LARGE
        fr La définition est trop grande.
        ar التعريف كبير جدا.
        en The definition is too large.
        DUPLICATE_NEED
        fr Une étape nomme deux fois le même besoin.
        ar تسمي خطوة الحاجة نفسها مرتين.
        en A step names the same need twice.
        DUPLICATE_STEP
        fr Deux étapes ont le même identifiant : donnez à chacune le sien.
        ar لخطوتين المعرّف نفسه: أعط كلا منهما معرّفها.
        en Two steps have the same id: give each its own.
        DURATION_RANGE
        fr Une durée est hors limites.
        ar إحدى المدد خارج النطاق.
        en A duration is out of range.
        EVENT_GAP
        fr Un événement manque : regardez à nouveau à partir du dernier vu.
        ar حدث مفقود: تابع من جديد انطلاقا من آخر حدث شوهد.
        en An event is missing: watch again from the last one seen.
        FIELD_OF_OTHER_KIND
        fr Une étape a un champ qui appartient à une autre sorte d'étape.
        ar لخطوة حقل يخص نوعا آخر من الخطوات.
        en A step has a field that only another kind has.
        INPUT_MISSING
        fr Une entrée que le déroulé demande manque.
        ar مدخل يحتاجه سير العمل مفقود.
        en An input that the workflow needs is missing.
        INPUT_TOO_LARGE
        fr L'entrée est trop grande.
        ar المدخل كبير جدا.
        en The input is too large.
        INTERRUPTED
        fr L'essai a été interrompu avant la fin.
        ar قُطعت المحاولة قبل اكتمالها.
        en The attempt was interrupted before it was done.
        MISSING_DELAY
        fr Une minuterie n'a pas de délai : dites combien elle attend.
        ar مؤقت بلا مهلة: بيّن كم ينتظر.
        en A timer has no delay: say how long it waits.
        MISSING_REFERENCE
        fr Une référence ne mène à rien.
        ar إحالة لا تؤدي إلى شيء.
        en A reference leads to nothing.
        MISSING_STEP
        fr Une étape nommée n'existe pas.
        ar خطوة مسماة غير موجودة.
        en A step that is named does not exist.
        NAME
        fr Un nom prend des lettres minuscules, des chiffres, - et _.
        ar الاسم حروف لاتينية صغيرة وأرقام و- و_.
        en A name is made of lower-case letters, digits, - and _.
        NOTHING_WAITING
        fr Aucune approbation n'attend.
        ar لا توجد موافقة منتظرة.
        en No approval of the run is waiting.
        NOT_AN_APPROVAL
        fr Cette étape n'est pas une approbation.
        ar هذه الخطوة ليست موافقة.
        en The step is no approval.
        NOT_A_NUMBER
        fr Un nombre est infini ou n'en est pas un.
        ar عدد لا نهائي أو ليس عددا.
        en A number is infinite or not a number.
        NOT_JSON
        fr La valeur ne peut pas s'écrire en JSON.
        ar لا يمكن كتابة القيمة بصيغة JSON.
        en The value cannot be written as JSON.
        NOT_YET_WAITING
        fr L'approbation attend encore d'autres étapes.
        ar لا تزال الموافقة تنتظر خطوات أخرى.
        en The approval still waits for other steps.
        NO_DEFINITION
        fr Donnez la définition.
        ar أعط التعريف.
        en Give the definition.
        NO_EVIDENCE
        fr Les documents de la collection ne disent rien du sujet.
        ar لا تقول مستندات المجموعة شيئا عن الموضوع.
        en The collection's documents say nothing about the topic.
        NO_STEPS
        fr La définition n'a pas d'étape.
        ar التعريف بلا خطوات.
        en The definition has no steps.
        NULL_CHARACTER
        fr Un texte contient U+0000, qui ne peut pas être enregistré.
        ar يحوي نص U+0000 ولا يمكن حفظه.
        en A text holds U+0000, which cannot be stored.
        OUTPUT
        fr Le résultat de l'action ne peut pas être enregistré.
        ar لا يمكن حفظ نتيجة الإجراء.
        en The action's output cannot be stored.
        OUTPUT_TOO_LARGE
        fr Le résultat de l'action est trop grand.
        ar نتيجة الإجراء كبيرة جدا.
        en The action's output is too large.
        PARAMETER
        fr Un paramètre de l'étape ne convient pas.
        ar أحد معاملات الخطوة غير مناسب.
        en A parameter of the step does not fit.
        PARAMETERS_TOO_LARGE
        fr Les paramètres de l'étape sont trop grands.
        ar معاملات الخطوة كبيرة جدا.
        en The step's parameters are too large.
        REFUSED
        fr L'approbation a été refusée.
        ar رُفضت الموافقة.
        en The approval was refused.
        REQUEST_ID
        fr L'identifiant de requête est vide ou trop long.
        ar معرّف الطلب فارغ أو طويل جدا.
        en The request id is empty or too long.
        REQUEST_ID_REUSED
        fr Un autre déroulement a été lancé sous cet identifiant : choisissez-en un nouveau.
        ar بدأ تشغيل آخر بمعرّف الطلب هذا: اختر معرّفا جديدا.
        en Another run was started under this request id: choose a new one.
        RESERVED_NAME
        fr Ce nom est réservé.
        ar هذا الاسم محجوز.
        en This name is reserved.
        RUN_DAMAGED
        fr L'état enregistré du déroulement est endommagé : signalez l'identifiant de la requête.
        ar الحالة المحفوظة للتشغيل متضررة: أبلغ عن معرّف الطلب.
        en The stored state of the run is damaged: report the request id.
        RUN_ENDED
        fr Le déroulement est terminé et ne change plus.
        ar انتهى التشغيل ولا يتغير بعد الآن.
        en The run has ended: this cannot change it any more.
        RUN_NOT_FOUND
        fr Ce déroulement n'existe pas.
        ar هذا التشغيل غير موجود.
        en There is no such run.
        START_RACE
        fr Deux appels ont lancé le même déroulement : réessayez.
        ar بدأ نداءان التشغيل نفسه: أعد المحاولة.
        en Two calls started the same run: try again.
        STATUS
        fr Cet état de déroulement n'existe pas.
        ar حالة التشغيل هذه غير موجودة.
        en There is no such run status.
        STEP_ID_NEEDED
        fr Plusieurs approbations attendent : nommez-en une par step_id.
        ar عدة موافقات تنتظر: سمّ واحدة بـ step_id.
        en Several approvals are waiting: name one by step_id.
        STEP_KIND
        fr Une étape n'a pas de sorte : action, approbation ou minuterie.
        ar خطوة بلا نوع: إجراء أو موافقة أو مؤقت.
        en A step has no kind: action, approval or timer.
        STEP_NOT_BEFORE
        fr Une étape se sert d'une autre qui n'est pas forcément faite avant : ajoutez-la à ses besoins.
        ar تستعمل خطوة أخرى قد لا تكتمل قبلها: أضفها إلى حاجاتها.
        en A step uses another that need not be done before it: add it to its needs.
        STEP_NOT_FOUND
        fr Le déroulement n'a pas cette étape.
        ar ليست للتشغيل هذه الخطوة.
        en The run has no such step.
        TEMPLATE
        fr Un gabarit ne peut pas être lu ou rempli.
        ar تعذرت قراءة قالب أو ملؤه.
        en A template cannot be read or filled.
        TIMEOUT
        fr L'essai a pris trop de temps.
        ar استغرقت المحاولة وقتا طويلا.
        en The attempt took too long.
        TOO_DEEP
        fr Les objets et les listes sont trop imbriqués.
        ar الكائنات والقوائم متداخلة أكثر من المسموح.
        en Objects and lists are nested too deep.
        TOO_LONG
        fr Un texte est trop long ou contient U+0000.
        ar نص طويل جدا أو يحوي U+0000.
        en A text is too long, or holds U+0000.
        TOO_MANY_STEPS
        fr La définition a trop d'étapes.
        ar للتعريف خطوات أكثر من المسموح.
        en The definition has too many steps.
        TOPIC
        fr Le sujet est vide ou trop long.
        ar الموضوع فارغ أو طويل جدا.
        en The topic is empty or too long.
        UNKNOWN_ACTION
        fr Cette action n'existe pas ici.
        ar هذا الإجراء غير موجود هنا.
        en There is no such action here.
        WORKER_LOST
        fr L'exécutant de cet essai a été perdu.
        ar فُقد منفذ هذه المحاولة.
        en The worker of this attempt was lost.
        WORKFLOW_NOT_FOUND
        fr Ce déroulé n'existe pas.
        ar سير العمل هذا غير موجود.
        en There is no such workflow.
        PASSAGE
        fr Un passage n'a pas la forme prévue.
        ar مقطع ليس بالشكل المتوقع.
        en A passage has not the form of one.
        PASSAGE_CHANGED
        fr Un passage n'est plus ce que dit la collection : cherchez à nouveau.
        ar لم يعد مقطع كما في المجموعة: ابحث من جديد.
        en A passage is no longer what the collection says: search again.
        """
}
